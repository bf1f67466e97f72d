"""Who may see and do what, for every page: generated from the URLs, so none is forgotten."""

import re
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from delivery import tally
from events import event_types
from events.models import EventType
from organizations import audit
from organizations.authentication import Caller
from organizations.models import Access, Customer, Organization, Store, Till
from organizations.pages.page import Page
from tests.conftest import PageClient
from tests.endpoints import Endpoint, page_endpoints
from tests.factories import CredentialFactory, DeliveryFactory, MembershipFactory, WebhookFactory
from tests.page_forms import SECRETS, objects_of
from webhooks.models import Header

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

# Everything else is for members with access to Webhooks: Read to look, Write to change.
PUBLIC = {"home", "sign-in", "sign-out", "invitation-accept", "verify-signatures"} | {
    *("livez", "readyz", "api-schema", "api-docs"),
}
OWN = {"preferences", "own-alerts", "password-change", "choose-organization"}
PAGES = [endpoint for endpoint in page_endpoints() if endpoint.name not in PUBLIC]
GUARDED = [endpoint for endpoint in PAGES if endpoint.name not in OWN]
MOST_QUERIES = 15
SENSITIVE = ("organizations", "events", "webhooks", "delivery", "auth")


@pytest.fixture
def ids(alice: PageClient) -> dict[str, Any]:
    """Of Alice's objects, by the names that URLs have for them."""
    return objects_of(alice.organization)


def rows() -> str:
    """All that a page could have changed; a sign-in may note when it was."""
    models = [model for label in SENSITIVE for model in apps.get_app_config(label).get_models()]
    everything = [row for model in models for row in model._default_manager.order_by("pk")]
    return str(serializers.serialize("json", everything))


def is_shown(answer: Any) -> bool:
    """Or is for POST alone, or a part that leads to its page when it is asked for alone."""
    return answer.status_code in {200, 405} or answer.headers.get("Location") == "/feed"


def test_every_page_is_made_of_the_page_that_asks_who_is_there() -> None:
    for page in PAGES:
        assert page.view is not None, page
        assert issubclass(page.view, Page), page
        own = (page.view.reads, page.view.writes) == (Access.NONE, Access.NONE)
        assert own == (page.name in OWN), page
        if not own:
            assert page.view.reads.may_read, page
            assert page.view.writes.may_write, page


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_anonymous_is_sent_to_sign_in(page: Endpoint, ids: dict[str, Any]) -> None:
    before = rows()
    for method in ("get", "post"):
        answer = getattr(Client(), method)(page.url(ids))
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/sign-in?next=/")
    assert rows() == before


@pytest.mark.parametrize("page", GUARDED, ids=str)
def test_without_access_one_is_told_whom_to_ask(
    page: Endpoint, nina: PageClient, alice: PageClient, ids: dict[str, Any]
) -> None:
    before = rows()
    for method in ("get", "post"):
        answer = getattr(nina, method)(page.url(ids))
        assert answer.status_code == 403
        assert alice.user.email in answer.content.decode()
    assert rows() == before


@pytest.mark.parametrize("page", GUARDED, ids=str)
def test_read_looks_and_changes_nothing(
    page: Endpoint, bob_page: PageClient, ids: dict[str, Any]
) -> None:
    before = rows()
    looked = bob_page.get(page.url(ids))
    if page.view.reads is Access.WRITE:
        assert looked.status_code == 403
    else:
        assert is_shown(looked)
    assert bob_page.post(page.url(ids)).status_code == 403
    assert bob_page.put(page.url(ids)).status_code == 403
    assert bob_page.delete(page.url(ids)).status_code == 403
    assert rows() == before


@pytest.mark.parametrize("page", GUARDED, ids=str)
def test_write_gets_every_page(page: Endpoint, alice: PageClient, ids: dict[str, Any]) -> None:
    assert is_shown(alice.get(page.url(ids)))
    assert alice.post(page.url(ids)).status_code not in {403, 404, 500}


