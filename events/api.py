"""The event catalogue as the caller's organisation sees it: looking needs Read on Webhooks,
everything else Write."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ErrorDetail, NotFound, ValidationError
from rest_framework.fields import get_error_detail
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events import custom_types
from events.activation import configure
from events.catalogue import CATALOGUE
from events.custom_types import SETTABLE
from events.event_types import known_event_types
from events.serializers import (
    CustomTypeSerializer,
    EventTypeDetailSerializer,
    EventTypeSerializer,
    EventTypeSettingsSerializer,
)
from events.type_answers import Detail, detail_of, detail_of_version
from organizations.authentication import caller_of
from organizations.models import Organization
from organizations.serializers import fields_unknown

SPELLINGS = {"true": True, "false": False, "": None}
PLACEHOLDER = "unnamed"
# What GET answers may be sent back as it is.
ANSWERED = frozenset(EventTypeDetailSerializer().fields)


class EventTypeList(APIView):
    @extend_schema(
        summary="Event types",
        description="Standard and custom ones, sorted by name.",
        parameters=[
            OpenApiParameter("active", OpenApiTypes.BOOL, description="Only these; default all.")
        ],
        responses=EventTypeSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        active = _active(request)
        types = known_event_types(caller_of(request).organization)
        chosen = [
            types[name] for name in sorted(types) if active is None or types[name].active is active
        ]
        return Response(
            EventTypeSerializer(chosen, many=True).data  # type: ignore[arg-type]  # many
        )

    @extend_schema(
        summary="Add a custom event type",
        description="A name that a deleted type had goes on with that type's versions.",
        request=CustomTypeSerializer,
        responses={200: EventTypeDetailSerializer},
    )
    def post(self, request: Request) -> Response:
        body = _object(request)
        organization = caller_of(request).organization
        given = _understood(CustomTypeSerializer(data=body), organization)
        try:
            custom_types.add(
                request,
                organization,
                given.validated_data.get("name") or "",
                given.fields_of_model(),
            )
        except ModelValidationError as broken:
            raise _in_api_names(broken) from None
        return _answer(
            detail_of(organization, given.validated_data["name"]), _warnings(body, given)
        )


class EventTypeDetail(APIView):
    @extend_schema(
        summary="An event type",
        parameters=[
            OpenApiParameter(
                "version",
                OpenApiTypes.INT,
                description="Schema and sample of an older version of a custom type, also of one "
                "that was deleted.",
            )
        ],
        responses=EventTypeDetailSerializer,
    )
    def get(self, request: Request, event_name: str) -> Response:
        organization = caller_of(request).organization
        number = request.query_params.get("version", "")
        try:
            if number:
                return _answer(detail_of_version(organization, event_name, _number(number)))
            return _answer(detail_of(organization, event_name))
        except KeyError:
            raise _not_found() from None

    @extend_schema(
        summary="Replace a custom event type, or switch a standard one",
        description="Of a custom type, what is not given gets its default again. Of a standard "
        "one `active` and `validation` can be set; what is not given stays.",
        request=CustomTypeSerializer,
        responses={200: EventTypeDetailSerializer},
    )
    def put(self, request: Request, event_name: str) -> Response:
        body = _object(request)
        organization = caller_of(request).organization
        try:
            if event_name in CATALOGUE:
                shown = detail_of(organization, event_name).data
                warnings = _switch(request, event_name, body, shown)
            else:
                custom_types.custom_type(organization, event_name)  # before its body is judged
                warnings = _replace(request, event_name, body)
            return _answer(detail_of(organization, event_name), warnings)
        except KeyError:
            raise _not_found() from None

    @extend_schema(
        summary="Delete a custom event type",
        description="Refused (409) while webhooks subscribe to it. Its events, deliveries and "
        "versions stay readable.",
        responses={200: EventTypeDetailSerializer},
    )
    def delete(self, request: Request, event_name: str) -> Response:
        organization = caller_of(request).organization
        if event_name in CATALOGUE:
            message = "A standard event can not be deleted; make it inactive."
            raise ValidationError({"eventName": [ErrorDetail(message, "event_type_standard")]})
        try:
            deleted = custom_types.delete(request, organization, event_name)
        except KeyError:
            raise _not_found() from None
        except ModelValidationError as broken:
            raise _in_api_names(broken) from None
        return _answer(detail_of_version(organization, event_name, deleted.version))


def _switch(
    request: Request, name: str, body: Mapping[str, Any], shown: Mapping[str, Any]
) -> list[ErrorDetail]:
    given = EventTypeSettingsSerializer(data=body)
    given.is_valid(raise_exception=True)
    message = "Of a standard event only active and validation can be set."
    broken = {
        field: [ErrorDetail(message, "event_type_standard")]
        for field in ANSWERED & body.keys() - given.fields.keys()
        if body[field] is not None and body[field] != shown[field]
    }
    if broken:
        raise ValidationError(broken)
    configure(request, caller_of(request).organization, name, **given.given())
    return _warnings(body, given)


def _replace(request: Request, name: str, body: Mapping[str, Any]) -> list[ErrorDetail]:
    organization = caller_of(request).organization
    given = _understood(CustomTypeSerializer(data=body), organization, name)
    version = given.validated_data.get("version")
    warnings = _warnings(body, given)
    if given.validated_data.get("name") not in (None, name):
        warnings.append(ErrorDetail("The name never changes; it was kept.", "name_kept"))
    try:
        custom_types.change(
            request,
            organization,
            name,
            given.fields_of_model(),
            is_as_seen=lambda stored: version in (None, stored.version),
        )
    except ModelValidationError as broken:
        raise _in_api_names(broken) from None
    except custom_types.Changed as changed:
        message = f"It was changed meanwhile: version {changed.event_type.version} is current."
        raise ValidationError({"version": [ErrorDetail(message, "event_type_changed")]}) from None
    return warnings


def _answer(detail: Detail, warnings: list[ErrorDetail] | None = None) -> Response:
    response = Response(detail.data)
    response.warnings = warnings or []  # type: ignore[attr-defined]  # the renderer reads it
    return response


def _object(request: Request) -> Mapping[str, Any]:
    body = request.data
    if not isinstance(body, dict):
        raise ValidationError([ErrorDetail("The body is not a JSON object.", "not_an_object")])
    return body


def _understood(
    given: CustomTypeSerializer, organization: Organization, name: str | None = None
) -> CustomTypeSerializer:
    """Raises ValidationError: with wrong types, the rules that the rest breaks are told too.

    `name` is that of the type to change, None for a new one.
    """
    if given.is_valid():
        return given
    errors: dict[str, Any] = dict(given.errors)
    right = {field: value for field, value in given.initial_data.items() if field not in errors}
    named = name or (PLACEHOLDER if "eventName" in errors else right.get("eventName") or "")
    fields = {field: right[field] for field in SETTABLE if right.get(field) is not None}
    try:
        custom_types.checked(custom_types.drafted(organization, named, fields))
    except ModelValidationError as broken:
        errors = {**_in_api_names(broken).detail, **errors}  # type: ignore[dict-item]  # by field
    raise ValidationError(errors)


def _warnings(body: Mapping[str, Any], given: EventTypeSettingsSerializer) -> list[ErrorDetail]:
    unknown = [name for name in body if name not in given.fields and name not in ANSWERED]
    return fields_unknown(unknown)


def _in_api_names(broken: ModelValidationError) -> ValidationError:
    detail: Any = get_error_detail(broken)
    if isinstance(detail, dict) and "name" in detail:
        codes = {"blank": "event_name_missing", "max_length": "event_type_name_invalid"}
        detail["eventName"] = [
            ErrorDetail(str(error), codes.get(error.code, error.code))
            for error in detail.pop("name")
        ]
    return ValidationError(detail)


def _not_found() -> NotFound:
    return NotFound("There is no such event type.")


def _number(text: str) -> int:
    """Raises KeyError for what is no version's number."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise KeyError(text)
    return int(text)


def _active(request: Request) -> bool | None:
    text = request.query_params.get("active", "").lower()
    if text not in SPELLINGS:
        raise ValidationError({"active": [ErrorDetail("Use true or false.", "invalid_choice")]})
    return SPELLINGS[text]
