"""Activate, deactivate, delete, and undo a deletion: from the menu of a webhook."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect

from delivery.waiting import waiting_for
from organizations.models import Access, Organization
from webhooks import draft
from webhooks.draft import Draft
from webhooks.models import UNDO_S, Webhook
from webhooks.pages.webhook_page import WebhookPage

Message = tuple[int, str]  # its level and its text

UNDOABLE_IN_SESSION = "deleted_webhooks"
MOST_UNDOABLE = 3


def undoable(request: HttpRequest, organization: Organization) -> list[Webhook]:
    """What this session deleted just now and may have back. No query where it deleted nothing."""
    public_ids = request.session.get(UNDOABLE_IN_SESSION)
    if not public_ids:
        return []
    webhooks = Webhook.objects.restorable().filter(
        organization=organization, public_id__in=public_ids
    )
    found = list(webhooks)
    if not found:
        del request.session[UNDOABLE_IN_SESSION]
    return found


class WebhookAction(WebhookPage):
    """Changes a webhook and says what came of it, on the page where its menu was.

    The webhook may be another than the one that the reader saw: changed or deleted meanwhile.
    That is told, and is no error.
    """

    http_method_names = ["post"]

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        with transaction.atomic():
            webhook = self.own(Webhook.objects.select_for_update())
            told = self.act(webhook)
        if told:
            messages.add_message(request, *told)
        return HttpResponseRedirect(self.back(webhook))

    def act(self, webhook: Webhook) -> Message | None:
        """Change the locked webhook, which may be a deleted one. Answers what to say of it."""
        raise NotImplementedError

    def back(self, webhook: Webhook) -> str:
        """The path that the form named, if it is one of ours and shows what is still there."""
        start = reverse("webhook-list")
        path = self.request.POST.get("back") or self.request.GET.get("back") or start
        if not (path[0] == "/" and url_has_allowed_host_and_scheme(path, allowed_hosts=None)):
            return start
        is_gone = webhook.deleted_at is not None
        return start if is_gone and path.partition("?")[0] != start else path


def deleted_meanwhile(webhook: Webhook) -> Message:
    who = webhook.updated_by.get("name")
    by = f" by {who}" if who else ""
    return messages.ERROR, f"“{webhook.name}” was deleted meanwhile{by}. Nothing was changed."


class WebhookActivate(WebhookAction):
    def act(self, webhook: Webhook) -> Message:
        if webhook.deleted_at is not None:
            return deleted_meanwhile(webhook)
        if webhook.is_active:
            return messages.INFO, f"“{webhook.name}” was active already."
        changed = Draft.of(webhook)
        changed.set_active(True)
        changed.save(self.request)
        waiting = waiting_for(webhook)
        goes_on = f" {waiting.verb('goes', 'go')} on." if waiting.count else ""
        return messages.SUCCESS, f"“{webhook.name}” is active.{goes_on}"


class WebhookDeactivate(WebhookAction):
    def act(self, webhook: Webhook) -> Message:
        if webhook.deleted_at is not None:
            return deleted_meanwhile(webhook)
        if not webhook.is_active:
            return messages.INFO, f"“{webhook.name}” was inactive already."
        changed = Draft.of(webhook)
        changed.set_active(False)
        changed.save(self.request)
        waiting = waiting_for(webhook)
        held = (
            f" {waiting.verb('is held and goes', 'are held and go')} on if it is activated"
            f" within {settings.DELIVERY_HOURS} hours of the event."
        )
        return messages.SUCCESS, f"“{webhook.name}” is inactive.{held if waiting.count else ''}"


class WebhookDelete(WebhookAction):
    """Asks first, in a page or with scripts in a dialog over the page where the menu is."""

    reads = Access.WRITE
    http_method_names = ["get", "head", "post"]

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        webhook = self.own(Webhook.objects.all())
        is_dialog = bool(self.request.htmx)
        if webhook.deleted_at is not None:
            messages.add_message(request, *deleted_meanwhile(webhook))
            back = self.back(webhook)
            return (HttpResponseClientRedirect if is_dialog else HttpResponseRedirect)(back)
        context = {
            "webhook": webhook,
            "waiting": waiting_for(webhook),
            "retention_days": settings.RETENTION_DAYS,
            "undo_s": UNDO_S,
            "back": self.back(webhook),
        }
        page = "webhooks/webhook_confirm_delete.html"
        return render(request, "includes/webhook_delete.html" if is_dialog else page, context)

    def act(self, webhook: Webhook) -> Message | None:
        """The list says that it is deleted, and offers the undo."""
        if webhook.deleted_at is not None:
            return deleted_meanwhile(webhook)
        draft.delete(webhook, self.request, can_undo=True)
        session = self.request.session
        earlier = session.get(UNDOABLE_IN_SESSION, [])
        session[UNDOABLE_IN_SESSION] = [*earlier, webhook.public_id][-MOST_UNDOABLE:]
        return None


class WebhookRestore(WebhookAction):
    def act(self, webhook: Webhook) -> Message:
        if webhook.deleted_at is None:
            return messages.INFO, f"“{webhook.name}” is there; there was nothing to undo."
        if not Webhook.objects.restorable().filter(pk=webhook.pk).exists():
            return messages.ERROR, (
                f"It is too late to undo the deletion of “{webhook.name}”:"
                f" that is possible for {UNDO_S} seconds."
            )
        try:
            draft.restore(webhook, self.request)
        except ValidationError:
            return messages.ERROR, (
                f"“{webhook.name}” can not come back: another webhook has its name now."
            )
        return messages.SUCCESS, f"“{webhook.name}” is back. Nothing was lost."
