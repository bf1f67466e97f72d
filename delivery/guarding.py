"""The installation's guard: the rules of the settings about where requests may go."""

from functools import cache

from django.conf import settings

from delivery.transport.guard import Guard


@cache
def installation_guard() -> Guard:
    return Guard(allowed_networks=settings.ALLOWED_NETWORKS)
