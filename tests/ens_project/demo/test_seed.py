"""The seed of the demo, on both databases."""

import socket
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from ens_project.demo import brand
from ens_project.demo.seed import receiver_url, seed
from ens_project.demo.state import DemoState
from events.catalogue import CATALOGUE, standard_sample
from organizations.authentication import Caller, credential_with_password
from organizations.models import (
    Access,
    AuditEntry,
    Credential,
    Customer,
    CustomerIdentifier,
    Membership,
    Organization,
    Till,
)
from tests.factories import UserFactory
from webhooks.draft import Draft, delete
from webhooks.models import Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

ENTERERS = ("enteredBy", "addedBy", "updatedBy", "createdBy")


def rows() -> dict[str, int]:
    """How many rows each of our models has."""
    ours = ("organizations", "events", "webhooks", "delivery", "auth")
    models = [model for label in ours for model in apps.get_app_config(label).get_models()]
    return {model.__name__: model._default_manager.count() for model in models}


def the_webhook() -> Webhook:
    return Webhook.objects.get(deleted_at=None, name=brand.RECEIVER.name)


def change_webhook(credential: Credential, **changes: Any) -> None:
    draft = Draft.of(the_webhook())
    for name, value in changes.items():
        setattr(draft.webhook, name, value)
    draft.clean()
    draft.save(Caller.with_credential(credential))


def found_in(value: Any, *keys: str) -> list[Any]:
    """What stands under the keys, anywhere in a JSON value."""
    if isinstance(value, list):
        return [found for member in value for found in found_in(member, *keys)]
    if not isinstance(value, dict):
        return []
    here = [inner for key, inner in value.items() if key in keys]
    return here + [found for inner in value.values() for found in found_in(inner, *keys)]


# --- What is there -------------------------------------------------------------------------


def test_there_are_a_parent_a_child_and_a_till_that_may_do_everything(demo: Any) -> None:
    state = seed()
    child = Organization.objects.get(name=brand.CHILD)
    assert child.parent_id == state.organization
    till = credential_with_password(state.code, state.password)
    assert till is not None
    assert (till.organization_id, till.access, till.may_write_events) == (
        state.organization,
        Access.WRITE,
        True,
    )
    till_of_child = credential_with_password(state.child_code, state.child_password)
    assert till_of_child is not None
    assert (till_of_child.organization, till_of_child.access, till_of_child.may_write_events) == (
        child,
        Access.NONE,
        True,
    )


def test_there_is_a_user_for_each_access_who_can_sign_in(demo: Any) -> None:
    state = seed()
    for username, access in (("wendy", "write"), ("rita", "read"), ("nora", "none")):
        user = authenticate(username=username, password=state.users[username])
        assert user is not None
        membership = Membership.objects.get(user__username=username)
        assert membership.organization_id == state.organization
        assert membership.webhooks_access == access
        assert membership.may_write_events is (access == "write")


def test_the_webhook_gets_a_dozen_types_with_a_header_and_a_signature(demo: Any) -> None:
    state = seed()
    webhook = the_webhook()
    assert webhook.public_id == state.webhook_ids[webhook.name]
    assert webhook.organization_id == state.organization
    assert webhook.url == receiver_url(state.receiver_port, "/events")
    assert webhook.event_names == list(brand.EVENT_NAMES)
    assert len(webhook.event_names) == 12
    assert CATALOGUE.keys() >= set(webhook.event_names)
    assert webhook.listen_to_child_events
    ((name, value),) = webhook.header_pairs
    assert name == "Authorization"
    assert value.startswith("Bearer ")
    assert webhook.signing_secrets.count() == 1


def test_it_was_made_as_the_api_would_have_made_it(demo: Any) -> None:
    state = seed()
    entries = AuditEntry.objects.all()
    assert len(entries) == len(brand.WEBHOOKS)
    assert {(entry.action, entry.actor["code"]) for entry in entries} == {("created", state.code)}
    assert the_webhook().created_by == entries[0].actor


def test_another_webhook_is_enriched_with_all_that_the_reference_data_has(demo: Any) -> None:
    seed()
    crm = Webhook.objects.get(name=brand.CRM.name)
    assert crm.event_names == list(brand.CRM.event_names)
    assert all((crm.enrich_till, crm.enrich_store, crm.enrich_card_number))
    assert crm.enrich_points_balance
    assert crm.enrich_customer_sources == ["Instore", "WeChat"]


def test_the_reference_data_knows_every_till_and_customer_of_the_samples(demo: Any) -> None:
    state = seed()
    child = Organization.objects.get(parent_id=state.organization)
    for name in brand.EVENT_NAMES:
        owner = child.pk if name in brand.EVENT_NAMES_OF_CHILD else state.organization
        data = standard_sample(name)["data"]
        tills = {enterer["id"] for enterer in found_in(data, *ENTERERS)}
        customers = set(found_in(data, "customerId"))
        assert Till.objects.filter(
            organization=owner, till_id__in=tills, store__isnull=False
        ).count() == len(tills)
        assert Customer.objects.filter(
            organization=owner, customer_id__in=customers
        ).count() == len(customers)


