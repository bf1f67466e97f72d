"""Two people edited one webhook: what each of them changed, and what both did.

A snapshot is flat: values by field, the filter as text, True by `event:<name>` and
`source:<name>`, and digests of what is secret: `header:<name>` and the password of the URL. A key
that is missing in it is as good as None: there is no such header, the event is not selected.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.crypto import salted_hmac

from webhooks import queue_password
from webhooks.filter_text import filter_text
from webhooks.headers import MASK, Headers
from webhooks.models import Webhook

Snapshot = dict[str, Any]

HEADER = "header:"
EVENT = "event:"
SOURCE = "source:"
URL, URL_SECRET, FILTER = "url", "url_secret", "filter"
FIELDS = (
    *(URL, "is_active", "webhook_type", "method", "enrich_till", "enrich_store"),
    *("enrich_card_number", "enrich_awarded_reference", "enrich_points_balance"),
    *("max_connections", "sla_s", "timeout_s", "replay_on_429", "listen_to_child_events"),
    "description",
)


@dataclass(frozen=True, slots=True)
class Merged:
    """Keys by who changed them since `base`; what both changed alike is nobody's.

    `taken`: only they. `kept`: only I. `clashes`: both, to different values.
    """

    taken: list[str]
    kept: list[str]
    clashes: list[str]


def merge(base: Snapshot, theirs: Snapshot, mine: Snapshot) -> Merged:
    merged = Merged([], [], [])
    for key in {**base, **theirs, **mine}:
        old, their, my = base.get(key), theirs.get(key), mine.get(key)
        if their == my:
            continue
        if my == old:
            merged.taken.append(key)
        elif their == old:
            merged.kept.append(key)
        else:
            merged.clashes.append(key)
    return merged


def snapshot(webhook: Webhook, headers: Headers, event_names: Sequence[str]) -> Snapshot:
    secret = webhook.url_secret
    return {
        **({URL_SECRET: digest(URL_SECRET, secret)} if secret else {}),
        **{name: getattr(webhook, name) for name in FIELDS},
        FILTER: filter_text(webhook.filter),
        **{f"{SOURCE}{name}": True for name in webhook.enrich_customer_sources},
        **{header_key(name): digest(name, value) for name, value in headers},
        **{f"{EVENT}{name}": True for name in event_names},
    }


def header_key(name: str) -> str:
    return f"{HEADER}{name.lower()}"


def digest(name: str, value: str) -> str:
    """Tells whether a value is the same without telling the value."""
    return salted_hmac("webhooks.merge", f"{name.lower()}:{value}", algorithm="sha256").hexdigest()[
        :32
    ]


def untouched(pairs: Headers, url: str, base: Mapping[str, Any]) -> Snapshot:
    """Headers and the password whose mask was left as it was: they are as in `base`."""
    masked = [header_key(name) for name, value in pairs if value.endswith(MASK)]
    if queue_password.is_masked(url):
        masked.append(URL_SECRET)
    return {key: base[key] for key in masked if key in base}
