"""Custom event types: what may be added, changed and deleted, and what is kept of it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from events import custom_types
from events.activation import configure
from events.custom_types import Changed, add, change, custom_type, delete, mark
from events.event_types import known_event_types, remembered, schema_of, validator_of
from events.models import EventType, EventTypeVersion, Validation
from organizations.authentication import Caller
from organizations.models import AuditEntry, Organization
from tests.factories import EventFactory, MembershipFactory, OrganizationFactory, WebhookFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

SCHEMA = {
    "type": "object",
    "properties": {
        "data": {
            "type": "object",
            "properties": {"zeal": {"type": "integer"}, "area": {"type": "string"}},
            "required": ["zeal"],
        }
    },
    "required": ["data"],
}
SAMPLE = {"data": {"zeal": 5, "area": "kitchen"}}


@pytest.fixture
def alice(db: None) -> Caller:
    return Caller.member(MembershipFactory(organization__name="Alice's Bakery"))


def added(by: Caller, name: str = "reviewPosted", **fields: Any) -> EventType:
    return add(by, by.organization, name, {"schema": SCHEMA, "sample": SAMPLE, **fields})


def names_of(organization: Organization) -> set[str]:
    return {name for name, known in known_event_types(organization).items() if known.is_custom}


def regrouped(by: Caller, organization: Organization, name: str) -> EventType:
    return change(by, organization, name, {"group": "X"})


def activated(by: Caller, organization: Organization, name: str) -> None:
    configure(by, organization, name, active=True)


def problems(by: Caller, name: str, **fields: Any) -> dict[str, list[str]]:
    """The codes by field."""
    with pytest.raises(ValidationError) as refused:
        add(by, by.organization, name, fields)
    found = refused.value.error_dict
    return {field: [str(one.code) for one in errors] for field, errors in found.items()}


def test_an_added_type_is_known_at_once(alice: Caller) -> None:
    added(alice, group="Reviews", description="A review.", validation="reject")
    known = known_event_types(alice.organization)["reviewPosted"]
    assert (known.group, known.description) == ("Reviews", "A review.")
    assert (known.active, known.validation, known.is_custom) == (True, Validation.REJECT, True)
    assert not validator_of(alice.organization, "reviewPosted").accepts({"data": {}})


def test_a_schema_keeps_the_order_of_its_fields(alice: Caller) -> None:
    added(alice)
    kept = schema_of(alice.organization, "reviewPosted")
    assert list(kept["properties"]["data"]["properties"]) == ["zeal", "area"]
    assert str(kept) == str(SCHEMA)


@pytest.mark.parametrize(
    "sample", [{"data": {"zeal": 1, "area": "a", "x": [1, 1.0, 10**30, "\0"]}}]
)
def test_a_sample_keeps_its_numbers(alice: Caller, sample: dict[str, Any]) -> None:
    added(alice, sample=sample)
    assert str(custom_type(alice.organization, "reviewPosted").sample) == str(sample)


def test_the_first_version_is_kept_with_who_added_it(alice: Caller) -> None:
    made = added(alice)
    (version,) = custom_types.versions(made)
    assert (version.number, version.schema, version.sample) == (1, SCHEMA, SAMPLE)
    assert version.author == alice.actor["name"]


def test_another_schema_or_sample_is_another_version(alice: Caller) -> None:
    made = added(alice)
    change(alice, alice.organization, made.name, {"schema": {"type": "object"}})
    changed = change(alice, alice.organization, made.name, {"sample": None})
    assert changed.version == 3
    first, second, third = reversed(custom_types.versions(changed))
    assert (first.schema, first.sample) == (SCHEMA, SAMPLE)
    assert (second.schema, second.sample) == ({"type": "object"}, SAMPLE)
    assert (third.schema, third.sample) == ({"type": "object"}, None)


def test_settings_are_no_version(alice: Caller) -> None:
    made = added(alice)
    changed = change(alice, alice.organization, made.name, {"group": "X", "validation": "off"})
    assert changed.version == 1
    assert EventTypeVersion.objects.count() == 1


def test_fields_in_another_order_are_another_schema(alice: Caller) -> None:
    made = added(alice, schema={"minProperties": 1, "type": "object"})
    turned = {"schema": {"type": "object", "minProperties": 1}}
    assert change(alice, alice.organization, made.name, turned).version == 2


def test_what_changes_nothing_leaves_no_trace(alice: Caller) -> None:
    made = added(alice)
    entries = AuditEntry.objects.count()
    change(alice, alice.organization, made.name, {"schema": dict(SCHEMA), "active": True})
    assert AuditEntry.objects.count() == entries
    assert EventTypeVersion.objects.count() == 1


def test_every_change_is_recorded(alice: Caller) -> None:
    made = added(alice)
    change(alice, alice.organization, made.name, {"schema": {}, "description": "New"})
    delete(alice, alice.organization, made.name)
    entries = AuditEntry.objects.filter(object_id=str(made.pk)).order_by("id")
    assert [entry.action for entry in entries] == ["created", "changed", "deleted"]
    assert entries[1].before == {"version": 1, "description": ""}
    assert entries[1].after == {"version": 2, "description": "New"}


def test_the_version_of_a_type_that_was_made_elsewhere_is_kept_when_it_changes(
    alice: Caller,
) -> None:
    row = EventType.objects.create(organization=alice.organization, name="older", schema=SCHEMA)
    assert [version.number for version in custom_types.versions(row)] == [1]
    changed = change(alice, alice.organization, "older", {"schema": {}})
    second, first = custom_types.versions(changed)
    assert (first.schema, first.created_at) == (SCHEMA, row.created_at)
    assert second.schema == {}


def test_a_deleted_type_is_not_known_any_more(alice: Caller) -> None:
    made = added(alice)
    delete(alice, alice.organization, made.name)
    assert names_of(alice.organization) == set()
    with pytest.raises(KeyError):
        schema_of(alice.organization, made.name)
    for verb in (delete, regrouped, activated):
        with pytest.raises(KeyError):
            verb(alice, alice.organization, made.name)


def test_events_and_versions_of_a_deleted_type_stay(alice: Caller) -> None:
    made = added(alice)
    event = EventFactory(organization=alice.organization, name=made.name)
    delete(alice, alice.organization, made.name)
    event.refresh_from_db()
    gone = custom_type(alice.organization, made.name)
    assert gone.is_deleted
    assert custom_types.version_of(gone, 1).schema == SCHEMA


def test_a_name_that_is_used_again_goes_on_with_its_versions(alice: Caller) -> None:
    added(alice, group="Old", validation="reject")
    delete(alice, alice.organization, "reviewPosted")
    again = add(alice, alice.organization, "reviewPosted", {"schema": {}})
    assert (again.version, again.group, again.validation) == (2, "", Validation.WARN)
    assert [version.number for version in custom_types.versions(again)] == [2, 1]
    assert names_of(alice.organization) == {"reviewPosted"}


def test_a_type_with_subscribers_is_not_deleted(alice: Caller) -> None:
    made = added(alice)
    webhook = WebhookFactory(
        organization=alice.organization, name="Reviews to CRM", events=[made.name]
    )
    WebhookFactory(events=[made.name], name="Charlie's")
    with pytest.raises(ValidationError, match="Reviews to CRM") as refused:
        delete(alice, alice.organization, made.name)
    assert refused.value.code == "event_type_subscribed"
    assert "Charlie" not in str(refused.value)
    webhook.delete_softly()
    webhook.save()
    delete(alice, alice.organization, made.name)


def test_of_two_editors_the_second_is_told(alice: Caller) -> None:
    made = added(alice)
    seen = mark(made)
    change(alice, alice.organization, made.name, {"description": "Theirs"})
    with pytest.raises(Changed) as told:
        change(
            alice,
            alice.organization,
            made.name,
            {"description": "Mine"},
            is_as_seen=lambda stored: mark(stored) == seen,
        )
    assert told.value.event_type.description == "Theirs"
    assert custom_type(alice.organization, made.name).description == "Theirs"


def test_the_switch_is_no_change_for_an_editor(alice: Caller) -> None:
    made = added(alice)
    configure(alice, alice.organization, made.name, active=False)
    assert mark(custom_type(alice.organization, made.name)) == mark(made)


def test_types_are_each_organizations_own(alice: Caller) -> None:
    charlie = Caller.member(MembershipFactory())
    added(alice)
    for verb in (delete, regrouped):
        with pytest.raises(KeyError):
            verb(charlie, charlie.organization, "reviewPosted")
    added(charlie)
    delete(charlie, charlie.organization, "reviewPosted")
    assert names_of(alice.organization) == {"reviewPosted"}


def test_a_standard_type_is_neither_changed_nor_deleted(alice: Caller) -> None:
    configure(alice, alice.organization, "transactionAdded", validation=Validation.REJECT)
    for verb in (delete, regrouped):
        with pytest.raises(KeyError):
            verb(alice, alice.organization, "transactionAdded")
    assert problems(alice, "transactionAdded") == {"name": ["event_type_name_reserved"]}


def test_a_name_is_taken_once(alice: Caller) -> None:
    added(alice)
    assert problems(alice, "reviewPosted") == {"name": ["event_type_name_taken"]}
    added(alice, "ReviewPosted")


def test_all_broken_rules_are_told_together(alice: Caller) -> None:
    broken = problems(
        alice, "ens.x", group="\x07", description="x" * 2_001, schema=[], validation="x"
    )
    assert broken == {
        "name": ["event_type_name_reserved"],
        "group": ["invalid"],
        "description": ["max_length"],
        "schema": ["event_type_schema_invalid"],
        "validation": ["invalid_choice"],
    }


def test_there_is_a_limit_that_deleted_ones_do_not_reach(
    alice: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custom_types, "MAX_CUSTOM_TYPES", 2)
    configure(alice, alice.organization, "transactionAdded", active=False)
    added(alice, "a")
    added(alice, "b")
    assert problems(alice, "c") == {"name": ["event_types_too_many"]}
    delete(alice, alice.organization, "a")
    added(alice, "c")
    assert problems(alice, "a") == {"name": ["event_types_too_many"]}


def test_other_processes_see_a_change_when_their_memory_ends(alice: Caller) -> None:
    """Here it is forgotten at once; elsewhere after REMEMBERED_S, like any change of a type."""
    before = known_event_types(alice.organization)
    added(alice)
    assert known_event_types(alice.organization) is not before
    remembered.clear()
    assert names_of(alice.organization) == {"reviewPosted"}


@pytest.mark.django_db(transaction=True)
def test_of_many_who_add_the_same_name_one_succeeds(db: None) -> None:
    alice = Caller.member(MembershipFactory(organization=OrganizationFactory()))

    def attempt(number: int) -> bool:
        try:
            add(alice, alice.organization, "reviewPosted", {"description": str(number)})
        except ValidationError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(6))) == 1
    assert EventType.objects.get().versions.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_who_change_the_same_version_one_succeeds(db: None) -> None:
    alice = Caller.member(MembershipFactory(organization=OrganizationFactory()))
    seen = mark(added(alice))

    def attempt(number: int) -> bool:
        fields = {"schema": {"minProperties": number}, "sample": None}
        try:
            change(
                alice,
                alice.organization,
                "reviewPosted",
                fields,
                is_as_seen=lambda stored: mark(stored) == seen,
            )
        except Changed:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(6))) == 1
    assert [version.number for version in EventTypeVersion.objects.all()] == [2, 1]
