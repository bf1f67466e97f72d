"""What an audit entry says has changed, for people."""

import json
import re
from datetime import datetime
from typing import Any, NamedTuple

from django.utils import timezone

from organizations.audit import MASK

NOTHING = "—"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", re.ASCII)
SHORT_NAMES = {"url": "URL", "sla": "SLA", "id": "id"}


class Difference(NamedTuple):
    """Of a field with one value: None where it did not or does not exist, else before and after.

    Of a field with several: the texts that went and came.
    """

    label: str
    removed: list[str]
    added: list[str]


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    return [
        _difference(name, before, after)
        for name in {**before, **after}
        if not (_is_empty(before.get(name)) and _is_empty(after.get(name)))
    ]


def _difference(name: str, before: dict[str, Any], after: dict[str, Any]) -> Difference:
    label, old, new = label_of(name), before.get(name), after.get(name)
    if all(_is_empty(value) or isinstance(value, list) for value in (old, new)):
        return _of_lists(label, old or [], new or [])
    if all(_is_empty(value) or isinstance(value, dict) for value in (old, new)):
        return _of_mappings(label, old or {}, new or {})
    return Difference(
        label, [] if _is_empty(old) else [_shown(old)], [_shown(new)] if name in after else []
    )


def _of_lists(label: str, old: list[Any], new: list[Any]) -> Difference:
    before, after = [_shown(item) for item in old], [_shown(item) for item in new]
    went = [text for text in before if text not in after]
    came = [text for text in after if text not in before]
    kept = "another value" if MASK in after else "in another order"
    return Difference(label, went, came if went or came else [kept])


def _of_mappings(label: str, old: dict[str, Any], new: dict[str, Any]) -> Difference:
    """Masked values look alike on both sides; that they differ is all that is known."""
    went = [f"{key}: {_shown(old[key])}" for key in old if old[key] != new.get(key)]
    came = [f"{key}: {_shown(new[key])}" for key in new if new[key] != old.get(key)]
    if not went and not came:
        came = [f"other values of {', '.join(new)}"] if MASK in new.values() else []
    return Difference(label, went, came)


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if _is_empty(value):
        return NOTHING
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return _local(value) if MOMENT.fullmatch(value) else value


def _local(text: str) -> str:
    """A moment as JSON has it, in the reader's time zone; unchanged when it is none."""
    try:
        moment = timezone.localtime(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return text
    return f"{moment.day} {moment:%b %Y, %H:%M:%S %Z}"


def label_of(name: str) -> str:
    """`timeout_s` as "Timeout (in seconds)"."""
    unit = ""
    if name.endswith("_s"):
        name, unit = name[:-2], " (in seconds)"
    words = [SHORT_NAMES.get(word, word) for word in name.split("_") if word]
    text = " ".join(words) or name
    return text[:1].upper() + text[1:] + unit
