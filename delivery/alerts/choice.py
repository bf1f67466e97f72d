"""Choosing the webhook that gets an organisation's operational events."""

from django.db import transaction

from delivery.alerts.operational import chosen_by
from delivery.models import OperationalWebhook
from organizations import audit
from organizations.models import Organization
from webhooks.models import Webhook


@transaction.atomic
def choose(organization: Organization, webhook: Webhook | None, by: audit.By) -> None:
    """None: no webhook gets them. Recorded if it is another one than before."""
    organization.lock()
    before = chosen_by(organization)
    if before == webhook:
        return
    rows = OperationalWebhook.objects.filter(organization=organization)
    row = rows.first() or OperationalWebhook(organization=organization)
    row.webhook = webhook or row.webhook
    if webhook is None:
        rows.delete()
    else:
        row.save()
    audit.record(
        by,
        action="changed",
        obj=row,
        before={"webhook": before.name if before else None},
        after={"webhook": webhook.name if webhook else None},
    )
