"""Keeps a set of programs running: output, deaths, restarts, an orderly stop.

One thread and one loop: pipes and signals wake a selector, time does the rest.
"""

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import NoReturn, Self

from ens_project.console import Console, LineBuffer
from ens_project.guardian import Guardian

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# `kill` of a whole process group reaches us twice when our parent passes the signal on too.
SECOND_SIGNAL_AFTER_S = 1.0


class StopRequested(Exception):
    """A signal asks for the end."""


class Failed(Exception):
    """The set can not go on; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run. Lower `stop_order`s are stopped first, equal ones together.

    `grace_s`: how long it may take to end after SIGTERM before it is killed.
    `verbatim`: its output is shown whole and without a prefix when it has ended.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    stop_order: int = 0
    grace_s: float = 10.0
    verbatim: bool = False


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How deaths are answered: a new start after the delay, the end of all after too many."""

    restart_delay_s: float = 1.0
    deaths: int = 5
    window_s: float = 60.0


@dataclass
class _Child:
    program: Program
    kept: bool
    process: subprocess.Popen[bytes] | None = None
    status: int | None = None
    restart_at: float | None = None
    deaths: deque[float] = field(default_factory=deque)
    lines: LineBuffer = field(default_factory=LineBuffer)
    shown_at_end: bytes = b""


