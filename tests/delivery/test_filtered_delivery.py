"""A webhook's payload filter, from the API to the pages: who gets an event, and what is marked."""

import json
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from delivery.intake import ingest
from delivery.models import Delivery
from events.models import Event
from organizations.models import AuditEntry, Organization
from tests.conftest import CredentialClient, PageClient
from tests.factories import OrganizationFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = pytest.mark.django_db

NAME = "transactionAdded"
LARGE = {"data.amount": {"$gte": 1000}}
UNCLEAR = "data.amount is a text; $gte needs a number here."
BODY = {
    "name": "Filtered",
    "eventNames": [NAME],
    "webHookUrl": "https://receiver.example.com/",
    "maxAllowedConnections": 5,
}


def came(organization: Organization, *amounts: Any) -> list[Event]:
    """Events with these amounts, in one request."""
    bodies = [{"eventName": NAME, "data": {"amount": amount}} for amount in amounts]
    ingest(bodies, organization=organization, request_id="r", received_from="till")
    return list(Event.objects.order_by("-id")[: len(amounts)])[::-1]


def delivered(webhook: Webhook) -> list[Any]:
    """The amounts of the events that are on their way to it."""
    payloads = webhook.deliveries.order_by("id").values_list("event__payload", flat=True)
    return [json.loads(payload)["data"]["amount"] for payload in payloads]


def broken(webhook: Webhook, text: str) -> None:
    """As a hand or an older version might have written it."""
    with connection.cursor() as cursor:
        cast = "%s::jsonb" if connection.vendor == "postgresql" else "%s"
        cursor.execute(
            f"UPDATE webhooks_webhook SET filter = {cast} WHERE id = %s",
            [text, webhook.pk],
        )


@pytest.mark.both_databases
def test_an_event_that_the_filter_does_not_want_is_kept_and_not_delivered() -> None:
    organization = OrganizationFactory()
    filtered = WebhookFactory(organization=organization, filter=LARGE)
    plain = WebhookFactory(organization=organization)
    came(organization, 5, 1000, 999.99, 2000.5)
    assert delivered(filtered) == [1000, 2000.5]
    assert delivered(plain) == [5, 1000, 999.99, 2000.5]
    assert set(Delivery.objects.values_list("filter_error", flat=True)) == {""}


@pytest.mark.both_databases
def test_an_event_for_which_it_can_not_be_evaluated_is_delivered_and_marked() -> None:
    organization = OrganizationFactory()
    filtered = WebhookFactory(organization=organization, filter=LARGE)
    WebhookFactory(organization=organization)
    came(organization, 5, "1000", 1000)
    assert delivered(filtered) == ["1000", 1000]
    assert list(filtered.deliveries.order_by("id").values_list("filter_error", flat=True)) == [
        UNCLEAR,
        "",
    ]
    assert Delivery.objects.exclude(filter_error="").count() == 1


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "text", ['{"data.amount": {"$near": 7}}', "[1, 2]", '"x"', '{"a": {"$in": 1e30}}', "7"]
)
def test_a_stored_filter_that_is_broken_holds_nothing_back(text: str) -> None:
    organization = OrganizationFactory()
    filtered = WebhookFactory(organization=organization, filter=LARGE)
    broken(filtered, text)
    came(organization, 5)
    (delivery,) = filtered.deliveries.all()
    assert delivery.filter_error.startswith("The webhook's filter is not usable: ")


@pytest.mark.both_databases
def test_a_stored_null_is_no_filter() -> None:
    organization = OrganizationFactory()
    webhook = WebhookFactory(organization=organization, filter=LARGE)
    broken(webhook, "null")
    came(organization, 5)
    assert webhook.deliveries.get().filter_error == ""


@pytest.mark.both_databases
def test_numbers_and_texts_of_a_filter_survive_the_database() -> None:
    organization = OrganizationFactory()
    wanted = [2**63 + 1, 0.1, -0.0, 10**300, 4503599627370497.5, "é\u2028\U0001f600\\"]
    filtered = WebhookFactory(organization=organization, filter={"data.amount": {"$in": wanted}})
    came(organization, *wanted, 2**63, 0.1000001)
    assert delivered(filtered) == wanted


@pytest.mark.both_databases
def test_a_parents_filter_is_asked_of_its_childrens_events() -> None:
    parent = OrganizationFactory()
    child = OrganizationFactory(parent=parent)
    conditions = {"orgId": child.pk, **LARGE}
    listens = WebhookFactory(organization=parent, listen_to_child_events=True, filter=conditions)
    came(child, 1, 5000)
    came(parent, 6000)
    assert delivered(listens) == [5000]


