import datetime as dt
import itertools
import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from delivery.models import Alert, AlertKind, OperationalWebhook
from organizations.models import Access, AuditEntry, Membership
from tests.conftest import PageClient, member
from tests.factories import WebhookFactory
from webhooks.models import Webhook

pytestmark = pytest.mark.django_db


@pytest.fixture
def webhook(alice: PageClient) -> Webhook:
    made: Webhook = WebhookFactory(organization=alice.organization, name="Bean counter")
    return made


def told(webhook: Webhook, kind: str = AlertKind.FAILING, **values: Any) -> Alert:
    now = timezone.now()
    usual = {"reason": "50 attempts in a row failed.", "since": now, "last_status": 503}
    return Alert.objects.create(webhook=webhook, kind=kind, **{**usual, "told_at": now, **values})


def page(client: PageClient, query: str = "") -> str:
    answer = client.get(f"/alerts{query}")
    assert answer.status_code == 200
    return str(answer.content.decode())


def chosen_of(client: PageClient) -> Webhook | None:
    row = OperationalWebhook.objects.filter(organization=client.organization).first()
    return row.webhook if row else None


def test_before_anything_happened_it_says_so(alice: PageClient) -> None:
    assert "No webhook failed, was late or was deactivated." in page(alice)


def test_an_alert_is_shown_with_what_happened_and_who_was_told(
    alice: PageClient, webhook: Webhook
) -> None:
    told(webhook, mailed_to=[alice.membership.pk])
    told(webhook, AlertKind.RECOVERED, reason="A delivery succeeded again.", last_status=None)
    shown = page(alice)
    for text in (
        "Bean counter",
        "50 attempts in a row failed. The last: 503 Service Unavailable.",
        "To 1 member.",
        "A delivery succeeded again.",
        "Recovered",
    ):
        assert text in shown
    assert shown.index("Recovered") < shown.index("Failing")


def test_what_the_reason_tells_is_not_told_again(alice: PageClient, webhook: Webhook) -> None:
    told(webhook, AlertKind.DEACTIVATED, reason="The receiver answered 410 Gone.", last_status=410)
    shown = page(alice)
    assert "The receiver answered 410 Gone." in shown
    assert "The last:" not in shown


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"told_at": None}, "Is being sent."),
        ({"told_at": None, "note": "Tried, but x."}, "Tried, but x. It is tried again."),
        ({"note": "E-mail is not set up."}, "E-mail is not set up."),
    ],
)
def test_how_mailing_goes_is_shown(
    alice: PageClient, webhook: Webhook, values: dict[str, Any], text: str
) -> None:
    told(webhook, **values)
    assert text in page(alice)


def test_the_history_is_narrowed_to_a_webhook(alice: PageClient, webhook: Webhook) -> None:
    other = WebhookFactory(organization=alice.organization, name="Other one")
    told(webhook, reason="First reason.")
    told(other, reason="Second reason.")
    shown = page(alice, f"?webhook={other.public_id}")
    assert "Second reason." in shown
    assert "First reason." not in shown
    assert "No alert about this webhook." in page(alice, f"?webhook={'0' * 24}")


def test_the_history_has_pages(alice: PageClient, webhook: Webhook) -> None:
    for number in range(60):
        told(webhook, reason=f"Reason {number}.")
    first, second = page(alice), page(alice, f"?webhook={webhook.public_id}&page=2")
    assert "60 alerts, page 1 of 2" in first
    assert "Reason 59." in first
    assert "Reason 9." in second
    assert f"?webhook={webhook.public_id}&amp;page=1" in second


def test_a_part_is_asked_for_alone(alice: PageClient, webhook: Webhook) -> None:
    told(webhook)
    headers = {"HX-Request": "true", "HX-Target": "alerts"}
    part = alice.get("/alerts", headers=headers).content.decode()
    assert part.strip().startswith('<div id="alerts">')
    assert "<h1>" not in part


def test_another_organizations_alerts_and_webhooks_are_not_there(
    alice: PageClient, charlie_page: PageClient, webhook: Webhook
) -> None:
    told(webhook)
    shown = page(charlie_page) + page(charlie_page, f"?webhook={webhook.public_id}")
    assert "Bean counter" not in shown
    assert "The last: 503" not in shown
    answer = charlie_page.post("/alerts", {"webhook": webhook.public_id})
    assert "Choose one of the active webhooks." in answer.content.decode()
    assert not OperationalWebhook.objects.exists()


