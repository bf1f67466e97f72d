import datetime as dt
import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from delivery import commit, tasks
from delivery.engine.wake import Waker
from delivery.fan_out import NewDelivery, Subscriber, fan_out
from delivery.intake import Accepted, Fate, ingest
from delivery.models import Delivery, State
from events.event_types import remembered
from events.models import Event, EventType, Validation
from organizations import database
from organizations.models import Organization
from organizations.redis import Door
from tests.delivery.engine.conftest import at_once, until
from tests.factories import OrganizationFactory, WebhookFactory

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

NAME = "customTest"
SCHEMA = {
    "type": "object",
    "properties": {
        "data": {
            "type": "object",
            "properties": {"amount": {"type": "number"}, "shop": {"type": "string"}},
            "required": ["amount"],
        }
    },
}


@pytest.fixture(autouse=True)
def nothing_remembered_of_types() -> None:
    remembered.clear()


@pytest.fixture
def organization() -> Organization:
    made: Organization = OrganizationFactory()
    return made


@pytest.fixture
def event_type(organization: Organization) -> EventType:
    return EventType.objects.create(organization=organization, name=NAME, schema=SCHEMA)


def event(event_id: str | None = None, name: str = NAME, **data: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"eventName": name, "data": data or {"amount": 1}}
    return body if event_id is None else {"eventId": event_id, **body}


def take(organization: Organization, *bodies: object) -> list[Fate]:
    return ingest(bodies, organization=organization, request_id="req-1", received_from="till.1")


def seen(fates: Sequence[Fate]) -> list[str]:
    """accepted, duplicate, or the codes of what is wrong."""
    return [
        ("duplicate" if fate.is_duplicate else "accepted")
        if isinstance(fate, Accepted)
        else " ".join(sorted(codes_of(fate)))
        for fate in fates
    ]


def codes_of(error: ValidationError) -> list[str]:
    codes: Any = error.get_codes()
    if isinstance(codes, list):
        return codes
    return [code for found in codes.values() for code in found]


def subscribed(organization: Organization, **values: Any) -> Any:
    return WebhookFactory(organization=organization, events=[NAME], **values)


# --- What is stored --------------------------------------------------------------------------


def test_an_accepted_event_is_stored_with_its_deliveries(
    organization: Organization, event_type: EventType
) -> None:
    webhook = subscribed(organization, sla_s=45)
    other = subscribed(organization, sla_s=0)
    body = {**event("id-1", amount=1.0), "createdAt": 1.6e12, "extra": {"b": 1, "a": 2}}
    (fate,) = take(organization, body)
    assert fate == Accepted("id-1", is_duplicate=False)

    stored = Event.objects.get()
    assert (stored.organization, stored.event_id, stored.name) == (organization, "id-1", NAME)
    assert (stored.request_id, stored.received_from) == ("req-1", "till.1")
    assert stored.ref_id == f"{organization.pk}_id-1"
    assert stored.occurred_at == dt.datetime.fromtimestamp(1.6e9, dt.UTC)
    assert abs(stored.ingested_at - timezone.now()) < dt.timedelta(seconds=5)
    assert stored.failures is None
    assert not stored.is_test
    assert '"amount":1.0' in stored.payload
    assert '"createdAt":1600000000000,' in stored.payload
    assert '"extra":{"b":1,"a":2}' in stored.payload

    deliveries = {delivery.webhook_id: delivery for delivery in stored.deliveries.all()}
    assert set(deliveries) == {webhook.pk, other.pk}
    delivery = deliveries[webhook.pk]
    now = stored.ingested_at
    assert (delivery.state, delivery.attempts, delivery.is_replay) == (State.PENDING, 0, False)
    assert delivery.created_at == delivery.ingested_at == delivery.next_attempt_at == now
    assert delivery.expires_at == now + dt.timedelta(hours=24)
    assert delivery.sla_due_at == now + dt.timedelta(seconds=45)
    assert deliveries[other.pk].sla_due_at is None


def test_both_databases_fill_the_columns_that_nobody_names_alike(
    organization: Organization, event_type: EventType
) -> None:
    """The insert of PostgreSQL names every column; one more must not be forgotten there."""
    subscribed(organization)
    take(organization, event())
    written: dict[str, Any] = dict(Delivery.objects.values().get())
    built = Delivery(event=Event.objects.get(), webhook_id=written["webhook_id"])
    for field in Delivery._meta.concrete_fields:
        name = field.attname
        if name not in ("id", "expires_at", "sla_due_at") and not field.has_db_default():
            assert written[name] == getattr(built, name), name
    assert Event.objects.values().get()["is_test"] is False