def test_customers_have_identifiers_in_the_shop_and_some_in_we_chat(demo: Any) -> None:
    seed()
    asha = CustomerIdentifier.objects.filter(customer__customer_id=482579328)
    known = asha.values_list("source", "kind")
    assert set(known) == {
        ("instore", "mobile"),
        ("instore", "email"),
        ("instore", "externalId"),
        ("instore", "cardNumber"),
        ("wechat", "wechat"),
        ("wechat", "unionId"),
    }


def test_nobody_else_can_read_the_passwords(demo: Any) -> None:
    seed()
    assert demo.DEMO_FILE.stat().st_mode & 0o777 == 0o600


# --- Once more -----------------------------------------------------------------------------


def test_a_second_seed_changes_nothing(demo: Any) -> None:
    first = seed()
    before = rows()
    assert seed() == first
    assert rows() == before


def test_an_interrupted_seed_leaves_nothing_and_the_next_one_makes_it_whole(
    demo: Any,
) -> None:
    empty = rows()
    in_the_way = demo.DEMO_FILE.with_name("demo.json.new")
    in_the_way.mkdir()  # so that it fails after everything was made
    with pytest.raises(CommandError, match="can not be written"):
        call_command("seed_demo")
    assert rows() == empty
    in_the_way.rmdir()
    call_command("seed_demo")
    assert DemoState.read(demo.DEMO_FILE)
    assert Organization.objects.count() == 2


def test_passwords_are_replaced_when_their_file_is_lost(demo: Any) -> None:
    first = seed()
    before = rows()
    demo.DEMO_FILE.unlink()
    second = seed()
    assert rows() == before
    assert credential_with_password(second.code, second.password)
    assert credential_with_password(second.child_code, second.child_password)
    assert not credential_with_password(first.code, first.password)
    assert authenticate(username="rita", password=second.users["rita"])
    assert second.webhook_ids == first.webhook_ids
    assert second.receiver_port == first.receiver_port


def test_the_file_of_another_database_is_not_believed(demo: Any) -> None:
    first = seed()
    foreign = {**vars(first), "password": "of another database", "users": {}}
    DemoState(**foreign).write(demo.DEMO_FILE)
    second = seed()
    assert credential_with_password(second.code, second.password)
    assert authenticate(username="wendy", password=second.users["wendy"])


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"users": 3}', "\0"])
def test_a_damaged_file_is_made_anew(demo: Any, content: str) -> None:
    seed()
    demo.DEMO_FILE.write_text(content)
    state = seed()
    assert credential_with_password(state.code, state.password)


def test_what_somebody_changed_in_the_demo_stays(demo: Any) -> None:
    state = seed()
    till = Credential.objects.get(code=state.code)
    change_webhook(till, url="https://receiver.example.com/", sla_s=7)
    the_webhook().subscriptions.filter(event_name="badgeEarned").delete()
    seed()
    webhook = the_webhook()
    assert (webhook.url, webhook.sla_s) == ("https://receiver.example.com/", 7)
    assert "badgeEarned" not in webhook.event_names


def test_a_deleted_webhook_is_made_again(demo: Any) -> None:
    first = seed()
    delete(the_webhook(), Caller.with_credential(Credential.objects.get(code=first.code)))
    second = seed()
    name = brand.RECEIVER.name
    assert second.webhook_ids[name] == the_webhook().public_id != first.webhook_ids[name]


# --- The receiver's port -------------------------------------------------------------------


def test_the_webhook_follows_the_receiver_when_its_port_is_taken(demo: Any) -> None:
    first = seed()
    with socket.create_server(("127.0.0.1", first.receiver_port)):
        second = seed()
    assert second.receiver_port != first.receiver_port
    assert second.webhook_ids == first.webhook_ids
    assert the_webhook().url == receiver_url(second.receiver_port, "/events")
    assert the_webhook().header_pairs[0][0] == "Authorization"


def test_the_receiver_leaves_the_port_of_the_web_alone(demo: Any) -> None:
    demo.PORT = seed().receiver_port
    assert seed().receiver_port != demo.PORT


# --- When it can not be --------------------------------------------------------------------


def test_a_name_that_somebody_else_has_is_told_and_nothing_is_made(demo: Any) -> None:
    UserFactory(username="rita")
    before = rows()
    with pytest.raises(CommandError, match=r"The demo can not be made: .*username"):
        call_command("seed_demo")
    assert rows() == before
    assert not demo.DEMO_FILE.exists()


@pytest.mark.parametrize("command", ["seed_demo", "demo_receiver", "show_demo"])
def test_no_command_touches_an_installation_that_is_no_demo(settings: Any, command: str) -> None:
    settings.DEMO = False
    with pytest.raises(CommandError, match="This is not a demo"):
        call_command(command)
    assert not Organization.objects.exists()


@pytest.mark.parametrize("command", ["demo_receiver", "show_demo"])
def test_before_the_seed_the_others_say_what_is_missing(demo: Any, command: str) -> None:
    with pytest.raises(CommandError, match=r"run `manage.py seed_demo` first"):
        call_command(command)
