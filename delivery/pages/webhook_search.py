"""Which webhooks the list shows, and in which order: from the URL's query."""

from dataclasses import asdict, dataclass
from typing import Any

from django import forms
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest, Lower
from django.http import QueryDict

from delivery.figures import with_failures
from delivery.webhook_status import HEALTHS, with_health
from organizations.queries import query_of
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
        return f"?{query_of(chosen)}"

    def sorted_by(self, column: str) -> str:
        """The query that sorts by `column`: names upwards first, figures and times downwards."""
        if column == self.column:
            return self.query(sort=column if self.is_downwards else f"-{column}")
        return self.query(sort=column if column == "name" else f"-{column}")

    def narrowed(self, webhooks: QuerySet[Webhook]) -> QuerySet[Webhook]:
        """Those that search and health leave, of any status; looked for once, as it costs most."""
        if not (self.q or self.health):
            return webhooks
        found = with_health(webhooks, self.health) if self.health else webhooks
        if self.q:
            subscriptions = Subscription.objects.filter(
                webhook=OuterRef("pk"), event_name__icontains=self.q
            )
            found = found.filter(
                Q(name__icontains=self.q)
                | Q(url__icontains=self.q)
                | Q(webhook_type__iexact=self.q)
                | Exists(subscriptions)
            )
        return webhooks.filter(pk__in=list(found.order_by().values_list("pk", flat=True)))

    def found(self, narrowed: QuerySet[Webhook]) -> QuerySet[Webhook]:
        """Of these, those with the status, in order; with `changed_at`."""
        found = narrowed.filter(IS[self.status]) if self.status else narrowed
        if self.column == "failed":
            found = with_failures(found)
        column = COLUMNS[self.column]
        return found.annotate(changed_at=CHANGED_AT).order_by(
            column.desc() if self.is_downwards else column.asc(), "-id"
        )


def counts(webhooks: QuerySet[Webhook]) -> dict[str, int]:
    """How many of them there are of each status, "" for all, in one query."""
    numbers = {name: Count("pk", filter=condition) for name, condition in IS.items()}
    counted: dict[str, int] = webhooks.order_by().aggregate(**numbers)
    return {"": sum(counted.values()), **counted}