def test_an_event_without_subscribers_is_stored_all_the_same(
    organization: Organization, event_type: EventType
) -> None:
    assert seen(take(organization, event())) == ["accepted"]
    assert Event.objects.count() == 1
    assert not Delivery.objects.exists()


def test_a_parent_that_listens_gets_its_childs_event(event_type: EventType) -> None:
    child = OrganizationFactory(parent=event_type.organization)
    EventType.objects.create(organization=child, name=NAME)
    listens = subscribed(event_type.organization, listen_to_child_events=True)
    subscribed(event_type.organization)
    take(child, event())
    assert [delivery.webhook_id for delivery in Delivery.objects.all()] == [listens.pk]
    assert Event.objects.get().organization == child


def test_ten_events_make_ten_deliveries_for_each_webhook(
    organization: Organization, event_type: EventType
) -> None:
    for _ in range(3):
        subscribed(organization)
    WebhookFactory(organization=organization, events=["customerAdded"])
    take(organization, *(event() for _ in range(10)))
    assert Delivery.objects.count() == 30
    assert len(set(Delivery.objects.values_list("event", "webhook"))) == 30


def test_a_message_of_a_queue_is_stored_flat(
    organization: Organization, event_type: EventType
) -> None:
    body = {
        "eventId": "q-1",
        "eventType": f"{organization.pk}_{NAME}",
        "timeStamp": 1619199042493,
        "attributes": {"orgId": organization.pk, "data": {"amount": 1}},
    }
    assert seen(take(organization, body)) == ["accepted"]
    assert json.loads(Event.objects.get().payload)["eventName"] == NAME
    assert seen(take(organization, body)) == ["duplicate"]


# --- Each event stands alone -----------------------------------------------------------------


def test_a_bad_event_does_not_keep_the_others_out(
    organization: Organization, event_type: EventType
) -> None:
    unreadable = ValidationError("not JSON", code="json_malformed")
    fates = take(organization, event("a"), {"data": {}}, unreadable, 5, event("b"))
    assert seen(fates) == [
        *("accepted", "event_name_missing", "json_malformed", "event_not_object", "accepted"),
    ]
    assert set(Event.objects.values_list("event_id", flat=True)) == {"a", "b"}


def test_nothing_but_bad_events_writes_nothing(
    organization: Organization, django_assert_num_queries: Any
) -> None:
    take(organization, 5)  # the event types are remembered from now on
    with django_assert_num_queries(0):
        assert seen(take(organization, 5, {})) == [
            "event_not_object",
            "event_data_invalid event_name_missing",
        ]


def test_an_event_has_a_longest_size(
    organization: Organization, event_type: EventType, settings: Any
) -> None:
    settings.MAX_EVENT_BYTES = 500
    fates = take(organization, event(amount=1, text="é" * 250), event(amount=1, text="e" * 150))
    assert seen(fates) == ["payload_too_large", "accepted"]


# --- Event types and schemas -----------------------------------------------------------------


def test_an_unknown_or_inactive_type_is_refused(
    organization: Organization, event_type: EventType
) -> None:
    EventType.objects.create(organization=organization, name="off", active=False)
    EventType.objects.create(organization=OrganizationFactory(), name="theirs")
    fates = take(
        organization,
        *(event(name=name) for name in ("unknown", "off", "theirs", "CustomTest")),
    )
    assert seen(fates) == ["event_unknown"] * 4
    assert not Event.objects.exists()


def test_a_standard_type_is_known_to_everybody(organization: Organization) -> None:
    assert seen(take(organization, event(name="customerAdded", a=1))) == ["accepted"]
    EventType.objects.create(organization=organization, name="customerAdded", active=False)
    remembered.clear()
    assert seen(take(organization, event(name="customerAdded", a=1))) == ["event_unknown"]


def test_a_mismatch_is_stored_with_the_event_and_delivered(
    organization: Organization, event_type: EventType
) -> None:
    subscribed(organization)
    assert seen(take(organization, event(amount="much", shop=5))) == ["accepted"]
    failures = Event.objects.get().failures
    assert {failure["path"] for failure in failures} == {"data.amount", "data.shop"}
    assert all(failure["message"] for failure in failures)
    assert Delivery.objects.count() == 1


