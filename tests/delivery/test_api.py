import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.utils import timezone

from delivery import log, tally
from delivery.models import Delivery, State
from organizations.models import Access
from tests.conftest import CredentialClient
from tests.delivery.entries import (
    ADDED,
    GROUP,
    SAMPLE,
    ago,
    data_of,
    delivered,
    errors_of,
    event_log,
    ids,
    logs_of,
    metrics_of,
)
from tests.factories import (
    CredentialFactory,
    DeliveryFactory,
    EventFactory,
    OrganizationFactory,
    WebhookFactory,
)
from webhooks.models import Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def webhook(api: CredentialClient) -> Webhook:
    return WebhookFactory(organization=api.organization)


@pytest.fixture
def sample(api: CredentialClient) -> Delivery:
    api.organization.time_zone = "Asia/Kolkata"
    api.organization.save()
    webhook = WebhookFactory(organization=api.organization, consumer_group_id=uuid.UUID(GROUP))
    return delivered(
        webhook,
        datetime(2020, 4, 23, 5, 40, 51, 351_000, UTC),
        finished_at=datetime(2020, 4, 23, 5, 40, 51, 385_000, UTC),
        last_duration_ms=195,
        event__event_id=SAMPLE["eventId"],
        event__ref_id=SAMPLE["refId"],
        event__request_id=SAMPLE["requestId"],
    )


def test_the_documented_sample_is_answered_by_event_id(
    bob: CredentialClient, sample: Delivery
) -> None:
    answer = data_of(bob, event_log(sample.event.event_id))
    assert answer == SAMPLE | ADDED
    assert list(answer) == [*SAMPLE, *ADDED]
    content = bob.get(event_log(sample.event.event_id)).content
    assert b'{"webhookHttpStatus":200.0,"time_taken":195.0}' in content


@pytest.mark.parametrize("path", [f"requestId/{SAMPLE['requestId']}", f"refId/{SAMPLE['refId']}"])
def test_the_documented_samples_are_answered_by_request_and_reference(
    bob: CredentialClient, sample: Delivery, path: str
) -> None:
    assert data_of(bob, event_log(path)) == [SAMPLE | ADDED]


def test_before_the_first_attempt_nothing_has_started(
    api: CredentialClient, webhook: Webhook
) -> None:
    delivery = DeliveryFactory(webhook=webhook)
    delivery.refresh_from_db()
    entry = data_of(api, event_log(delivery.event.event_id))
    for name in ("eventStartTimestamp", "eventEndTimestamp", "consumerResponse", "error"):
        assert entry[name] is None
    assert (entry["status"], entry["attempts"]) == ("pending", 0)
    assert entry["nextAttemptTimestamp"].endswith("+0000")


def test_an_attempt_without_a_response_has_a_time_and_no_status(
    api: CredentialClient, webhook: Webhook
) -> None:
    soon = timezone.now() + timedelta(seconds=5)
    delivery = delivered(
        webhook,
        ago(seconds=31),
        state=State.RETRYING,
        finished_at=None,
        next_attempt_at=soon,
        last_status=None,
        last_error="timeout",
        last_duration_ms=30_000.5,
        sla_breached_at=ago(seconds=1),
    )
    entry = data_of(api, event_log(delivery.event.event_id))
    assert entry["consumerResponse"] == {"webhookHttpStatus": None, "time_taken": 30000.5}
    assert (entry["status"], entry["error"]) == ("retrying", "timeout")
    assert entry["eventStartTimestamp"]
    assert entry["eventEndTimestamp"] is None
    assert entry["nextAttemptTimestamp"]
    assert entry["slaBreachTimestamp"]


def test_what_is_final_or_in_flight_has_no_next_attempt(
    api: CredentialClient, webhook: Webhook
) -> None:
    soon = timezone.now()
    for state in (State.IN_FLIGHT, State.EXPIRED):
        delivery = DeliveryFactory(webhook=webhook, state=state, next_attempt_at=soon)
        entry = data_of(api, event_log(delivery.event.event_id))
        assert entry["nextAttemptTimestamp"] is None