def test_a_huge_event_is_delivered_and_marked_not_looked_through() -> None:
    organization = OrganizationFactory()
    filtered = WebhookFactory(organization=organization, filter={"data.list": 1})
    body = {"eventName": NAME, "data": {"list": [0] * 100_000}}
    ingest([body], organization=organization, request_id="r", received_from="till")
    assert "More than 5,000 values" in filtered.deliveries.get().filter_error


# --- In the API ------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_change_is_for_events_that_come_later_and_null_removes_it(api: CredentialClient) -> None:
    answer = api.post("/v3/webHooks", BODY | {"filter": LARGE})
    assert answer.json()["data"]["filter"] == LARGE
    webhook = Webhook.objects.get()
    path = f"/v3/webHooks/{webhook.public_id}"
    came(api.organization, 1, 5000)
    assert delivered(webhook) == [5000]

    answer = api.patch(path, {"filter": {"data.amount": {"$lt": 10}}})
    assert answer.json()["data"]["filter"] == {"data.amount": {"$lt": 10}}
    came(api.organization, 2, 6000)
    assert delivered(webhook) == [5000, 2]

    assert api.patch(path, {"description": "x"}).json()["data"]["filter"] is not None
    assert "filter" not in api.patch(path, {"filter": None}).json()["data"]
    came(api.organization, 3, 7000)
    assert delivered(webhook) == [5000, 2, 3, 7000]

    api.put(path, BODY | {"filter": LARGE})
    assert api.get(path).json()["data"]["filter"] == LARGE
    assert "filter" not in api.put(path, BODY).json()["data"]
    changes = [entry.after.get("filter", "-") for entry in AuditEntry.objects.order_by("id")]
    assert changes == [LARGE, {"data.amount": {"$lt": 10}}, "-", None, LARGE, None]


@pytest.mark.parametrize(
    ("conditions", "code", "told"),
    [
        ({"data.amount": {"$near": 1}}, 51028, "data.amount.$near is no operator"),
        ([], 51028, "The filter is no object"),
        ("x", 51028, "The filter is no object"),
        (0, 51028, "The filter is no object"),
        (False, 51028, "The filter is no object"),
        ({"$or": [{"a": {"$in": 5}}]}, 51028, "$or[0].a.$in is no array"),
        ({"a": "x" * 17_000}, 51029, "16 KB"),
        ({f"a{n}": 1 for n in range(101)}, 51029, "100 conditions"),
    ],
)
def test_a_filter_that_is_wrong_is_refused_with_its_place(
    api: CredentialClient, conditions: Any, code: int, told: str
) -> None:
    answer = api.post("/v3/webHooks", BODY | {"filter": conditions, "slaInSeconds": -1})
    assert answer.status_code == 400
    errors = {error["field"]: error for error in answer.json()["errors"]}
    assert set(errors) == {"filter", "slaInSeconds"}
    assert errors["filter"]["code"] == code
    assert told in errors["filter"]["message"]
    assert not Webhook.objects.exists()


def test_the_log_tells_why_a_filter_could_not_be_evaluated(api: CredentialClient) -> None:
    webhook = WebhookFactory(organization=api.organization, filter=LARGE)
    unclear, clear = came(api.organization, "7", 7000)
    entry = api.get(f"/v3/webHooks/eventLog/{unclear.event_id}").json()["data"]
    assert entry["filterError"] == UNCLEAR
    assert "filterError" not in api.get(f"/v3/webHooks/eventLog/{clear.event_id}").json()["data"]
    path = f"/v3/events/consumer-groups/{webhook.consumer_group_id}/logs"
    assert [e.get("filterError") for e in api.get(path).json()["data"]["logs"]] == [None, UNCLEAR]


# --- On the pages ----------------------------------------------------------------------------


def test_what_was_let_pass_is_marked_in_feed_and_log_and_told_on_event_and_delivery(
    alice: PageClient,
) -> None:
    webhook = WebhookFactory(organization=alice.organization, filter=LARGE)
    unclear, _ = came(alice.organization, "7", 7000)
    delivery = unclear.deliveries.get()
    for path, times in (
        (reverse("event-list"), 1),
        (reverse("webhook-detail", args=[webhook.public_id]), 1),
        (reverse("event-detail", args=[unclear.pk]), 1),
    ):
        html = alice.get(path).content.decode()
        assert html.count("Filter not evaluated") == times, path
        assert UNCLEAR in html
    html = alice.get(reverse("delivery-detail", args=[delivery.pk])).content.decode()
    assert "filter could not be evaluated" in html
    assert UNCLEAR in html


def test_an_event_that_no_filter_let_pass_is_told_to_be_kept(alice: PageClient) -> None:
    WebhookFactory(organization=alice.organization, filter=LARGE)
    (event,) = came(alice.organization, 7)
    html = alice.get(reverse("event-detail", args=[event.pk])).content.decode()
    assert "or none that its filter let it pass to" in html