def test_a_type_that_rejects_names_every_mismatch(
    organization: Organization, event_type: EventType
) -> None:
    EventType.objects.update(validation=Validation.REJECT)
    (fate, fine) = take(organization, event(amount="much", shop=5), event(amount=1))
    assert isinstance(fate, ValidationError)
    codes: Any = fate.get_codes()
    assert codes == {"data.amount": ["event_mismatch"], "data.shop": ["event_mismatch"]}
    assert isinstance(fine, Accepted)
    assert Event.objects.count() == 1


def test_a_type_without_validation_takes_everything(
    organization: Organization, event_type: EventType
) -> None:
    EventType.objects.update(validation=Validation.OFF)
    assert seen(take(organization, event(amount="much"))) == ["accepted"]
    assert Event.objects.get().failures is None


def test_a_stored_schema_that_is_not_usable_keeps_no_event_out(
    organization: Organization, event_type: EventType
) -> None:
    EventType.objects.update(schema={"type": "nonsense"})
    assert seen(take(organization, event(amount=1))) == ["accepted"]
    (failure,) = Event.objects.get().failures
    assert "schema" in failure["message"]


@pytest.mark.parametrize(
    ("validation", "fate"), [("off", "accepted"), ("warn", "accepted"), ("reject", None)]
)
def test_an_event_that_is_too_much_to_check_is_treated_as_one_that_does_not_fit(
    organization: Organization, event_type: EventType, validation: str, fate: str | None
) -> None:
    subscribed(organization)
    pattern = {"properties": {"data": {"properties": {"a": {"pattern": "[ab]*a[ab]{200}c"}}}}}
    EventType.objects.update(schema=pattern, validation=validation)
    taken, small = take(organization, event("x", a="ab" * 20_000), event("y", a="c"))
    if fate is None:
        assert isinstance(taken, ValidationError)
        assert "too much to be checked" in str(taken.detail)
        assert not Event.objects.filter(event_id="x").exists()
    else:
        assert seen([taken]) == [fate]
        failures = Event.objects.get(event_id="x").failures
        assert failures is None if validation == "off" else "too much" in failures[0]["message"]
        assert Delivery.objects.filter(event__event_id="x").count() == 1
    assert isinstance(small, Accepted) is (validation != "reject")


def test_a_deleted_type_takes_no_events(organization: Organization, event_type: EventType) -> None:
    event_type.delete_softly()
    event_type.save()
    assert seen(take(organization, event())) == ["event_unknown"]


# --- Repetitions -----------------------------------------------------------------------------


def test_the_same_event_again_is_a_duplicate_and_not_delivered_again(
    organization: Organization, event_type: EventType
) -> None:
    subscribed(organization)
    first = {"eventName": NAME, "eventId": "x", "data": {"amount": 1, "shop": "s"}}
    again = {"data": {"shop": "s", "amount": 1}, "eventId": "x", "eventName": NAME}
    assert seen(take(organization, first)) == ["accepted"]
    assert seen(take(organization, first)) == ["duplicate"]
    assert seen(take(organization, again)) == ["duplicate"]
    assert Event.objects.count() == Delivery.objects.count() == 1


def test_the_same_id_for_another_event_is_a_conflict(
    organization: Organization, event_type: EventType
) -> None:
    take(organization, event("x", amount=1))
    assert seen(take(organization, event("x", amount=2), event("y"))) == [
        *("event_conflict", "accepted"),
    ]
    assert json.loads(Event.objects.get(event_id="x").payload)["data"] == {"amount": 1}


def test_an_id_twice_in_one_request_is_one_event(
    organization: Organization, event_type: EventType
) -> None:
    subscribed(organization)
    fates = take(
        organization, event("x", amount=1), event("x", amount=1), event("x", amount=2), event()
    )
    assert seen(fates) == ["accepted", "duplicate", "event_conflict", "accepted"]
    assert Event.objects.count() == Delivery.objects.count() == 2


def test_organisations_do_not_share_ids(organization: Organization, event_type: EventType) -> None:
    other = OrganizationFactory()
    EventType.objects.create(organization=other, name=NAME)
    assert seen(take(organization, event("x"))) == ["accepted"]
    assert seen(take(other, event("x", amount=2))) == ["accepted"]