def test_the_oldest_consumer_group_answers_unless_another_is_named(
    api: CredentialClient, webhook: Webhook
) -> None:
    newer = WebhookFactory(organization=api.organization)
    event = delivered(newer, ago(hours=1)).event
    delivered(webhook, ago(hours=1), event=event)
    path = event_log(event.event_id)
    assert data_of(api, path)["consumerGroupId"] == str(webhook.consumer_group_id)
    chosen = data_of(api, path, consumerGroupId=newer.consumer_group_id)
    assert chosen["consumerGroupId"] == str(newer.consumer_group_id)
    both = data_of(api, event_log(f"refId/{event.ref_id}"))
    assert [entry["consumerGroupId"] for entry in both] == [
        str(webhook.consumer_group_id),
        str(newer.consumer_group_id),
    ]


def test_a_consumer_group_that_did_not_get_the_event_is_not_found(
    api: CredentialClient, webhook: Webhook, charlie: CredentialClient
) -> None:
    path = event_log(delivered(webhook, ago(hours=1)).event.event_id)
    other = WebhookFactory(organization=api.organization)
    foreign = WebhookFactory(organization=charlie.organization)
    for group in (other.consumer_group_id, foreign.consumer_group_id, "nonsense"):
        errors_of(api.get(path, {"consumerGroupId": group}), 404)


def test_an_event_that_went_nowhere_says_so(api: CredentialClient) -> None:
    event = EventFactory(organization=api.organization)
    (error,) = errors_of(api.get(event_log(event.event_id)), 404)
    assert error["message"] == "No webhook was to get this event."
    assert data_of(api, event_log(f"requestId/{event.request_id}")) == []
    assert data_of(api, event_log(f"refId/{event.ref_id}")) == []


@pytest.mark.parametrize("path", ["x", "requestId/x", "refId/x", "x" * 3000, "refId/%0A"])
def test_an_unknown_id_is_not_found(api: CredentialClient, path: str) -> None:
    (error,) = errors_of(api.get(event_log(path)), 404)
    assert error["code"] == 404


def test_another_organizations_ids_are_not_found(
    charlie: CredentialClient, sample: Delivery
) -> None:
    event = sample.event
    answers = [
        charlie.get(event_log(path)).json()
        for path in (event.event_id, f"requestId/{event.request_id}", f"refId/{event.ref_id}")
    ]
    unknown = [
        charlie.get(event_log(path)).json() for path in ("none", "requestId/none", "refId/none")
    ]
    assert answers == unknown


@pytest.mark.parametrize(
    "odd", ["a/b", "requestId", "100%", "a b", "a?b=c&d#e", "..", "a+b", '"<x>\\', "café"]
)
def test_ids_may_have_any_characters(api: CredentialClient, webhook: Webhook, odd: str) -> None:
    delivered(webhook, ago(hours=1), event__event_id=odd, event__request_id=odd, event__ref_id=odd)
    path = quote(odd, safe="")
    assert data_of(api, event_log(path))["eventId"] == odd
    assert len(data_of(api, event_log(f"requestId/{path}"))) == 1
    assert len(data_of(api, event_log(f"refId/{path}"))) == 1


def test_the_path_is_answered_in_all_its_spellings(api: CredentialClient, sample: Delivery) -> None:
    assert data_of(api, f"/v3/webHOOKS/eventLog/{sample.event.event_id}/")


def test_more_entries_than_one_answer_holds_are_cut_with_a_warning(
    api: CredentialClient, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "MAX_ENTRIES", 2)
    for _ in range(3):
        delivered(webhook, ago(hours=1), event__request_id="r1")
    answer = api.get(event_log("requestId/r1")).json()
    assert len(answer["data"]) == 2
    assert [warning["code"] for warning in answer["warnings"]] == [51098]


