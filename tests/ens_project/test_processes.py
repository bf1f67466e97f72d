"""Each test runs a supervisor of its own, with tiny programs, in a process of its own."""

import os
import signal
import textwrap
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from tests.ens_project.running import Running, descendants, is_alive, running, wait_until

SUPERVISOR = """
import os, sys
from pathlib import Path
from ens_project.console import Console
from ens_project.processes import Failed, Patience, Program, StopRequested, Supervisor

# Says that it runs, ends politely when it is asked to, and says so.
POLITE = '''
import signal, sys
def end(*_):
    print("ended", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("runs", flush=True)
while True:
    signal.pause()
'''
# Does not end when it is asked to.
STUBBORN = '''
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("runs", flush=True)
while True:
    signal.pause()
'''
# Has a child in its own process group, as gunicorn has.
PARENT = '''
import os, signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print("pids", os.getpid(), child.pid, flush=True)
signal.pause()
'''

def program(name, code, **options):
    return Program(name=name, argv=(sys.executable, "-c", code), env=dict(os.environ), **options)

status = 0
with Supervisor(
    Console(sys.stdout.buffer), cwd=Path.cwd(), patience=Patience(restart_delay_s=0.02)
) as supervisor:
    try:
        PLAN
    except StopRequested:
        pass
    except Failed as reason:
        supervisor.say(str(reason))
        status = 1
sys.exit(status)
"""


def supervisor(plan: str) -> AbstractContextManager[Running]:
    body = textwrap.indent(textwrap.dedent(plan).strip(), " " * 8).strip()
    return running(["-c", SUPERVISOR.replace("PLAN", body)])


@pytest.fixture
def parent_of_one() -> Iterator[Running]:
    """A supervisor of one program, which has a child itself."""
    with supervisor('supervisor.start(program("parent", PARENT)); supervisor.serve()') as tree:
        yield tree


def pids_of(tree: Running, after: int = 0) -> list[int]:
    """Of the program and of its child."""
    return [int(word) for word in tree.wait_for_line("pids", after).split()[-2:]]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_web_is_stopped_before_the_workers_and_these_before_the_broker(
    number: signal.Signals,
) -> None:
    with supervisor("""
        for name, order in (("broker", 4), ("web", 1), ("worker1", 2), ("worker2", 2)):
            supervisor.start(program(name, POLITE, stop_order=order))
        supervisor.serve()
    """) as tree:
        for name in ("broker", "web", "worker1", "worker2"):
            wait_for_start(tree, name)
        assert tree.stop(number) == 0
        ended = [line.split()[0] for line in tree.lines if line.endswith("| ended")]
    assert ended[0] == "web"
    assert sorted(ended[1:3]) == ["worker1", "worker2"]
    assert ended[3] == "broker"


def wait_for_start(tree: Running, name: str) -> None:
    tree.wait_for_line(f"{name:<8} | runs")


def test_a_program_that_does_not_end_within_its_grace_is_killed() -> None:
    with supervisor("""
        supervisor.start(program("web", STUBBORN, grace_s=0.2))
        supervisor.serve()
    """) as tree:
        wait_for_start(tree, "web")
        assert tree.stop() == 0


def test_a_second_signal_does_not_wait_for_the_grace() -> None:
    with supervisor("""
        supervisor.start(program("web", STUBBORN, grace_s=3600.0))
        supervisor.serve()
    """) as tree:
        wait_for_start(tree, "web")
        below = descendants(tree.process.pid)
        (web,) = (pid for pid, command in below.items() if "guardian.py" not in command)

        def ended_by_repeated_signals() -> bool:
            tree.process.send_signal(signal.SIGINT)
            return not is_alive(web)

        wait_until(ended_by_repeated_signals, "the program is killed")
        assert tree.wait() in (0, -signal.SIGINT)  # a signal may come after its last act


def test_a_program_that_dies_is_started_again(parent_of_one: Running) -> None:
    first, _ = pids_of(parent_of_one)
    seen = len(parent_of_one.lines)
    os.kill(first, signal.SIGKILL)
    second, _ = pids_of(parent_of_one, after=seen)
    assert second != first
    assert "parent ended by SIGKILL" in parent_of_one.wait_for_line("SIGKILL")
    assert parent_of_one.stop() == 0


def test_what_a_dead_program_leaves_behind_is_killed_before_it_is_started_again(
    parent_of_one: Running,
) -> None:
    parent, child = pids_of(parent_of_one)
    os.kill(parent, signal.SIGKILL)
    parent_of_one.wait_for_line("started again")
    wait_until(lambda: not is_alive(child), "the child of the dead program ends")