@pytest.mark.django_db(transaction=True)
def test_the_same_id_from_eight_threads_at_once_is_one_event(
    organization: Organization, event_type: EventType
) -> None:
    subscribed(organization)
    answers = at_once(8, lambda: seen(take(organization, event("x"), event("y")))[0])
    assert sorted(answers) == ["accepted"] + ["duplicate"] * 7
    assert Event.objects.count() == Delivery.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_requests_that_repeat_each_other_in_other_orders_do_not_deadlock(
    organization: Organization, event_type: EventType
) -> None:
    subscribed(organization)
    ids = [f"{number:03}" for number in range(200)]
    orders = iter([ids, ids[::-1]] * 3)
    lock = threading.Lock()

    def take_them() -> list[str]:
        with lock:
            order = next(orders)
        return seen(take(organization, *(event(one) for one in order)))

    answers = at_once(6, take_them)
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    flat = [one for answer in answers for one in answer]
    assert (flat.count("accepted"), flat.count("duplicate")) == (200, 1_000)
    assert Delivery.objects.count() == 200


# --- All or nothing, and the wake-up ---------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_when_the_deliveries_can_not_be_written_there_is_no_event(
    organization: Organization, event_type: EventType, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribed(organization)

    def to_nobody(*args: Any) -> list[NewDelivery]:
        nobody = Subscriber(webhook_id=2**40, sla_s=1)
        return [replace(new, subscriber=nobody) for new in fan_out(*args)]

    monkeypatch.setattr(commit, "fan_out", to_nobody)
    with pytest.raises(DatabaseError):
        take(organization, event("x"))
    assert not Event.objects.exists()
    monkeypatch.undo()
    assert seen(take(organization, event("x"))) == ["accepted"]
    assert Delivery.objects.count() == 1


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[int]:
    """The webhooks whose drains are published, as the broker would get them."""
    published: list[int] = []
    door = Door(settings.REDIS_URL, timeout_s=2)
    door.call(lambda client: client.flushdb())
    waker = Waker(door, published.append)
    monkeypatch.setattr(tasks, "waker", lambda: waker)
    return published


@pytest.mark.django_db(transaction=True)
def test_the_subscribed_webhooks_are_woken_once_each(
    organization: Organization, event_type: EventType, woken: list[int]
) -> None:
    webhooks = {subscribed(organization).pk for _ in range(3)}
    take(organization, *(event() for _ in range(50)))
    until(lambda: len(woken) == 3)
    assert set(woken) == webhooks


@pytest.mark.django_db(transaction=True)
def test_workers_are_woken_after_the_commit(
    organization: Organization, event_type: EventType, woken: list[int]
) -> None:
    subscribed(organization)
    with transaction.atomic():
        take(organization, event())
        assert woken == []
    until(lambda: len(woken) == 1)


@pytest.mark.django_db(transaction=True)
def test_a_repetition_wakes_nobody(
    organization: Organization, event_type: EventType, woken: list[int]
) -> None:
    other = WebhookFactory(organization=organization, events=["customerAdded"])
    take(organization, event("x"))
    subscribed(organization)
    take(organization, event("x"))
    take(organization, event(name="customerAdded", a=1))
    until(lambda: woken == [other.pk])
    assert Delivery.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_wake_up_that_fails_does_not_fail_the_request(
    organization: Organization, event_type: EventType, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribed(organization)

    def fail() -> Waker:
        raise OSError("no more threads")

    monkeypatch.setattr(tasks, "waker", fail)
    assert seen(take(organization, event())) == ["accepted"]
    assert Delivery.objects.count() == 1


# --- How much it costs -----------------------------------------------------------------------


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the database beside Django's own cursors."""
    asked: list[str] = []

    def counting(sql: str, parameters: Any) -> Any:
        asked.append(sql)
        return database.fetch(sql, parameters)

    monkeypatch.setattr(commit, "fetch", counting)
    monkeypatch.setattr("delivery.fan_out.fetch", counting)
    return asked


def test_a_thousand_events_take_as_many_statements_as_one(
    organization: Organization,
    event_type: EventType,
    statements: list[str],
    django_assert_max_num_queries: Any,
) -> None:
    for _ in range(5):
        subscribed(organization)
    take(organization, event())
    of_one = len(statements)
    is_postgresql = connection.vendor == "postgresql"
    # SQLite takes some thousand parameters at a time.
    with django_assert_max_num_queries(0 if is_postgresql else 200):
        fates = take(organization, *(event(f"own-{number}") for number in range(1_000)))
    assert seen(fates) == ["accepted"] * 1_000
    assert len(statements) == 2 * of_one <= 4
    assert Delivery.objects.count() == 5_005
    with django_assert_max_num_queries(1 if is_postgresql else 50):
        fates = take(organization, *(event(f"own-{number}") for number in range(1_000)))
    assert seen(fates) == ["duplicate"] * 1_000
