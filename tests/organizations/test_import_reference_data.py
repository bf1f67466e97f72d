"""The command `import_reference_data`."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from organizations.models import AuditEntry, Customer, Organization, Store
from organizations.reference_formats import FORMATS
from tests.factories import OrganizationFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def brand(db: None) -> Organization:
    return OrganizationFactory()


def run(organization: Organization | int, kind: str, file: Path | str, *options: str) -> str:
    output = io.StringIO()
    organization_id = organization if isinstance(organization, int) else organization.pk
    call_command(
        *("import_reference_data", "--organization", str(organization_id)),
        *("--kind", kind, str(file), *options),
        stdout=output,
    )
    return output.getvalue()


def test_a_file_is_imported_and_counted(brand: Organization, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("customer_id,mobile\n7,91900\n8,\n")
    assert run(brand, "customers", file) == "customers: 2 created, 0 updated, 0 unchanged.\n"
    file.write_text("customer_id,mobile\n7,91901\n8,\n")
    assert run(brand, "customers", file) == "customers: 0 created, 1 updated, 1 unchanged.\n"
    assert set(Customer.objects.values_list("customer_id", flat=True)) == {7, 8}


def test_with_json_the_counts_are_one_object(brand: Organization, tmp_path: Path) -> None:
    file = tmp_path / "stores.csv"
    file.write_text("store_id,code\n1,one\n")
    shown = json.loads(run(brand, "stores", file, "--json"))
    assert shown == {"kind": "stores", "created": 1, "updated": 0, "unchanged": 0}


def test_the_audit_log_names_the_command_line(brand: Organization, tmp_path: Path) -> None:
    file = tmp_path / "stores.csv"
    file.write_text("store_id,code\n1,one\n")
    run(brand, "stores", file)
    entry = AuditEntry.objects.for_organization(brand).get()
    assert (entry.actor["name"], entry.action) == ("Command line", "imported reference data")
    assert entry.from_address is None


def test_the_standard_input_can_be_the_file(
    brand: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin: Any = io.TextIOWrapper(io.BytesIO(b"store_id,code\n1,one\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert run(brand, "stores", "-") == "stores: 1 created, 0 updated, 0 unchanged.\n"


def test_a_refused_file_is_reported_line_by_line(brand: Organization, tmp_path: Path) -> None:
    file = tmp_path / "stores.csv"
    file.write_text("store_id,code\n1,one\nx,two\n3,three,3\n")
    with pytest.raises(CommandError) as caught:
        run(brand, "stores", file)
    assert str(caught.value).splitlines() == [
        "Nothing was written.",
        "line 3: store_id is no whole number: “x”.",
        "line 4: has 3 cells, the header names 2 columns.",
    ]
    assert caught.value.returncode == 1
    assert not Store.objects.exists()


def test_problems_beyond_the_first_thousand_are_counted(
    brand: Organization, tmp_path: Path
) -> None:
    file = tmp_path / "stores.csv"
    file.write_text("store_id,code\n" + "x,y\n" * 1_005)
    with pytest.raises(CommandError, match=r"and 5 more problems\.$"):
        run(brand, "stores", file)


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_file_that_can_not_be_opened_is_told(
    brand: Organization, tmp_path: Path, name: str
) -> None:
    with pytest.raises(CommandError, match=r"No such file|Is a directory"):
        run(brand, "stores", tmp_path / name)


def test_the_organization_must_exist(db: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no organization with the id 77"):
        run(77, "stores", tmp_path / "any.csv")


def test_other_kinds_do_not_exist(brand: Organization) -> None:
    with pytest.raises(CommandError, match="kind"):
        run(brand, "webhooks", "any.csv")


def test_the_help_describes_every_column() -> None:
    shown = subprocess.run(
        [sys.executable, "manage.py", "import_reference_data", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for form in FORMATS.values():
        for column in form.columns:
            assert f"  {column.name} (" in shown
        assert all(f"    {line}\n" in shown for line in form.example.splitlines())
