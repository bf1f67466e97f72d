"""What tests start from. Names and ids are numbered, so that nothing collides."""

import json
from datetime import timedelta
from typing import Any

import factory
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from factory.django import DjangoModelFactory

from delivery.models import Delivery, Replay
from events.models import Event
from organizations.models import Access, Credential, Membership, Organization
from webhooks.models import Subscription, Webhook

PASSWORD = "correct horse battery staple"


class OrganizationFactory(DjangoModelFactory[Organization]):
    class Meta:
        model = Organization

    name = factory.Sequence(lambda n: f"Brand {n}")


class CredentialFactory(DjangoModelFactory[Credential]):
    """With Write and the right to publish.

    `plain_password` and `plain_secret` hold what the database does not.
    """

    class Meta:
        model = Credential
        skip_postgeneration_save = True

    organization = factory.SubFactory(OrganizationFactory)
    code = factory.Sequence(lambda n: f"till.{n}")
    webhooks_access = Access.WRITE
    may_write_events = True

    @classmethod
    def _create(cls, model_class: type[Credential], *args: Any, **kwargs: Any) -> Credential:
        credential = model_class(**kwargs)
        issued = credential.renew_secrets()
        credential.save(force_insert=True)
        credential.plain_password = issued.password  # type: ignore[attr-defined]  # tests only
        credential.plain_secret = issued.secret  # type: ignore[attr-defined]  # tests only
        return credential


class UserFactory(DjangoModelFactory[Any]):
    """Signs in with `PASSWORD`."""

    class Meta:
        model = get_user_model()

    username = factory.Sequence(lambda n: f"user{n}")
    password = factory.LazyFunction(lambda: make_password(PASSWORD))


class MembershipFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    organization = factory.SubFactory(OrganizationFactory)
    user = factory.SubFactory(UserFactory)
    webhooks_access = Access.WRITE


class WebhookFactory(DjangoModelFactory[Webhook]):
    """Subscribed to `events`, a list of names."""

    class Meta:
        model = Webhook
        skip_postgeneration_save = True

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"Webhook {n}")
    url = "https://receiver.example.com/"
    max_connections = 20

    @factory.post_generation
    def events(self: Any, create: bool, extracted: list[str] | None, **_: Any) -> None:
        names = ["transactionAdded"] if extracted is None else extracted
        if create:
            Subscription.objects.bulk_create(
                Subscription(webhook=self, position=position, event_name=name)
                for position, name in enumerate(names)
            )


class EventFactory(DjangoModelFactory[Event]):
    """`data` becomes the payload's."""

    class Meta:
        model = Event

    class Params:
        data: dict[str, Any] = {}

    organization = factory.SubFactory(OrganizationFactory)
    event_id = factory.Faker("uuid4")
    name = "transactionAdded"
    ref_id = factory.LazyAttribute(lambda event: f"{event.organization.pk}_{event.event_id}")
    request_id = factory.Faker("hexify", text="^" * 32)
    occurred_at = factory.LazyFunction(timezone.now)
    digest = factory.Faker("hexify", text="^" * 32)
    payload = factory.LazyAttribute(
        lambda event: json.dumps(
            {
                "eventName": event.name,
                "eventId": event.event_id,
                "orgId": event.organization.pk,
                "refId": event.ref_id,
                "apiRequestId": event.request_id,
                "createdAt": int(event.occurred_at.timestamp() * 1000),
                "data": event.data,
            }
        )
    )


class DeliveryFactory(DjangoModelFactory[Delivery]):
    """Of an event of the webhook's organisation, due now."""

    class Meta:
        model = Delivery

    webhook = factory.SubFactory(WebhookFactory)
    event = factory.SubFactory(
        EventFactory, organization=factory.SelfAttribute("..webhook.organization")
    )
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(hours=24))


class ReplayFactory(DjangoModelFactory[Replay]):
    """Of what failed in the last hour, with nothing made yet."""

    class Meta:
        model = Replay

    webhook = factory.SubFactory(WebhookFactory)
    start = factory.LazyFunction(lambda: timezone.now() - timedelta(hours=1))
    end = factory.LazyFunction(timezone.now)
    states = ["failed"]
