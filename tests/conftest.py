"""Three persons: Alice may write, Bob reads in her organisation, Charlie is from another one."""

import base64
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from events import event_types
from organizations.authentication import remembered
from organizations.models import Access, Credential, Membership, Organization
from organizations.redis import RedisAway, door
from tests.factories import (
    CredentialFactory,
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
)


class CredentialClient(APIClient):
    """A client that signs in with HTTP Basic as `credential`."""

    def __init__(self, credential: Credential, **defaults: Any) -> None:
        super().__init__(**defaults)
        self.credential = credential
        self.organization: Organization = credential.organization
        password = credential.plain_password  # type: ignore[attr-defined]  # of the factory
        self.credentials(HTTP_AUTHORIZATION=basic(credential.code, password))


def basic(code: str, password: str) -> str:
    """The Authorization header."""
    return "Basic " + base64.b64encode(f"{code}:{password}".encode()).decode()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite in a file, as in an installation; Django's tests have it in memory, where several
    connections lock each other out."""
    if connection.vendor == "sqlite":
        path = tmp_path_factory.mktemp("database") / "test.sqlite3"
        connection.settings_dict["TEST"]["NAME"] = str(path)


@pytest.fixture
def api(db: None) -> CredentialClient:
    return CredentialClient(CredentialFactory(organization__name="Alice's Bakery"))


@pytest.fixture
def bob(api: CredentialClient) -> CredentialClient:
    return CredentialClient(
        CredentialFactory(
            organization=api.organization,
            webhooks_access=Access.READ,
            may_write_events=False,
        )
    )


@pytest.fixture
def charlie(db: None) -> CredentialClient:
    return CredentialClient(
        CredentialFactory(organization=OrganizationFactory(name="Charlie's Shoes"))
    )


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Credentials and counts of other tests, whose ids come again, do not reach into this one."""
    remembered.clear()
    event_types.remembered.clear()
    with contextlib.suppress(RedisAway):
        door(1.0).call(_forget_rates)
    yield
    remembered.clear()
    event_types.remembered.clear()


def _forget_rates(client: redis.Redis) -> None:
    for key in client.scan_iter("ens:rate:*", count=1_000):
        client.delete(key)


@pytest.fixture(autouse=True)
def fast_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


class PageClient(Client):
    """A browser of `user`, signed in, looking at `organization`."""

    def __init__(self, membership: Membership) -> None:
        super().__init__()
        self.membership = membership
        self.organization: Organization = membership.organization
        self.user = membership.user
        self.force_login(membership.user)


def member(organization: Organization, username: str, access: Access) -> PageClient:
    user = UserFactory(
        username=username, first_name=username.title(), email=f"{username}@x.example"
    )
    return PageClient(
        MembershipFactory(organization=organization, user=user, webhooks_access=access)
    )


@pytest.fixture
def alice(db: None) -> PageClient:
    return member(OrganizationFactory(name="Alice's Bakery"), "alice", Access.WRITE)


@pytest.fixture
def bob_page(alice: PageClient) -> PageClient:
    return member(alice.organization, "bob", Access.READ)


@pytest.fixture
def nina(alice: PageClient) -> PageClient:
    return member(alice.organization, "nina", Access.NONE)


@pytest.fixture
def charlie_page(db: None) -> PageClient:
    return member(OrganizationFactory(name="Charlie's Shoes"), "charlie", Access.WRITE)
