"""Signatures, checked by an implementation that is not ours."""

import base64
import json
import time

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from delivery.transport.http import Door
from delivery.transport.request import build
from delivery.transport.signing import sign
from tests.delivery.transport.conftest import EVENT_ID, destination_for
from tests.receiver import Receiver
from webhooks.signing_secrets import new_signing_secret

BODY = '{"eventName":"customerAdded","data":{"name":"Zoë"}}'.encode()


def headers(signature: str, timestamp_s: int) -> dict[str, str]:
    return {
        "webhook-id": EVENT_ID,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": signature,
    }


def test_a_secret_is_32_random_bytes() -> None:
    first, second = new_signing_secret(), new_signing_secret()

    assert first != second
    assert first.startswith("whsec_")
    assert len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) == 32


def test_a_signature_verifies() -> None:
    secret, now = new_signing_secret(), int(time.time())

    signed = headers(sign([secret], EVENT_ID, now, BODY), now)

    assert Webhook(secret).verify(BODY, signed) == json.loads(BODY)


def test_while_a_secret_is_rotated_both_verify() -> None:
    old, new, now = new_signing_secret(), new_signing_secret(), int(time.time())

    signature = sign([new, old], EVENT_ID, now, BODY)

    assert len(signature.split(" ")) == 2
    for secret in (old, new):
        Webhook(secret).verify(BODY, headers(signature, now))
    with pytest.raises(WebhookVerificationError):
        Webhook(new_signing_secret()).verify(BODY, headers(signature, now))


def test_a_changed_body_id_or_time_does_not_verify() -> None:
    secret, now = new_signing_secret(), int(time.time())
    signed = headers(sign([secret], EVENT_ID, now, BODY), now)
    webhook = Webhook(secret)

    with pytest.raises(WebhookVerificationError):
        webhook.verify(BODY + b" ", signed)
    with pytest.raises(WebhookVerificationError):
        webhook.verify(BODY, {**signed, "webhook-id": "another"})
    with pytest.raises(WebhookVerificationError):
        webhook.verify(BODY, {**signed, "webhook-timestamp": str(now - 1)})


def test_the_specifications_own_example() -> None:
    """https://github.com/standard-webhooks/standard-webhooks, the libraries' common test vector."""
    signature = sign(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64", "c2VjcmV0", "whsec_é"])
def test_what_is_no_secret_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(ValueError, match="a signing secret") as refused:
        sign([secret], EVENT_ID, 1, BODY)
    assert "not base64" not in str(refused.value)


def test_what_arrives_verifies(door: Door, receiver: Receiver) -> None:
    secret = new_signing_secret()
    destination = destination_for(receiver.url(), secrets=[secret])
    request = build(destination, event_id=EVENT_ID, timestamp_s=int(time.time()), body=BODY)

    door.post(destination, request)

    (received,) = receiver.wait_for(1)
    Webhook(secret).verify(received.body, received.headers)
