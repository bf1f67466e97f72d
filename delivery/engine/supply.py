"""What a drain sends next: due rows, claimed a few seconds ahead, with their payloads enriched.

Enrichment is of the event's organisation. Its provider is asked once for all rows of a claim
that are of one organisation, and has two seconds; what it does not answer in time goes out as the
producer sent it, which the request's header `webhook-enrichment` and the log tell. A retry is
claimed anew, and so enriched anew.
"""

from collections.abc import Callable

from delivery.engine.claim import Claimed, claim, claim_within, give_back
from delivery.engine.failpoints import failpoint
from delivery.engine.owner import Owner
from delivery.engine.targets import Targets
from delivery.engine.window import Window
from delivery.enrichment.payloads import LookUp, enrich
from delivery.enrichment.settings import Settings

AHEAD_S = 2.0
MOST_ROWS = 200
MOST_BYTES = 16 * 1024 * 1024
EVERY_NTH_CLAIM_RETRIES_FIRST = 4


class Pace:
    """What a webhook's last drain learned, so that the next one need not learn it again."""

    def __init__(self) -> None:
        self.senders = 1
        self.rate = 0.0
        self.row_bytes = 1.0
        self.used_at_s = 0.0


class Supply:
    """Feeds the window of one drain."""

    def __init__(
        self, webhook_id: int, *, owner: Owner, targets: Targets, look_up: LookUp, pace: Pace
    ) -> None:
        self._webhook_id = webhook_id
        self._owner = owner
        self._targets = targets
        self._look_up = look_up
        self._pace = pace
        self._claims = 0
        self._has_suspects = False

    def most(self, window: Window) -> int:
        """As many rows as will have begun to be sent within AHEAD_S."""
        if self._has_suspects:
            return max(window.senders, 1)
        ahead = self._pace.rate * AHEAD_S - window.waiting
        by_bytes = MOST_BYTES / max(self._pace.row_bytes, 1.0)
        return int(max(min(ahead, MOST_ROWS, by_bytes), window.senders, 1))

    def feed(self, window: Window, most: int) -> int:
        """Claim at most `most` due rows for the senders. How many were due, up to that."""
        self._claims += 1
        retries_first = self._claims % EVERY_NTH_CLAIM_RETRIES_FIRST == 0
        rows = self._claimed(lambda: claim(self._webhook_id, most, retries_first=retries_first))
        if rows:
            self._pace.row_bytes = sum(len(row.payload) for row in rows) / len(rows)
            window.feed(self._without_too_many_suspects(rows, window.senders))
        return len(rows)

    def feed_within(self, window: Window, limit: int) -> int:
        """Claim so many that at most `limit` of the webhook's rows are in flight. How many."""
        rows = self._claimed(lambda: claim_within(self._webhook_id, limit))
        window.feed(rows)
        return len(rows)

    def _claimed(self, take: Callable[[], list[Claimed]]) -> list[Claimed]:
        rows = self._owner.run(take)
        failpoint("after_claim")
        target = self._targets.known(self._webhook_id)
        if rows and target is not None and target.enrichment is not None:
            enrich_rows(rows, target.enrichment, self._look_up)
        return rows

    def _without_too_many_suspects(self, rows: list[Claimed], senders: int) -> list[Claimed]:
        """Of the rows that lost their worker only as many as are sent at once.

        One that waited here would be counted as lost again and again without having been sent.
        """
        suspects = [row for row in rows if row.is_suspect]
        self._has_suspects = bool(suspects)
        most = max(senders, 1)
        if too_many := suspects[most:]:
            self._owner.run(lambda: give_back(too_many))
        return [*suspects[:most], *(row for row in rows if not row.is_suspect)]


def enrich_rows(rows: list[Claimed], settings: Settings, look_up: LookUp) -> None:
    """Give the rows the payloads that these settings wish."""
    for organization_id in {row.organization_id for row in rows}:
        own = [row for row in rows if row.organization_id == organization_id]
        done = enrich(organization_id, [row.payload for row in own], settings, look_up)
        for row, (payload, missed) in zip(own, done, strict=True):
            row.payload, row.enriched_for, row.missed = payload, settings, missed
