import datetime as dt
import uuid
from typing import Any

import pytest
from django.utils import timezone

from delivery.models import Delivery, Replay, State
from delivery.replay.making import make_batch
from organizations.models import AuditEntry
from tests.conftest import CredentialClient
from tests.delivery.replay.ended import CAME_IN_AT, ended, make_all
from tests.factories import EventFactory, ReplayFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

START_MS = int((CAME_IN_AT - dt.timedelta(minutes=1)).timestamp() * 1000)
BODY = {"startDate": START_MS, "status": ["failed", "expired"]}


@pytest.fixture
def webhook(api: CredentialClient) -> Webhook:
    made: Webhook = WebhookFactory(organization=api.organization)
    return made


def of_webhook(webhook: Webhook, path: str = "replay") -> str:
    return f"/v3/webHooks/{webhook.public_id}/{path}"


def of_event(delivery: Delivery, action: str = "replay") -> str:
    return f"/v3/webHooks/eventLog/{delivery.event.event_id}/{action}"


def codes(answer: Any) -> list[tuple[int, str | None]]:
    return [(error["code"], error["field"]) for error in answer.json()["errors"]]


# --- One event ---------------------------------------------------------------------------


def test_an_event_is_replayed_and_its_new_entry_answered(
    api: CredentialClient, webhook: Webhook
) -> None:
    old = ended(webhook=webhook)
    answer = api.post(of_event(old), {"consumerGroupId": str(webhook.consumer_group_id)})
    assert answer.status_code == 202
    assert answer.json()["data"]["status"] == "pending"
    again = api.post(of_event(old))
    assert (again.status_code, again.json()) == (200, answer.json())
    assert Delivery.objects.count() == 2
    assert AuditEntry.objects.get().action == "replayed"


def test_without_a_group_it_is_the_entry_that_is_looked_at(
    api: CredentialClient, webhook: Webhook
) -> None:
    old = ended(webhook=webhook)
    newer = ended(webhook=WebhookFactory(organization=api.organization), event=old.event)
    looked = api.get(f"/v3/webHooks/eventLog/{old.event.event_id}").json()["data"]
    done = api.post(of_event(old), {}).json()["data"]
    assert done["consumerGroupId"] == looked["consumerGroupId"] == str(webhook.consumer_group_id)
    group = str(newer.webhook.consumer_group_id)
    done = api.post(of_event(old), {"consumerGroupId": group}).json()["data"]
    assert done["consumerGroupId"] == group


@pytest.mark.parametrize(
    ("state", "action", "code"),
    [
        (State.IN_FLIGHT, "replay", 51037),
        (State.IN_FLIGHT, "cancel", 51037),
        (State.DELIVERED, "cancel", 51059),
        (State.CANCELLED, "cancel", 51059),
    ],
)
def test_what_can_not_be_done_now_is_a_conflict(
    state: State, action: str, code: int, api: CredentialClient, webhook: Webhook
) -> None:
    answer = api.post(of_event(ended(state, webhook=webhook), action))
    assert (answer.status_code, codes(answer)) == (409, [(code, None)])


def test_a_test_is_not_replayed(api: CredentialClient, webhook: Webhook) -> None:
    event = EventFactory(organization=api.organization, is_test=True)
    answer = api.post(of_event(ended(webhook=webhook, event=event)))
    assert (answer.status_code, codes(answer)) == (400, [(51058, None)])
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize("change", [{"deactivated_at": CAME_IN_AT}, {"deleted_at": CAME_IN_AT}])
def test_to_a_webhook_that_is_not_active_nothing_is_replayed(
    change: dict[str, Any], api: CredentialClient, webhook: Webhook
) -> None:
    old = ended(webhook=webhook)
    Webhook.objects.update(**change)
    answer = api.post(of_event(old))
    assert (answer.status_code, codes(answer)) == (409, [(51039, None)])


def test_what_waits_of_an_event_is_cancelled(api: CredentialClient, webhook: Webhook) -> None:
    waiting = ended(State.RETRYING, webhook=webhook)
    answer = api.post(of_event(waiting, "cancel"))
    assert answer.status_code == 200
    assert answer.json()["data"]["status"] == "cancelled"
    assert answer.json()["data"]["nextAttemptTimestamp"] is None


@pytest.mark.parametrize("action", ["replay", "cancel"])
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ([], 400, 51049),
        ("x", 400, 51049),
        ({"consumerGroupId": 5}, 400, 51063),
        ({"consumerGroupId": []}, 400, 51063),
        ({"consumerGroupId": "nonsense"}, 404, 404),
        ({"consumerGroupId": str(uuid.uuid4())}, 404, 404),
    ],
)
def test_bodies_that_mean_nothing(
    action: str, body: Any, status: int, code: int, api: CredentialClient, webhook: Webhook
) -> None:
    answer = api.post(of_event(ended(State.RETRYING, webhook=webhook), action), body)
    assert (answer.status_code, [number for number, _ in codes(answer)]) == (status, [code])


