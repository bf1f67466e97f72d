import base64
import time

import pytest
import time_machine
from standardwebhooks import Webhook as Verifier

from delivery.engine.targets import Targets
from delivery.transport.request import Destination, build
from organizations.authentication import Caller
from organizations.models import AuditEntry
from tests.factories import CredentialFactory, WebhookFactory
from webhooks.models import SigningSecret, Webhook
from webhooks.rotation import rotate, signing
from webhooks.signing_secrets import new_signing_secret

HOUR_S = 3_600


def test_a_secret_is_32_random_bytes_that_the_standard_library_takes() -> None:
    one, other = new_signing_secret(), new_signing_secret()
    assert one != other
    assert len(base64.b64decode(one.removeprefix("whsec_"), validate=True)) == 32
    Verifier(one)


@pytest.fixture
def webhook(db: None) -> Webhook:
    webhook: Webhook = WebhookFactory()
    SigningSecret.objects.create(webhook=webhook, secret=new_signing_secret())
    return webhook


@pytest.fixture
def caller(webhook: Webhook) -> Caller:
    return Caller.with_credential(CredentialFactory(organization=webhook.organization))


def secrets_of(webhook: Webhook) -> list[str]:
    return [secret.secret for secret in signing(webhook)]


@pytest.mark.both_databases
def test_the_old_secret_signs_beside_the_new_one_until_it_expires(
    webhook: Webhook, caller: Caller
) -> None:
    with time_machine.travel("2026-11-21T10:00:00Z", tick=False) as clock:
        (old,) = secrets_of(webhook)
        new = rotate(webhook, caller, 24 * HOUR_S).secret
        assert secrets_of(webhook) == [new, old]
        clock.shift(24 * HOUR_S - 1)
        assert secrets_of(webhook) == [new, old]
        clock.shift(1)
        assert secrets_of(webhook) == [new]


@pytest.mark.both_databases
def test_without_an_overlap_every_older_secret_ends_at_once(
    webhook: Webhook, caller: Caller
) -> None:
    rotate(webhook, caller, 24 * HOUR_S)
    new = rotate(webhook, caller, 0).secret
    assert secrets_of(webhook) == [new]
    assert SigningSecret.objects.count() == 1


@pytest.mark.both_databases
def test_secrets_that_overlap_keep_their_own_end_and_are_bounded(
    webhook: Webhook, caller: Caller
) -> None:
    rotate(webhook, caller, HOUR_S)
    first_end = signing(webhook)[1].expires_at
    rotate(webhook, caller, 24 * HOUR_S)
    assert signing(webhook)[2].expires_at == first_end
    for _ in range(10):
        rotate(webhook, caller, 24 * HOUR_S)
    assert len(secrets_of(webhook)) == 5


@pytest.mark.parametrize("overlap_s", [-1, 7 * 24 * HOUR_S + 1])
def test_an_overlap_is_from_nothing_to_seven_days(
    webhook: Webhook, caller: Caller, overlap_s: int
) -> None:
    with pytest.raises(ValueError, match=str(overlap_s)):
        rotate(webhook, caller, overlap_s)


@pytest.mark.both_databases
def test_a_rotation_is_recorded_without_the_secret_and_raises_the_revision(
    webhook: Webhook, caller: Caller
) -> None:
    before = webhook.revision
    new = rotate(webhook, caller, 0)
    assert Webhook.objects.get().revision == before + 1
    assert Webhook.objects.get().updated_by == caller.actor
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_id) == ("secret rotated", webhook.public_id)
    assert new.secret not in str([entry.before, entry.after])


def test_requests_are_signed_with_both_secrets(webhook: Webhook, caller: Caller) -> None:
    (old,) = secrets_of(webhook)
    new = rotate(webhook, caller, 24 * HOUR_S).secret
    target = Targets(ask=lambda read: read()).get(webhook.pk)
    assert target is not None
    assert isinstance(target.destination, Destination)
    assert target.destination_until == signing(webhook)[1].expires_at
    request = build(target.destination, event_id="e-1", timestamp_s=int(time.time()), body=b"{}")
    for secret in (old, new):
        Verifier(secret).verify("{}", dict(request.headers))
