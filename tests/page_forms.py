"""A form that is right for every page that takes one, and the objects that the URLs name."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from django.views.generic import RedirectView

from delivery.models import Delivery, Replay, State
from events.custom_types import mark
from events.models import EventType
from organizations.models import Access, Invitation, Organization
from tests.conftest import PageClient
from tests.endpoints import Endpoint
from tests.factories import (
    PASSWORD,
    CredentialFactory,
    DeliveryFactory,
    MembershipFactory,
    ReplayFactory,
    UserFactory,
    WebhookFactory,
)
from tests.webhooks.forms import FILLED, opened
from webhooks.models import Header, SigningSecret, Webhook

Ids = dict[str, Any]
Fields = dict[str, Any]
TOKEN = "the-token-of-an-invitation"
SECRETS = {"value": "Bearer hunter2", "secret": "whsec_" + "A" * 44, "password": PASSWORD}
NEW_PASSWORD = "a hen that reads maps"


def objects_of(organization: Organization) -> Ids:
    """By the names that URLs have for them.

    A URL with another parameter fails the tests until it is added here.
    """
    # Where nobody listens: a test that is sent ends at once, and asks no name server.
    webhook = WebhookFactory(organization=organization, url="http://127.0.0.1:9/")
    SigningSecret.objects.create(webhook=webhook, secret=SECRETS["secret"])
    Header.objects.create(webhook=webhook, position=0, name="Authorization", value=SECRETS["value"])
    roasted = EventType.objects.create(
        organization=organization, name="beansRoasted", schema={}, version=2
    )
    roasted.versions.create(number=1, schema={"type": "object"})
    delivery = DeliveryFactory(webhook=webhook)
    member = MembershipFactory(
        organization=organization,
        user=UserFactory(first_name="Zoe", email="zoe@bakery.example"),
        webhooks_access=Access.READ,
    )
    return {
        "public_id": webhook.public_id,
        "event_name": "beansRoasted",
        "version_number": 1,
        "delivery_id": delivery.pk,
        "event_row_id": delivery.event_id,
        "replay_id": ReplayFactory(webhook=webhook).pk,
        "credential_id": CredentialFactory(organization=organization).pk,
        "membership_id": member.pk,
        "invitation_id": invitation_to(organization, "new@bakery.example").pk,
    }


def invitation_to(organization: Organization, email: str) -> Invitation:
    """Open, with a token that nobody knows."""
    invitation = Invitation(
        organization=organization, email=email, webhooks_access=Access.READ, invited_by={}
    )
    invitation.issue_token()
    invitation.expires_at = timezone.now() + dt.timedelta(days=1)
    invitation.save()
    return invitation


def _nothing(_client: PageClient, _ids: Ids) -> Fields:
    return {}


def _edited(client: PageClient, ids: Ids) -> Fields:
    webhook = Webhook.objects.get(public_id=ids["public_id"])
    return opened(client, webhook) | {"url": "https://elsewhere.example.com/"}


def _rotated(_client: PageClient, ids: Ids) -> Fields:
    secret = SigningSecret.objects.get(webhook__public_id=ids["public_id"])
    return {"overlap_hours": "24", "secret": str(secret.pk)}


def _chosen(client: PageClient, _ids: Ids) -> Fields:
    return {"organization": str(client.organization.pk)}


def _receiver(_client: PageClient, ids: Ids) -> Fields:
    return {"webhook": ids["public_id"]}


def _tills(_client: PageClient, _ids: Ids) -> Fields:
    text = b"till_id,code,name\n7,pos.7,Seven\n"
    return {"kind": "tills", "file": SimpleUploadedFile("tills.csv", text, "text/csv")}


def _type_edited(client: PageClient, ids: Ids) -> Fields:
    stored = EventType.objects.get(organization=client.organization, name=ids["event_name"])
    return {
        "seen": mark(stored),
        "validation": "reject",
        "description": "Beans came out of the oven.",
        "schema": '{"type": "object", "required": ["data"]}',
        "sample": "",
    }


def _of(**fields: Any) -> Callable[[PageClient, Ids], Fields]:
    return lambda _client, _ids: dict(fields)


def _ended(_client: PageClient, ids: Ids) -> Fields:
    """The delivery has failed, and no replay of its webhook is running."""
    now = timezone.now()
    Replay.objects.filter(pk=ids["replay_id"]).update(finished_at=now)
    Delivery.objects.filter(pk=ids["delivery_id"]).update(
        state=State.FAILED, finished_at=now, next_attempt_at=None
    )
    return {"back": "/notifications"}


def _range(page: str, before: Callable[[PageClient, Ids], Fields]) -> Any:
    """As the page is opened, and then started."""

    def fields(client: PageClient, ids: Ids) -> Fields:
        before(client, ids)
        form = client.get(f"/notifications/{ids['public_id']}/{page}").context["form"]
        opened = {name: form.data.getlist(name) for name in form.data}
        return opened | {"counted": form.chosen, "step": "start"}

    return fields


FORMS: dict[str, Callable[[PageClient, Ids], Fields]] = {
    "sign-in": _of(username="alice", password=PASSWORD, next="/feed"),
    "sign-out": _of(next="/sign-in"),
    "choose-organization": _chosen,
    "preferences": _of(own_time_zone="Asia/Tokyo"),
    "organization-time-zone": _of(time_zone="Asia/Tokyo"),
    "own-alerts": _of(),
    "alert-list": _receiver,
    "password-change": _of(
        old_password=PASSWORD, new_password1=NEW_PASSWORD, new_password2=NEW_PASSWORD
    ),
    "credential-add": _of(
        code="pos.9", name="Till 9", webhooks_access="read", expires_at="2098-01-31T10:00"
    ),
    "credential-revoke": _nothing,
    "membership-invite": _of(email="zed@bakery.example", webhooks_access="read"),
    "membership-change": _of(webhooks_access="none", may_write_events="on"),
    "membership-remove": _nothing,
    "invitation-revoke": _nothing,
    "invitation-accept": _of(full_name="Zed", password=NEW_PASSWORD, password_again=NEW_PASSWORD),
    "audit-export": _of(person="alice", since="2026-01-01"),
    "reference-import": _tills,
    "event-type-switch": _of(active="false"),
    "event-type-validation": _of(validation="reject"),
    "event-type-add": _of(name="reviewPosted", validation="warn", schema='{"type": "object"}'),
    "event-type-check": _of(schema='{"type": "object"}', sample='{"data": {}}'),
    "event-type-edit": _type_edited,
    "event-type-delete": _nothing,
    "event-type-restore": _nothing,
    "webhook-add": _of(**FILLED),
    "webhook-edit": _edited,
    "webhook-url-check": _of(url="https://receiver.example.com/", webhook_type="HTTP"),
    "webhook-enrichment-preview": _of(**FILLED, enrich_till="on", preview_of="transactionAdded"),
    "webhook-filter-preview": _of(**FILLED, filter='{"data.amount": {"$gte": 1000}}'),
    "webhook-header-show": _of(show="Authorization", number="1"),
    "webhook-secret": _nothing,
    "webhook-secret-rotate": _rotated,
    "webhook-activate": _of(back="/notifications"),
    "webhook-deactivate": _of(back="/notifications"),
    "webhook-delete": _of(back="/notifications"),
    "webhook-restore": _of(back="/notifications"),
    "webhook-replay": _range("replay", _ended),
    "webhook-cancel-waiting": _range("cancel-waiting", _nothing),
    "delivery-replay": _ended,
    "event-replay-all": _ended,
    "delivery-cancel": _of(back="/notifications"),
    "replay-cancel": _nothing,
    "webhook-test": _of(event_name="transactionAdded", body='{"data": {"note": "a test"}}'),
}


def takes_forms(page: Endpoint) -> bool:
    """Leading on, whatever the method, is no form."""
    view = page.view
    if view is None or issubclass(view, RedirectView):
        return False
    return hasattr(view, "post") and "post" in view.http_method_names


def filled(page: Endpoint, client: PageClient, ids: Ids) -> Fields:
    """Raises KeyError for a page whose form is not known here."""
    return FORMS[page.name](client, ids)
