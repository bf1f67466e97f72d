from django import forms
from django.db.models import QuerySet

from organizations.models import Organization
from webhooks.models import Webhook


class OperationalWebhookForm(forms.Form):
    """One of the organisation's webhooks, by its public id; empty for none."""

    webhook = forms.ModelChoiceField(
        Webhook.objects.none(),
        label="Webhook",
        required=False,
        to_field_name="public_id",
        empty_label="None",
        error_messages={"invalid_choice": "Choose one of the active webhooks."},
    )

    def __init__(self, data: object, organization: Organization, chosen: Webhook | None) -> None:
        super().__init__(data, initial={"webhook": chosen})  # type: ignore[arg-type]
        self.fields["webhook"].queryset = _offered(organization, chosen)  # type: ignore[attr-defined]


def _offered(organization: Organization, chosen: Webhook | None) -> QuerySet[Webhook]:
    own = Webhook.objects.for_organization(organization)
    kept = own.filter(pk=chosen.pk) if chosen else own.none()
    return (own.deliverable() | kept).order_by("name")
