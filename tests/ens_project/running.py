"""A program under test: its lines as they come, its descendants, its end."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TIMEOUT_S = 60.0


@dataclass
class Running:
    """Reads what the program writes; every wait has a deadline and fails with what was read."""

    process: subprocess.Popen[bytes]
    lines: list[str] = field(default_factory=list)
    _rest: bytes = b""

    def wait_for_line(self, text: str, after: int = 0) -> str:
        """The first line from index `after` on that contains the text."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            for line in self.lines[after:]:
                if text in line:
                    return line
            if not self._read(deadline):
                raise AssertionError(f"{text!r} never came:\n" + "\n".join(self.lines))

    def wait(self) -> int:
        """The exit status, with all the output read."""
        deadline = time.monotonic() + TIMEOUT_S
        while self._read(deadline):
            pass
        return self.process.wait(max(0.1, deadline - time.monotonic()))

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.wait()

    def _read(self, deadline: float) -> bool:
        """Read a chunk; False at the end of the output or of the time."""
        assert self.process.stdout is not None
        ready = select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        chunk = os.read(self.process.stdout.fileno(), 65_536) if ready[0] else b""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self.lines += [line.decode() for line in lines]
        return bool(chunk)


@contextlib.contextmanager
def running(argv: Sequence[str], env: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Run Python with these arguments in the checkout, and leave nothing of it behind."""
    process = subprocess.Popen(
        [sys.executable, *argv],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
    )
    try:
        yield Running(process)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return when the condition holds; fail with `what` after the deadline."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"It never happened: {what}")
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not yet reaped does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return bool(state.stdout.strip()) and not state.stdout.strip().startswith("Z")


def descendants(pid: int) -> dict[int, str]:
    """Every process below this one, with its command line."""
    listing = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in listing.splitlines()]
    found: dict[int, str] = {}
    parents = {pid}
    while parents:
        children = {int(row[0]): row[2] for row in rows if int(row[1]) in parents}
        found |= children
        parents = set(children)
    return found
