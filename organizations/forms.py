import unicodedata
from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.crypto import salted_hmac

from organizations.addresses import caller_site
from organizations.models import SignInAttempts


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
        return _digest(f"name {name}"), _digest(f"address {address}")


def _digest(text: str) -> str:
    return salted_hmac("organizations.sign-in", text, algorithm="sha256").hexdigest()
