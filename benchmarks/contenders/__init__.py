"""Ways to deliver the same events to the same receiver."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from subprocess import Popen

from benchmarks.place import Place
from benchmarks.receivers import Receiver


class Contender:
    """One of them. `share` is the part of the deliveries that it gets, so that a slow one ends."""

    name: str
    share: float
    processes: Sequence[Popen[bytes]] = ()  # those that deliver

    def ready(self, place: Place, receiver: Receiver) -> AbstractContextManager[None]:
        """Its processes, started and warmed up, while the context lasts."""
        raise NotImplementedError

    def deliver(self, urls: Sequence[str], count: int) -> float:
        """Deliver `count` events, in turn to each URL; seconds from the start to the last record.

        What has to exist before (rows, messages) is made outside of the time.
        """
        raise NotImplementedError

    def recorded(self) -> tuple[int, int] | None:
        """Deliveries and attempts that its database holds after `deliver`; None: it keeps none."""
        raise NotImplementedError
