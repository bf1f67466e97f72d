from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from delivery import figures, metrics, tally
from delivery.models import Attempt, Delivery, Health, State, Tally
from events import frequency
from events.models import Event, EventType
from organizations.models import Organization
from tests.factories import OrganizationFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

SMALL = {"webhooks": 12, "deliveries": 600, "event_types": 7}


@pytest.fixture
def organization() -> Organization:
    return OrganizationFactory()


def seed_volume(organization: Organization, **options: Any) -> str:
    said = StringIO()
    call_command("seed_volume", organization=organization.pk, stdout=said, **SMALL | options)
    return said.getvalue()


def test_there_is_as_much_as_was_asked_for(organization: Organization) -> None:
    assert f"{organization.pk}" in seed_volume(organization)
    assert Webhook.objects.for_organization(organization).count() == 12
    assert Delivery.objects.for_organization(organization).count() == 600
    assert EventType.objects.filter(organization=organization).count() == 7
    assert Health.objects.count() == 12
    assert organization.customers.count() == 1_000
    assert Event.objects.filter(organization=organization).count() >= 100
    assert Attempt.objects.exists()


def test_without_an_organization_one_is_made() -> None:
    said = StringIO()
    call_command("seed_volume", stdout=said, webhooks=1, deliveries=5, event_types=0)
    organization = Organization.objects.get(name="Volume")
    assert f"{organization.pk}" in said.getvalue()


def test_what_is_filled_in_is_counted(organization: Organization) -> None:
    seed_volume(organization)
    found = metrics.of(Delivery.objects.all())
    counted = {
        state: sum(Tally.objects.filter(what=state).values_list("count", flat=True))
        for state in tally.COUNTED
    }
    assert counted.pop(State.DELIVERED) == found.delivered > 400
    assert sum(counted.values()) == found.failed
    assert sum(frequency.counts(organization).values()) > 0
    webhooks = list(Webhook.objects.for_organization(organization))
    assert sum(day.delivered for day in figures.last_day(webhooks).values()) > 0


def test_deliveries_are_to_subscribers_of_the_event_and_in_order_of_time(
    organization: Organization,
) -> None:
    seed_volume(organization)
    for delivery in Delivery.objects.select_related("event", "webhook")[:100]:
        assert delivery.webhook.subscriptions.filter(event_name=delivery.event.name).exists()
        assert delivery.ingested_at == delivery.event.ingested_at
        assert (delivery.finished_at is None) == (delivery.state in ("pending", "retrying"))
    moments = list(Delivery.objects.order_by("id").values_list("ingested_at", flat=True))
    assert moments == sorted(moments)


def test_the_same_seed_gives_the_same_picture(organization: Organization) -> None:
    other, third = OrganizationFactory.create_batch(2)

    def picture(of: Organization) -> list[Any]:
        deliveries = Delivery.objects.for_organization(of).order_by("id")
        return list(deliveries.values_list("event__event_id", "state", "attempts", "last_status"))

    seed_volume(organization, days=3)
    first = picture(organization)
    Delivery.objects.all().delete()
    Event.objects.all().delete()
    seed_volume(other, days=3)
    # Chance is the same; what the present does to the oldest and the youngest is not.
    same = sum(a == b for a, b in zip(first, picture(other), strict=True))
    assert same > 500
    seed_volume(third, days=3, seed=2)
    assert sum(a == b for a, b in zip(first, picture(third), strict=True)) == 0


def test_an_organization_with_webhooks_is_left_alone_unless_one_says_so(
    organization: Organization,
) -> None:
    WebhookFactory(organization=organization)
    with pytest.raises(CommandError, match="--add"):
        seed_volume(organization)
    assert Delivery.objects.count() == 0
    seed_volume(organization, add=True)
    seed_volume(organization, add=True, seed=2)
    assert Webhook.objects.for_organization(organization).count() == 25


def test_an_organization_that_does_not_exist_is_told() -> None:
    with pytest.raises(CommandError, match="no organization"):
        call_command("seed_volume", organization=12345)


@pytest.mark.parametrize("options", [{"webhooks": 0}, {"days": 0}, {"deliveries": -1}])
def test_numbers_that_make_no_sense_are_told(
    organization: Organization, options: dict[str, int]
) -> None:
    with pytest.raises(CommandError, match="at least one webhook"):
        seed_volume(organization, **options)


def test_figures_can_be_counted_anew(organization: Organization) -> None:
    seed_volume(organization)
    before = sorted(Tally.objects.values_list("webhook_id", "hour", "what", "count"))
    Tally.objects.all().delete()
    said = StringIO()
    call_command("recount_figures", stdout=said)
    assert "anew" in said.getvalue()
    assert sorted(Tally.objects.values_list("webhook_id", "hour", "what", "count")) == before
