"""Files of reference data, and what their import answers."""

import io
from collections.abc import Iterator

from organizations.authentication import Caller
from organizations.models import (
    AuditEntry,
    CustomerIdentifier,
    Organization,
)
from organizations.reference_import import Report, counts, import_csv
from tests.factories import MembershipFactory

NOTHING = {"tills": 0, "stores": 0, "customers": 0}


def load(brand: Organization, kind: str, content: str | bytes) -> Report:
    data = content.encode() if isinstance(content, str) else content
    member = MembershipFactory(organization=brand)
    return import_csv(brand, kind, io.BytesIO(data), Caller.member(member))


def refused(brand: Organization, kind: str, content: str | bytes) -> list[tuple[int, str, str]]:
    """Its problems; nothing was written."""
    before = counts(brand)
    report = load(brand, kind, content)
    assert report.is_refused
    assert (report.created, report.updated, report.unchanged) == (0, 0, 0)
    assert counts(brand) == before
    assert not AuditEntry.objects.filter(action="imported reference data").exists()
    return [(problem.line, problem.column, problem.message) for problem in report.problems]


def only_problem(brand: Organization, kind: str, content: str | bytes) -> tuple[int, str, str]:
    (problem,) = refused(brand, kind, content)
    return problem


def identifiers(customer_id: int) -> set[tuple[str, str, str, str]]:
    found = CustomerIdentifier.objects.filter(customer__customer_id=customer_id)
    return set(found.values_list("source", "account_id", "kind", "value"))


class Pipe(io.RawIOBase):
    """Bytes that can be read once."""

    def __init__(self, content: bytes) -> None:
        self._parts: Iterator[bytes] = iter([content[:7], content[7:], b""])

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return next(self._parts)
