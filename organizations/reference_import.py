"""Takes over reference data from a CSV file or an array in JSON: all of it, or nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO, cast

from django.db import transaction

from organizations import audit
from organizations.csv_records import MAX_BYTES
from organizations.models import Organization, Store
from organizations.reference_elements import Elements, columns_of
from organizations.reference_formats import FORMATS, Format
from organizations.reference_rows import Problem, Problems, Row, Rows
from organizations.reference_upsert import MODELS, Upsert

BATCH_ROWS = 2_000
COPIED_BYTES = 64 * 1024
IN_MEMORY_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a file or an array. With problems, nothing was written and the counts are 0.

    `unknown` are names in JSON that mean nothing and were ignored, as paths.
    """

    kind: str
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    problems: Sequence[Problem] = ()
    more_problems: int = 0
    unknown: Sequence[str] = ()

    @property
    def is_refused(self) -> bool:
        return bool(self.problems)

    @property
    def problem_count(self) -> int:
        return len(self.problems) + self.more_problems


def counts(organization: Organization) -> dict[str, int]:
    """How many rows there are, by kind."""
    return {
        kind: MODELS[kind]._default_manager.filter(organization=organization).count()
        for kind in FORMATS
    }


def import_csv(
    organization: Organization, kind: str, binary_file: IO[bytes], by: audit.By
) -> Report:
    """Create and update the organisation's rows of a kind, by id, after the file; delete none.

    Reads from where the file stands. With anything wrong in it nothing is written. Otherwise
    an audit entry tells the counts, if there was anything to write.
    """
    form, problems = FORMATS[kind], Problems()
    with _rewindable(binary_file) as file:
        start = file.tell()
        # Read twice: until all of it is known to be right, nobody is kept waiting for a lock.
        for _ in _batches(organization, form, file, problems):
            pass
        if problems:
            return _refusal(kind, problems)
        file.seek(start)
        with transaction.atomic():
            # Two imports wait for each other here, not crosswise in the midst of their rows.
            organization.lock()
            upsert = Upsert(organization, form)
            for rows, batch in _batches(organization, form, file, problems):
                upsert.write(rows.columns, batch)
            if problems:  # something has changed since the first reading
                transaction.set_rollback(True)
                return _refusal(kind, problems)
            report = Report(kind, upsert.created, upsert.updated, upsert.unchanged)
            if report.created or report.updated:
                _note(organization, report, by)
    return report


def import_elements(
    organization: Organization, kind: str, values: Sequence[object], by: audit.By
) -> Report:
    """Likewise after the elements of an array in JSON, which is short enough to be held."""
    form, problems = FORMATS[kind], Problems()
    elements = Elements(form, problems)
    rows = elements.rows(values)
    with transaction.atomic():
        organization.lock()
        if form.kind == "tills":
            rows = _with_stores(organization, rows, problems)
        if problems:
            return _refusal(kind, problems)
        upsert = Upsert(organization, form)
        upsert.write(columns_of(form), rows)
        counted = (upsert.created, upsert.updated, upsert.unchanged)
        report = Report(kind, *counted, unknown=elements.unknown)
        if report.created or report.updated:
            _note(organization, report, by)
    return report


def _note(organization: Organization, report: Report, by: audit.By) -> None:
    after = {"kind": report.kind, "created": report.created, "updated": report.updated}
    audit.record(by, action="imported reference data", obj=organization, after=after)


def _refusal(kind: str, problems: Problems) -> Report:
    return Report(kind, problems=sorted(problems.listed), more_problems=problems.more)


@contextmanager
def _rewindable(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """The file, or of a pipe a copy that ends soon after what is too much."""
    if file.seekable():
        yield file
        return
    with SpooledTemporaryFile(IN_MEMORY_BYTES) as copy:
        while copy.tell() <= MAX_BYTES and (part := file.read(COPIED_BYTES)):
            copy.write(part)
        copy.seek(0)
        yield cast("IO[bytes]", copy)


def _batches(
    organization: Organization, form: Format, file: IO[bytes], problems: Problems
) -> Iterator[tuple[Rows, list[Row]]]:
    """The rows without a fault; tills refer to the primary keys of their stores."""
    rows = Rows(form, file, problems)
    each = iter(rows)
    while batch := list(islice(each, BATCH_ROWS)):
        if form.kind == "tills":
            batch = _with_stores(organization, batch, problems)
        yield rows, batch


def _with_stores(organization: Organization, tills: Sequence[Row], problems: Problems) -> list[Row]:
    """Without the tills whose store does not exist."""
    ids = {till.values["store_id"] for till in tills if "store_id" in till.values} - {None}
    stores = Store.objects.for_organization(organization).filter(store_id__in=ids)
    key_of = dict(stores.values_list("store_id", "pk")) | {None: None}
    known = []
    for till in tills:
        if "store_id" in till.values:
            store_id = till.values["store_id"]
            if store_id not in key_of:
                message = f"names a store that does not exist: {store_id}. Import stores first."
                problems.add(till.line, "store_id", message)
                continue
            till.values["store_id"] = key_of[store_id]
        known.append(till)
    return known
