"""Payloads of one organisation, enriched in batches: each is read once, all looked up at once."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import structlog

from delivery.enrichment.lookups import Unavailable, look_up_for_pages
from delivery.enrichment.provider import Found, Wanted
from delivery.enrichment.rules import Filling, Opened, TooLarge, opened, wanted
from delivery.enrichment.settings import Settings

log = structlog.get_logger(__name__)

LookUp = Callable[[int, Wanted], Found]

# What was read of a payload takes several times the room of its text: so much text at once, and one
# payload more.
BATCH_CHARACTERS = 1024 * 1024
UNAVAILABLE = "unavailable"
TOO_LARGE = "too-large"


class Enriched(NamedTuple):
    """`missed` says why the payload is as the producer sent it although more was wished: the
    source of enrichment did not answer, or there was too much to add. "" where all is well."""

    payload: str
    missed: str = ""


def enriched(organization_id: int, payloads: Sequence[str], settings: Settings) -> list[str]:
    """The payloads as a webhook with these settings would get them now, in their order.

    What can not be looked up in time is as it was. For pages; never raises.
    """
    return [one.payload for one in enrich(organization_id, payloads, settings, look_up_for_pages)]


def enrich(
    organization_id: int, payloads: Sequence[str], settings: Settings, look_up: LookUp
) -> list[Enriched]:
    """Likewise, with what was missed. `look_up` raises Unavailable when it has no answer."""
    done: list[Enriched] = []
    for batch in _batches(payloads):
        done += _enrich(organization_id, batch, settings, look_up)
    return done


def _batches(payloads: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    characters = 0
    for payload in payloads:
        batch.append(payload)
        characters += len(payload)
        if characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _enrich(
    organization_id: int, payloads: list[str], settings: Settings, look_up: LookUp
) -> list[Enriched]:
    read = [_opened(payload, settings) for payload in payloads]
    wishes = wanted((one for one in read if isinstance(one, Opened)), settings)
    if not wishes:
        return [_untouched(payload, one) for payload, one in zip(payloads, read, strict=True)]
    try:
        filling = Filling(look_up(organization_id, wishes), settings)
    except Unavailable as error:
        log.warning("enrichment_unavailable", organization=organization_id, reason=str(error))
        return [
            Enriched(payload, UNAVAILABLE if isinstance(one, Opened) else one)
            for payload, one in zip(payloads, read, strict=True)
        ]
    return [
        _filled(payload, one, filling) if isinstance(one, Opened) else Enriched(payload, one)
        for payload, one in zip(payloads, read, strict=True)
    ]


def _opened(payload: str, settings: Settings) -> Opened | str:
    """What could be filled, else what is missed by not doing it."""
    try:
        return opened(payload, settings) or ""
    except TooLarge:
        return TOO_LARGE


def _untouched(payload: str, one: Opened | str) -> Enriched:
    return Enriched(payload, one if isinstance(one, str) else "")


def _filled(payload: str, one: Opened, filling: Filling) -> Enriched:
    try:
        return Enriched(filling.filled(one))
    except TooLarge:
        return Enriched(payload, TOO_LARGE)
    except Exception:  # a provider of somebody else's making may answer anything
        log.exception("enrichment_broke")
        return Enriched(payload, UNAVAILABLE)
