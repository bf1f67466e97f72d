"""PUT /v3/organization/{tills|stores|customers}: what enrichment looks up. Needs Write."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from organizations.authentication import caller_of
from organizations.reference_elements import NAMES
from organizations.reference_import import Report, import_elements
from organizations.reference_schemas import schema_of
from organizations.serializers import ReferenceReportSerializer, fields_unknown

MAX_ELEMENTS = 1_000
MAX_BODY_BYTES = 8 * 1024 * 1024

DESCRIPTION = f"""An array of 1 to {MAX_ELEMENTS:,}, of at most {MAX_BODY_BYTES // 1024**2} MiB.
Those whose `id` is there already are changed, the others are added; none is deleted. What an
element does not name keeps what it holds; null empties it. With anything wrong in it nothing of
the array is written, and the errors name every place, such as `[3].code`."""


class ReferenceData(APIView):
    kind: str
    max_body_bytes = MAX_BODY_BYTES

    def put(self, request: Request) -> Response:
        elements: Any = request.data
        if not isinstance(elements, list) or not 1 <= len(elements) <= MAX_ELEMENTS:
            message = f"The body is an array of 1 to {MAX_ELEMENTS:,} {self.kind}."
            raise ValidationError([ErrorDetail(message, "reference_count_invalid")])
        report = import_elements(caller_of(request).organization, self.kind, elements, request)
        if report.is_refused:
            raise ValidationError(_errors(report))
        response = Response(ReferenceReportSerializer(report).data)
        if report.unknown:
            response.warnings = fields_unknown(report.unknown)  # type: ignore[attr-defined]
        return response


def _errors(report: Report) -> dict[str, list[ErrorDetail]]:
    """By their places."""
    names = NAMES[report.kind]
    errors: dict[str, list[ErrorDetail]] = {}
    for problem in report.problems:
        name = names.get(problem.column, problem.column)
        place = f"[{problem.line}]"
        message = f"{name or place} {problem.message}"
        found = errors.setdefault(f"{place}.{name}" if name else place, [])
        found.append(ErrorDetail(message, problem.code))
    return errors


def _described(kind: str) -> Any:
    described = extend_schema(
        summary=f"Add and change {kind}",
        description=DESCRIPTION,
        operation_id=f"put{kind.title()}",
        request={"application/json": schema_of(kind, MAX_ELEMENTS)},
        responses=ReferenceReportSerializer,
    )
    return extend_schema_view(put=described)


@_described("tills")
class Tills(ReferenceData):
    kind = "tills"


@_described("stores")
class Stores(ReferenceData):
    kind = "stores"


@_described("customers")
class Customers(ReferenceData):
    kind = "customers"
