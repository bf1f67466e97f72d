from datetime import timedelta
from typing import Any

import pytest

from delivery.models import Delivery, State
from events.models import EventType
from organizations.models import Customer, CustomerIdentifier
from tests.conftest import CredentialClient
from tests.delivery.entries import (
    ADDED,
    SAMPLE,
    ago,
    data_of,
    delivered,
    epoch_ms,
    errors_of,
    ids,
    logs_of,
)
from tests.factories import (
    WebhookFactory,
)
from webhooks.models import Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def webhook(api: CredentialClient) -> Webhook:
    return WebhookFactory(organization=api.organization)


def test_the_latest_event_comes_first(bob: CredentialClient, webhook: Webhook) -> None:
    old, new = delivered(webhook, ago(days=2)), delivered(webhook, ago(days=1))
    delivered(WebhookFactory(organization=bob.organization), ago(days=1))
    answer = data_of(bob, logs_of(webhook.consumer_group_id))
    assert list(answer) == ["logs", "page", "pageSize", "hasNext"]
    assert ids(answer) == [new.event.event_id, old.event.event_id]
    assert (answer["page"], answer["pageSize"], answer["hasNext"]) == (1, 50, False)
    assert list(answer["logs"][0]) == [*SAMPLE, *ADDED]


def test_the_place_in_the_log_is_that_of_the_event_not_of_its_replay(
    api: CredentialClient, webhook: Webhook
) -> None:
    failed = delivered(webhook, ago(days=3), state=State.FAILED)
    between = delivered(webhook, ago(days=2))
    delivered(
        webhook,
        ago(days=3),
        event=failed.event,
        ingested_at=failed.ingested_at,
        created_at=ago(days=1),
        is_replay=True,
    )
    answer = data_of(api, logs_of(webhook.consumer_group_id))
    assert ids(answer) == [between.event.event_id, failed.event.event_id]
    assert answer["logs"][1]["status"] == "delivered"
    assert data_of(api, logs_of(webhook.consumer_group_id), status="failed")["logs"] == []


def test_pages_follow_one_another_without_gap_or_repetition(
    api: CredentialClient, webhook: Webhook
) -> None:
    expected = [delivered(webhook, ago(hours=number)).event.event_id for number in range(1, 6)]
    path, seen = logs_of(webhook.consumer_group_id), []
    for number, more in ((1, True), (2, True), (3, False), (4, False)):
        answer = data_of(api, path, page=number, pageSize=2)
        assert (answer["page"], answer["pageSize"], answer["hasNext"]) == (number, 2, more)
        seen += ids(answer)
    assert seen == expected


def test_a_page_that_ends_with_the_last_entry_has_no_next(
    api: CredentialClient, webhook: Webhook
) -> None:
    for hours in (1, 2):
        delivered(webhook, ago(hours=hours))
    assert not data_of(api, logs_of(webhook.consumer_group_id), pageSize=2)["hasNext"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("eventIngestionTimestamp:desc", "pending fast slow"),
        ("eventIngestionTimestamp:asc", "slow fast pending"),
        ("eventType:asc", "fast slow pending"),
        ("eventType:desc", "pending slow fast"),
        ("webhookDuration:asc", "fast slow pending"),
        ("webhookDuration:desc", "slow fast pending"),
    ],
)
def test_the_log_can_be_sorted(
    api: CredentialClient, webhook: Webhook, order: str, expected: str
) -> None:
    delivered(webhook, ago(hours=3), 900, event__event_id="slow", event__name="pointsIssued")
    delivered(webhook, ago(hours=2), 20, event__event_id="fast", event__name="customerAdded")
    delivered(
        webhook,
        ago(hours=1),
        event__event_id="pending",
        event__name="tierUpgraded",
        last_duration_ms=None,
    )
    answer = data_of(api, logs_of(webhook.consumer_group_id), sortBy=order)
    assert ids(answer) == expected.split()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("delivered", {"delivered"}),
        ("failed", {"failed"}),
        ("pending,retrying", {"pending", "retrying"}),
        ("expired, blocked", {"expired", "blocked"}),
        ("", set(State.values)),
    ],
)
def test_the_log_can_be_limited_to_states(
    api: CredentialClient, webhook: Webhook, status: str, expected: set[str]
) -> None:
    for state in State:
        delivered(webhook, ago(hours=1), state=state)
    answer = data_of(api, logs_of(webhook.consumer_group_id), status=status)
    assert {entry["status"] for entry in answer["logs"]} == expected


def test_the_log_can_be_limited_to_an_event_type(api: CredentialClient, webhook: Webhook) -> None:
    delivered(webhook, ago(hours=1))
    issued = delivered(webhook, ago(hours=1), event__name="pointsIssued")
    answer = data_of(api, logs_of(webhook.consumer_group_id), eventType="pointsIssued")
    assert ids(answer) == [issued.event.event_id]


def test_a_type_that_is_gone_can_be_asked_for_while_it_is_subscribed(api: CredentialClient) -> None:
    webhook = WebhookFactory(organization=api.organization, events=["aReview"])
    path = logs_of(webhook.consumer_group_id)
    assert data_of(api, path, eventType="aReview")["logs"] == []
    errors_of(api.get(path, {"eventType": "anotherReview"}), 400)
    EventType.objects.create(organization=api.organization, name="custom", active=False)
    assert data_of(api, path, eventType="transactionAdded")["logs"] == []


