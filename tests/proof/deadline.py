"""How these tests wait: for a condition, and never longer than was said."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY_S = 0.02


class Deadline:
    """Time that runs out for one thing, or for several after each other."""

    def __init__(self, within_s: float = 30.0) -> None:
        self._ends = time.monotonic() + within_s
        self._pause = threading.Event()

    def wait_for(self, look: Callable[[], T], what: str) -> T:
        """The first answer of `look` that is true. Fails with `what` when the time is over."""
        while not (answer := look()):
            if time.monotonic() > self._ends:
                raise AssertionError(f"It never happened: {what} (the last look: {answer!r})")
            self._pause.wait(LOOK_EVERY_S)
        return answer
