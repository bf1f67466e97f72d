from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from organizations.forms.access import ACCESS_FIELDS, ACCESS_LABELS, ACCESS_WIDGETS
from organizations.models import Credential, Organization

LATEST_EXPIRY = timedelta(days=36_500)


class CredentialForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """`organization`: in its time zone the expiry is read."""

    expires_at = forms.DateTimeField(
        label="Expires",
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        error_messages={"invalid": "Use a date and a time, such as 2027-03-31T18:00."},
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )

    class Meta:
        model = Credential
        fields = ["code", "name", *ACCESS_FIELDS, "expires_at"]
        labels = {"code": "Code", "name": "Name", **ACCESS_LABELS}
        help_texts = {
            "code": "The till's username. Cannot be changed later.",
            "name": "Who uses it, for people.",
        }
        error_messages = {"code": {"unique": "This code is taken. Choose another one."}}
        widgets = {
            **ACCESS_WIDGETS,
            "code": forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        }

    def __init__(self, organization: Organization, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._zone = organization.zone
        self.fields["expires_at"].help_text = f"In {organization.time_zone}. Empty: never."

    def full_clean(self) -> None:
        with timezone.override(self._zone):
            super().full_clean()

    def clean_expires_at(self) -> datetime | None:
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        if expires_at and not timezone.now() < expires_at < timezone.now() + LATEST_EXPIRY:
            raise ValidationError("Choose a time from now on, within 100 years.", "not_ahead")
        return expires_at
