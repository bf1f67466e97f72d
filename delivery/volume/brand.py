"""The webhooks, event types and customers of a made-up brand."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from delivery.models import Health
from delivery.volume.character import Character, draw
from events.catalogue import CATALOGUE
from events.models import EventType
from organizations.models import Customer, CustomerIdentifier, Organization
from webhooks.models import SigningSecret, Subscription, Webhook
from webhooks.signing_secrets import new_signing_secret

CUSTOMERS = 1_000
FIRST_CUSTOMER_ID = 400_000_000
MOST_EVENTS = 12
SYSTEMS = ("CRM", "Data warehouse", "Messages", "Loyalty app", "Fraud check", "Tills", "Partner")
GROUPS = ("Campaigns", "Commerce", "Delivery", "Engagement", "Surveys")
PERSON = {"id": 1, "code": "volume", "description": "", "name": "Volume", "type": "ADMIN_USER"}
SCHEMA = {
    "type": "object",
    "properties": {
        "data": {
            "type": "object",
            "properties": {
                "customerId": {"type": "integer", "description": "Whom it is about."},
                "amount": {"type": "number", "description": "In the brand's currency."},
                "note": {"type": "string"},
            },
            "required": ["customerId"],
        }
    },
}


@dataclass(frozen=True)
class Receiver:
    webhook: Webhook
    names: Sequence[str]
    character: Character


def make_event_types(organization: Organization, count: int) -> list[str]:
    """Their names; those that are there already stay."""
    types = [
        EventType(
            organization=organization,
            name=f"volumeEvent{number:04}",
            group=GROUPS[number % len(GROUPS)],
            description=f"Something of kind {number} happened to a customer.",
            schema=SCHEMA,
            sample={"data": {"customerId": FIRST_CUSTOMER_ID, "amount": 12.5}},
        )
        for number in range(1, count + 1)
    ]
    EventType.objects.bulk_create(types, batch_size=500, ignore_conflicts=True)
    return [event_type.name for event_type in types]


def make_customers(organization: Organization) -> list[int]:
    """Their ids; none are made when there are some."""
    if not organization.customers.exists():
        made = Customer.objects.bulk_create(
            Customer(organization=organization, customer_id=FIRST_CUSTOMER_ID + number)
            for number in range(CUSTOMERS)
        )
        CustomerIdentifier.objects.bulk_create(
            CustomerIdentifier(customer=customer, source="instore", kind=kind, value=value)
            for number, customer in enumerate(made)
            for kind, value in (
                ("mobile", f"65810{number:05}"),
                ("email", f"customer{number}@volume.example"),
            )
        )
    return list(organization.customers.values_list("customer_id", flat=True))


def make_receivers(
    organization: Organization,
    count: int,
    custom: Sequence[str],
    rng: Random,
    now: dt.datetime,
    days: int,
) -> list[Receiver]:
    first = organization.webhooks.count() + 1
    known = [*sorted(CATALOGUE), *custom]
    drawn = [
        (
            rng.sample(known, rng.randint(1, min(MOST_EVENTS, len(known)))),
            draw(rng, rank, now, days),
        )
        for rank in range(count)
    ]
    webhooks = Webhook.objects.bulk_create(
        _webhook(organization, first + rank, character, now)
        for rank, (_, character) in enumerate(drawn)
    )
    receivers = [
        Receiver(webhook, names, character)
        for webhook, (names, character) in zip(webhooks, drawn, strict=True)
    ]
    Subscription.objects.bulk_create(
        Subscription(webhook=receiver.webhook, position=position, event_name=name)
        for receiver in receivers
        for position, name in enumerate(receiver.names)
    )
    SigningSecret.objects.bulk_create(
        SigningSecret(webhook=webhook, secret=new_signing_secret()) for webhook in webhooks
    )
    Health.objects.bulk_create(_health(receiver, now) for receiver in receivers)
    return receivers


def _webhook(
    organization: Organization, number: int, character: Character, now: dt.datetime
) -> Webhook:
    system = SYSTEMS[number % len(SYSTEMS)]
    created_at = now - dt.timedelta(days=40 + number % 300)
    return Webhook(
        organization=organization,
        name=f"{system} {number:03} of {organization.pk}",
        url=f"https://hooks.system{number:03}.example/webhooks/{organization.pk}/events",
        max_connections=20,
        created_at=created_at,
        updated_at=created_at + dt.timedelta(days=number % 39),
        created_by=PERSON,
        updated_by=PERSON,
        deactivated_at=character.deactivated_at,
        deactivation_reason=character.reason,
    )


def _health(receiver: Receiver, now: dt.datetime) -> Health:
    character = receiver.character
    if character.fails_since is None:
        return Health(webhook=receiver.webhook, last_success_at=now)
    return Health(
        webhook=receiver.webhook,
        failures=12,
        failing_since=character.fails_since,
        last_success_at=character.fails_since,
        openings=3,
        open_until=now + dt.timedelta(minutes=5),
    )
