"""What the guard says early about a receiver's URL: see WEBHOOK_URL_CHECK in the settings."""

from typing import Final

from django.core.exceptions import ValidationError

from delivery.guarding import installation_guard
from delivery.transport.guard import ForbiddenAddress
from delivery.transport.origin import queue_origin
from webhooks import queue_password, queue_url

ADVICE: Final = " Give a public host, or ask your operator to allow this network."


def check_webhook_url(url: str) -> None:
    """Raises ValidationError. Asks no name server: a name is judged when it is connected to."""
    guard = installation_guard()
    try:
        if queue_password.is_queue_url(url):
            guard.check_place(queue_origin(queue_url.parse(url)))
        else:
            guard.check_url(url)
    except ForbiddenAddress as refusal:
        message = str(refusal)
        code = "url_malformed" if refusal.code == "url_invalid" else "url_not_allowed"
        advice = ADVICE if refusal.code == "address_forbidden" else ""
        raise ValidationError(f"{message[:1].upper()}{message[1:]}.{advice}", code) from None
