"""The page Alerts: who is told when a webhook fails, how, and what was told."""

import re
from functools import cached_property
from typing import Any, NamedTuple

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from delivery.alerts import mail, operational, recipients, words
from delivery.alerts.choice import choose
from delivery.forms import OperationalWebhookForm
from delivery.looks import Look
from delivery.models import Alert, AlertKind
from organizations.pages.form_page import FormPage
from organizations.queries import query_of
from webhooks.models import Webhook
from webhooks.object_id import OBJECT_ID

IS_OBJECT_ID = re.compile(OBJECT_ID)
PER_PAGE = 50
MEMBERS_SHOWN = 50
LOOKS = {
    AlertKind.SLA_BREACHED: Look("waiting", "clock", "Late"),
    AlertKind.FAILING: Look("failing", "alert", "Failing"),
    AlertKind.DEACTIVATED: Look("off", "off", "Deactivated"),
    AlertKind.RECOVERED: Look("ok", "check", "Recovered"),
}


class Row(NamedTuple):
    """`mailed` says in words to whom it went, or why not."""

    alert: Alert
    look: Look
    last_error: str
    mailed: str


class AlertList(FormPage):
    """Its form chooses the webhook for operational events."""

    section = "alerts"
    template_name = "delivery/alert_list.html"
    parts = {"alerts": "includes/alert_results.html"}

    @cached_property
    def chosen(self) -> Webhook | None:
        return operational.chosen_by(self.organization)

    def make_form(self, data: QueryDict | None) -> forms.BaseForm:
        return OperationalWebhookForm(data, self.organization, self.chosen)

    def done(self, form: Any) -> HttpResponse:
        choose(self.organization, form.cleaned_data["webhook"], self.request)
        messages.success(self.request, "Saved.")
        return redirect("alert-list")

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        context |= self._history()
        if self.part:
            return context
        return super().get_context_data(**context) | {
            "chosen": self.chosen,
            "examples": operational.examples(),
            "mail_way": mail.way(),
            "mail_is_set_up": mail.is_set_up(),
            **self._people(),
        }

    def _history(self) -> dict[str, Any]:
        own = Webhook.objects.filter(organization=self.organization)
        asked = self.request.GET.get("webhook", "")
        alerts = Alert.objects.filter(webhook__in=own).select_related("webhook")
        if asked:
            is_id = IS_OBJECT_ID.fullmatch(asked)
            alerts = alerts.filter(webhook__public_id=asked) if is_id else alerts.none()
        page = Paginator(alerts, PER_PAGE).get_page(self.request.GET.get("page"))
        return {
            "rows": [_row(alert) for alert in page.object_list],
            "page_obj": page,
            "asked": asked,
            "webhooks": _with_alerts(own),
            "query": f"{query_of({'webhook': asked})}&" if asked else "",
            "path": reverse("alert-list"),
            "retention_days": settings.RETENTION_DAYS,
        }

    def _people(self) -> dict[str, Any]:
        members = recipients.members(self.organization)
        why_not = [(member, recipients.why_not(member)) for member in members]
        return {
            "people": why_not[:MEMBERS_SHOWN],
            "more_people": len(members) - MEMBERS_SHOWN,
            "members_count": len(members),
            "mailed_count": sum(not reason for _, reason in why_not),
            "is_mailed": not recipients.why_not(self.request.membership),
        }


def _with_alerts(own: QuerySet[Webhook]) -> QuerySet[Webhook, tuple[str, str]]:
    told = own.filter(pk__in=Alert.objects.filter(webhook__in=own).order_by().values("webhook"))
    return told.order_by("name").values_list("public_id", "name")


def _row(alert: Alert) -> Row:
    look = LOOKS[AlertKind(alert.kind)]
    return Row(alert, look, words.untold_error(alert), _mailed(alert))


def _mailed(alert: Alert) -> str:
    count = len(alert.mailed_to)
    to = f"To {count} member{'' if count == 1 else 's'}." if count else ""
    if alert.told_at is None:
        waits = f"{alert.note} It is tried again." if alert.note else "Is being sent."
        return f"{to} {waits}".strip()
    return f"{to} {alert.note}".strip()
