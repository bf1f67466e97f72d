"""Which secrets sign a webhook's requests, and how the next one takes over."""

import datetime as dt

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from organizations import audit
from webhooks.models import TOUCHED, SigningSecret, Webhook
from webhooks.signing_secrets import new_signing_secret

MAX_OVERLAP_S = 7 * 86_400
DEFAULT_OVERLAP_HOURS = 24
MAX_SIGNING = 5  # a receiver reads every signature of a request


def signing(webhook: Webhook) -> list[SigningSecret]:
    """Those that sign the webhook's requests now, the newest first."""
    valid = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return list(webhook.signing_secrets.filter(valid).order_by("-id"))


def rotate(webhook: Webhook, by: audit.By, overlap_s: int) -> SigningSecret:
    """Give a locked webhook a new secret. The old one signs beside it for `overlap_s` seconds.

    With 0 nothing but the new one signs. Raises ValueError for more than seven days.
    """
    if not 0 <= overlap_s <= MAX_OVERLAP_S:
        raise ValueError(overlap_s)
    now = timezone.now()
    until = now + dt.timedelta(seconds=overlap_s)
    with transaction.atomic():
        old = webhook.signing_secrets.filter(expires_at=None)
        audited = {"signing_secret": list(old.values_list("id", flat=True))}
        old.update(expires_at=until)
        if overlap_s == 0:
            webhook.signing_secrets.update(expires_at=now)
        new = SigningSecret.objects.create(webhook=webhook, secret=new_signing_secret())
        _forget_expired(webhook, now)
        webhook.touch(audit.caller_in(by).actor)
        webhook.save(update_fields=TOUCHED)
        audit.record(
            by,
            action="secret rotated",
            obj=webhook,
            before=audited,
            after={"signing_secret": [new.pk], "old_signs_until": until},
        )
    return new


def _forget_expired(webhook: Webhook, now: dt.datetime) -> None:
    kept = webhook.signing_secrets.filter(Q(expires_at=None) | Q(expires_at__gt=now))
    newest = list(kept.order_by("-id").values_list("id", flat=True)[:MAX_SIGNING])
    webhook.signing_secrets.exclude(id__in=newest).delete()
