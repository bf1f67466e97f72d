"""Names to addresses within a deadline, though the system's resolver knows none."""

import queue
import socket
import threading
import time
from collections.abc import Callable, Sequence

Address = tuple[socket.AddressFamily, tuple[object, ...]]
"""The family and the address that `socket.connect` takes."""

Lookup = Callable[[str, int], Sequence[Address]]
"""Blocks until the name server has answered; raises OSError (`socket.gaierror`)."""


def system_lookup(host: str, port: int) -> list[Address]:
    """What the operating system's resolver says, in its order (RFC 6724)."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (UnicodeError, ValueError):  # a name that the codec or the C library refuses
        raise socket.gaierror(socket.EAI_NONAME, "not a name that can be resolved") from None
    return [(family, sockaddr) for family, _type, _protocol, _name, sockaddr in answers]


class _Question:
    """One name being looked up, and all who wait for it."""

    def __init__(self) -> None:
        self.answered = threading.Event()
        self.answers: Sequence[Address] = ()
        self.error: OSError | None = None


class Resolver:
    """A bounded number of threads that look names up.

    A lookup can not be interrupted, so whoever waits leaves at his deadline and the thread goes
    on. A name occupies one thread at most: who asks for a name that is being looked up waits for
    the same answer. Threads start when they are first needed and never end; they are daemons.
    """

    def __init__(self, *, threads: int = 32, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._max_threads = threads
        self._threads = 0
        self._lock = threading.Lock()
        self._open: dict[tuple[str, int], _Question] = {}
        self._waiting: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()

    def resolve(self, host: str, port: int, deadline: float) -> Sequence[Address]:
        """The addresses of a name, asked for anew.

        `deadline` is a reading of `time.monotonic`. Raises TimeoutError when it has passed, and
        OSError (mostly `socket.gaierror`) when there is no answer to be had.
        """
        question = self._ask((host, port))
        if not question.answered.wait(max(0.0, deadline - time.monotonic())):
            raise TimeoutError("no answer from the name server")
        if question.error is not None:
            # A new one for each who waits: raising grows an exception's traceback.
            raise type(question.error)(*question.error.args) from question.error
        return question.answers

    def _ask(self, name: tuple[str, int]) -> _Question:
        with self._lock:
            question = self._open.get(name)
            if question is not None:
                return question
            question = self._open[name] = _Question()
            more = self._threads < min(self._max_threads, len(self._open))
            self._threads += more
        self._waiting.put(name)
        if more:
            threading.Thread(target=self._work, name="resolver", daemon=True).start()
        return question

    def _work(self) -> None:
        while True:
            name = self._waiting.get()
            question = self._open[name]
            try:
                question.answers = self._lookup(*name)
            except OSError as error:
                question.error = error
            finally:
                with self._lock:
                    del self._open[name]
                question.answered.set()
