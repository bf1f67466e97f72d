import datetime as dt
from typing import Any

from django import forms

from organizations import audit_log
from organizations.audit_log import Filters
from organizations.differences import label_of
from organizations.forms.days import DayField, midnight
from organizations.models import Membership, Organization

DAY = dt.timedelta(days=1)


class AuditFilterForm(forms.Form):
    """Days are the reader's, in their time zone; the last one belongs to the range."""

    person = forms.CharField(label="Who", required=False, widget=forms.Select)
    action = forms.CharField(label="Action", required=False, widget=forms.Select)
    type = forms.CharField(label="Object type", required=False, widget=forms.Select)
    object = forms.CharField(
        label="Object",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Whole name or id"}),
    )
    since = DayField("From")
    until = DayField("To")

    def offer(self, organization: Organization) -> None:
        """Fill the selects with what the log holds; three short queries and one for names."""
        members = Membership.objects.for_organization(organization).select_related("user")
        names = {member.user.get_username(): member.person for member in members[:1_000]}
        people = [
            (code, f"{names[code]} ({code})" if names.get(code, code) != code else code)
            for code in audit_log.values(organization, "actor_code")
        ]
        self._choose("person", "Anybody", people)
        for field, column in (("action", "action"), ("type", "object_type")):
            found = [(value, label_of(value)) for value in audit_log.values(organization, column)]
            self._choose(field, f"Any {self.fields[field].label}".capitalize(), found)

    def _choose(self, field: str, anything: str, found: list[tuple[str, str]]) -> None:
        chosen = str(self[field].value() or "")
        known = {value for value, _ in found}
        kept = [(chosen, chosen)] if chosen and chosen not in known else []
        self.fields[field].widget.choices = [("", anything), *found, *kept]

    def clean(self) -> dict[str, Any]:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and since > until:
            self.add_error("until", "This is before the first day.")
        return self.cleaned_data

    @property
    def filters(self) -> Filters:
        data = self.cleaned_data
        return Filters(
            person=data["person"],
            action=data["action"],
            object_type=data["type"],
            thing=data["object"],
            since=midnight(data["since"]) if data["since"] else None,
            until=midnight(data["until"] + DAY) if data["until"] else None,
        )

    @property
    def chosen(self) -> dict[str, str]:
        """The filters that are set, as they stand in a query string."""
        return {
            name: str(value) for name, value in getattr(self, "cleaned_data", {}).items() if value
        }
