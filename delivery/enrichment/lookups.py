"""Asks the provider in threads of its own, so that one that hangs holds nobody up.

A provider has LOOKUP_S for a batch. One that raises is asked once more within that time. After
one that took longer it is not asked for REST_S: what goes out meanwhile is not enriched, and says
so. Then it is asked again.
"""

import functools
import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass

import django.db
import structlog
from django.conf import settings

from delivery.engine.owner import drop_broken_connection
from delivery.enrichment.database import DatabaseProvider
from delivery.enrichment.provider import Found, Provider, Wanted, new_provider

log = structlog.get_logger(__name__)

LOOKUP_S = 2.0
REST_S = 10.0
MOST_THREADS = 8
IDLE_S = 30.0


class Unavailable(Exception):
    """There is no answer, or none in time."""


@dataclass(frozen=True, slots=True)
class _Question:
    organization_id: int
    wanted: Wanted
    until_s: float
    answer: "Future[Found]"


class Lookups:
    """The threads of a process that look up. Each keeps its database connection while it lives."""

    def __init__(
        self, source: Provider, *, lookup_s: float | None = None, rest_s: float = REST_S
    ) -> None:
        self._source = source
        self._lookup_s = LOOKUP_S if lookup_s is None else lookup_s
        self._rest_s = rest_s
        self._questions: queue.SimpleQueue[_Question | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._idle = 0
        self._resting_until_s = 0.0

    def look_up(self, organization_id: int, wanted: Wanted) -> Found:
        """Raises Unavailable, after LOOKUP_S at most."""
        began_s = time.monotonic()
        if began_s < self._resting_until_s:
            raise Unavailable("it did not answer a moment ago")
        answer: Future[Found] = Future()
        self._questions.put(_Question(organization_id, wanted, began_s + self._lookup_s, answer))
        self._ensure_thread()
        try:
            return answer.result(self._lookup_s)
        except TimeoutError as error:
            if answer.done() and answer.exception(0) is error:
                raise Unavailable("it raised TimeoutError") from error
            answer.cancel()
            self._resting_until_s = time.monotonic() + self._rest_s
            raise Unavailable(f"no answer within {self._lookup_s:g} s") from None
        except Exception as error:
            raise Unavailable(f"it raised {type(error).__name__}") from error

    def stop(self) -> None:
        """Let the threads end that have nothing to do; one that hangs ends with the process."""
        with self._lock:
            for _ in range(self._threads):
                self._questions.put(None)

    def _ensure_thread(self) -> None:
        """One more for a question that nobody waits for, as far as there may be more."""
        with self._lock:
            if self._idle >= self._questions.qsize() or self._threads >= MOST_THREADS:
                return
            self._threads += 1
        thread = threading.Thread(target=self._work, name="lookups", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread to be had: those that are there answer, or time is over
            with self._lock:
                self._threads -= 1

    def _work(self) -> None:
        try:
            while (question := self._next()) is not None:
                self._answer(question)
        finally:
            with self._lock:
                self._threads -= 1
            django.db.connections.close_all()

    def _next(self) -> _Question | None:
        """None when there is nothing to do any more."""
        while True:
            with self._lock:
                self._idle += 1
            try:
                return self._questions.get(timeout=IDLE_S)
            except queue.Empty:
                pass
            finally:
                with self._lock:
                    self._idle -= 1
                    is_over = self._questions.empty()
            if is_over:  # nobody can have put a question and counted on this thread
                return None

    def _answer(self, question: _Question) -> None:
        if not question.answer.set_running_or_notify_cancel():
            return
        try:
            question.answer.set_result(self._ask(question))
        except Exception as error:  # noqa: BLE001  it is raised again where it was asked
            question.answer.set_exception(error)

    def _ask(self, question: _Question) -> Found:
        try:
            return self._source.look_up(question.organization_id, question.wanted)
        except Exception as error:  # its connection may have been broken since it was used
            log.warning("lookup_failed", error=type(error).__name__)
            drop_broken_connection()
            if time.monotonic() > question.until_s:
                raise
            return self._source.look_up(question.organization_id, question.wanted)


def look_up_for_pages(organization_id: int, wanted: Wanted) -> Found:
    """For a page, which shows what is known now. Raises Unavailable.

    Our own database is asked on the page's connection; it is as patient with it as pages are.
    """
    lookups = _for_pages(settings.ENRICHMENT_PROVIDER)
    if lookups is not None:
        return lookups.look_up(organization_id, wanted)
    try:
        return DatabaseProvider(remembered_s=0).look_up(organization_id, wanted)
    except django.db.Error as error:
        raise Unavailable(f"it raised {type(error).__name__}") from error


@functools.cache
def _for_pages(path: str) -> Lookups | None:
    """None for the database."""
    source = new_provider(path)
    return None if isinstance(source, DatabaseProvider) else Lookups(source)
