"""Looks up in the organisation's own reference data. One query a batch for customers.

Tills and stores are few and asked for by every event: they are remembered for TILLS_S, so a
change of one is seen so much later at most.
"""

import collections
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

import msgspec

from delivery.enrichment.provider import (
    Award,
    Customer,
    Found,
    Identifier,
    Store,
    Till,
    Wanted,
)
from organizations import models
from organizations.database import fetch, is_postgresql

TILLS_S: Final = 10.0
REMEMBERED_AT_MOST: Final = 20_000  # tills
MOST_IDENTIFIERS: Final = 1_000  # of one customer; what is beyond is left out

# What names an issue or a redemption among the identifiers of the activity that set it off.
_REFERENCES: Final[Mapping[str, tuple[str, ...]]] = {
    "pointsIssued": ("pointsAwardedId", "pointAwardedRefID"),
    "pointsRedeemed": ("redemptionId",),
}

_identifiers = msgspec.json.Decoder(list[Identifier]).decode

# The identifiers of a customer as one JSON text: a row for each would take four times as long.
_CUSTOMERS = """
SELECT c.customer_id, c.points_balance, (
    SELECT json_agg(json_build_array(i.source, i.account_id, i.kind, i.value))::text
    FROM (
        SELECT source, account_id, kind, value FROM organizations_customeridentifier
        WHERE customer_id = c.id AND source = ANY(%(sources)s) ORDER BY id LIMIT %(most)s
    ) AS i
)
FROM organizations_customer AS c
WHERE c.organization_id = %(organization_id)s AND c.customer_id = ANY(%(ids)s)
"""


class DatabaseProvider:
    """A Provider. `clock` tells seconds; `remembered_s` for how long a till is believed."""

    def __init__(
        self, *, remembered_s: float = TILLS_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._remembered_s = remembered_s
        self._clock = clock
        self._lock = threading.Lock()
        self._tills: collections.OrderedDict[tuple[int, int], tuple[float, Till | None]] = (
            collections.OrderedDict()
        )

    def look_up(self, organization_id: int, wanted: Wanted) -> Found:
        references = ((award.event_id, reference_of(award)) for award in wanted.awards)
        read_customers = _read_postgresql if is_postgresql() else _read_sqlite
        return Found(
            tills=self._look_up_tills(organization_id, wanted.till_ids),
            customers=read_customers(organization_id, wanted) if wanted.customer_ids else {},
            awarded_references={key: found for key, found in references if found is not None},
        )

    def _look_up_tills(self, organization_id: int, till_ids: Collection[int]) -> dict[int, Till]:
        now_s = self._clock()
        found: dict[int, Till | None] = {}
        for till_id in till_ids:
            until_s, till = self._tills.get((organization_id, till_id), (0.0, None))
            if now_s < until_s:
                found[till_id] = till
        missing = [till_id for till_id in till_ids if till_id not in found]
        if missing:
            read = _tills(organization_id, missing)
            found |= {till_id: read.get(till_id) for till_id in missing}
            self._remember(organization_id, missing, read, now_s + self._remembered_s)
        return {till_id: till for till_id, till in found.items() if till is not None}

    def _remember(
        self, organization_id: int, asked: Iterable[int], read: Mapping[int, Till], until_s: float
    ) -> None:
        """Also those that there are not: an unknown one is asked for as often."""
        with self._lock:
            for till_id in asked:
                self._tills[organization_id, till_id] = (until_s, read.get(till_id))
                self._tills.move_to_end((organization_id, till_id))
            while len(self._tills) > REMEMBERED_AT_MOST:
                self._tills.popitem(last=False)


def _tills(organization_id: int, till_ids: Collection[int]) -> dict[int, Till]:
    rows = models.Till.objects.filter(organization_id=organization_id, till_id__in=till_ids)
    return {row.till_id: _till(row) for row in rows.select_related("store")}


def _till(row: models.Till) -> Till:
    at = row.store
    store = None
    if at is not None:
        names = (at.external_id, at.external_id_1, at.external_id_2)
        store = Store(at.store_id, at.code, at.name, *names)
    return Till(row.till_id, row.code, row.name, store)


def _read_postgresql(organization_id: int, wanted: Wanted) -> dict[int, Customer]:
    rows = fetch(
        _CUSTOMERS,
        {
            "organization_id": organization_id,
            "ids": list(wanted.customer_ids),
            "sources": list(wanted.sources),
            "most": MOST_IDENTIFIERS,
        },
    )
    return {
        customer_id: Customer(_identifiers(known) if known else (), balance)
        for customer_id, balance, known in rows
    }


def _read_sqlite(organization_id: int, wanted: Wanted) -> dict[int, Customer]:
    customers = models.Customer.objects.filter(
        organization_id=organization_id, customer_id__in=wanted.customer_ids
    )
    rows = list(customers.values_list("pk", "customer_id", "points_balance"))
    known: dict[int, list[Identifier]] = {pk: [] for pk, _, _ in rows}
    found = models.CustomerIdentifier.objects.filter(
        customer__in=known, source__in=wanted.sources
    ).order_by("id")
    fields = ("customer_id", "source", "account_id", "kind", "value")
    for pk, *identifier in found.values_list(*fields).iterator():
        if len(known[pk]) < MOST_IDENTIFIERS:
            known[pk].append(Identifier(*identifier))
    return {customer_id: Customer(known[pk], balance) for pk, customer_id, balance in rows}


def reference_of(award: Award) -> str | int | None:
    """The reference that the event itself carries; None if it has none.

    Of a redemption: the identifier `redemptionId` of its activity, else its redemptionSummaryId.
    Of an issue: the award's identifier there, else the loyaltyEventId that it came from.
    """
    is_redemption = award.event_name == "pointsRedeemed"
    candidates = (
        *(award.identifiers.get(key) for key in _REFERENCES[award.event_name]),
        award.redemption_summary_id if is_redemption else award.loyalty_event_id,
    )
    return next((one for one in candidates if _is_reference(one)), None)


def _is_reference(value: object) -> bool:
    if isinstance(value, str):
        return value not in ("", "null")
    return isinstance(value, int) and not isinstance(value, bool)