def test_an_id_that_ends_as_the_path_does_can_be_looked_at_and_replayed(
    api: CredentialClient, webhook: Webhook
) -> None:
    event = EventFactory(organization=api.organization, event_id="a/replay")
    old = ended(webhook=webhook, event=event)
    looked = api.get("/v3/webHooks/eventLog/a/replay")
    assert (looked.status_code, looked.json()["data"]["eventId"]) == (200, "a/replay")
    assert api.post(of_event(old)).status_code == 202


# --- A range -----------------------------------------------------------------------------


def test_a_range_is_replayed_and_its_progress_told(api: CredentialClient, webhook: Webhook) -> None:
    for state in (State.FAILED, State.FAILED, State.EXPIRED, State.DELIVERED):
        ended(state, webhook=webhook)
    answer = api.post(of_webhook(webhook), BODY)
    assert answer.status_code == 202
    begun = answer.json()["data"]
    assert (begun["total"], begun["made"], begun["state"]) == (3, 0, "running")
    assert (begun["startDate"], begun["status"]) == (START_MS, ["failed", "expired"])
    replay = Replay.objects.get(pk=begun["replayId"])
    make_all(replay)
    Delivery.objects.filter(replay=replay).update(state=State.DELIVERED)
    told = api.get(of_webhook(webhook, f"replay/{replay.pk}")).json()["data"]
    assert (told["made"], told["delivered"], told["waiting"]) == (3, 3, 0)
    assert (told["state"], told["passedOver"]) == ("finished", 0)
    assert told["finishedOn"] is not None
    assert api.get(of_webhook(webhook)).json()["data"] == [told]


def test_missed_events_are_counted_too(api: CredentialClient, webhook: Webhook) -> None:
    EventFactory(organization=api.organization, ingested_at=CAME_IN_AT)
    answer = api.post(of_webhook(webhook), {"startDate": START_MS, "missing": True})
    assert answer.json()["data"]["total"] == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"startDate": None}, [(51060, "startDate")]),
        ({"startDate": "yesterday"}, [(51030, "startDate")]),
        ({"startDate": -1}, [(51030, "startDate")]),
        ({"startDate": 1.5}, [(51030, "startDate")]),
        ({"startDate": True}, [(51030, "startDate")]),
        ({"startDate": 10**30}, [(51030, "startDate")]),
        ({"endDate": {}}, [(51030, "endDate")]),
        ({"endDate": START_MS - 1}, [(51031, "endDate")]),
        ({"status": None}, [(51058, "status")]),
        ({"status": []}, [(51058, "status")]),
        ({"status": "failed"}, [(51034, "status")]),
        ({"status": ["lost"]}, [(51034, "status")]),
        ({"status": ["pending"]}, [(51034, "status")]),
        ({"status": ["in_flight"]}, [(51034, "status")]),
        ({"status": [["failed"]]}, [(51034, "status")]),
        ({"status": [{}]}, [(51034, "status")]),
        ({"eventNames": ["nonsense"]}, [(51008, "eventNames")]),
        ({"eventNames": "transactionAdded"}, [(51025, "eventNames")]),
        ({"eventNames": [1]}, [(51025, "eventNames")]),
        ({"missing": "yes"}, [(51063, "missing")]),
        (
            {"startDate": "x", "status": ["x"], "missing": 1},
            [(51030, "startDate"), (51034, "status"), (51063, "missing")],
        ),
    ],
)
def test_what_is_wrong_with_a_range_is_told_together(
    change: dict[str, Any],
    expected: list[tuple[int, str]],
    api: CredentialClient,
    webhook: Webhook,
) -> None:
    answer = api.post(of_webhook(webhook), BODY | change)
    assert (answer.status_code, sorted(codes(answer))) == (400, sorted(expected))
    assert not Replay.objects.exists()


def test_values_that_are_repeated_count_once_and_unknown_fields_are_named(
    api: CredentialClient, webhook: Webhook
) -> None:
    body = BODY | {"status": ["failed", "failed"], "eventNames": ["transactionAdded"] * 3, "x": 1}
    answer = api.post(of_webhook(webhook), body).json()
    assert answer["data"]["status"] == ["failed"]
    assert answer["data"]["eventNames"] == ["transactionAdded"]
    assert [warning["code"] for warning in answer["warnings"]] == [51096]


def test_a_range_reaches_back_as_far_as_events_are_kept_and_up_to_now(
    api: CredentialClient, webhook: Webhook
) -> None:
    future = int((timezone.now() + dt.timedelta(days=9)).timestamp() * 1000)
    begun = api.post(of_webhook(webhook), BODY | {"startDate": 0, "endDate": future}).json()["data"]
    span = dt.timedelta(milliseconds=begun["endDate"] - begun["startDate"])
    assert abs(span - dt.timedelta(days=30)) < dt.timedelta(seconds=1)


