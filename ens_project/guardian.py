"""Nothing outlives the process that started it, however that process ends.

A `Guardian` is a small process of its own that reads a pipe.
Whoever holds the other end starts children through it, each in a process group of its own.
When the holder ends, even by `kill -9`, the pipe closes and the guardian kills these groups,
grandchildren included.
On Linux the kernel kills the direct children too (PR_SET_PDEATHSIG), should the guardian be gone.

Standard library only: this file is also run as a script, without the project on its path.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import IO, Any

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Guardian:
    """Starts processes that die with this one."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._process, self._pipe = _start_guardian()

    def popen(self, argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start `argv` in a new session; `options` are those of `subprocess.Popen`.

        Raises OSError when it can not be started.
        Call it from the main thread: the kernel's watch is bound to the thread that forks.
        """
        if self._process.poll() is not None:
            self._replace()
        process = subprocess.Popen(  # noqa: S603  programs of our own choice
            argv,
            start_new_session=True,
            preexec_fn=self._introduce(os.getpid(), self._pipe.fileno()),
            **options,
        )
        self._groups.add(process.pid)
        return process

    def end_group(self, process: subprocess.Popen[bytes]) -> None:
        """Kill what a finished process has left in its group, and forget the group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        self._groups.discard(process.pid)
        self._tell(f"-{process.pid}\n")

    def close(self) -> None:
        """Kill every group that is still known, and end the guardian."""
        with contextlib.suppress(BrokenPipeError):
            self._pipe.close()
        self._process.wait()

    def _introduce(self, parent: int, pipe: int) -> Callable[[], None]:
        """What a child does between fork and exec: no lock, no import, no allocation of note."""

        def introduce() -> None:
            if _LIBC is not None:
                _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)
            with contextlib.suppress(OSError):
                os.write(pipe, b"+%d\n" % os.getpid())

        return introduce

    def _tell(self, line: str) -> None:
        # A guardian that was killed itself is replaced at the next start.
        with contextlib.suppress(BrokenPipeError):
            self._pipe.write(line.encode())

    def _replace(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._pipe.close()
        self._process, self._pipe = _start_guardian()
        for group in self._groups:
            self._tell(f"+{group}\n")


def _start_guardian() -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    process = subprocess.Popen(  # noqa: S603  this very file
        [sys.executable, "-I", "-S", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
        bufsize=0,
    )
    assert process.stdin is not None  # noqa: S101  it was asked for above
    return process, process.stdin


def main() -> None:
    """Keep the list of groups until the pipe closes, then kill them all."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        change = groups.add if line.startswith("+") else groups.discard
        change(int(line[1:]))
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
