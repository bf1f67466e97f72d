"""Addresses of the catalogue's pages, made without asking the URL patterns for each of many."""

from urllib.parse import quote

from django.urls import reverse

SAFE_IN_PATH = "!$&'()*+,;=:@~"


def catalogue_path(name: str) -> str:
    """Page of an event type, whatever signs its name has."""
    return f"{reverse('event-type-list')}/{quote(name, safe=SAFE_IN_PATH)}"
