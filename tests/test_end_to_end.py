"""The story of one event, from the till where it happens to the receiver that is told.

Everything is real here: the web process takes the event over HTTP, a worker process sends it, a
receiver in a third process gets it. The test does what a brand's developer does.
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from standardwebhooks import Webhook as Verifier

from tests.proof.api import Api
from tests.proof.deadline import Deadline
from tests.proof.rows import make_replays_due
from tests.proof.stage import Stage
from webhooks.models import SigningSecret

pytestmark = pytest.mark.both_databases

EVENT_ID = "06750c10-dcf1-45de-a0eb-d9c64372feed"
EVENT = {
    "eventName": "pointsIssued",
    "eventId": EVENT_ID,
    "createdAt": 1619199042493,
    "data": {
        "customerIdentifiers": {"customerId": 482579328},
        "points": 12.50,
        "issuedAt": "Café Ünal",
    },
}


@pytest.fixture
def stage(transactional_db: None, tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as stage:
        yield stage


def run(command: str, *arguments: str) -> dict[str, Any]:
    """A management command, as an operator runs it with --json."""
    output = io.StringIO()
    call_command(command, *arguments, "--json", stdout=output)
    shown: dict[str, Any] = json.loads(output.getvalue())
    return shown


def test_an_event_travels_from_the_till_to_the_receiver(stage: Stage) -> None:
    # An operator makes the brand's organisation, and a credential for its developer.
    brand = run("create_organization", "Bean There", "--time-zone", "Asia/Kolkata")
    till = run(
        "create_credential",
        *("--organization", str(brand["id"])),
        *("--code", "bean.till", "--webhooks", "write", "--events"),
    )
    api = Api(stage.start_web(), till["code"], till["password"])
    stage.start_worker()

    # The developer's receiver is not quite well: it fails with the first copy of each event.
    receiver = stage.receiver()
    webhook = api.post(
        "/v3/webHooks",
        {
            "name": "Loyalty screen",
            "eventNames": ["pointsIssued", "customerAdded"],
            "webHookUrl": receiver.url("/then/503/200"),
            "webHookHeaders": {"Authorization": "Bearer beans"},
            "maxAllowedConnections": 5,
            "slaInSeconds": 3600,
        },
    ).data
    assert webhook["active"]

    # The till says that points were issued, and is answered once that is safe.
    answer = api.post("/v3/events", EVENT)
    assert answer.status == 202
    assert answer.data == {"eventId": EVENT_ID, "status": "accepted"}

    # The first attempt fails; the event stays and waits for the next one.
    log = f"/v3/webHooks/eventLog/{EVENT_ID}"
    Deadline().wait_for(lambda: api.get(log).data["status"] == "retrying", "the attempt fails")
    entry = api.get(log).data
    assert entry["attempts"] == 1
    assert entry["consumerResponse"]["webhookHttpStatus"] == 503
    assert entry["nextAttemptTimestamp"] is not None
    assert entry["eventEndTimestamp"] is None

    # Some seconds later, which the test does not wait for, it is sent again and arrives.
    make_replays_due()
    Deadline().wait_for(lambda: api.get(log).data["status"] == "delivered", "the event arrives")
    entry = api.get(log).data
    assert entry["attempts"] == 2
    assert entry["consumerResponse"]["webhookHttpStatus"] == 200
    assert entry["consumerGroupId"] == webhook["consumerGroupId"]
    assert entry["slaBreachTimestamp"] is None
    assert entry["eventEndTimestamp"].endswith("+0530")

    # Both times the receiver got the same: the event, completed, byte for byte as it was signed.
    first, second = receiver.requests
    assert first["body"] == second["body"]
    assert json.loads(second["body"]) == EVENT | {
        "orgId": brand["id"],
        "refId": f"{brand['id']}_482579328",
        "apiRequestId": entry["requestId"],
        "loyaltyEventId": None,
    }
    assert second["method"] == "POST"
    assert second["headers"]["content-type"] == "application/json"
    assert second["headers"]["authorization"] == "Bearer beans"
    assert second["headers"]["webhook-id"] == EVENT_ID

    # It knows by the signature that it was us, and that nobody changed a thing.
    secret = SigningSecret.objects.get(webhook__public_id=webhook["webHookId"]).secret
    Verifier(secret).verify(second["body"], second["headers"])

    # The till was not sure and says it again; the receiver does not hear of it.
    assert api.post("/v3/events", EVENT).data["status"] == "duplicate"

    # Another event, so that we can be sure: it comes, and nothing came before it.
    other = api.post("/v3/events", {"eventName": "customerAdded", "data": {}}).data["eventId"]
    Deadline().wait_for(lambda: receiver.total >= 3, "the other event comes")
    assert [*receiver.copies] == [EVENT_ID, other]
    assert receiver.copies[EVENT_ID] == 2

    # The numbers say so too.
    group = f"/v3/events/consumer-groups/{webhook['consumerGroupId']}"
    metrics = api.get(f"{group}/metrics").data
    assert (metrics["totalEvents"], metrics["deliveredEvents"]) == (2, 1)

    # The developer takes the webhook away: what happens from now on is stored and goes nowhere.
    assert api.ask("DELETE", f"/v3/webHooks/{webhook['webHookId']}").data["active"] is False
    unheard = api.post("/v3/events", {"eventName": "customerAdded", "data": {}}).data["eventId"]
    assert api.get(f"/v3/webHooks/eventLog/{unheard}").status == 404
    assert unheard not in receiver.copies