def test_alice_chooses_changes_and_takes_back_and_it_is_kept(
    alice: PageClient, webhook: Webhook
) -> None:
    other = WebhookFactory(organization=alice.organization, name="Other one")
    for choice in (webhook, other, None):
        public_id = choice.public_id if choice else ""
        assert alice.post("/alerts", {"webhook": public_id}).status_code == 302
        assert chosen_of(alice) == choice
    kept = [(entry.before, entry.after) for entry in AuditEntry.objects.order_by("id")]
    names = [None, "Bean counter", "Other one", None]
    assert kept == [
        ({"webhook": before}, {"webhook": after}) for before, after in itertools.pairwise(names)
    ]
    assert 'href="/alerts"' in alice.get("/audit-log").content.decode()


def test_the_same_choice_again_leaves_no_trace(alice: PageClient, webhook: Webhook) -> None:
    for _ in range(2):
        alice.post("/alerts", {"webhook": webhook.public_id})
    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize("state", ["inactive", "deleted", "unknown", "nonsense"])
def test_what_can_not_get_events_can_not_be_chosen(
    alice: PageClient, webhook: Webhook, state: str
) -> None:
    if state == "inactive":
        webhook.deactivate()
    if state == "deleted":
        webhook.delete_softly()
    webhook.save()
    choices = {"unknown": "0" * 24, "nonsense": "' OR 1=1 --\ufeff"}
    answer = alice.post("/alerts", {"webhook": choices.get(state, webhook.public_id)})
    assert answer.status_code == 200
    assert "Choose one of the active webhooks." in answer.content.decode()
    assert chosen_of(alice) is None


def test_one_that_was_deactivated_since_stays_and_it_is_said(
    alice: PageClient, webhook: Webhook
) -> None:
    alice.post("/alerts", {"webhook": webhook.public_id})
    webhook.deactivate()
    webhook.save()
    assert "It is not active: it gets none now." in page(alice)
    assert alice.post("/alerts", {"webhook": webhook.public_id}).status_code == 302
    assert chosen_of(alice) == webhook


def test_bob_sees_all_of_it_and_no_control(
    alice: PageClient, bob_page: PageClient, webhook: Webhook
) -> None:
    alice.post("/alerts", {"webhook": webhook.public_id})
    told(webhook)
    shown = page(bob_page)
    assert "gets them." in shown
    assert "50 attempts in a row failed." in shown
    main = shown[shown.index("<main") :]
    assert not re.search(r"<form[^>]*method=\"post\"", main)
    assert bob_page.post("/alerts", {"webhook": ""}).status_code == 403
    assert chosen_of(alice) == webhook


def test_who_gets_e_mails_and_why_the_others_do_not(alice: PageClient) -> None:
    differing: dict[str, dict[str, Any]] = {
        "olga": {"wants_alerts": False},
        "nina": {"webhooks_access": Access.NONE},
    }
    for name, values in differing.items():
        other = member(alice.organization, name, Access.READ)
        Membership.objects.filter(pk=other.membership.pk).update(**values)
    shown = page(alice)
    assert "To 1 of 3 members" in shown
    assert "You are one of them." in shown
    for text in ("has switched it off", "has no access to webhooks", "alice@x.example"):
        assert text in shown


def test_whether_mail_is_set_up_is_said_plainly(alice: PageClient, settings: Any) -> None:
    settings.MAIL = None
    assert "E-mail is not set up here: nobody is mailed." in page(alice)
    settings.MAIL = {"backend": "x", "host": "mail.example.com", "password": "hunter2"}
    settings.MAIL_FROM = "ens@example.com"
    shown = page(alice)
    assert "E-mails are sent from ens@example.com." in shown
    assert "hunter2" not in shown


def test_the_payloads_are_there_to_read(alice: PageClient) -> None:
    shown = page(alice)
    for name in ("slaBreached", "failing", "deactivated", "recovered"):
        assert f"ens.webhook.{name}" in shown


def test_more_of_everything_takes_no_more_queries(alice: PageClient, webhook: Webhook) -> None:
    counts = []
    for number in range(2):
        for extra in range(10):
            other = WebhookFactory(organization=alice.organization)
            told(other, created_at=timezone.now() - dt.timedelta(hours=extra))
            member(alice.organization, f"m{number}{extra}", Access.READ)
        with CaptureQueriesContext(connection) as queries:
            page(alice)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12


def test_everybody_has_a_switch_of_their_own(alice: PageClient, bob_page: PageClient) -> None:
    assert bob_page.post("/preferences/alerts", {}).status_code == 302
    wants = dict(Membership.objects.values_list("user__username", "wants_alerts"))
    assert wants == {"alice": True, "bob": False}
    entry = AuditEntry.objects.get()
    assert (entry.before, entry.after) == ({"wants_alerts": True}, {"wants_alerts": False})
    assert 'name="wants_alerts"' in bob_page.get("/preferences").content.decode()
    bob_page.post("/preferences/alerts", {"wants_alerts": "on"})
    assert Membership.objects.filter(wants_alerts=True).count() == 2
    bob_page.post("/preferences/alerts", {"wants_alerts": "on"})
    assert AuditEntry.objects.count() == 2
