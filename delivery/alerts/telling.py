"""Sends the e-mails of alerts: outside of every transaction, by one process at a time.

An alert is claimed before it is mailed, so that two workers do not both mail it. What could not
be sent is tried again for a day, to those who have not got it yet. A webhook's alerts go out in
the order in which they happened.
"""

import datetime as dt
import smtplib
import time
from collections.abc import Callable

import structlog
from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from delivery.alerts import mail
from delivery.alerts.recipients import recipients
from delivery.engine.clock import database_now
from delivery.models import Alert
from organizations.models import Membership

log = structlog.get_logger(__name__)

LEASE = dt.timedelta(minutes=10)
MOST_S = 120.0  # of one turn, well within the lease
GIVE_UP_AFTER = dt.timedelta(days=1)
BACKOFF_S = (30, 60, 120, 300, 600, 1_200, 2_400, 3_600)
REFUSED_FROM = 500  # https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1

NOT_SET_UP = "E-mail is not set up."
NOBODY = "No member gets e-mails of alerts."


def is_due() -> bool:
    return Alert.objects.filter(told_at=None, next_try_at__lte=Now()).exists()


def tell_due(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Mail what is due. Answers of how many alerts."""
    told = 0
    while not is_stopping() and (alert := claim()) is not None:
        tell(alert)
        told += 1
    return told


@transaction.atomic
def claim() -> Alert | None:
    """An alert that nobody else mails until its lease ends; None when there is none."""
    earlier = Alert.objects.filter(webhook=OuterRef("webhook"), id__lt=OuterRef("id"), told_at=None)
    due = Alert.objects.filter(~Exists(earlier), told_at=None, next_try_at__lte=Now())
    alert = due.select_for_update(skip_locked=True).order_by("next_try_at", "id").first()
    if alert is None:
        return None
    alert.tries += 1
    taken = Alert.objects.filter(pk=alert.pk, told_at=None, tries=alert.tries - 1)
    return alert if taken.update(tries=alert.tries, next_try_at=Now() + LEASE) else None


def tell(alert: Alert) -> None:
    """Mail a claimed alert to all who want it and have not got it, and note how that went."""
    if settings.MAIL is None:
        _end(alert, NOT_SET_UP)
        return
    wanted = recipients(alert.webhook.organization)
    left = [member for member in wanted if member.pk not in alert.mailed_to]
    refused: list[int] = []
    problem = _send(alert, left, refused) if left else ""
    if refused and not alert.mailed_to:
        problem = problem or "the mail server refused every address"
    if problem:
        _put_off(alert, problem)
    elif refused:
        _end(alert, f"The mail server refused {len(refused)} of {len(wanted)} addresses.")
    else:
        _end(alert, "" if alert.mailed_to else NOBODY)


def _send(alert: Alert, left: list[Membership], refused: list[int]) -> str:
    """Mail it to each of them. Why not to all, in words; "" when it was."""
    until_s = time.monotonic() + MOST_S
    try:
        connection = mail.connection()
        connection.open()
        try:
            for member in left:
                if time.monotonic() > until_s:
                    return "the mail server is slow"
                if _is_taken(connection, alert, member):
                    alert.mailed_to.append(member.pk)
                    _own(alert).update(mailed_to=alert.mailed_to)
                else:
                    refused.append(member.pk)
        finally:
            connection.close()
    except OSError as error:  # smtplib's errors are of this kind
        log.warning("alert_not_mailed", alert=alert.pk, error=_name(error), tries=alert.tries)
        return _in_words(error)
    return ""


def _is_taken(connection: BaseEmailBackend, alert: Alert, member: Membership) -> bool:
    """False for an address that the server will not take another time either.

    Raises OSError for everything else that went wrong.
    """
    try:
        connection.send_messages([mail.compose(alert, member)])
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        if min(codes, default=0) < REFUSED_FROM:
            raise
    except (ValueError, smtplib.SMTPNotSupportedError):  # an address that can not be written
        pass
    else:
        return True
    log.warning("alert_address_refused", alert=alert.pk, member=member.pk)
    return False


def _own(alert: Alert) -> "QuerySet[Alert]":
    """The row, as long as nobody else has claimed it."""
    return Alert.objects.filter(pk=alert.pk, tries=alert.tries, told_at=None)


def _end(alert: Alert, note: str) -> None:
    _own(alert).update(told_at=Now(), note=note)


def _put_off(alert: Alert, problem: str) -> None:
    if database_now() >= alert.created_at + GIVE_UP_AFTER:
        log.error("alert_given_up", alert=alert.pk, tries=alert.tries, problem=problem)
        _end(alert, f"Given up after a day: {problem}.")
        return
    pause_s = BACKOFF_S[min(alert.tries, len(BACKOFF_S)) - 1]
    after = dt.timedelta(seconds=pause_s)
    _own(alert).update(next_try_at=Now() + after, note=f"Tried, but {problem}.")


def _name(error: OSError) -> str:
    """Without its text: that may quote addresses."""
    code = getattr(error, "smtp_code", None)
    return f"{type(error).__name__} {code}" if code else type(error).__name__


def _in_words(error: OSError) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "the mail server refused our credentials"
    if isinstance(error, TimeoutError | smtplib.SMTPServerDisconnected):
        return "the mail server did not answer"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the mail server answered {error.smtp_code}"
    if isinstance(error, smtplib.SMTPException):
        return "the mail server did not take it"
    return "the mail server could not be reached"
