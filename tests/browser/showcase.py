"""A brand with a bit of everything: what the pictures show and every page is checked with."""

import datetime as dt
import json
import random
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from delivery import tally
from delivery.models import Attempt, Delivery, Health, Replay, State
from events import custom_types
from events.catalogue import CATALOGUE, standard_sample
from events.models import Event, EventType
from organizations import audit
from organizations.authentication import Caller
from organizations.invitations import invite
from organizations.models import (
    Access,
    Customer,
    Invitation,
    Membership,
    Organization,
    Store,
    Till,
)
from tests.factories import (
    CredentialFactory,
    DeliveryFactory,
    EventFactory,
    MembershipFactory,
    OrganizationFactory,
    ReplayFactory,
    UserFactory,
    WebhookFactory,
)
from webhooks.models import Header, SigningSecret, Webhook
from webhooks.signing_secrets import new_signing_secret

FREQUENT = ["pointsIssued", "pointsRedeemed", "transactionAdded", "customerAdded", "CouponIssue"]
EVENTS = 400
DAY = dt.timedelta(days=1)
FAILING_FOR = dt.timedelta(hours=9)
# Name, URL, number of event types, last changed so many minutes ago, by whom.
WEBHOOKS = [
    ("Tier e-mails", "https://mail.aurora.example/hooks/tier-changes", 4, 6, "Priya Nair"),
    ("Coupon wallet", "https://wallet.cloudcoupons.example/aurora/in", 3, 12, "Mira Anand"),
    ("Loyalty data lake", "https://ingest.lake.example/v1/loyalty/events?by=day", 78, 60, "Mira"),
    ("CRM sync", "https://hooks.crm.aurora.example/customer-360/production", 9, 1500, "Tomás"),
    ("Fraud watch", "https://fraud.old-vendor.example/stream", 2, 4000, "the service"),
    ("WeChat mini-program", "https://mp.aurora.example/callback/loyalty", 6, 18720, "Lin Wei"),
    ("Airline partner miles", "https://api.skymiles.example/aurora", 5, 31000, "Tomás Rivera"),
]


@dataclass(frozen=True)
class Showcase:
    mira: Membership
    webhook: Webhook
    failed: Delivery
    retrying: Delivery
    invitation: Invitation
    token: str
    custom_type: EventType
    replay: Replay

    @property
    def organization(self) -> Organization:
        return self.mira.organization


def build(seed: int = 7) -> Showcase:
    """In a new organisation. The names of webhooks are taken once in an installation."""
    chance = random.Random(seed)
    mira = _people()
    _reference_data(mira.organization)
    webhooks = _webhooks(mira, chance)
    for number in range(EVENTS):
        _event(mira.organization, webhooks, number, chance)
    tally.recount()
    _audit(mira, webhooks)
    deliveries = Delivery.objects.filter(webhook=webhooks[3]).order_by("-ingested_at")
    invitation, token = invite(
        mira.organization,
        "lin.wei@aurora.example",
        access=Access.READ,
        may_write_events=False,
        by=Caller.member(mira),
    )
    return Showcase(
        invitation=invitation,
        token=token,
        custom_type=_custom_type(mira),
        replay=_replay(webhooks[3]),
        mira=mira,
        webhook=webhooks[3],
        failed=deliveries.filter(state=State.FAILED)[0],
        retrying=deliveries.filter(state=State.RETRYING)[0],
    )


def _people() -> Membership:
    aurora = OrganizationFactory(name="Aurora Retail", time_zone="Asia/Singapore")
    mira: Membership = MembershipFactory(
        organization=aurora,
        user=UserFactory(first_name="Mira", last_name="Anand", email="mira@aurora.example"),
    )
    MembershipFactory(
        organization=OrganizationFactory(name="Aurora Retail SG", parent=aurora), user=mira.user
    )
    MembershipFactory(
        organization=aurora,
        user=UserFactory(first_name="Tomás", last_name="Rivera", email="tomas@aurora.example"),
        webhooks_access=Access.READ,
    )
    CredentialFactory(organization=aurora, name="Till 4, Orchard Road")
    CredentialFactory(organization=aurora, name="ERP", revoked_at=timezone.now() - 3 * DAY)
    return mira


def _custom_type(mira: Membership) -> EventType:
    """With two versions."""
    by = Caller.member(mira)
    properties: dict[str, Any] = {"storeId": {"type": "integer"}, "queue": {"type": "string"}}
    schema = {
        "type": "object",
        "properties": {"data": {"type": "object", "properties": properties}},
    }
    settings = {"group": "Store", "description": "Somebody waited too long at a till."}
    made = custom_types.add(by, mira.organization, "queueTooLong", {**settings, "schema": schema})
    properties["minutes"] = {"type": "number", "description": "Since the customer came."}
    return custom_types.change(by, mira.organization, made.name, {**settings, "schema": schema})


def _replay(webhook: Webhook) -> Replay:
    now = timezone.now()
    replay: Replay = ReplayFactory(
        webhook=webhook, start=now - DAY, end=now, total=40, made=38, passed_over=2, finished_at=now
    )
    return replay


def _reference_data(aurora: Organization) -> None:
    store = Store.objects.create(
        organization=aurora, store_id=71, code="SG-04", name="Orchard Road", external_id="OR"
    )
    Till.objects.create(organization=aurora, till_id=4711, code="t4", name="Till 4", store=store)
    for number in range(3):
        Customer.objects.create(organization=aurora, customer_id=482_579_328 + number)


