import hashlib
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from organizations.models import Access, Credential, Membership, Organization
from tests.conftest import basic
from tests.factories import CredentialFactory, OrganizationFactory, UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases,
    pytest.mark.urls("tests.organizations.urls"),
]


def run(*arguments: object) -> str:
    output = io.StringIO()
    call_command(*(str(argument) for argument in arguments), stdout=output)
    return output.getvalue()


def run_json(*arguments: object) -> dict[str, Any]:
    """The command prints exactly one JSON object."""
    shown = json.loads(run(*arguments, "--json"))
    assert isinstance(shown, dict)
    return shown


def test_an_organization_gets_the_next_id() -> None:
    shown = run_json("create_organization", "Brand")
    organization = Organization.objects.get()
    assert shown == {"id": organization.pk, "name": "Brand", "parent": None, "timeZone": "UTC"}


def test_an_organization_may_bring_its_id_parent_and_zone() -> None:
    parent = OrganizationFactory()
    shown = run_json(
        *("create_organization", "Child", "--id", 50_074_000_000),
        *("--parent", parent.pk, "--time-zone", "Asia/Kolkata"),
    )
    organization = Organization.objects.get(pk=50_074_000_000)
    assert shown["id"] == 50_074_000_000
    assert (organization.parent, organization.time_zone) == (parent, "Asia/Kolkata")


def test_ids_go_on_after_one_that_was_given() -> None:
    run("create_organization", "Given", "--id", 1_000_000)
    assert run_json("create_organization", "Next")["id"] == 1_000_001


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([""], "name"),
        (["   "], "name"),
        (["x" * 201], "name"),
        (["Brand", "--id", "0"], "id"),
        (["Brand", "--id", "-5"], "id"),
        (["Brand", "--id", "9" * 30], "id"),
        (["Brand", "--id", "five"], "id"),
        (["Brand", "--parent", "77"], "no organization with the id 77"),
        (["Brand", "--parent", "9" * 30], "no organization"),
        (["Brand", "--time-zone", "Mars/Olympus"], "tz database"),
        (["\udcff"], "UTF-8"),
        ([], "name"),
    ],
)
def test_a_wrong_organization_is_told_in_one_line_and_not_made(
    arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message) as caught:
        run("create_organization", *arguments)
    assert "\n" not in str(caught.value)
    assert not Organization.objects.exists()


def test_an_id_is_not_given_twice() -> None:
    organization = OrganizationFactory(name="First")
    with pytest.raises(CommandError, match="already exists"):
        run("create_organization", "Second", "--id", organization.pk)
    assert Organization.objects.get().name == "First"


def test_there_is_one_level_of_children() -> None:
    child = OrganizationFactory(parent=OrganizationFactory())
    with pytest.raises(CommandError, match="parent"):
        run("create_organization", "Grandchild", "--parent", child.pk)


def test_a_credential_works_with_what_is_shown() -> None:
    organization = OrganizationFactory()
    shown = run_json(
        *("create_credential", "--organization", organization.pk, "--code", "demo.till"),
        *("--webhooks", "write", "--events", "--name", "Demo"),
    )
    credential = Credential.objects.get()
    assert (credential.organization, credential.name) == (organization, "Demo")
    assert (credential.access, credential.may_write_events) == (Access.WRITE, True)
    assert shown["code"] == "demo.till"
    assert shown["expiresAt"] is None
    client = APIClient()
    md5 = hashlib.md5(shown["password"].encode()).hexdigest()
    for password in (shown["password"], md5):
        headers = {"Authorization": basic("demo.till", password)}
        assert client.get("/who", headers=headers).status_code == 200
    body = {"key": shown["key"], "secret": shown["secret"]}
    assert client.post("/v3/oauth/token/generate", body).status_code == 200


def test_a_credential_may_do_nothing_and_lasts_for_ever_unless_told_otherwise() -> None:
    organization = OrganizationFactory()
    run("create_credential", "--organization", organization.pk, "--code", "plain")
    plain = Credential.objects.get()
    assert (plain.access, plain.may_write_events) == (Access.NONE, False)
    assert plain.expires_at is None


