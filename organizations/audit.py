"""The record of who changed what."""

import json
import re
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.http import HttpRequest
from rest_framework.request import Request

from organizations.addresses import client_address
from organizations.authentication import Caller, caller_of
from organizations.models import AuditEntry

MASK = "••••"
SECRET_FIELD = re.compile(r"secret|password|token|digest|headers|(?:^|_)key$", re.IGNORECASE)
USER_INFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")

Fields = dict[str, Any]
# Who changes something: a request to the API or to a page, or a caller without a request.
By = Request | HttpRequest | Caller


def record(
    by: By,
    *,
    action: str,
    obj: models.Model,
    before: Fields | None = None,
    after: Fields | None = None,
) -> AuditEntry:
    """Keep that `obj` was changed, in the caller's organisation. Belongs in the transaction of it.

    `before` and `after` are the object's fields as they were and are, None where it did not or
    does not exist; only those that differ are kept, without what is secret in them.
    """
    caller = caller_in(by)
    old, new = _plain(before), _plain(after)
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return AuditEntry.objects.create(
        organization=caller.organization,
        actor=caller.actor,
        from_address=_address(by),
        action=action,
        object_type=str(obj._meta.verbose_name),
        object_id=str(getattr(obj, "public_id", obj.pk)),
        object_name=str(obj)[:200],
        before={name: _masked(name, old[name]) for name in changed if name in old},
        after={name: _masked(name, new[name]) for name in changed if name in new},
    )


def caller_in(by: By) -> Caller:
    return by if isinstance(by, Caller) else caller_of(by)


def _address(by: By) -> str | None:
    if isinstance(by, Caller):
        return None
    return client_address(by._request if isinstance(by, Request) else by)


def _plain(fields: Fields | None) -> Fields:
    """As JSON will give them back: times, UUIDs and decimals as text."""
    plain: Fields = json.loads(json.dumps(fields or {}, cls=DjangoJSONEncoder))
    return plain


def _masked(name: str, value: Any) -> Any:
    """Names of headers stay readable, their values do not; so for everything else inside."""
    if isinstance(value, dict):
        hide = SECRET_FIELD.search(name) is not None
        return {key: MASK if hide else _masked(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(name, inner) for inner in value]
    if value is not None and SECRET_FIELD.search(name):
        return MASK
    return USER_INFO.sub(MASK, value) if isinstance(value, str) else value
