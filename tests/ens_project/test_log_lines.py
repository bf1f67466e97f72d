"""What stands in the log of the program as it is configured."""

import io
import logging
from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from ens_project.log_lines import WithoutPath

TOKEN = "s3cret-of-an-invitation"


def explode(_request: HttpRequest, **_: str) -> HttpResponse:
    raise RuntimeError


# This module is a URL configuration as well, with a view that no program has.
urlpatterns = [path("explode/<str:token>", explode)]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the handler of the settings writes meanwhile."""
    (handler,) = (
        handler
        for handler in logging.getLogger().handlers
        if any(isinstance(one, WithoutPath) for one in handler.filters)
    )
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    before = handler.setStream(written)
    yield written
    handler.setStream(before)


@pytest.mark.django_db
def test_a_form_without_token_is_told_by_its_route(log: io.StringIO) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(f"/invitation/{TOKEN}?of={TOKEN}").status_code == 403
    assert "invitation/<str:token>" in log.getvalue()
    assert TOKEN not in log.getvalue()


@override_settings(ROOT_URLCONF=__name__)
def test_a_fault_of_ours_is_told_by_its_route(log: io.StringIO) -> None:
    client = Client(raise_request_exception=False)
    assert client.get(f"/explode/{TOKEN}").status_code == 500
    assert "explode/<str:token>" in log.getvalue()
    assert "RuntimeError" in log.getvalue()
    assert TOKEN not in log.getvalue()


def test_a_path_that_is_none_of_ours_is_not_told(log: io.StringIO) -> None:
    assert Client().get(f"/nothing/{TOKEN}").status_code == 404
    assert TOKEN not in log.getvalue()


def test_lines_of_others_stay_as_they_are(log: io.StringIO) -> None:
    logging.getLogger("somebody").warning("%s and %s", "one", "two")
    assert "one and two" in log.getvalue()
