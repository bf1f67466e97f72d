import re
from typing import Any

import pytest
from django.utils import timezone

from delivery.models import Delivery, Replay, State
from delivery.replay.making import make_batch
from tests.conftest import PageClient
from tests.delivery.replay.ended import ended
from tests.factories import EventFactory, ReplayFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

FAILED = {"period": "24h", "status": ["failed"]}
COUNT = {"HX-Request": "true", "HX-Target": "count"}


@pytest.fixture
def webhook(alice: PageClient) -> Webhook:
    made: Webhook = WebhookFactory(
        organization=alice.organization,
        name="Oven",
        events=["transactionAdded", "pointsIssued"],
    )
    return made


def path_of(webhook: Webhook, page: str = "replay") -> str:
    return f"/notifications/{webhook.public_id}/{page}"


def started(client: PageClient, path: str, fields: dict[str, Any]) -> Any:
    """As people do it: the form, its count, then the button."""
    shown = client.post(path, fields | {"step": "count"})
    return client.post(path, fields | {"step": "start", "counted": shown.context["form"].chosen})


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_the_page_tells_how_many_before_it_starts(alice: PageClient, webhook: Webhook) -> None:
    for state in (State.FAILED, State.FAILED, State.EXPIRED, State.BLOCKED):
        ended(state, webhook=webhook)
    assert "Replay 3 deliveries" in text(alice.get(path_of(webhook)))
    assert "Replay 2 deliveries" in text(alice.post(path_of(webhook), FAILED | {"step": "count"}))
    part = alice.post(path_of(webhook), FAILED | {"step": "count"}, headers=COUNT)
    assert "Replay 2 deliveries" in text(part)
    assert "<html" not in text(part)
    assert not Replay.objects.exists()


def test_with_scripts_it_is_a_dialog_over_the_webhook(alice: PageClient, webhook: Webhook) -> None:
    shown = text(alice.get(path_of(webhook), headers={"HX-Request": "true"}))
    assert shown.strip().startswith("<dialog") or "<dialog" in shown[:200]
    assert "<html" not in shown


def test_a_replay_is_started_and_its_page_shown(alice: PageClient, webhook: Webhook) -> None:
    ended(webhook=webhook)
    answer = started(alice, path_of(webhook), FAILED)
    replay = Replay.objects.get()
    assert answer.headers["Location"] == f"/replays/{replay.pk}"
    assert (replay.states, replay.total, replay.missing) == (["failed"], 1, False)
    assert replay.requested_by["code"] == "alice"
    assert "The replay has begun." in text(alice.get(answer.headers["Location"]))


def test_what_was_changed_since_the_count_is_counted_first(
    alice: PageClient, webhook: Webhook
) -> None:
    ended(webhook=webhook)
    ended(State.DELIVERED, webhook=webhook)
    chosen = alice.get(path_of(webhook)).context["form"].chosen
    fields = {"period": "24h", "status": ["delivered", "failed"], "step": "start"}
    answer = alice.post(path_of(webhook), fields | {"counted": chosen})
    assert answer.status_code == 200
    assert "Replay 2 deliveries" in text(answer)
    assert not Replay.objects.exists()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"period": "24h"}, "Choose at least one."),
        ({"period": "choose", "status": ["failed"]}, "Say when it begins."),
        (
            {"period": "choose", "first": "2026-01-02T00:00", "last": "2026-01-01T00:00"}
            | FAILED
            | {"period": "choose"},
            "It ends before it begins.",
        ),
        ({"period": "ages", "status": ["failed"]}, "Select a valid choice"),
        ({"period": "24h", "status": ["pending"]}, "Select a valid choice"),
        (FAILED | {"event_names": ["cardUpdated"]}, "Select a valid choice"),
    ],
)
def test_what_is_not_understood_is_told(
    fields: dict[str, Any], told: str, alice: PageClient, webhook: Webhook
) -> None:
    ended(webhook=webhook)
    for step in ("count", "start"):
        answer = alice.post(path_of(webhook), fields | {"step": step, "counted": "x"})
        assert answer.status_code == 200
        assert told in text(answer)
    assert not Replay.objects.exists()


def test_a_range_by_hand_and_some_event_types(alice: PageClient, webhook: Webhook) -> None:
    now = timezone.now()
    event = EventFactory(organization=webhook.organization, name="pointsIssued")
    ended(webhook=webhook, event=event, ingested_at=now)
    ended(webhook=webhook, ingested_at=now)
    local = timezone.localtime(now, alice.organization.zone).strftime("%Y-%m-%dT%H:%M")
    fields = FAILED | {"period": "choose", "first": local, "event_names": ["pointsIssued"]}
    started(alice, path_of(webhook), fields)
    replay = Replay.objects.get()
    assert (replay.total, replay.event_names) == (1, ["pointsIssued"])
    assert replay.start <= now < replay.end


