"""Which webhooks the list shows, and in which order: from the URL's query."""

from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest, Lower
from django.http import QueryDict

from delivery.figures import with_failures
from delivery.webhook_status import HEALTHS, with_health
from webhooks.models import Subscription, Webhook

MAX_SEARCH = 200
STATUSES = {"active": "Active", "inactive": "Inactive", "deactivated": "Deactivated"}
IS = {
    "active": Q(deactivated_at=None),
    "inactive": Q(deactivated_at__isnull=False, deactivation_reason=""),
    "deactivated": Q(deactivated_at__isnull=False) & ~Q(deactivation_reason=""),
}
# When it was changed, by whomever: the service deactivates without being an editor.
CHANGED_AT = Greatest("updated_at", Coalesce("deactivated_at", "updated_at"))
COLUMNS: dict[str, Lower | F] = {
    "name": Lower("name"),
    "failed": F("failed_last_day"),
    "updated": F("changed_at"),
}
SORTS = [f"{sign}{column}" for column in COLUMNS for sign in ("", "-")]
NEWEST_FIRST = "-updated"


class _Query(forms.Form):
    q = forms.CharField(required=False, max_length=MAX_SEARCH)
    status = forms.ChoiceField(required=False, choices=STATUSES.items())
    health = forms.ChoiceField(required=False, choices=HEALTHS.items())
    sort = forms.ChoiceField(required=False, choices=[(sort, sort) for sort in SORTS])


@dataclass(frozen=True, slots=True)
class WebhookSearch:
    """Empty texts mean that nothing was chosen. `sort` is a column, after a "-" downwards."""

    q: str = ""
    status: str = ""
    health: str = ""
    sort: str = ""

    @classmethod
    def of(cls, query: QueryDict) -> "WebhookSearch":
        """What is no choice in `query` is left out: an old link still shows a list."""
        form = _Query(query)
        form.is_valid()
        return cls(**form.cleaned_data)

    @property
    def is_narrowed(self) -> bool:
        return bool(self.q or self.status or self.health)

    @property
    def column(self) -> str:
        return (self.sort or NEWEST_FIRST).lstrip("-")

    @property
    def is_downwards(self) -> bool:
        return (self.sort or NEWEST_FIRST).startswith("-")

    def query(self, **changed: Any) -> str:
        """The URL's query for this search with something else chosen; "?" alone for nothing."""
        chosen = {**asdict(self), **changed}
        return "?" + urlencode({name: value for name, value in chosen.items() if value})

    def sorted_by(self, column: str) -> str:
        """The query that sorts by `column`: names upwards first, figures and times downwards."""
        if column == self.column:
            return self.query(sort=column if self.is_downwards else f"-{column}")
        return self.query(sort=column if column == "name" else f"-{column}")

    def found_of_any_status(self, webhooks: QuerySet[Webhook]) -> QuerySet[Webhook]:
        if self.health:
            webhooks = with_health(webhooks, self.health)
        if self.q:
            subscriptions = Subscription.objects.filter(
                webhook=OuterRef("pk"), event_name__icontains=self.q
            )
            webhooks = webhooks.filter(
                Q(name__icontains=self.q) | Q(url__icontains=self.q) | Exists(subscriptions)
            )
        return webhooks

    def found(self, webhooks: QuerySet[Webhook]) -> QuerySet[Webhook]:
        """In order; with `changed_at`."""
        found = self.found_of_any_status(webhooks.annotate(changed_at=CHANGED_AT))
        if self.status:
            found = found.filter(IS[self.status])
        if self.column == "failed" and not self.health:
            found = with_failures(found)
        column = COLUMNS[self.column]
        return found.order_by(column.desc() if self.is_downwards else column.asc(), "-id")

    def counts(self, webhooks: QuerySet[Webhook]) -> dict[str, int]:
        """How many there are of each status, whichever is chosen; "" for all, in one query."""
        found = self.found_of_any_status(webhooks)
        numbers = {name: Count("pk", filter=condition) for name, condition in IS.items()}
        counted: dict[str, int] = found.aggregate(**numbers)
        return {"": sum(counted.values()), **counted}
