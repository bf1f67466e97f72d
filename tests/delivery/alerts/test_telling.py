import datetime as dt
import multiprocessing
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import django.db
import pytest
from django.core.checks import run_checks
from django.db.models import F
from django.utils import timezone
from structlog.testing import capture_logs

from delivery.alerts import mail, telling
from delivery.alerts.telling import claim, is_due, tell_due
from delivery.models import Alert, AlertKind
from organizations.models import Access, Membership, Organization
from tests.conftest import PageClient, member
from tests.delivery.alerts.conftest import alert_of
from tests.delivery.alerts.mail_server import MailServer
from tests.delivery.engine.conftest import at_once
from tests.factories import OrganizationFactory, WebhookFactory
from webhooks.models import Header, Webhook

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture
def webhook(alice: PageClient) -> Webhook:
    made: Webhook = WebhookFactory(organization=alice.organization, name="Shop backend")
    return made


def pass_time(**time_passed: float) -> None:
    delta = dt.timedelta(**time_passed)
    names = ("created_at", "next_try_at")
    Alert.objects.update(**{name: F(name) - delta for name in names})


def text_of(message: EmailMessage) -> str:
    return str(message.get_content())


def test_a_mail_says_what_happened_and_what_can_be_done(
    webhook: Webhook, mail_server: MailServer, alice: PageClient
) -> None:
    Organization.objects.update(time_zone="Asia/Singapore")
    since = dt.datetime(2026, 11, 21, 2, 41, 58, tzinfo=dt.UTC)
    alert_of(webhook, since=since, last_status=401)
    assert tell_due() == 1
    (message,) = mail_server.mails
    assert message["Subject"] == "[ENS] “Shop backend” is failing"
    assert (message["From"], message["To"]) == ("ENS <ens@example.com>", "alice@x.example")
    assert message.get_content_type() == "text/plain"
    assert message["Auto-Submitted"] == "auto-generated"
    text = text_of(message)
    for told in (
        "50 attempts in a row failed.",
        "21 Nov 2026, 10:41:58 +08",
        "401 Unauthorized",
        "check the headers of the webhook",
        "https://receiver.example.com/…",
        "Alice's Bakery",
        f"https://ens.example.com/notifications/{webhook.public_id}",
        "https://ens.example.com/alerts",
        "https://ens.example.com/preferences#alerts",
    ):
        assert told in text
    alert = Alert.objects.get()
    assert alert.told_at is not None
    assert (alert.mailed_to, alert.note) == ([alice.membership.pk], "")
    assert not is_due()


@pytest.mark.parametrize("kind", AlertKind)
def test_every_kind_can_be_mailed(webhook: Webhook, mail_server: MailServer, kind: str) -> None:
    alert_of(webhook, kind)
    tell_due()
    assert len(mail_server.mails) == 1
    assert "{" not in text_of(mail_server.mails[0])


def test_those_who_may_look_and_want_it_get_one_each(
    webhook: Webhook, mail_server: MailServer, alice: PageClient, bob_page: PageClient
) -> None:
    """Not Nina without access, not Olga who does not want it, nobody who left."""
    organization = alice.organization
    member(organization, "nina", Access.NONE)
    for name in ("olga", "lena", "noel", "twin"):
        member(organization, name, Access.READ)
    people = Membership.objects.filter(organization=organization)
    people.filter(user__username="olga").update(wants_alerts=False)
    user = type(alice.user).objects
    user.filter(username="lena").update(is_active=False)
    user.filter(username="noel").update(email="")
    user.filter(username="twin").update(email="BOB@x.example")
    alert_of(webhook)
    tell_due()
    assert mail_server.addresses == ["alice@x.example", "bob@x.example"]
    assert mail_server.receivers == mail_server.addresses


def test_another_organization_is_not_told_neither_parent_nor_child(
    webhook: Webhook, mail_server: MailServer, charlie_page: PageClient
) -> None:
    parent = OrganizationFactory()
    member(parent, "pam", Access.WRITE)
    member(OrganizationFactory(parent=webhook.organization), "kim", Access.WRITE)
    Organization.objects.filter(pk=webhook.organization.pk).update(parent=parent)
    alert_of(webhook)
    tell_due()
    assert mail_server.addresses == ["alice@x.example"]