@pytest.mark.parametrize("count", [1, 30])
def test_the_number_of_queries_does_not_grow_with_the_entries(
    api: CredentialClient,
    webhook: Webhook,
    django_assert_num_queries: Any,
    count: int,
) -> None:
    for _ in range(count):
        delivered(webhook, ago(hours=1), event__request_id="r1", event__ref_id="1_2")
    api.get(event_log("none"))  # the credential is remembered from here on
    for path in ("requestId/r1", "refId/1_2"):
        with django_assert_num_queries(2):  # children, entries
            assert len(data_of(api, event_log(path))) == count


@pytest.mark.parametrize("path", [logs_of, metrics_of])
def test_another_organizations_consumer_group_is_as_unknown_as_none(
    charlie: CredentialClient, webhook: Webhook, path: Any
) -> None:
    foreign = charlie.get(path(webhook.consumer_group_id))
    errors_of(foreign, 404)
    assert charlie.get(path(uuid.uuid4())).json() == foreign.json()


@pytest.mark.parametrize("path", [logs_of, metrics_of])
@pytest.mark.parametrize("group", ["x", "0", "%7B{}%7D", "{}%0A", "a%2Fb"])
def test_what_is_no_consumer_group_id_is_not_found(
    api: CredentialClient, webhook: Webhook, path: Any, group: str
) -> None:
    errors_of(api.get(path(group.format(webhook.consumer_group_id))), 404)


@pytest.mark.parametrize("path", [logs_of, metrics_of])
def test_consumer_group_ids_are_found_in_any_case_and_with_a_trailing_slash(
    api: CredentialClient, webhook: Webhook, path: Any
) -> None:
    assert data_of(api, path(str(webhook.consumer_group_id).upper()) + "/")


def test_the_log_of_a_deleted_webhook_stays_readable(
    api: CredentialClient, webhook: Webhook
) -> None:
    delivered(webhook, ago(hours=1))
    tally.recount()
    webhook.delete_softly()
    webhook.save()
    assert len(data_of(api, logs_of(webhook.consumer_group_id))["logs"]) == 1
    assert data_of(api, metrics_of(webhook.consumer_group_id))["totalEvents"] == 1


def test_a_parents_log_shows_its_childrens_events_in_its_own_time_zone(
    api: CredentialClient, webhook: Webhook
) -> None:
    api.organization.time_zone = "Asia/Kolkata"
    api.organization.save()
    child = OrganizationFactory(parent=api.organization)
    event = EventFactory(organization=child, ingested_at=ago(hours=1))
    delivered(webhook, event.ingested_at, event=event)
    path = logs_of(webhook.consumer_group_id)
    (entry,) = data_of(api, path)["logs"]
    assert entry["eventId"] == event.event_id
    assert entry["eventIngestionTimestamp"].endswith("+0530")
    assert ids(data_of(api, path, requestId=event.request_id)) == [event.event_id]
    of_child = CredentialClient(CredentialFactory(organization=child))
    errors_of(of_child.get(path), 404)
    errors_of(of_child.get(event_log(event.event_id)), 404)


def test_without_read_everything_is_denied(api: CredentialClient, sample: Delivery) -> None:
    nobody = CredentialClient(
        CredentialFactory(organization=api.organization, webhooks_access=Access.NONE)
    )
    for path in paths(sample):
        (error,) = errors_of(nobody.get(path), 403)
        assert error["code"] == 4000


def test_without_a_credential_everything_is_refused(
    api: CredentialClient, sample: Delivery
) -> None:
    api.credentials()
    for path in paths(sample):
        errors_of(api.get(path), 401)


def test_nothing_here_can_be_written(api: CredentialClient, sample: Delivery) -> None:
    for path in paths(sample):
        errors_of(api.post(path, {}, format="json"), 405)


def paths(delivery: Delivery) -> list[str]:
    event, group = delivery.event, delivery.webhook.consumer_group_id
    return [
        event_log(event.event_id),
        event_log(f"requestId/{event.request_id}"),
        event_log(f"refId/{event.ref_id}"),
        logs_of(group),
        metrics_of(group),
    ]
