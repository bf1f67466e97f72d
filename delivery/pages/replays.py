"""One replay of a range: how far it is, and an end to it."""

from functools import cached_property
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from delivery import log
from delivery.looks import LOOKS, Look
from delivery.models import Delivery, Replay, State
from delivery.replay.progress import Progress, progress_of
from delivery.replay.running import cancel
from delivery.waiting import Waiting
from organizations.models import Organization
from organizations.pages.page import Page, TemplatePage
from webhooks.models import Webhook

LISTED = 50
ON_WEBHOOK_PAGE = 5
# A count of very many takes a while.
PAUSES_S = ((100_000, 10), (0, 2))

STATES = {
    "running": Look("waiting", "refresh", "Running"),
    "delivering": Look("waiting", "send", "Delivering"),
    "finished": Look("ok", "check", "Finished"),
    "cancelled": Look("off", "off", "Cancelled"),
}


class Shown(NamedTuple):
    """A replay as pages show it. `states` are in words."""

    progress: Progress
    look: Look
    states: str

    @classmethod
    def of(cls, progress: Progress) -> "Shown":
        replay = progress.replay
        words = [LOOKS[State(state)].word for state in replay.states if state in State]
        if replay.missing:
            words.append("Never delivered" if not words else "never delivered")
        return cls(progress, STATES[progress.state], ", ".join(words))

    @property
    def pause_s(self) -> int:
        return next(pause for most, pause in PAUSES_S if self.progress.replay.total >= most)


def latest(webhook: Webhook) -> list[Shown]:
    replays = webhook.replays.order_by("-id")[:ON_WEBHOOK_PAGE]
    return [Shown.of(progress) for progress in progress_of(replays)]


def own_replay(organization: Organization, replay_id: Any) -> Replay:
    """Raises Http404."""
    own = Replay.objects.for_organization(organization).select_related("webhook")
    return get_object_or_404(own, pk=replay_id)


class ReplayDetail(TemplatePage):
    """Its figures renew themselves while they move."""

    section = "notifications"
    template_name = "delivery/replay_detail.html"
    parts = {"progress": "includes/replay_progress.html"}

    @cached_property
    def replay(self) -> Replay:
        return own_replay(self.organization, self.kwargs["replay_id"])

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        (progress,) = progress_of([self.replay])
        context |= {
            "replay": self.replay,
            "webhook": self.replay.webhook,
            "shown": Shown.of(progress),
            "path": reverse("replay-detail", args=[self.replay.pk]),
        }
        return context if self.part else context | {"deliveries": self._deliveries()}

    def _deliveries(self) -> list[Delivery]:
        rows = Delivery.objects.filter(replay=self.replay).select_related("event")
        return list(rows.only(*log.SHOWN, "event__occurred_at").order_by("-id")[:LISTED])


class ReplayCancel(Page):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        replay = own_replay(self.organization, self.kwargs["replay_id"])
        was_moving = replay.is_running
        cancelled = cancel(replay, self.request)
        if was_moving or cancelled:
            waiting = Waiting(cancelled)
            ended = f" {waiting.verb('was', 'were')} cancelled." if cancelled else ""
            messages.success(request, f"The replay was stopped.{ended}")
        else:
            messages.info(request, "The replay was over already.")
        return HttpResponseRedirect(reverse("replay-detail", args=[replay.pk]))