def test_the_log_can_be_limited_to_a_request(api: CredentialClient, webhook: Webhook) -> None:
    delivered(webhook, ago(hours=1))
    wanted = delivered(webhook, ago(hours=1), event__request_id="r1")
    path = logs_of(webhook.consumer_group_id)
    assert ids(data_of(api, path, requestId="r1")) == [wanted.event.event_id]
    assert ids(data_of(api, path, requestId="none")) == []


def test_a_customer_is_found_by_an_identifier(api: CredentialClient, webhook: Webhook) -> None:
    customer = Customer.objects.create(organization=api.organization, customer_id=42)
    CustomerIdentifier.objects.create(
        customer=customer, source="instore", kind="mobile", value="+919876543210"
    )
    delivered(webhook, ago(hours=1))
    wanted = delivered(webhook, ago(hours=1), event__customer_id="42")
    answer = data_of(api, logs_of(webhook.consumer_group_id), eventSearchKey="+919876543210")
    assert ids(answer) == [wanted.event.event_id]


def test_both_ends_of_the_range_belong_to_it(api: CredentialClient, webhook: Webhook) -> None:
    first, second, third = (
        delivered(webhook, (ago(hours=hours)).replace(microsecond=123_456)) for hours in (3, 2, 1)
    )
    path = logs_of(webhook.consumer_group_id)

    def between(start: Delivery, end: Delivery) -> list[str]:
        dates = (start.ingested_at - timedelta(microseconds=456), end.ingested_at)
        answer = data_of(api, path, startDate=epoch_ms(dates[0]), endDate=epoch_ms(dates[1]))
        return ids(answer)

    assert between(first, second) == [second.event.event_id, first.event.event_id]
    assert between(second, second) == [second.event.event_id]
    assert between(third, third) == [third.event.event_id]


def test_nothing_older_than_30_days_is_shown(api: CredentialClient, webhook: Webhook) -> None:
    kept = delivered(webhook, ago(days=29, hours=23))
    delivered(webhook, ago(days=30, seconds=1))
    path = logs_of(webhook.consumer_group_id)
    assert ids(data_of(api, path)) == [kept.event.event_id]
    assert ids(data_of(api, path, startDate=0)) == [kept.event.event_id]
    assert ids(data_of(api, path, startDate=0, endDate=epoch_ms(ago(days=31)))) == []


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ({"startDate": "yesterday"}, "startDate", 51030),
        ({"startDate": "-1"}, "startDate", 51030),
        ({"startDate": "1.5"}, "startDate", 51030),
        ({"endDate": "9" * 40}, "endDate", 51030),
        ({"endDate": "2020-04-23"}, "endDate", 51030),
        ({"startDate": "2000", "endDate": "1999"}, "endDate", 51031),
        ({"eventType": "TransactionAdded"}, "eventType", 51008),
        (
            {"eventType": "transactionAdded", "eventSearchKey": "42"},
            "eventSearchKey",
            51032,
        ),
        ({"status": "success"}, "status", 51034),
        ({"status": "delivered,,"}, "status", 51034),
        ({"status": "DELIVERED"}, "status", 51034),
        ({"sortBy": "eventType"}, "sortBy", 51033),
        ({"sortBy": "eventType:up"}, "sortBy", 51033),
        ({"sortBy": "payload:asc"}, "sortBy", 51033),
        ({"page": "0"}, "page", 51035),
        ({"page": "-1"}, "page", 51035),
        ({"page": "one"}, "page", 51035),
        ({"page": "99999999999999999999"}, "page", 51035),
        ({"page": "1000001"}, "page", 51035),
        ({"pageSize": "0"}, "pageSize", 51036),
        ({"pageSize": "201"}, "pageSize", 51036),
        ({"pageSize": "5.0"}, "pageSize", 51036),
        ({"pageSize": "\u0665"}, "pageSize", 51036),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(
    api: CredentialClient, webhook: Webhook, query: dict[str, str], field: str, code: int
) -> None:
    (error,) = errors_of(api.get(logs_of(webhook.consumer_group_id), query), 400)
    assert (error["field"], error["code"]) == (field, code)
    assert error["message"]


def test_all_that_is_wrong_is_reported_together(api: CredentialClient, webhook: Webhook) -> None:
    query = {"page": "0", "pageSize": "x", "sortBy": "?", "startDate": "%s", "status": "%"}
    errors = errors_of(api.get(logs_of(webhook.consumer_group_id), query), 400)
    assert {error["field"] for error in errors} == set(query)


def test_empty_parameters_are_as_good_as_none(api: CredentialClient, webhook: Webhook) -> None:
    names = "eventType eventSearchKey requestId status startDate endDate sortBy page pageSize"
    delivered(webhook, ago(hours=1))
    answer = data_of(api, logs_of(webhook.consumer_group_id), **dict.fromkeys(names.split(), ""))
    assert (len(answer["logs"]), answer["page"], answer["pageSize"]) == (1, 1, 50)


@pytest.mark.parametrize("count", [1, 30])
def test_the_number_of_queries_does_not_grow_with_the_entries(
    api: CredentialClient,
    webhook: Webhook,
    django_assert_num_queries: Any,
    count: int,
) -> None:
    for _ in range(count):
        delivered(webhook, ago(hours=1), event__customer_id="42")
    path = logs_of(webhook.consumer_group_id)
    data_of(api, path)  # the credential is remembered from here on
    with django_assert_num_queries(2):  # webhook, entries
        assert len(data_of(api, path)["logs"]) == count
    with django_assert_num_queries(4):  # webhook, children, identifiers, entries
        assert len(data_of(api, path, eventSearchKey="42")["logs"]) == count
