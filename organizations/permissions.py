"""What an authenticated caller may do. Answered with 403 and the code `not_authorized`."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from organizations.authentication import caller_or_none

DENIED = "Not authorized. Access is denied!"


class WebhooksAccess(BasePermission):
    """The resource Webhooks: safe methods need Read, everything else Write."""

    message = DENIED
    code = "not_authorized"

    def has_permission(self, request: Request, view: Any) -> bool:
        caller = caller_or_none(request)
        if caller is None:
            return False
        if request.method in SAFE_METHODS:
            return caller.access.may_read
        return caller.access.may_write


class WebhooksWrite(BasePermission):
    """Write on the resource Webhooks, for looking too."""

    message = DENIED
    code = "not_authorized"

    def has_permission(self, request: Request, view: Any) -> bool:
        caller = caller_or_none(request)
        return caller is not None and caller.access.may_write


class EventsAccess(BasePermission):
    """The right to publish events."""

    message = DENIED
    code = "not_authorized"

    def has_permission(self, request: Request, view: Any) -> bool:
        caller = caller_or_none(request)
        return caller is not None and caller.may_write_events