class Supervisor:
    """Runs programs until a signal or a failure; a context manager, for the main thread only."""

    def __init__(self, console: Console, *, cwd: Path, patience: Patience | None = None) -> None:
        self._console = console
        self._cwd = cwd
        self._patience = patience or Patience()
        self._children: list[_Child] = []
        self._selector = selectors.DefaultSelector()
        self._first_signal_at: float | None = None
        self._hurry = False
        self._stopping = False

    def __enter__(self) -> Self:
        self._guardian = Guardian()
        self._wakeup, writer = socket.socketpair()
        for end in (self._wakeup, writer):
            end.setblocking(False)
        self._wakeup_writer = writer
        self._selector.register(self._wakeup, selectors.EVENT_READ, self._drain_wakeup)
        self._old_wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        self._old_handlers = {signal.SIGCHLD: signal.signal(signal.SIGCHLD, _wake_up_only)}
        for number in STOP_SIGNALS:
            # `nohup` means it: a hang-up that was ignored stays ignored.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                self._old_handlers[number] = signal.signal(number, self._note_stop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_wakeup)
        self._guardian.close()
        self._selector.close()
        self._wakeup.close()
        self._wakeup_writer.close()

    # --- What a plan is written with -----------------------------------------------------

    def start(self, program: Program) -> None:
        """Start a program and keep it running. Raises Failed when there is no such program."""
        self._launch(self._adopt(program, kept=True))

    def run(self, program: Program) -> int:
        """Run a program to its end; its exit status, negative for a signal.

        Raises StopRequested, or Failed when a kept program dies too often meanwhile.
        """
        child = self._adopt(program, kept=False)
        self._launch(child)
        while child.status is None:
            self._turn(1.0)
        self._children.remove(child)
        return child.status

    def wait_for(self, condition: Callable[[], bool], *, timeout_s: float) -> bool:
        """Whether the condition came true in time. Raises as `run` does."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            self._turn(0.05)
        return True

    def serve(self) -> NoReturn:
        """Go on until a signal (raises StopRequested) or a failure (raises Failed)."""
        while True:
            self._turn(1.0)

    def say(self, text: str) -> None:
        """A line of the supervisor's own."""
        self._console.write_line("up", text.encode())

    def stop(self) -> None:
        """End everything in order. A second signal kills what is left."""
        self._stopping = True
        for order in sorted({child.program.stop_order for child in self._children}):
            children = [
                child
                for child in self._children
                if child.program.stop_order == order and child.process is not None
            ]
            if children:
                self._stop_together(children)
        self._children.clear()

    # --- How it is done ------------------------------------------------------------------

    def _adopt(self, program: Program, *, kept: bool) -> _Child:
        child = _Child(program, kept)
        self._children.append(child)
        return child

    def _launch(self, child: _Child) -> None:
        child.restart_at = None
        try:
            process = self._guardian.popen(
                child.program.argv,
                env=child.program.env,
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise Failed(f"{child.program.name} can not be started: {error}") from error
        child.process = process
        assert process.stdout is not None  # noqa: S101  it was asked for above
        descriptor = process.stdout.fileno()
        os.set_blocking(descriptor, False)
        self._selector.register(
            descriptor, selectors.EVENT_READ, lambda: self._read_output(child, descriptor)
        )

    def _turn(self, timeout_s: float) -> None:
        """Wait for something to happen, and answer it."""
        self._attend(timeout_s)
        if self._first_signal_at is not None or self._console.deserted:
            raise StopRequested
        now = time.monotonic()
        for child in self._children:
            if child.restart_at is not None and child.restart_at <= now:
                self._launch(child)

    def _attend(self, timeout_s: float) -> None:
        now = time.monotonic()
        restarts = [child.restart_at - now for child in self._children if child.restart_at]
        for key, _ in self._selector.select(max(0.0, min([timeout_s, *restarts]))):
            key.data()
        for child in self._children:
            if child.process is not None and child.process.poll() is not None:
                self._bury(child, child.process)

    def _bury(self, child: _Child, process: subprocess.Popen[bytes]) -> None:
        self._guardian.end_group(process)
        self._close_output(child, process)
        child.process, child.status = None, process.returncode
        if child.kept and not self._stopping:
            self._answer_death(child, process.returncode)

    def _close_output(self, child: _Child, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101  see _launch
        descriptor = process.stdout.fileno()
        if descriptor in self._selector.get_map():
            while self._read_output(child, descriptor):
                pass
        if descriptor in self._selector.get_map():
            self._selector.unregister(descriptor)
        process.stdout.close()
        if rest := child.lines.take_rest():
            self._console.write_line(child.program.name, rest)
        self._console.write(child.shown_at_end)
        child.shown_at_end = b""

    def _answer_death(self, child: _Child, status: int) -> None:
        name, now, patience = child.program.name, time.monotonic(), self._patience
        child.deaths.append(now)
        while child.deaths[0] < now - patience.window_s:
            child.deaths.popleft()
        if len(child.deaths) >= patience.deaths:
            raise Failed(
                f"{name} died {len(child.deaths)} times within {patience.window_s:g} s,"
                f" the last time by {describe_status(status)}."
            )
        child.restart_at = now + patience.restart_delay_s
        self.say(
            f"{name} ended by {describe_status(status)};"
            f" it is started again in {patience.restart_delay_s:g} s."
        )

    def _stop_together(self, children: list[_Child]) -> None:
        self.say(f"Stopping {', '.join(child.program.name for child in children)}.")
        for child in children:
            if child.process is not None:
                child.process.terminate()
        begun = time.monotonic()
        while living := [child for child in children if child.process is not None]:
            waited_s = time.monotonic() - begun
            for child in living:
                if child.process and (self._hurry or waited_s > child.program.grace_s):
                    child.process.kill()
            self._attend(0.1)

    # --- Signals and output --------------------------------------------------------------

    def _note_stop(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first_signal_at is None:
            self._first_signal_at = now
        elif now - self._first_signal_at > SECOND_SIGNAL_AFTER_S:
            self._hurry = True

    def _drain_wakeup(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wakeup.recv(4096):
                pass

    def _read_output(self, child: _Child, descriptor: int) -> bool:
        """Show one chunk of what a child has written; whether there may be more."""
        try:
            chunk = os.read(descriptor, 65_536)
        except BlockingIOError:
            return False
        if child.program.verbatim:
            child.shown_at_end += chunk
        else:
            for line in child.lines.feed(chunk):
                self._console.write_line(child.program.name, line)
        if not chunk:
            self._selector.unregister(descriptor)
        return bool(chunk)


def _wake_up_only(number: int, frame: FrameType | None) -> None:
    """A signal needs a handler to be written to the wake-up socket."""


def describe_status(status: int) -> str:
    """`exit status 3`, or `SIGKILL` for -9."""
    return f"exit status {status}" if status >= 0 else signal.Signals(-status).name
