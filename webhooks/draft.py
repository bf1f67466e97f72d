"""A webhook as it shall become: what form and API fill in, check by one rule and save."""

import copy
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from events.event_types import EventTypes, known_event_types
from events.family_types import children_types
from organizations import audit
from organizations.authentication import Caller
from webhooks import queue_password, queue_url
from webhooks.headers import Headers, problems, tidied, unmasked
from webhooks.models import (
    KEPT_FOR,
    TOUCHED,
    Header,
    SigningSecret,
    Subscription,
    Webhook,
    WebhookType,
)
from webhooks.signing_secrets import new_signing_secret

# Who, when and for whom is never the caller's to say, so there is nothing to check.
UNCHECKED = {"organization", "created_by", "updated_by", "consumer_group_id", "public_id"}
AUDITED = (
    *("name", "description", "url", "webhook_type", "method", "max_connections", "sla_s"),
    *("timeout_s", "replay_on_429", "listen_to_child_events", "enrich_till", "enrich_store"),
    *("enrich_card_number", "enrich_awarded_reference", "enrich_points_balance"),
    *("enrich_customer_sources", "filter"),
)
COPIED = (*(name for name in AUDITED if name != "name"), "url_secret")


@dataclass
class Draft:
    """`webhook` is a copy that no other code sees before it is saved.

    `headers` and `event_names` replace those of the stored webhook. `model` is the webhook that a
    new one was copied from.
    """

    webhook: Webhook
    headers: Headers
    event_names: list[str]
    stored: Webhook | None = None
    model: Webhook | None = None

    @classmethod
    def of(cls, stored: Webhook) -> "Draft":
        return cls(copy.copy(stored), stored.header_pairs, stored.event_names, stored)

    @classmethod
    def like(cls, model: Webhook) -> "Draft":
        """A new webhook with all that `model` is set to, but its name."""
        webhook = Webhook(organization=model.organization)
        for name in COPIED:
            setattr(webhook, name, copy.deepcopy(getattr(model, name)))
        return cls(webhook, model.header_pairs, model.event_names, model=model)

    def set_url(self, url: str) -> None:
        """The password of a queue's URL goes where it is encrypted.

        A mask that a reader was shown stands for the stored one, of the same user and host.
        """
        shown = self.stored or self.model
        stored = (shown.url, shown.url_secret) if shown else ()
        self.webhook.url, self.webhook.url_secret = queue_password.separated(url, *stored)

    def set_headers(self, headers: Headers) -> None:
        """Masks that a reader was shown stand for what is stored."""
        shown = self.stored or self.model
        self.headers = unmasked(tidied(headers), shown.header_pairs if shown else [])

    def set_event_names(self, names: list[str]) -> None:
        self.event_names = list(dict.fromkeys(names))

    def set_active(self, active: bool) -> None:
        if active:
            self.webhook.activate()
        else:
            self.webhook.deactivate()

    @property
    def changes_nothing(self) -> bool:
        stored = self.stored
        return stored is not None and (
            all(same(getattr(self.webhook, name), getattr(stored, name)) for name in COPIED)
            and self.webhook.is_active == stored.is_active
            and self.headers == stored.header_pairs
            and self.event_names == stored.event_names
        )

    def clean(self, exclude: Collection[str] = ()) -> None:
        """Raises ValidationError with all broken rules, by field: `url`, `headers.X-Shop`, …

        `exclude` names fields that are known to be wrong.
        """
        found: dict[str, list[ValidationError]] = {}
        try:
            self.webhook.full_clean(exclude={*UNCHECKED, *exclude}, validate_unique=False)
        except ValidationError as error:
            found |= error.error_dict
        if "headers" not in exclude:
            for name, problem in problems(self.headers):
                found.setdefault(f"headers.{name}" if name else "headers", []).append(problem)
            found.update(self._queue_header_problems())
        if "event_names" not in exclude:
            found |= self._event_name_problems()
        if found:
            raise ValidationError(found)

    def _queue_header_problems(self) -> dict[str, list[ValidationError]]:
        if self.webhook.webhook_type != WebhookType.QUEUE:
            return {}
        try:
            queue_url.check_headers(self.webhook.url, self.headers)
        except ValidationError as problem:
            return {"headers": [problem]}
        return {}

    def _event_name_problems(self) -> dict[str, list[ValidationError]]:
        """A name that is subscribed already may stay, even if its type was switched off.

        Types of child organisations are for a webhook that listens to them.
        """
        if not self.event_names:
            return {"event_names": [ValidationError("Name at least one.", "empty")]}
        known = known_event_types(self.webhook.organization)
        kept = set(self.stored.event_names) if self.stored else set()
        unknown = {
            index: name
            for index, name in enumerate(self.event_names)
            if name not in kept and not (name in known and known[name].active)
        }
        theirs = children_types(self.webhook.organization) if unknown else {}
        listens = self.webhook.listen_to_child_events
        return {
            f"event_names[{index}]": [ValidationError(_unknown(name, theirs), "event_unknown")]
            for index, name in unknown.items()
            if not (listens and name in theirs)
        }

    def save(self, by: audit.By) -> Webhook:
        """Write everything in one transaction, with the audit entry.

        Raises ValidationError if the name was taken since it was checked.
        """
        caller = audit.caller_in(by)
        before = _audited(self.stored) if self.stored else None
        try:
            with transaction.atomic():
                self._write(caller)
                audit.record(
                    by,
                    action="changed" if self.stored else "created",
                    obj=self.webhook,
                    before=before,
                    after=_audited(self.webhook),
                )
        except IntegrityError:
            self.webhook.validate_constraints(exclude=UNCHECKED)
            raise
        return self.webhook

    def _write(self, caller: Caller) -> None:
        webhook = self.webhook
        webhook.touch(caller.actor)
        if self.stored is None:
            webhook.revision = 1
            webhook.created_at = webhook.updated_at
            webhook.created_by = caller.actor
        webhook.save()
        if self.stored is None:
            SigningSecret.objects.create(webhook=webhook, secret=new_signing_secret())
        if self.stored is None or self.stored.header_pairs != self.headers:
            webhook.headers.all().delete()
            Header.objects.bulk_create(
                Header(webhook=webhook, position=position, name=name, value=value)
                for position, (name, value) in enumerate(self.headers)
            )
        if self.stored is None or self.stored.event_names != self.event_names:
            webhook.subscriptions.all().delete()
            Subscription.objects.bulk_create(
                Subscription(webhook=webhook, position=position, event_name=name)
                for position, name in enumerate(self.event_names)
            )
        webhook.forget_related()


