"""The rows of the form's headers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest

from django.utils.datastructures import MultiValueDict

from webhooks.headers import MASK, Headers, hidden
from webhooks.models import Webhook

NAMES, VALUES = "header_name", "header_value"
# Without scripts these stand below the filled ones.
SPARE_ROWS = 3


@dataclass(frozen=True, slots=True)
class HeaderRow:
    """`stored` is the name of the stored header whose mask the row shows, "" if it shows none."""

    number: int
    name: str = ""
    value: str = ""
    stored: str = ""
    problems: list[str] = field(default_factory=list)
    is_shown: bool = False

    @property
    def key_id(self) -> str:
        return f"header-key-{self.number}"

    @property
    def label(self) -> str:
        return self.name[:60] or str(self.number)

    @property
    def is_plain(self) -> bool:
        """Nothing to hide: a mask, a value that was asked for, or one of a harmless header."""
        value = self.value or "a value"
        return bool(self.stored) or self.is_shown or hidden(self.name, value) == value


def posted_pairs(data: MultiValueDict[str, str]) -> Headers:
    """Rows that are empty on both sides are none."""
    rows = zip_longest(data.getlist(NAMES), data.getlist(VALUES), fillvalue="")
    return [(name, value) for name, value in rows if name or value]


def rows_of(
    pairs: Headers, problems: Mapping[str, list[str]], webhook: Webhook | None
) -> list[HeaderRow]:
    known = {name.lower(): name for name, _ in webhook.header_pairs} if webhook else {}
    return [
        HeaderRow(
            number=number,
            name=name,
            value=value,
            stored=known.get(name.lower(), "") if value.endswith(MASK) else "",
            problems=problems.get(name, []),
        )
        for number, (name, value) in enumerate(pairs, start=1)
    ]


def spare_rows(count: int) -> list[HeaderRow]:
    """Empty ones, numbered after `count` filled ones."""
    return [HeaderRow(number) for number in range(count + 1, count + 1 + SPARE_ROWS)]
