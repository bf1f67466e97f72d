"""A real Chromium at the real site: web, worker, Redis and receiver are processes of their own."""

import os
from collections.abc import Callable, Iterator

import pytest
from django.core.management import call_command
from django.db import connections
from playwright.sync_api import Browser
from pytest_django.plugin import DjangoDbBlocker

from organizations.models import Access, Membership, Organization
from tests.browser.chromium import NoBrowser, chromium
from tests.browser.visitor import Site, Visitor
from tests.factories import MembershipFactory, OrganizationFactory, UserFactory
from tests.proof.stage import RemoteReceiver, Stage

ALLOWED = "DJANGO_ALLOW_ASYNC_UNSAFE"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    try:
        with chromium() as browser:
            yield browser
    except NoBrowser as problem:
        if os.environ.get("CI"):
            pytest.fail(str(problem))
        pytest.skip(f"THE BROWSER TESTS DID NOT RUN. {problem}")


@pytest.fixture(scope="package")
def db(
    browser: Browser, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """In the place of pytest-django's: what a test writes is there for the other processes.

    It ends before the browser does: a connection made beside Playwright's loop is lost with it.
    """
    # Playwright keeps an event loop in this thread; the database is asked between its calls only.
    os.environ[ALLOWED] = "true"
    with django_db_blocker.unblock():
        yield
        call_command("flush", interactive=False, verbosity=0)
        # Playwright's loop keeps connections apart from those that the tests' end would close.
        connections.close_all()
    del os.environ[ALLOWED]


@pytest.fixture(scope="package")
def stage(db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One for all tests here: each has an organisation of its own."""
    with Stage(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture(scope="package")
def site(stage: Stage) -> Site:
    port = stage.start_web()
    stage.start_worker()
    stage.wait_for_workers(1)
    return Site(f"http://127.0.0.1:{port}")


@pytest.fixture(scope="package")
def receiver(stage: Stage) -> RemoteReceiver:
    return stage.receiver()


@pytest.fixture
def organization(stage: Stage) -> Organization:
    organization: Organization = OrganizationFactory(time_zone="Asia/Kolkata")
    return organization


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Callable[..., Visitor]]:
    """`visit(membership)`: that person at a browser, signed in. Nothing may go wrong there."""
    visitors: list[Visitor] = []

    def begin(membership: Membership, **options: object) -> Visitor:
        visitors.append(Visitor(browser, site, membership, **options))
        return visitors[-1]

    yield begin
    for visitor in visitors:
        visitor.leave()


@pytest.fixture
def alice(organization: Organization) -> Membership:
    membership: Membership = MembershipFactory(organization=organization, user=UserFactory())
    return membership


@pytest.fixture
def bob(organization: Organization) -> Membership:
    membership: Membership = MembershipFactory(
        organization=organization, user=UserFactory(), webhooks_access=Access.READ
    )
    return membership