def delete(webhook: Webhook, by: audit.By, *, can_undo: bool = False) -> None:
    """Delete a locked webhook softly. What waits for it is cancelled by the engine's sweep.

    `can_undo` holds that back for the time in which `restore` is possible.
    """
    before = _audited(webhook)
    with transaction.atomic():
        webhook.delete_softly()
        _save_existence(webhook, by)
        if can_undo:
            Webhook.objects.filter(pk=webhook.pk).update(undo_until=Now() + KEPT_FOR)
        audit.record(by, action="deleted", obj=webhook, before=before)


def restore(webhook: Webhook, by: audit.By) -> None:
    """Undo the deletion of a locked, restorable webhook.

    Raises ValidationError if its name was taken meanwhile.
    """
    webhook.deleted_at = webhook.undo_until = None
    try:
        with transaction.atomic():
            _save_existence(webhook, by)
            audit.record(by, action="restored", obj=webhook, after=_audited(webhook))
    except IntegrityError:
        webhook.validate_constraints(exclude=UNCHECKED)
        raise


def _save_existence(webhook: Webhook, by: audit.By) -> None:
    webhook.touch(audit.caller_in(by).actor)
    webhook.save(update_fields=["deleted_at", "undo_until", *TOUCHED])


def same(one: Any, other: Any) -> bool:
    """As JSON has it, where true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _audited(webhook: Webhook) -> dict[str, Any]:
    return {
        **{name: getattr(webhook, name) for name in AUDITED},
        "url_secret": webhook.url_secret or None,
        "active": webhook.is_active,
        "headers": dict(webhook.header_pairs),
        "event_names": webhook.event_names,
    }


def _unknown(name: str, theirs: EventTypes) -> str:
    if name in theirs:
        whose = theirs[name].whose
        return f"{name} is of {whose}: receive events of child organizations to subscribe to it."
    return f"No such event type, or it is not active: {name[:100]}."
