"""The one thread of a process that claims: drains hand it their questions.

Celery closes the database connection of a task's thread around every task, and a connection for
each of a thousand drains would be worse. So one thread keeps one connection, and asks it in turn.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import django.db
import structlog

T = TypeVar("T")
log = structlog.get_logger(__name__)


class OwnerStopped(Exception):
    """The process ends; nothing was done."""


class Owner:
    """Runs functions one after another in a thread that keeps its database connection."""

    def __init__(self, name: str) -> None:
        self._queue: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = (
            queue.SimpleQueue()
        )
        self._lock = threading.Lock()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def run(self, question: Callable[[], T]) -> T:
        """The answer of `question`, or what it raises. Raises OwnerStopped after `stop`."""
        future: Future[T] = Future()
        with self._lock:  # nothing may come after the end that `stop` puts: nobody would answer
            if self._is_stopped:
                raise OwnerStopped
            self._queue.put((question, future))
        return future.result()

    def stop(self) -> None:
        """Answer what was asked before, then end."""
        with self._lock:
            self._is_stopped = True
            self._queue.put(None)
        self._thread.join(timeout=10)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            question, future = item
            try:
                future.set_result(question())
            except Exception as error:  # noqa: BLE001  it is raised again where it was asked
                drop_broken_connection()
                future.set_exception(error)
        django.db.connections.close_all()


def drop_broken_connection() -> None:
    """After a database error: let the thread's next query connect anew if it has to."""
    for connection in django.db.connections.all(initialized_only=True):
        if connection.in_atomic_block:
            continue
        connection.errors_occurred = True
        connection.close_if_unusable_or_obsolete()
