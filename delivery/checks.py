"""What is wrong with the settings of deliveries, told when a command starts."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from delivery.enrichment.provider import new_provider


def check_enrichment_provider(**_: Any) -> list[checks.CheckMessage]:
    try:
        new_provider(settings.ENRICHMENT_PROVIDER)
    except ImproperlyConfigured as problem:
        hint = "Name a class as package.module.Class: see delivery/enrichment/provider.py."
        return [checks.Error(str(problem), hint=hint, id="delivery.E001")]
    return []


def check_mail(**_: Any) -> list[checks.CheckMessage]:
    """Told by `check --deploy`; each worker says it in its log when it starts."""
    if settings.MAIL is not None:
        return []
    message = "E-mail is not set up: nobody is mailed when a webhook fails."
    hint = "Set EMAIL_URL, ENS_EMAIL_FROM and ENS_PUBLIC_URL."
    return [checks.Warning(message, hint=hint, id="delivery.W001")]