def test_missed_events_are_replayed_too(alice: PageClient, webhook: Webhook) -> None:
    EventFactory(organization=webhook.organization)
    started(alice, path_of(webhook), {"period": "24h", "missing": "on"})
    assert (Replay.objects.get().total, Replay.objects.get().missing) == (1, True)


def test_nothing_starts_where_nothing_can(alice: PageClient, webhook: Webhook) -> None:
    ended(webhook=webhook)
    replay = ReplayFactory(webhook=webhook)
    shown = text(alice.get(path_of(webhook)))
    assert "A replay of this webhook is running." in shown
    assert f"/replays/{replay.pk}" in shown
    assert started(alice, path_of(webhook), FAILED).status_code == 200
    replay.delete()
    Webhook.objects.update(deactivated_at=timezone.now())
    assert "deactivated; activate it first" in text(alice.get(path_of(webhook)))
    assert started(alice, path_of(webhook), FAILED).status_code == 200
    Webhook.objects.update(deleted_at=timezone.now())
    assert alice.get(path_of(webhook)).status_code == 404
    assert not Replay.objects.exists()


def test_a_replay_page_tells_how_far_it_is_and_asks_again_while_it_moves(
    alice: PageClient, bob_page: PageClient, webhook: Webhook
) -> None:
    rows = [ended(webhook=webhook) for _ in range(3)]
    answer = started(alice, path_of(webhook), FAILED)
    replay = Replay.objects.get()
    make_batch(replay.pk)
    made = Delivery.objects.filter(replay=replay)
    Delivery.objects.filter(pk=made[0].pk).update(state=State.DELIVERED)
    shown = text(alice.get(answer.headers["Location"]))
    assert 'max="3" value="1"' in shown
    assert "Cancel replay" in shown
    assert re.search(r'hx-trigger="every 2s"', shown)
    assert "Cancel replay" not in text(bob_page.get(answer.headers["Location"]))
    part = {"HX-Request": "true", "HX-Target": "progress"}
    assert "<html" not in text(alice.get(answer.headers["Location"], headers=part))
    made.update(state=State.DELIVERED)
    make_batch(replay.pk)
    over = text(alice.get(answer.headers["Location"], headers=part))
    assert "Finished" in over
    assert "every 2s" not in over
    assert "Cancel replay" not in over
    assert len(rows) == made.count()


def test_a_replay_is_cancelled(alice: PageClient, webhook: Webhook) -> None:
    ended(webhook=webhook)
    started(alice, path_of(webhook), FAILED)
    replay = Replay.objects.get()
    make_batch(replay.pk)
    answer = alice.post(f"/replays/{replay.pk}/cancel", follow=True)
    assert "The replay was stopped. 1 delivery was cancelled." in text(answer)
    answer = alice.post(f"/replays/{replay.pk}/cancel", follow=True)
    assert "The replay was over already." in text(answer)


def test_the_webhook_page_has_its_latest_replays(
    alice: PageClient, bob_page: PageClient, webhook: Webhook
) -> None:
    url = f"/notifications/{webhook.public_id}"
    assert "Replays</h2>" not in text(alice.get(url))
    replay = ReplayFactory(webhook=webhook, total=7)
    assert f"/replays/{replay.pk}" in text(alice.get(url))
    assert "Replay…" in text(alice.get(url))
    assert "Replay…" not in text(bob_page.get(url))
    assert bob_page.get(path_of(webhook)).status_code == 403


# --- One delivery ------------------------------------------------------------------------


def test_a_delivery_is_replayed_from_its_page(alice: PageClient, webhook: Webhook) -> None:
    old = ended(webhook=webhook)
    assert f"/deliveries/{old.pk}/replay" in text(alice.get(f"/deliveries/{old.pk}"))
    answer = alice.post(f"/deliveries/{old.pk}/replay")
    new = Delivery.objects.get(is_replay=True)
    assert answer.headers["Location"] == f"/deliveries/{new.pk}"
    shown = text(alice.get(f"/deliveries/{old.pk}"))
    assert "It was replayed." in shown
    assert f"/deliveries/{new.pk}" in shown
    assert f"/deliveries/{old.pk}/replay" not in shown
    again = text(alice.get(f"/deliveries/{new.pk}"))
    assert "From a replay</span>" in again
    assert f'href="/deliveries/{old.pk}"' in again


@pytest.mark.parametrize(
    ("state", "replay", "cancel"),
    [
        (State.PENDING, False, True),
        (State.RETRYING, True, True),
        (State.IN_FLIGHT, False, False),
        (State.DELIVERED, True, False),
        (State.CANCELLED, True, False),
    ],
)
def test_buttons_are_there_for_what_can_be_done(
    state: State,
    replay: bool,
    cancel: bool,
    alice: PageClient,
    bob_page: PageClient,
    webhook: Webhook,
) -> None:
    url = f"/deliveries/{ended(state, webhook=webhook).pk}"
    shown = text(alice.get(url))
    assert (f"{url}/replay" in shown, f"{url}/cancel" in shown) == (replay, cancel)
    read = text(bob_page.get(url))
    assert f"{url}/replay" not in read
    assert f"{url}/cancel" not in read