def test_five_deaths_within_a_minute_stop_everything_and_say_why() -> None:
    with supervisor("""
        supervisor.start(program("broker", POLITE, stop_order=4))
        supervisor.start(program("web", "import sys; print('no database'); sys.exit(3)"))
        supervisor.serve()
    """) as tree:
        assert tree.wait() == 1
    assert sum("| no database" in line for line in tree.lines) == 5
    assert tree.wait_for_line("died 5 times").endswith(
        "web died 5 times within 60 s, the last time by exit status 3."
    )


def test_deaths_that_are_further_apart_than_the_window_are_forgiven() -> None:
    with supervisor("""
        from dataclasses import replace
        supervisor._patience = replace(supervisor._patience, window_s=0.0)
        supervisor.start(program("web", "import sys; sys.exit(3)"))
        supervisor.serve()
    """) as tree:
        wait_until(
            lambda: bool(tree.wait_for_line("again", after=7)), "more than five deaths are answered"
        )
        assert tree.stop() == 0


def test_a_killed_supervisor_leaves_no_child_and_no_grandchild(parent_of_one: Running) -> None:
    parent, child = pids_of(parent_of_one)
    everything = {parent, child, *descendants(parent_of_one.process.pid)}
    assert parent_of_one.stop(signal.SIGKILL) == -signal.SIGKILL
    wait_until(lambda: not any(map(is_alive, everything)), f"all of {everything} end")


def test_a_guardian_that_was_killed_is_replaced_with_the_next_start(
    parent_of_one: Running,
) -> None:
    first, _ = pids_of(parent_of_one)
    (guardian,) = (
        pid
        for pid, command in descendants(parent_of_one.process.pid).items()
        if "guardian.py" in command
    )
    os.kill(guardian, signal.SIGKILL)
    seen = len(parent_of_one.lines)
    os.kill(first, signal.SIGKILL)
    parent, child = pids_of(parent_of_one, after=seen)
    parent_of_one.stop(signal.SIGKILL)
    wait_until(lambda: not is_alive(parent) and not is_alive(child), "both end")


def test_a_program_that_runs_once_reports_its_exit_status_and_is_not_started_again() -> None:
    with supervisor("""
        supervisor.say(f"status {supervisor.run(program('migrate', 'raise SystemExit(7)'))}")
    """) as tree:
        assert tree.wait() == 0
    assert [line for line in tree.lines if "status" in line] == ["up       | status 7"]


def test_a_signal_during_a_program_that_runs_once_ends_it() -> None:
    with supervisor('supervisor.run(program("migrate", POLITE))') as tree:
        wait_for_start(tree, "migrate")
        assert tree.stop() == 0
        tree.wait_for_line("migrate  | ended")


def test_verbatim_output_is_shown_whole_and_without_a_prefix() -> None:
    with supervisor("""
        supervisor.run(program("show", "print('one'); print('two')", verbatim=True))
    """) as tree:
        assert tree.wait() == 0
    assert tree.lines == ["one", "two"]


def test_a_last_line_without_an_end_is_shown() -> None:
    with supervisor("""supervisor.run(program("web", "print('half', end='')"))""") as tree:
        assert tree.wait() == 0
    assert tree.lines == ["web      | half"]


def test_a_flood_of_output_arrives_whole() -> None:
    with supervisor("""supervisor.run(program("web", "print('0123456789' * 50_000)"))""") as tree:
        assert tree.wait() == 0
    assert sum(line.count("0123456789") for line in tree.lines) > 49_980
    assert sum(len(line.removeprefix("web      | ")) for line in tree.lines) == 500_000


def test_a_program_that_does_not_exist_is_named() -> None:
    with supervisor("""
        supervisor.start(Program(name="web", argv=("/no/such/program",), env={}))
    """) as tree:
        assert tree.wait() == 1
    assert "web can not be started" in tree.lines[0]


def test_the_supervisor_ends_when_nobody_reads_its_output() -> None:
    with supervisor("""
        supervisor.start(program("web", "while True: print('line', flush=True)"))
        supervisor.serve()
    """) as tree:
        tree.wait_for_line("line")
        assert tree.process.stdout is not None
        tree.process.stdout.close()
        began = time.monotonic()
        tree.process.wait(30)
        assert time.monotonic() - began < 20
