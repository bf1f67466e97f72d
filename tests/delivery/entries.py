"""Rows and requests for the tests of logs and metrics."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from delivery.models import Delivery, State
from tests.conftest import CredentialClient
from tests.factories import DeliveryFactory
from webhooks.models import Webhook

# The documented sample, and what this service adds to it.
GROUP = "36b25f81-7047-4f60-8a24-21908cc0bdad"
SAMPLE = {
    "refId": "50074_38236069",
    "requestId": "ebcce693-48ff-4a5f-b335-76abd1c9e33f",
    "eventName": "transactionAdded",
    "eventId": "ccc983c2-df7a-4ece-b5cc-e574cec66fc1",
    "consumerGroupId": GROUP,
    "eventIngestionTimestamp": "2020-04-23T11:10:51.351+0530",
    "eventStartTimestamp": "2020-04-23T11:10:51.354+0530",
    "eventEndTimestamp": "2020-04-23T11:10:51.385+0530",
    "slaBreachTimestamp": None,
    "consumerResponse": {"webhookHttpStatus": 200.0, "time_taken": 195.0},
}
ADDED = {"status": "delivered", "attempts": 1, "nextAttemptTimestamp": None, "error": None}


def event_log(event_id: str) -> str:
    return f"/v3/webHooks/eventLog/{event_id}"


def logs_of(group: object) -> str:
    return f"/v3/events/consumer-groups/{group}/logs"


def metrics_of(group: object) -> str:
    return f"/v3/events/consumer-groups/{group}/metrics"


def data_of(client: CredentialClient, path: str, **query: Any) -> Any:
    response = client.get(path, query)
    assert response.status_code == 200, response.content
    assert response.json()["errors"] is None
    return response.json()["data"]


def errors_of(response: Any, status: int) -> list[dict[str, Any]]:
    assert response.status_code == status, response.content
    assert response.json()["data"] is None
    return list(response.json()["errors"])


def delivered(webhook: Webhook, at: datetime, duration_ms: float = 30, **fields: Any) -> Delivery:
    """A delivery at the first attempt, of an event that came in at that moment."""
    row = {
        "event__ingested_at": at,
        "ingested_at": at,
        "created_at": at,
        "first_attempt_at": at + timedelta(milliseconds=3),
        "finished_at": at + timedelta(milliseconds=3 + duration_ms),
        "next_attempt_at": None,
        "state": State.DELIVERED,
        "attempts": 1,
        "last_status": 200,
        "last_duration_ms": duration_ms,
    }
    return DeliveryFactory(webhook=webhook, **row | fields)


def ago(**parts: float) -> datetime:
    return timezone.now() - timedelta(**parts)


def epoch_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def ids(answer: dict[str, Any]) -> list[str]:
    return [entry["eventId"] for entry in answer["logs"]]
