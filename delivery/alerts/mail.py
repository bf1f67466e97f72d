"""The e-mail that tells a member of an alert, and the way it takes."""

from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string
from django.urls import reverse

from delivery.alerts import words
from delivery.models import Alert
from organizations.models import Membership


def connection() -> BaseEmailBackend:
    """To the mail server of the settings, each step of the exchange with a timeout; unopened."""
    made: BaseEmailBackend = get_connection(fail_silently=False, **(settings.MAIL or {}))
    return made


def compose(alert: Alert, member: Membership) -> EmailMessage:
    """Plain text, in the member's time zone. A name can not add a header, whatever it holds.

    The same mail has the same Message-ID: one that is sent twice, after a crash, is one.
    """
    webhook = alert.webhook
    story = words.story(alert, webhook.name)
    place = urlsplit(settings.PUBLIC_URL).hostname
    context = {
        "story": story,
        "since": words.moment(alert.since, member.zone),
        "receiver": words.masked_url(webhook.url),
        "organization": words.plain(member.organization.name),
        "webhook_page": _page("webhook-detail", webhook.public_id),
        "alerts_page": _page("alert-list"),
        "preferences_page": f"{_page('preferences')}#alerts",
    }
    return EmailMessage(
        subject=f"[ENS] {story.headline}",
        body=render_to_string("delivery/alert_mail.txt", context),
        from_email=settings.MAIL_FROM,
        to=[member.user.email],
        headers={
            "Message-ID": f"<ens-alert-{alert.pk}-{member.pk}@{place}>",
            "Auto-Submitted": "auto-generated",
        },
    )


def _page(name: str, *args: str) -> str:
    return f"{settings.PUBLIC_URL}{reverse(name, args=args)}"


def is_set_up() -> bool:
    """Whether mails reach people, and not only a file or a terminal."""
    return settings.MAIL is not None and "host" in settings.MAIL


def way() -> str:
    """Where mails go, as a sentence."""
    if settings.MAIL is None:
        return "E-mail is not set up here: nobody is mailed. Alerts are shown on this page only."
    if is_set_up():
        return f"E-mails are sent from {settings.MAIL_FROM}."
    if "file_path" in settings.MAIL:
        place = f"written to files in {Path(settings.MAIL['file_path'])}"
    else:
        place = "written to the terminal of the workers"
    return f"No mail server is set up: instead of being sent, e-mails are {place}."
