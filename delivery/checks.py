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
