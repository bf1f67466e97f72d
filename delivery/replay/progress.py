"""How far replays are."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Count

from delivery.models import FAILED, WAITING, Delivery, Replay, State

LATEST = 20  # of a webhook that are told of


@dataclass(frozen=True)
class Progress:
    """`counts` are its deliveries by state; they add up to what was made."""

    replay: Replay
    counts: dict[str, int] = field(default_factory=dict)

    def _sum(self, *states: str) -> int:
        return sum(self.counts.get(state, 0) for state in states)

    @property
    def made(self) -> int:
        return sum(self.counts.values())

    @property
    def delivered(self) -> int:
        return self._sum(State.DELIVERED)

    @property
    def failed(self) -> int:
        return self._sum(*FAILED)

    @property
    def waiting(self) -> int:
        """Made, and to be sent; not what is in flight."""
        return self._sum(*WAITING)

    @property
    def in_flight(self) -> int:
        return self._sum(State.IN_FLIGHT)

    @property
    def cancelled(self) -> int:
        return self._sum(State.CANCELLED)

    @property
    def unmade(self) -> int:
        """What there is to make yet."""
        return max(self.replay.total - self.made, 0) if self.replay.is_running else 0

    @property
    def ended(self) -> int:
        """What needs no more work, as a part of `whole`."""
        return self.whole - self.unmade - self.waiting - self.in_flight

    @property
    def whole(self) -> int:
        return self.made + self.unmade

    @property
    def can_be_cancelled(self) -> bool:
        return self.replay.is_running or self.waiting > 0

    @property
    def is_moving(self) -> bool:
        return self.can_be_cancelled or self.in_flight > 0

    @property
    def state(self) -> str:
        if self.replay.cancelled_at is not None:
            return "cancelled"
        if self.replay.is_running:
            return "running"
        return "delivering" if self.is_moving else "finished"


def progress_of(replays: Iterable[Replay]) -> list[Progress]:
    """In their order, with one query for all."""
    replays = list(replays)
    counts: dict[object, dict[str, int]] = {replay.pk: {} for replay in replays}
    if replays:
        rows = Delivery.objects.filter(replay__in=replays).order_by()
        for replay_id, state, count in rows.values_list("replay", "state").annotate(Count("pk")):
            counts[replay_id][state] = count
    return [Progress(replay, counts[replay.pk]) for replay in replays]
