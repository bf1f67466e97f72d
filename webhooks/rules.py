"""Rules about single values of a webhook."""

import unicodedata
from collections.abc import Callable
from typing import cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.module_loading import import_string

from organizations.sources import PAYLOAD_KEYS
from webhooks import queue_password, queue_url

MAX_URL = 2_000


def validate_name(name: str) -> None:
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        raise ValidationError("No control characters in a name.", "name_invalid")


def validate_sources(names: object) -> None:
    for name in names if isinstance(names, list) else [names]:
        if name not in PAYLOAD_KEYS:
            message = f"Use some of: {', '.join(PAYLOAD_KEYS)}."
            raise ValidationError(message, "source_unknown")


def validate_http_url(url: str) -> None:
    """Form and, as far as can be told without a name server, reach of a receiver's URL.

    What may be reached is told by WEBHOOK_URL_CHECK: a callable that raises ValidationError.
    """
    if len(url) > MAX_URL:
        raise ValidationError(f"A URL has at most {MAX_URL} characters.", "url_malformed")
    if "#" in url:
        raise ValidationError("A URL's fragment is never sent; leave it out.", "url_malformed")
    if queue_password.is_queue_url(url):
        raise ValidationError("Use http or https; a queue needs the type queue.", "url_malformed")
    _check_reach(url)


def validate_queue_url(url: str, secret: str = "") -> None:
    """Likewise of a queue's URL, whose password stands in `secret` or in the URL itself."""
    whole = queue_password.checkable(url, secret)
    queue_url.parse(whole)
    _check_reach(whole)


def _check_reach(url: str) -> None:
    check = cast("Callable[[str], None]", import_string(settings.WEBHOOK_URL_CHECK))
    check(url)