def test_a_waiting_delivery_is_cancelled_from_its_page(alice: PageClient, webhook: Webhook) -> None:
    waiting = ended(State.RETRYING, webhook=webhook)
    answer = alice.post(f"/deliveries/{waiting.pk}/cancel", follow=True)
    assert "It is cancelled, and not sent any more." in text(answer)
    answer = alice.post(f"/deliveries/{waiting.pk}/cancel", follow=True)
    assert "It does not wait any more; it is cancelled." in text(answer)


def test_what_is_in_flight_is_left_alone_and_said_so(alice: PageClient, webhook: Webhook) -> None:
    flying = ended(State.IN_FLIGHT, webhook=webhook)
    for action in ("replay", "cancel"):
        answer = alice.post(f"/deliveries/{flying.pk}/{action}", follow=True)
        assert "It is in flight; wait for what comes of it." in text(answer)
    assert Delivery.objects.get().state == State.IN_FLIGHT


def test_an_event_page_has_a_replay_for_each_delivery(
    alice: PageClient, bob_page: PageClient, webhook: Webhook
) -> None:
    old = ended(webhook=webhook)
    url = f"/feed/{old.event_id}"
    assert f"/deliveries/{old.pk}/replay" in text(alice.get(url))
    assert f"/deliveries/{old.pk}/replay" not in text(bob_page.get(url))
    answer = alice.post(f"/deliveries/{old.pk}/replay", {"back": url})
    assert answer.headers["Location"] == url
    hostile = alice.post(f"/deliveries/{old.pk}/replay", {"back": "//evil.example"})
    assert hostile.headers["Location"].startswith("/deliveries/")


def test_an_event_is_replayed_to_all_webhooks_that_take_it(
    alice: PageClient, bob_page: PageClient, charlie_page: PageClient, webhook: Webhook
) -> None:
    old = ended(webhook=webhook)
    url = f"/feed/{old.event_id}"
    assert "Replay to all" not in text(alice.get(url))  # its one row has a button
    others = [WebhookFactory(organization=alice.organization) for _ in range(3)]
    for other in others:
        ended(State.DELIVERED, webhook=other, event=old.event)
    others[0].deactivate()
    others[0].save()
    assert "Replay to all" in text(alice.get(url))
    assert "Replay to all" not in text(bob_page.get(url))
    assert bob_page.post(f"{url}/replay").status_code == 403
    assert charlie_page.post(f"{url}/replay").status_code == 404
    answer = alice.post(f"{url}/replay", follow=True)
    assert "It is delivered again to 3 webhooks." in text(answer)
    again = Delivery.objects.filter(is_replay=True, event=old.event)
    assert set(again.values_list("webhook", flat=True)) == {
        webhook.pk,
        others[1].pk,
        others[2].pk,
    }
    answer = alice.post(f"{url}/replay", follow=True)
    assert "There is no webhook that it can be replayed to now." in text(answer)
    assert again.count() == 3


def test_a_test_event_has_no_replay_but_another_test(
    alice: PageClient, bob_page: PageClient, webhook: Webhook
) -> None:
    event = EventFactory(organization=alice.organization, is_test=True)
    tried = ended(webhook=webhook, event=event)
    for url in (f"/feed/{event.pk}", f"/deliveries/{tried.pk}"):
        assert f"/deliveries/{tried.pk}/replay" not in text(alice.get(url))
    assert path_of(webhook, "test") in text(alice.get(url))
    assert path_of(webhook, "test") not in text(bob_page.get(url))


# --- What waits for a webhook ------------------------------------------------------------


def test_what_waits_is_counted_and_cancelled(alice: PageClient, webhook: Webhook) -> None:
    for state in (State.PENDING, State.RETRYING, State.IN_FLIGHT, State.FAILED):
        ended(state, webhook=webhook)
    path = path_of(webhook, "cancel-waiting")
    assert "Cancel 2 deliveries" in text(alice.get(path))
    fields = {"period": "all", "status": ["retrying"]}
    assert "Cancel 1 delivery" in text(alice.post(path, fields | {"step": "count"}))
    answer = started(alice, path, fields)
    assert answer.headers["Location"] == f"/notifications/{webhook.public_id}"
    assert "1 delivery was cancelled." in text(alice.get(answer.headers["Location"]))
    assert Delivery.objects.filter(state=State.CANCELLED).count() == 1
    assert started(alice, path, fields).status_code == 200