@pytest.mark.parametrize(
    "name",
    [
        "x\u2028Bcc: eve@evil.example\u2029\u0085y",
        "x\u202e\u200bmoc.live",
        '"><script>alert(1)</script> {{ settings.SECRET_KEY }} {% now %}',
        "Ж" * 200,
        "=?utf-8?q?x=0ABcc:_eve=40evil.example?=",
    ],
)
def test_a_name_adds_no_header_and_nothing_to_the_text(
    mail_server: MailServer, alice: PageClient, name: str
) -> None:
    webhook = WebhookFactory(organization=alice.organization)
    for hostile in (name, f"x\r\nBcc: eve@evil.example\n\n{name}"[:200]):
        Webhook.objects.update(name=hostile)
        Organization.objects.update(name=hostile)
        alert_of(webhook)
    tell_due()
    assert mail_server.receivers == ["alice@x.example"] * 2
    for message in mail_server.mails:
        assert message["Bcc"] is None
        assert set(message.keys()) == {
            *("Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted"),
            *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
        }
        assert str(message["Subject"]).isprintable()
        assert "\nBcc:" not in text_of(message)


def test_no_secret_of_a_webhook_is_mailed(webhook: Webhook, mail_server: MailServer) -> None:
    Header.objects.create(webhook=webhook, position=0, name="X-Key", value="hunter2")
    Webhook.objects.update(url="https://user:hunter2@hooks.example.com:8443/hunter2?k=hunter2")
    alert_of(webhook)
    tell_due()
    (message,) = mail_server.mails
    assert "hunter2" not in message.as_string()
    assert "https://hooks.example.com:8443/…" in text_of(message)


def test_while_the_mail_server_is_away_it_is_tried_again(
    webhook: Webhook, mail_server: MailServer
) -> None:
    mail_server.stop()
    alert_of(webhook)
    waits = []
    for tries in range(1, 5):
        tell_due()
        alert = Alert.objects.get()
        assert (alert.told_at, alert.tries) == (None, tries)
        waits.append(round((alert.next_try_at - timezone.now()).total_seconds(), -1))
        assert "could not be reached" in alert.note
        assert tell_due() == 0
        pass_time(seconds=waits[-1] + 5)
    assert waits == [30, 60, 120, 300]
    mail_server.start()
    tell_due()
    alert = Alert.objects.get()
    assert (len(mail_server.mails), len(alert.mailed_to), alert.note) == (1, 1, "")
    assert alert.told_at is not None


def test_after_a_day_it_is_given_up_and_said_so(webhook: Webhook, mail_server: MailServer) -> None:
    mail_server.stop()
    alert_of(webhook)
    pass_time(hours=24)
    with capture_logs() as logs:
        tell_due()
    assert ("error", "alert_given_up") in [(line["log_level"], line["event"]) for line in logs]
    alert = Alert.objects.get()
    assert alert.told_at is not None
    assert alert.note.startswith("Given up after a day: the mail server could not be reached")
    assert tell_due() == 0


def test_who_got_it_before_the_server_broke_off_does_not_get_it_again(
    webhook: Webhook, mail_server: MailServer, bob_page: PageClient
) -> None:
    mail_server.breaks_after = 1
    alert_of(webhook)
    tell_due()
    assert mail_server.addresses == ["alice@x.example"]
    assert len(Alert.objects.get().mailed_to) == 1
    mail_server.breaks_after = None
    pass_time(minutes=1)
    tell_due()
    assert mail_server.addresses == ["alice@x.example", "bob@x.example"]


def test_an_address_that_is_refused_for_good_does_not_hold_up_the_others(
    webhook: Webhook, mail_server: MailServer, bob_page: PageClient
) -> None:
    mail_server.refused = {"alice@x.example"}
    alert_of(webhook)
    tell_due()
    alert = Alert.objects.get()
    assert mail_server.addresses == ["bob@x.example"]
    assert alert.told_at is not None
    assert alert.note == "The mail server refused 1 of 2 addresses."


