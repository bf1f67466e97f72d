"""Pages that do something to a range of a webhook's deliveries: first how many, then it is done."""

from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse

from delivery.cancelling import MOST_CANCELLED, cancel_selected
from delivery.engine.clock import database_now
from delivery.models import Replay
from delivery.pages.range_form import CancelForm, RangeForm, ReplayForm
from delivery.replay.one import check_is_sent_to
from delivery.replay.running import start
from delivery.waiting import Waiting
from organizations.models import Access
from organizations.pages.form_page import FormPage, add_problems
from webhooks.models import Webhook
from webhooks.pages.webhook_page import WebhookPage


class Words(NamedTuple):
    """What a page is called and says; `name` is its URL's."""

    name: str
    title: str
    button: str
    icon: str
    kind: str
    about: str
    back: str


class RangePage(WebhookPage, FormPage):
    """A page, or with scripts a dialog over the webhook's page, that counts with every change.

    Nothing is done whose count was not seen: what was changed since is counted first.
    """

    reads = Access.WRITE
    template_name = "webhooks/webhook_range.html"
    parts = {"count": "includes/range_count.html"}
    words: ClassVar[Words]

    @cached_property
    def webhook(self) -> Webhook:
        webhooks: QuerySet[Webhook] = Webhook.objects.select_related("organization")
        return self.own(webhooks.filter(deleted_at=None).prefetch_related("subscriptions"))

    def post(self, *_: Any, **__: Any) -> HttpResponseBase:
        form = self.make_form(self.request.POST)
        if form.is_valid() and self.request.POST.get("step") == "start" and form.is_counted:
            try:
                return self.done(form)
            except ValidationError as error:
                add_problems(form, error)
        return self.render(form=form)

    def make_form(self, data: Any) -> RangeForm:
        raise NotImplementedError

    def counted(self, form: Any) -> Waiting:
        """How many deliveries it is about."""
        raise NotImplementedError

    def hindrance(self) -> str:
        """Why nothing can be done now; "" when it can."""
        return ""

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        context = super().get_context_data(**context)
        form = context["form"]
        is_dialog = bool(self.request.htmx) and not self.part
        return context | {
            "webhook": self.webhook,
            "words": self.words,
            "path": reverse(self.words.name, args=[self.webhook.public_id]),
            "count": self.counted(form) if form.is_valid() else None,
            "hindrance": self.hindrance(),
            "is_dialog": is_dialog or "dialog" in self.request.POST,
        }

    def render(self, **context: Any) -> HttpResponse:
        if self.request.htmx and not self.part:
            self.template_name = "includes/range_dialog.html"  # type: ignore[misc]  # of this one
        return super().render(**context)


class WebhookReplay(RangePage):
    words = Words(
        name="webhook-replay",
        title="Replay",
        button="Replay",
        icon="refresh",
        kind="primary",
        about="Each event is delivered once more, as a new delivery that is tried for 24 hours."
        " New events go first. What is pending, or being sent, is left alone.",
        back="Cancel",
    )

    def make_form(self, data: Any) -> ReplayForm:
        return ReplayForm(data, self.webhook, database_now())

    def counted(self, form: ReplayForm) -> Waiting:
        return Waiting(form.choice.count(self.webhook))

    @cached_property
    def running(self) -> Replay | None:
        return Replay.objects.running().filter(webhook=self.webhook).first()

    def hindrance(self) -> str:
        try:
            check_is_sent_to(self.webhook)
        except ValidationError as error:
            return str(error.message)
        return "A replay of this webhook is running." if self.running else ""

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        context = super().get_context_data(**context)
        return context | {"running": self.running}

    def done(self, form: ReplayForm) -> HttpResponseBase:
        if not form.choice.count(self.webhook):
            raise ValidationError("There is nothing to replay.", "nothing")
        replay = start(self.webhook, form.choice, self.request)
        messages.success(self.request, "The replay has begun.")
        return HttpResponseRedirect(reverse("replay-detail", args=[replay.pk]))


class WebhookCancelWaiting(RangePage):
    words = Words(
        name="webhook-cancel-waiting",
        title="Cancel waiting deliveries",
        button="Cancel",
        icon="off",
        kind="danger",
        about="They are not sent any more; each can be replayed."
        " What is being sent ends by itself.",
        back="Keep waiting",
    )

    def make_form(self, data: Any) -> CancelForm:
        return CancelForm(data, self.webhook, database_now())

    def counted(self, form: CancelForm) -> Waiting:
        return form.selection.count(self.webhook)

    def done(self, form: CancelForm) -> HttpResponseBase:
        cancelled = cancel_selected(self.webhook, form.selection, self.request)
        if not cancelled.count:
            raise ValidationError("Nothing waits any more.", "nothing")
        told = f"{Waiting(cancelled.count).verb('was', 'were')} cancelled."
        if cancelled.has_more:
            told += f" Others wait still: {MOST_CANCELLED:,} are cancelled at once."
        messages.success(self.request, told)
        return HttpResponseRedirect(reverse("webhook-detail", args=[self.webhook.public_id]))