def _webhooks(mira: Membership, chance: random.Random) -> list[Webhook]:
    made: list[Webhook] = []
    for name, url, count, minutes, who in WEBHOOKS:
        names = [*FREQUENT, *chance.sample(sorted(CATALOGUE), len(CATALOGUE))][: count + 5]
        actor = {**Caller.member(mira).actor, "name": who}
        changed = timezone.now() - dt.timedelta(minutes=minutes)
        webhook: Webhook = WebhookFactory(
            organization=mira.organization,
            name=name,
            url=url,
            events=sorted(CATALOGUE) if count == 78 else list(dict.fromkeys(names))[:count],
            created_by=actor,
            updated_by=actor,
            created_at=changed - 90 * DAY,
            updated_at=changed,
        )
        Header.objects.create(webhook=webhook, position=0, name="Authorization", value="Bearer x")
        Header.objects.create(webhook=webhook, position=1, name="X-Brand", value="aurora")
        SigningSecret.objects.create(webhook=webhook, secret=new_signing_secret())
        made.append(webhook)
    now = timezone.now()
    Health.objects.create(webhook=made[1], failures=52, failing_since=now - FAILING_FOR)
    made[4].deactivate("The receiver answered 410 Gone.")
    made[6].deactivate()
    for webhook in (made[4], made[6]):
        webhook.save()
    return made


def _event(
    organization: Organization, webhooks: list[Webhook], number: int, chance: random.Random
) -> None:
    at = timezone.now() - (number / EVENTS) ** 3 * 20 * DAY
    name = chance.choice(FREQUENT)
    customer = str(chance.randint(300_000_000, 599_999_999))
    event: Event = EventFactory(
        organization=organization,
        name=name,
        data=(standard_sample(name) or {"data": {}})["data"],
        customer_id=customer,
        search_key=customer,
        occurred_at=at,
        ingested_at=at,
        received_from="till.orchard",
        failures=[{"path": "data.points", "message": "is no number"}] if number % 31 == 3 else None,
    )
    for webhook in chance.sample(webhooks[1:6], chance.randint(0, 3)):
        age = timezone.now() - at
        _delivery(event, webhook, _state(webhooks.index(webhook), age, number), chance)


def _state(which: int, age: dt.timedelta, number: int) -> State:
    if which == 1 and age < FAILING_FOR:
        return State.RETRYING
    if which == 3 and number % 7 == 3:
        if age < DAY:
            return State.RETRYING
        return State.FAILED if number % 2 else State.EXPIRED
    return State.DELIVERED


def _delivery(event: Event, webhook: Webhook, state: State, chance: random.Random) -> None:
    at = event.ingested_at
    took_ms = chance.lognormvariate(5, 0.6)
    is_open = state is State.RETRYING
    status = {State.DELIVERED: 200, State.FAILED: 422}.get(state, 503)
    delivery: Delivery = DeliveryFactory(
        webhook=webhook,
        event=event,
        state=state,
        attempts=1 if status < 503 else 4,
        created_at=at,
        ingested_at=at,
        expires_at=at + DAY,
        first_attempt_at=at,
        finished_at=None if is_open else at + dt.timedelta(milliseconds=took_ms),
        # Far enough away: the worker that runs beside the tests is not to send it.
        next_attempt_at=timezone.now() + dt.timedelta(hours=2) if is_open else None,
        last_status=status,
        last_duration_ms=took_ms,
        sla_breached_at=None if state is State.DELIVERED else at + dt.timedelta(seconds=30),
    )
    for number in range(1, delivery.attempts + 1):
        _attempt(delivery, number, status, took_ms)


def _attempt(delivery: Delivery, number: int, status: int, took_ms: float) -> None:
    timed_out = number == 2
    bodies = {
        200: '{"ok": true}',
        422: '{"error": "unknown member", "field": "data.customerIdentifiers"}',
        503: '{"error": "maintenance", "retry_after": 60}',
    }
    Attempt.objects.create(
        delivery=delivery,
        number=number,
        started_at=delivery.ingested_at + dt.timedelta(seconds=9 * (number - 1)),
        duration_ms=30_000 if timed_out else took_ms,
        address="203.0.113.40",
        status=None if timed_out else status,
        error="timeout" if timed_out else "",
        detail="No response within 30 s." if timed_out else "",
        request_headers=json.dumps(
            [
                ["Content-Type", "application/json"],
                ["User-Agent", "ENS/0.1.0"],
                ["Authorization", "••••"],
                ["webhook-id", delivery.event.event_id],
            ]
        ),
        response_headers="[]" if timed_out else json.dumps([["Content-Type", "application/json"]]),
        response_body="" if timed_out else bodies[status],
    )


def _audit(mira: Membership, webhooks: list[Webhook]) -> None:
    by = Caller.member(mira)
    for webhook in webhooks[:4]:
        audit.record(by, action="created", obj=webhook, after={"url": webhook.url, "sla_s": 30})
    audit.record(
        by,
        action="changed",
        obj=webhooks[3],
        before={"max_connections": 20, "headers": {"Authorization": "a"}},
        after={"max_connections": 40, "headers": {"Authorization": "b"}},
    )
