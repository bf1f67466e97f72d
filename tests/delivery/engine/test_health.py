import datetime as dt
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from delivery.engine import health
from delivery.engine.circuit import Verdict
from delivery.engine.health import Report
from delivery.models import Health, State
from tests.delivery.engine.conftest import at_once
from tests.factories import DeliveryFactory, WebhookFactory

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
OUTAGE, REFUSAL, SUCCESS = Verdict.OUTAGE, Verdict.REFUSAL, Verdict.SUCCESS


def ago(**time_passed: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(**time_passed)


def record(verdicts: dict[int, list[str]]) -> set[int]:
    """As within the transaction that writes the outcomes."""
    with transaction.atomic():
        return health.record(
            {key: Report(verdicts=given, counted=given) for key, given in verdicts.items()}
        )


def ripen(webhook: Any) -> None:
    """The time for which the circuit is open passes."""
    Health.objects.filter(webhook=webhook).update(
        open_until=F("open_until") - dt.timedelta(seconds=600)
    )


def test_the_first_result_of_a_webhook_makes_its_row() -> None:
    webhook = WebhookFactory()
    assert record({webhook.pk: [OUTAGE, OUTAGE]}) == {webhook.pk}
    assert Health.objects.get(webhook=webhook).failures == 2


def test_a_steady_success_writes_nothing() -> None:
    webhook = WebhookFactory()
    assert record({webhook.pk: [SUCCESS]}) == {webhook.pk}
    before = Health.objects.get(webhook=webhook)
    assert record({webhook.pk: [SUCCESS] * 200}) == set()
    assert Health.objects.get(webhook=webhook).last_success_at == before.last_success_at


def test_a_steady_success_is_noted_once_a_minute() -> None:
    webhook = WebhookFactory()
    record({webhook.pk: [SUCCESS]})
    Health.objects.update(last_success_at=ago(seconds=61))
    assert record({webhook.pk: [SUCCESS]}) == {webhook.pk}
    noted_at = Health.objects.get(webhook=webhook).last_success_at
    assert noted_at is not None
    assert noted_at > ago(seconds=5)


def test_failures_are_counted_over_batches_until_the_circuit_opens() -> None:
    webhook = WebhookFactory()
    for _ in range(5):
        assert Health.objects.filter(open_until=None).count() == Health.objects.count()
        record({webhook.pk: [OUTAGE]})
    row = Health.objects.get(webhook=webhook)
    assert row.open_until is not None
    assert 9 < (row.open_until - timezone.now()).total_seconds() <= 10


def test_there_is_no_probe_before_the_time_is_over() -> None:
    webhook = WebhookFactory()
    assert not health.take_probe(webhook.pk)
    record({webhook.pk: [OUTAGE] * 5})
    assert not health.take_probe(webhook.pk)


def test_one_probe_is_taken_and_the_circuit_open_meanwhile() -> None:
    webhook = WebhookFactory()
    record({webhook.pk: [OUTAGE] * 5})
    ripen(webhook)
    assert health.take_probe(webhook.pk)
    assert not health.take_probe(webhook.pk)
    row = Health.objects.get(webhook=webhook)
    assert row.open_until is not None
    assert 19 < (row.open_until - timezone.now()).total_seconds() <= 20
    record({webhook.pk: [OUTAGE]})
    assert Health.objects.get(webhook=webhook).open_until == row.open_until


@pytest.mark.django_db(transaction=True)
def test_of_six_workers_at_once_one_takes_the_probe() -> None:
    webhook = WebhookFactory()
    record({webhook.pk: [OUTAGE] * 5})
    ripen(webhook)
    assert sorted(at_once(6, lambda: health.take_probe(webhook.pk))) == [False] * 5 + [True]


@pytest.mark.django_db(transaction=True)
def test_the_failures_of_many_workers_are_all_counted() -> None:
    webhooks = [WebhookFactory().pk for _ in range(3)]
    at_once(6, lambda: record({webhook: [OUTAGE] for webhook in webhooks}))
    assert set(Health.objects.values_list("failures", flat=True)) == {6}


def test_a_deactivation_has_a_reason_and_is_a_new_revision() -> None:
    webhook = WebhookFactory()
    health.deactivate(webhook.pk, "Because.")
    webhook.refresh_from_db()
    assert webhook.deactivated_at is not None
    assert (webhook.deactivation_reason, webhook.revision) == ("Because.", 2)


def test_the_first_reason_stays() -> None:
    webhook = WebhookFactory()
    health.deactivate(webhook.pk, "First.")
    health.deactivate(webhook.pk, "Second.")
    webhook.refresh_from_db()
    assert (webhook.deactivation_reason, webhook.revision) == ("First.", 2)


def failing_webhook(
    *, since: dt.datetime, success: dt.datetime | None = None, tried: bool = True
) -> Any:
    webhook = WebhookFactory()
    Health.objects.create(webhook=webhook, failing_since=since, last_success_at=success)
    if tried:
        DeliveryFactory(webhook=webhook, state=State.RETRYING, attempts=3)
    return webhook


@pytest.mark.parametrize("success", [None, ago(days=7)])
def test_five_days_of_failures_deactivate(success: dt.datetime | None) -> None:
    webhook = failing_webhook(since=ago(days=5, seconds=1), success=success)
    assert health.deactivate_those_failing_for(5) == 1
    webhook.refresh_from_db()
    assert webhook.deactivated_at is not None
    assert "5 days" in webhook.deactivation_reason
    assert webhook.revision == 2
    assert health.deactivate_those_failing_for(5) == 0


def test_less_than_five_days_do_not() -> None:
    failing_webhook(since=ago(days=4, hours=23))
    assert health.deactivate_those_failing_for(5) == 0


def test_a_failure_of_long_ago_and_quiet_days_do_not() -> None:
    failing_webhook(since=ago(days=9), tried=False)
    quiet = failing_webhook(since=ago(days=9), tried=False)
    DeliveryFactory(webhook=quiet, state=State.FAILED, attempts=1, ingested_at=ago(days=9))
    waiting = failing_webhook(since=ago(days=9), tried=False)
    DeliveryFactory(webhook=waiting)
    assert health.deactivate_those_failing_for(5) == 0


def test_after_an_activation_the_days_begin_anew() -> None:
    webhook = failing_webhook(since=ago(days=6))
    assert health.deactivate_those_failing_for(5) == 1
    health.deactivate_those_failing_for(5)  # a sweep later
    webhook.refresh_from_db()
    webhook.activate()
    webhook.save()
    record({webhook.pk: [REFUSAL]})
    assert health.deactivate_those_failing_for(5) == 0
