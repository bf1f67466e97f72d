from typing import Any

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts

from organizations.forms.access import ACCESS_FIELDS, ACCESS_LABELS, ACCESS_WIDGETS
from organizations.models import Invitation, Membership


class InvitationForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    class Meta:
        model = Invitation
        fields = ["email", *ACCESS_FIELDS]
        labels = {"email": "E-mail", **ACCESS_LABELS}
        widgets = {
            **ACCESS_WIDGETS,
            "email": forms.EmailInput(attrs={"autocomplete": "off"}),
        }


class MembershipForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    class Meta:
        model = Membership
        fields = ACCESS_FIELDS
        labels = ACCESS_LABELS
        widgets = ACCESS_WIDGETS


class AcceptForm(forms.Form):
    """What a new user says of themself; `invitations.join_as_new` judges the password."""

    full_name = forms.CharField(
        label="Your name",
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True}),
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=4_096,
        help_text=" ".join(password_validators_help_texts()),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(
        label="Password again",
        strip=False,
        max_length=4_096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if "password" in data and data.get("password_again", data["password"]) != data["password"]:
            self.add_error("password_again", "The two passwords differ.")
        return data