@pytest.mark.parametrize("page", [page for page in PAGES if page.parameters], ids=str)
def test_what_is_another_organizations_does_not_exist(
    page: Endpoint, charlie_page: PageClient, ids: dict[str, Any]
) -> None:
    before = rows()
    for method in ("get", "post"):
        answer = getattr(charlie_page, method)(page.url(ids))
        assert answer.status_code in {404, 405}, answer.status_code
    assert charlie_page.post(page.url(ids)).status_code in {404, 405}
    assert rows() == before


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_form_that_was_opened_for_another_organization_does_nothing(
    page: Endpoint, alice: PageClient, charlie_page: PageClient, ids: dict[str, Any]
) -> None:
    before = rows()
    body = {"organization_id": charlie_page.organization.pk}
    assert alice.post(page.url(ids), body).status_code == 409
    assert rows() == before


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_changing_demands_the_csrf_token(
    page: Endpoint, alice: PageClient, ids: dict[str, Any]
) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice.user)
    before = rows()
    assert strict.post(page.url(ids)).status_code == 403
    assert rows() == before


@pytest.mark.parametrize("page", GUARDED, ids=str)
def test_no_page_shows_a_credential_unasked(
    page: Endpoint, alice: PageClient, bob_page: PageClient, ids: dict[str, Any]
) -> None:
    for client in (alice, bob_page):
        for headers in ({}, {"HX-Request": "true"}):
            answer = client.get(page.url(ids), headers=headers)
            shown = answer.content.decode() + str(answer.headers)
            for secret in SECRETS.values():
                assert secret not in shown


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_form_that_changes_something_says_where_it_was_opened(
    page: Endpoint, alice: PageClient, ids: dict[str, Any]
) -> None:
    """So that it does nothing in another organisation, chosen or left meanwhile."""
    shown = alice.get(page.url(ids)).content.decode()
    for form in re.findall(r"<form\b[^>]*method=\"post\".*?</form>", shown, re.DOTALL):
        assert 'name="csrfmiddlewaretoken"' in form
        if 'action="/sign-out"' not in form and 'action="/organization"' not in form:
            assert f'name="organization_id" value="{alice.organization.pk}"' in form


@pytest.mark.parametrize("page", page_endpoints(), ids=str)
def test_no_page_allows_scripts_of_others(
    page: Endpoint, alice: PageClient, ids: dict[str, Any]
) -> None:
    policy = alice.get(page.url({**ids, "token": "x"})).headers["Content-Security-Policy"]
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert directives["default-src"] == "'self'"
    assert "script-src" not in directives
    assert directives["object-src"] == "'none'"
    if page.name != "api-docs":
        assert "unsafe" not in policy


def add_of_everything(organization: Organization, first: int, count: int) -> None:
    """`count` rows of all that pages list, with numbers from `first` on."""
    for number in range(first, first + count):
        webhook = WebhookFactory(organization=organization, events=["pointsIssued", "cardUpdated"])
        Header.objects.create(webhook=webhook, position=0, name="X-Shop", value="7")
        DeliveryFactory.create_batch(3, webhook=webhook)
        EventType.objects.create(organization=organization, name=f"own{number}", schema={})
        CredentialFactory(organization=organization)
        member = MembershipFactory(organization=organization)
        audit.record(Caller.member(member), action="created", obj=webhook, after={"name": "x"})
        numbers = {"organization": organization, "code": f"c{number}"}
        store = Store.objects.create(store_id=number, **numbers)
        Till.objects.create(till_id=number, store=store, **numbers)
        Customer.objects.create(organization=organization, customer_id=number)


@pytest.mark.parametrize("page", [page for page in PAGES if page.is_shown], ids=str)
def test_a_page_asks_the_database_no_more_often_when_there_is_more(
    page: Endpoint, alice: PageClient, ids: dict[str, Any]
) -> None:
    counts = []
    for first, count in ((0, 2), (2, 9)):
        add_of_everything(alice.organization, first, count)
        tally.recount()
        event_types.remembered.clear()
        with CaptureQueriesContext(connection) as queries:
            alice.get(page.url(ids))
        counts.append(len(queries))
    assert counts[1] <= counts[0] <= MOST_QUERIES
