import unicodedata
from typing import Any

from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import ValidationError

from organizations.addresses import caller_site
from organizations.models import SignInAttempts
from organizations.models.sign_in import subject_of


class SignInForm(AuthenticationForm):
    """Django's, with a lock of 15 minutes after five failures of a name or from an address."""

    error_messages = {
        "invalid_login": "Wrong username or password. Both are case-sensitive.",
        "inactive": "This account is not active.",
        "locked": (
            "Too many failed sign-ins. Wait 15 minutes, then try again; "
            "your password has not been checked."
        ),
    }

    def clean(self) -> dict[str, Any]:
        if "username" not in self.cleaned_data or "password" not in self.cleaned_data:
            return self.cleaned_data
        attempts = SignInAttempts.objects.all()
        name, address = self._subjects()
        attempts.forget_old()
        if not (attempts.begin(address) and attempts.begin(name)):
            raise ValidationError(self.error_messages["locked"], "locked")
        cleaned = super().clean()
        attempts.forget(name)
        attempts.take_back(address)
        return cleaned

    def _subjects(self) -> tuple[str, str]:
        """Digests of the name and of the address. A name's spellings are one name."""
        name = unicodedata.normalize("NFKC", self.cleaned_data["username"]).casefold()
        address = caller_site(self.request) if self.request else "unknown"
        return subject_of(f"name {name}"), subject_of(f"address {address}")


class OwnPasswordForm(PasswordChangeForm):
    """Django's, with the same lock after five wrong old passwords."""

    error_messages = {
        **PasswordChangeForm.error_messages,
        "password_incorrect": "This is not your old password.",
        "locked": "Too many wrong passwords. Wait 15 minutes, then try again.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].help_text = " ".join(password_validators_help_texts())
        self.fields["new_password2"].label = "New password again"
        self.fields["new_password2"].help_text = ""

    def clean_old_password(self) -> str:
        attempts = SignInAttempts.objects.all()
        subject = subject_of(f"password of {self.user.pk}")
        attempts.forget_old()
        if not attempts.begin(subject):
            raise ValidationError(self.error_messages["locked"], "locked")
        old_password: str = super().clean_old_password()
        attempts.forget(subject)
        return old_password