def test_a_server_that_refuses_everybody_is_asked_again(
    webhook: Webhook, mail_server: MailServer
) -> None:
    mail_server.refused = {"alice@x.example"}
    alert_of(webhook)
    tell_due()
    alert = Alert.objects.get()
    assert alert.told_at is None
    assert alert.note == "Tried, but the mail server refused every address."


def test_a_webhooks_alerts_arrive_in_their_order(webhook: Webhook, mail_server: MailServer) -> None:
    mail_server.stop()
    alert_of(webhook)
    tell_due()
    alert_of(webhook, AlertKind.RECOVERED)
    assert tell_due() == 0
    mail_server.start()
    pass_time(minutes=1)
    assert tell_due() == 2
    assert ["failing" in mail["Subject"] for mail in mail_server.mails] == [True, False]


def test_the_same_mail_has_the_same_id(webhook: Webhook, alice: PageClient) -> None:
    alert = alert_of(webhook)
    ids = {mail.compose(alert, alice.membership).message()["Message-ID"] for _ in range(2)}
    assert len(ids) == 1


@pytest.mark.django_db(transaction=True)
def test_many_threads_mail_each_alert_once(webhook: Webhook, mail_server: MailServer) -> None:
    for _ in range(6):
        alert_of(WebhookFactory(organization=webhook.organization))
    assert sum(at_once(4, tell_due)) == 6
    assert len(mail_server.mails) == 6
    assert len({message["Message-ID"] for message in mail_server.mails}) == 6


def _tell_in_a_process(results: Any) -> None:
    results.put(tell_due())


@pytest.mark.django_db(transaction=True)
def test_two_processes_mail_each_alert_once(webhook: Webhook, mail_server: MailServer) -> None:
    for _ in range(6):
        alert_of(WebhookFactory(organization=webhook.organization))
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    django.db.connections.close_all()
    processes = [context.Process(target=_tell_in_a_process, args=(results,)) for _ in range(2)]
    for process in processes:
        process.start()
    assert sum(results.get(timeout=20) for _ in processes) == 6
    for process in processes:
        process.join(20)
    assert len(mail_server.mails) == 6


def test_a_worker_that_died_with_an_alert_leaves_it_to_another(
    webhook: Webhook, mail_server: MailServer
) -> None:
    alert_of(webhook)
    held = claim()
    assert held is not None
    assert tell_due() == 0
    pass_time(minutes=11)
    assert tell_due() == 1
    telling.tell(held)  # it was only slow: what it notes now changes nothing
    assert Alert.objects.get().tries == 2


def test_without_a_mail_server_nobody_is_mailed_and_it_says_so(
    webhook: Webhook, settings: Any
) -> None:
    settings.MAIL = None
    alert_of(webhook)
    tell_due()
    alert = Alert.objects.get()
    assert alert.told_at is not None
    assert (alert.mailed_to, alert.note) == ([], "E-mail is not set up.")
    ids = [found.id for found in run_checks(include_deployment_checks=True)]
    assert "delivery.W001" in ids


def test_in_development_mails_are_files(webhook: Webhook, settings: Any, tmp_path: Path) -> None:
    settings.MAIL = {
        "backend": "django.core.mail.backends.filebased.EmailBackend",
        "file_path": str(tmp_path / "mails"),
    }
    alert_of(webhook)
    tell_due()
    (file,) = (tmp_path / "mails").iterdir()
    assert "Subject:" in file.read_text()
    assert str(tmp_path / "mails") in mail.way()


def test_where_nobody_wants_it_it_is_over(webhook: Webhook, mail_server: MailServer) -> None:
    Membership.objects.update(wants_alerts=False)
    alert_of(webhook)
    tell_due()
    alert = Alert.objects.get()
    assert alert.told_at is not None
    assert alert.note == "No member gets e-mails of alerts."
