"""How the body of an API request is read."""

from collections.abc import Iterable, Mapping
from typing import IO, Any

from django.utils.http import parse_header_parameters
from rest_framework.exceptions import (
    ErrorDetail,
    ParseError,
    UnsupportedMediaType,
    ValidationError,
)
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from ens_project.errors import PayloadTooLarge
from events.strict_json import StrictJSONError, loads, loads_each

DEFAULT_MAX_BODY_BYTES = 1024 * 1024
MAX_CONTENT_TYPE = 256


class BodyRefused(ParseError):
    """400 for a body; `field` is the place in it, "" the whole."""

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(message, code=code)
        self.field = field


class StrictJSONParser(BaseParser):
    """JSON within the view's `max_body_bytes`, read no further than that.

    A view with `body_optional` gets {} for no body; every other refuses that. One with
    `elements_stand_alone` gets an array of which some elements are refused, with the
    ValidationErrors in their places.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        view = (parser_context or {}).get("view")
        body = read_body(stream, getattr(view, "max_body_bytes", DEFAULT_MAX_BODY_BYTES))
        if not body:
            if getattr(view, "body_optional", False):
                return {}
            raise BodyRefused("body_missing", "The request needs a JSON body.")
        check_media_type(media_type or "")
        try:
            return loads(body)
        except StrictJSONError as error:
            if getattr(view, "elements_stand_alone", False) and body.lstrip()[:1] == b"[":
                return _each(body, error)
            raise BodyRefused(error.code, error.message, error.path) from None


def _each(body: bytes, refusal: StrictJSONError) -> list[Any]:
    try:
        elements = loads_each(body)
    except StrictJSONError:
        raise BodyRefused(refusal.code, refusal.message, refusal.path) from None
    return [
        ValidationError({element.path: [ErrorDetail(element.message, code=element.code)]})
        if isinstance(element, StrictJSONError)
        else element
        for element in elements
    ]


class JSONNegotiation(DefaultContentNegotiation):
    """The first parser gets every body: it can tell "no body" from "of another type"."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        return next(iter(parsers))


def read_body(stream: IO[bytes], limit: int) -> bytes:
    """Raises PayloadTooLarge: by Content-Length without reading, else after `limit` + 1 bytes."""
    meta = getattr(stream, "META", {})
    announced = meta.get("CONTENT_LENGTH") or ""
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise PayloadTooLarge(f"The body is larger than {limit} bytes.")
    try:
        body = stream.read(limit + 1)
    except Exception:  # noqa: BLE001  each server has its own for a body that breaks off
        raise BodyRefused("request_malformed", "The body did not arrive whole.") from None
    if len(body) > limit:
        raise PayloadTooLarge(f"The body is larger than {limit} bytes.")
    return body


def check_media_type(content_type: str) -> None:
    """Raises UnsupportedMediaType unless it is JSON in UTF-8."""
    media_type, parameters = parse_header_parameters(content_type[:MAX_CONTENT_TYPE])
    if media_type != "application/json":
        raise UnsupportedMediaType(media_type, "Bodies are application/json in UTF-8 only.")
    charset = parameters.get("charset", "utf-8").lower()
    if charset not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType(
            media_type, "Bodies are UTF-8 only.", code="charset_not_supported"
        )