def test_a_second_replay_waits_for_the_end_of_the_first(
    api: CredentialClient, webhook: Webhook
) -> None:
    ReplayFactory(webhook=webhook)
    answer = api.post(of_webhook(webhook), BODY)
    assert (answer.status_code, codes(answer)) == (409, [(51038, None)])
    Webhook.objects.update(deactivated_at=timezone.now())
    answer = api.post(of_webhook(webhook), BODY)
    assert (answer.status_code, codes(answer)) == (409, [(51039, None)])


@pytest.mark.parametrize(("method", "path"), [("delete", ""), ("post", "/cancel")])
def test_a_replay_is_stopped(
    method: str, path: str, api: CredentialClient, webhook: Webhook
) -> None:
    ended(webhook=webhook)
    replay_id = api.post(of_webhook(webhook), BODY).json()["data"]["replayId"]
    make_batch(uuid.UUID(replay_id))
    url = of_webhook(webhook, f"replay/{replay_id}{path}")
    answer = getattr(api, method)(url)
    assert answer.status_code == 200
    told = answer.json()["data"]
    assert (told["state"], told["cancelled"], told["waiting"]) == ("cancelled", 1, 0)
    assert getattr(api, method)(url).json()["data"] == told


def test_replays_are_found_at_their_own_webhook_only(
    api: CredentialClient, webhook: Webhook
) -> None:
    other = ReplayFactory(webhook=WebhookFactory(organization=api.organization))
    for replay_id in (other.pk, uuid.uuid4(), "nonsense", "0"):
        url = of_webhook(webhook, f"replay/{replay_id}")
        for answer in (api.get(url), api.delete(url), api.post(f"{url}/cancel")):
            assert (answer.status_code, codes(answer)) == (404, [(404, None)])
    assert Replay.objects.get().cancelled_at is None


# --- What waits for a webhook ------------------------------------------------------------


def test_what_waits_for_a_webhook_is_cancelled(api: CredentialClient, webhook: Webhook) -> None:
    for state in (State.PENDING, State.RETRYING, State.RETRYING, State.IN_FLIGHT):
        ended(state, webhook=webhook)
    url = of_webhook(webhook, "cancel")
    answer = api.post(url, {"status": ["retrying"], "startDate": START_MS})
    assert (answer.status_code, answer.json()["data"]) == (200, {"cancelled": 2, "hasMore": False})
    assert api.post(url).json()["data"]["cancelled"] == 1
    assert api.post(url).json()["data"]["cancelled"] == 0
    assert Delivery.objects.filter(state=State.IN_FLIGHT).count() == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"status": ["failed"]}, [(51034, "status")]),
        ({"startDate": "x"}, [(51030, "startDate")]),
        ({"startDate": 5, "endDate": 4}, [(51031, "endDate")]),
        ({"eventNames": ["nonsense"]}, [(51008, "eventNames")]),
        ([], [(51049, None)]),
    ],
)
def test_what_is_not_understood_cancels_nothing(
    body: Any, expected: Any, api: CredentialClient, webhook: Webhook
) -> None:
    ended(State.PENDING, webhook=webhook)
    answer = api.post(of_webhook(webhook, "cancel"), body)
    assert (answer.status_code, codes(answer)) == (400, expected)
    assert Delivery.objects.get().state == State.PENDING


# --- Who may -----------------------------------------------------------------------------


def test_bob_looks_and_changes_nothing(bob: CredentialClient, webhook: Webhook) -> None:
    delivery = ended(State.RETRYING, webhook=webhook)
    replay = ReplayFactory(webhook=webhook)
    one = of_webhook(webhook, f"replay/{replay.pk}")
    assert bob.get(one).status_code == bob.get(of_webhook(webhook)).status_code == 200
    for answer in (
        bob.post(of_webhook(webhook), BODY),
        bob.post(of_webhook(webhook, "cancel"), {}),
        bob.post(of_event(delivery)),
        bob.post(of_event(delivery, "cancel")),
        bob.post(f"{one}/cancel"),
        bob.delete(one),
    ):
        assert (answer.status_code, codes(answer)) == (403, [(4000, None)])
    assert Delivery.objects.get().state == State.RETRYING


def test_for_charlie_nothing_of_it_is_there(charlie: CredentialClient, webhook: Webhook) -> None:
    delivery = ended(State.RETRYING, webhook=webhook)
    replay = ReplayFactory(webhook=webhook)
    for path in ("replay", "cancel", f"replay/{replay.pk}/cancel"):
        answer = charlie.post(of_webhook(webhook, path), BODY)
        assert (answer.status_code, codes(answer)) == (400, [(400, "webHookId")])
    for action in ("replay", "cancel"):
        assert charlie.post(of_event(delivery, action)).status_code == 404
    assert Delivery.objects.get().state == State.RETRYING
