"""What receivers do, and what the API then says of the delivery."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from delivery.models import Delivery, State
from ens_project.embedded import free_port
from tests.factories import CredentialFactory, WebhookFactory
from tests.proof.api import Api
from tests.proof.deadline import Deadline
from tests.proof.rows import make_replays_due
from tests.proof.stage import Stage
from webhooks.models import Webhook

TIMEOUT_S = 2
ASKED_S = 600


@dataclass(frozen=True)
class Case:
    """`target` is a path of the receiver, or a whole URL. None: no response, or no error."""

    receiver: str
    target: str
    state: State
    status: int | None
    error: str | None = None
    webhook: dict[str, Any] = field(default_factory=dict)


DELIVERED, FAILED, RETRYING = State.DELIVERED, State.FAILED, State.RETRYING
REPLAYS_429 = {"replay_on_429": True}
# After one attempt. PRIVATE and REFUSING stand for ports of this test.
CASES = [
    Case("says 200", "/status/200", DELIVERED, 200),
    Case("says 204", "/status/204", DELIVERED, 204),
    Case("sends an endless body", "/endless-body", DELIVERED, 200),
    Case("drips the body", "/drip-body", DELIVERED, 200),
    Case("sends a compressed bomb", "/bomb", DELIVERED, 200),
    Case("resets in the body", "/reset-in-body", DELIVERED, 200),
    Case("redirects", "/status/301?location=http://127.0.0.1:PRIVATE/", RETRYING, 301),
    Case("says 400", "/status/400", FAILED, 400),
    Case("says 404", "/status/404", FAILED, 404),
    Case("says 410", "/status/410", FAILED, 410),
    Case("says 429", "/status/429", FAILED, 429),
    Case("says 429 and may", "/status/429?retry_after=600", RETRYING, 429, webhook=REPLAYS_429),
    Case("says 500, then 200", "/then/500/200", RETRYING, 500),
    Case("says 503", "/status/503?retry_after=600", RETRYING, 503),
    Case("never answers", "/hang", RETRYING, None, "timeout"),
    Case("drips headers", "/drip-headers", RETRYING, None, "timeout"),
    Case("says 100 for ever", "/continue-for-ever", RETRYING, None, "timeout"),
    Case("resets", "/reset", RETRYING, None, "reset"),
    Case("speaks something else", "/garbage", RETRYING, None, "invalid_response"),
    Case("is not there", "http://127.0.0.1:REFUSING/", RETRYING, None, "refused"),
    Case("is not public", "http://10.0.0.1/", State.BLOCKED, None, "forbidden_address"),
]


@dataclass
class Played:
    """All cases at once: one event, and a webhook for each of them."""

    api: Api
    event_id: str
    webhooks: dict[str, Webhook]
    private_connections: int

    def entry(self, receiver: str) -> dict[str, Any]:
        group = self.webhooks[receiver].consumer_group_id
        path = f"/v3/webHooks/eventLog/{self.event_id}?consumerGroupId={group}"
        entry: dict[str, Any] = self.api.get(path).data
        return entry


def play(stage: Stage) -> Played:
    receiver, private = stage.receivers(2)
    credential = CredentialFactory()
    refusing = free_port()
    webhooks: dict[str, Webhook] = {}
    for case in CASES:
        target = case.target.replace("PRIVATE", str(private.port))
        webhooks[case.receiver] = WebhookFactory(
            organization=credential.organization,
            url=target.replace("REFUSING", str(refusing))
            if "://" in target.split("?")[0]
            else receiver.url(target),
            timeout_s=TIMEOUT_S,
            events=["customerAdded"],
            **case.webhook,
        )
    api = Api(stage.start_web(), credential.code, credential.plain_password)
    stage.start_worker()
    event_id = api.post("/v3/events", {"eventName": "customerAdded", "data": {}}).data["eventId"]
    unended = Delivery.objects.filter(last_duration_ms=None)
    Deadline(60).wait_for(lambda: not unended.exists(), "every first attempt has ended")
    return Played(api, event_id, webhooks, private.connections)


def test_each_receiver_gets_its_due(stage: Stage) -> None:
    played = play(stage)
    for case in CASES:
        entry = played.entry(case.receiver)
        assert (
            case.receiver,
            entry["status"],
            entry["attempts"],
            entry["consumerResponse"]["webhookHttpStatus"],
            entry["error"],
        ) == (case.receiver, case.state, 1, case.status, case.error)
        assert (entry["nextAttemptTimestamp"] is None) == (case.state is not RETRYING)
        assert (entry["eventEndTimestamp"] is None) == (case.state is RETRYING)
    assert played.private_connections == 0

    for polite in ("says 429 and may", "says 503"):
        delivery = Delivery.objects.get(webhook=played.webhooks[polite])
        assert delivery.next_attempt_at is not None
        assert delivery.next_attempt_at > delivery.created_at + timedelta(seconds=ASKED_S)

    (gone,) = [hook for hook in played.api.get("/v3/webHooks").data if not hook["active"]]
    assert gone["name"] == played.webhooks["says 410"].name
    assert gone["deactivationReason"] == "The receiver answered 410 Gone."

    make_replays_due()
    name = "says 500, then 200"
    Deadline().wait_for(lambda: played.entry(name)["status"] == DELIVERED, "the replay arrives")
    assert played.entry(name)["attempts"] == 2
    assert played.entry(name)["consumerResponse"]["webhookHttpStatus"] == 200
