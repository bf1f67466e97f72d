"""Send test event: choose a type, edit its body, send it, see what the receiver said."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect
from rest_framework.exceptions import APIException, ValidationError

from delivery import reasons
from delivery.models import State
from delivery.pages.delivery_detail import Payload
from delivery.pages.timeline import Exchange
from delivery.pages.webhook_actions import deleted_meanwhile
from delivery.testing import body as bodies
from delivery.testing.send import SentTest, send_test
from events.event_types import EventTypes
from events.family_types import visible_types
from events.store import Checked
from events.strict_json import StrictJSONError, loads
from organizations.models import Access
from organizations.pages.page import TemplatePage
from webhooks.models import Webhook, WebhookType
from webhooks.pages.webhook_page import WebhookPage

# As it is typed it may have more white space than as it is sent.
MAX_TYPED_CHARS = 2 * settings.MAX_EVENT_BYTES


class Problem(NamedTuple):
    """`field` is the id of the element to correct."""

    field: str
    message: str


@dataclass(frozen=True)
class Outcome:
    """What came of a send: a test, or why none was sent."""

    tested: SentTest | None = None
    failures: Sequence[dict[str, str]] = ()
    problems: Sequence[Problem] = ()
    refusal: str = ""

    def context(self, webhook: Webhook) -> dict[str, Any]:
        told = {"failures": self.failures, "problems": self.problems, "refusal": self.refusal}
        if self.tested is None:
            return told
        delivery, attempt, body = self.tested.delivery, self.tested.attempt, self.tested.body
        return told | {
            "delivery": delivery,
            "attempt": attempt,
            "is_delivered": delivery.state == State.DELIVERED,
            "said": reasons.result(attempt.status, attempt.error, attempt.duration_ms),
            "reason": reasons.why_not_delivered(delivery),
            "exchange": Exchange.of(attempt, webhook),
            "payload": Payload(body, len(body.encode()), is_shown=True, is_open=False),
            "path": reverse("delivery-detail", args=[delivery.pk]),
        }


class WebhookTest(WebhookPage, TemplatePage):
    """Where scripts run, another type's sample and the outcome are asked for alone."""

    reads = Access.WRITE
    template_name = "webhooks/webhook_test.html"
    parts = {"body": "includes/test_body.html", "result": "includes/test_result.html"}

    @cached_property
    def webhook(self) -> Webhook:
        webhooks = Webhook.objects.select_related("organization")
        return self.own(webhooks.prefetch_related("subscriptions"))

    @cached_property
    def known(self) -> EventTypes:
        return visible_types(self.organization)

    def dispatch_to_webhook(self) -> HttpResponseBase | None:
        """Away from a webhook that is deleted; None where it is not."""
        if self.webhook.deleted_at is None:
            return None
        messages.add_message(self.request, *deleted_meanwhile(self.webhook))
        leads = HttpResponseClientRedirect if self.request.htmx else HttpResponseRedirect
        return leads(reverse("webhook-list"))

    def get(self, *_: Any, **__: Any) -> HttpResponseBase:
        away = self.dispatch_to_webhook()
        return away or self.render(name=self.request.GET.get("event_name", ""))

    def post(self, request: HttpRequest, public_id: str) -> HttpResponseBase:
        away = self.dispatch_to_webhook()
        if away:
            return away
        name, body = request.POST.get("event_name", ""), request.POST.get("body", "")
        if "sample" in request.POST:
            return self.render(name=name)
        outcome, wait_s = self._send(name, body)
        answer = self.render(name=name, body=body, outcome=outcome)
        if wait_s is not None and not self.request.htmx:
            answer.status_code = HTTPStatus.TOO_MANY_REQUESTS
            answer["Retry-After"] = str(max(1, round(wait_s)))
        return answer

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        name = context["name"]
        subscribed = [known for known in self.webhook.event_names if known in self.known]
        others = sorted(self.known.keys() - set(subscribed), key=str.lower)
        if name not in self.known:
            name = next(iter([*subscribed, *others]))
        outcome: Outcome | None = context.get("outcome")
        return {
            "webhook": self.webhook,
            "name": name,
            "subscribed": subscribed,
            "others": others,
            "body": context.get("body") or self._example(name),
            "wrong": {problem.field for problem in outcome.problems} if outcome else set(),
            "timeout_s": self.webhook.timeout_s,
            "is_queue": self.webhook.webhook_type == WebhookType.QUEUE,
            "was_sent": outcome is not None,
            **(outcome.context(self.webhook) if outcome else {}),
        }

    def _example(self, name: str) -> str:
        body = bodies.example(self.organization, name)
        return json.dumps(body, ensure_ascii=False, indent=2)

    def _send(self, name: str, body: str) -> tuple[Outcome, float | None]:
        """What came of it, and in how many seconds to try again; None where that says nothing."""
        try:
            item = self._checked(name, body)
        except ValidationError as error:
            return Outcome(problems=list(_problems(error.detail, ""))), None
        try:
            tested = send_test(self.webhook, item, self.request)
        except APIException as error:
            wait_s: float | None = getattr(error, "wait", None)
            return Outcome(refusal=str(error.detail)), wait_s
        return Outcome(tested, item.failures or ()), None

    def _checked(self, name: str, body: str) -> Checked:
        """Raises ValidationError."""
        if name not in self.known:
            raise ValidationError({"eventName": ["Choose an event type."]})
        if len(body) > MAX_TYPED_CHARS:
            raise ValidationError("It is too large for an event.")
        try:
            event = loads(body.encode("utf-8", "surrogatepass"))
        except StrictJSONError as error:
            raise ValidationError({error.path or "": [error.message]}) from None
        request_id: str = self.request.request_id  # type: ignore[attr-defined]
        return bodies.checked(
            self.organization, name, data=None, event=event, request_id=request_id
        )


def _problems(detail: Any, path: str) -> Iterator[Problem]:
    """DRF's nested details, flat."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            known = "" if name == "event" else str(name)
            yield from _problems(inner, ".".join(filter(None, [path, known])))
    elif isinstance(detail, list | tuple):
        for inner in detail:
            yield from _problems(inner, path)
    else:
        field = "event-name" if path == "eventName" else "event-body"
        yield Problem(field, f"{path}: {detail}" if path and field == "event-body" else str(detail))