def test_a_credential_may_expire() -> None:
    organization = OrganizationFactory()
    run_json(
        *("create_credential", "--organization", organization.pk, "--code", "short"),
        *("--expires-in-days", 30),
    )
    expires_at = Credential.objects.get().expires_at
    assert expires_at is not None
    assert timedelta(days=29) < expires_at - timezone.now() <= timedelta(days=30)


def test_secrets_are_not_in_the_database() -> None:
    organization = OrganizationFactory()
    shown = run_json("create_credential", "--organization", organization.pk, "--code", "demo")
    row = Credential.objects.values().get()
    for name in ("password", "secret"):
        assert shown[name] not in map(str, row.values())


def test_the_readable_output_names_everything() -> None:
    organization = OrganizationFactory()
    text = run("create_credential", "--organization", organization.pk, "--code", "demo")
    assert "shown this once" in text
    for name in ("code", "password", "key", "secret"):
        assert f"  {name} " in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--code", "a:b"], "code"),
        (["--code", "a b"], "code"),
        (["--code", "ä"], "code"),
        (["--code", ""], "code"),
        (["--code", "x" * 101], "code"),
        (["--code", "ok", "--webhooks", "admin"], "webhooks"),
        (["--code", "ok", "--expires-in-days", "0"], "days"),
        (["--code", "ok", "--expires-in-days", "-1"], "days"),
        (["--code", "ok", "--expires-in-days", "99999999"], "days"),
        ([], "code"),
    ],
)
def test_a_wrong_credential_is_told_in_one_line_and_not_made(
    arguments: list[str], message: str
) -> None:
    organization = OrganizationFactory()
    with pytest.raises(CommandError, match=message) as caught:
        run("create_credential", "--organization", organization.pk, *arguments)
    assert "\n" not in str(caught.value)
    assert not Credential.objects.exists()


def test_a_code_is_not_given_twice() -> None:
    credential = CredentialFactory()
    with pytest.raises(CommandError, match="already exists"):
        run(
            *("create_credential", "--organization", OrganizationFactory().pk),
            *("--code", credential.code),
        )


@pytest.mark.parametrize("command", ["create_credential", "create_user"])
def test_the_organization_must_exist(command: str) -> None:
    name = "--code" if command == "create_credential" else "--username"
    with pytest.raises(CommandError, match="no organization with the id 77"):
        run(command, "--organization", 77, name, "somebody")
    assert not User.objects.exists()


def test_a_user_gets_a_password_that_is_shown_once() -> None:
    organization = OrganizationFactory()
    shown = run_json(
        *("create_user", "--organization", organization.pk, "--username", "alice"),
        *("--webhooks", "read", "--events"),
    )
    membership = Membership.objects.get()
    assert (membership.organization, membership.access) == (organization, Access.READ)
    assert membership.may_write_events
    assert membership.user.check_password(shown["password"])
    assert not membership.user.is_superuser
    assert shown["username"] == "alice"


def test_a_users_given_password_is_not_repeated() -> None:
    organization = OrganizationFactory()
    text = run(
        *("create_user", "--organization", organization.pk, "--username", "alice"),
        *("--password", "a long enough one"),
    )
    assert "a long enough one" not in text
    assert User.objects.get().check_password("a long enough one")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--username", ""], "username"),
        (["--username", "a b"], "username"),
        (["--username", "x" * 151], "username"),
        (["--username", "taken"], "already exists"),
        (["--username", "alice", "--password", "short"], "too short"),
        (["--username", "alice", "--password", "password123"], "too common"),
        (["--username", "alice", "--password", ""], "too short"),
        (["--username", "alice", "--password", "x", "--prompt"], "not allowed"),
    ],
)
def test_a_wrong_user_is_told_in_one_line_and_not_made(arguments: list[str], message: str) -> None:
    UserFactory(username="taken")
    with pytest.raises(CommandError, match=message) as caught:
        run("create_user", "--organization", OrganizationFactory().pk, *arguments)
    assert "\n" not in str(caught.value)
    assert User.objects.count() == 1
    assert not Membership.objects.exists()
