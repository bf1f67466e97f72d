"""What is wrong with a file of reference data is told, and nothing of it is written."""

import io
from typing import Any

import pytest

from organizations import reference_rows
from organizations.authentication import Caller
from organizations.csv_records import MAX_BYTES
from organizations.models import (
    AuditEntry,
    Organization,
    Store,
)
from organizations.reference_import import import_csv
from tests.factories import MembershipFactory, OrganizationFactory
from tests.organizations.reference_files import (
    load,
    only_problem,
    refused,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def brand(db: None) -> Organization:
    return OrganizationFactory()


@pytest.mark.parametrize(
    ("content", "line", "column", "words"),
    [
        (b"", 1, "", "is empty"),
        (b"\n \r\n\n", 1, "", "is empty"),
        (b"\xef\xbb\xbf", 1, "", "is empty"),
        (b"store_id,code\n", 1, "", "no row after the header"),
        (b"store_id,code\n\n,\n", 1, "", "no row after the header"),
        (b"store_id,code,color\n1,a,b\n", 1, "“color”", "is no column of stores"),
        (b"store_id,code,\n1,a,b\n", 1, "column 3", "has no name"),
        (b"store_id,code,CODE\n1,a,b\n", 1, "“CODE”", "stands twice"),
        (b"store_id,name\n1,a\n", 1, "code", "is missing in the header"),
        (b"store_id,code,wechat/a/b\n1,a,c\n", 1, "“wechat/a/b”", "is no column"),
        (b"store_id,code\n1,a,b\n", 2, "", "has 3 cells, the header names 2 columns"),
        (b"store_id,code\n1\n", 2, "", "has 1 cells"),
        (b"store_id,code\n,a\n", 2, "store_id", "is empty"),
        (b"store_id,code\n1,\n", 2, "code", "is empty"),
        (b"store_id,code\n1, \n", 2, "code", "is empty"),
        (b"store_id,code\none,a\n", 2, "store_id", "no whole number: “one”"),
        (b"store_id,code\n1.0,a\n", 2, "store_id", "no whole number"),
        (b"store_id,code\n4.8E+08,a\n", 2, "store_id", "spreadsheet may have shortened"),
        ("store_id,code\n\u0661,a\n".encode(), 2, "store_id", "no whole number"),
        (b"store_id,code\n9223372036854775808,a\n", 2, "store_id", "beyond 64 bits"),
        (b"store_id,code\n-9223372036854775809,a\n", 2, "store_id", "beyond 64 bits"),
        (b"store_id,code\n" + b"9" * 5_000 + b",a\n", 2, "store_id", "beyond 64 bits"),
        (b"store_id,code\n1," + b"x" * 201 + b"\n", 2, "code", "has 201 characters, 200 fit"),
        (b"store_id,code\n1,a\0b\n", 2, "code", "NUL"),
        (b'store_id,code\n1,"a\nb"\n', 2, "code", "line break"),
        (b"store_id,code\n1,a\x1bb\n", 2, "code", "control character"),
        (b"store_id,code\n1,caf\xe9\n", 2, "code", "not in UTF-8"),
        (b"store_id,code\n1,\xed\xa0\x80\n", 2, "code", "not in UTF-8"),
        (b"store_id,code\n1,a\n\n01,b\n", 4, "store_id", "stands on line 2 already: 1"),
        (b'store_id,code\n1,"a\n2,b\n', 2, "", "double quotes"),
        (b'store_id,code\n1,"a"b\n', 2, "", "double quotes"),
        (b"store_id,code\r1,a\r", 1, "", "carriage return"),
        ("store_id,code\n1,a\n".encode("utf-16"), 1, "", "UTF-16"),
        (b"PK\x03\x04rest of a spreadsheet", 1, "", "spreadsheet"),
        (b"\x1f\x8brest of an archive", 1, "", "compressed"),
        (b"store_id,code\n1," + b"x" * 10_000_000, 2, "", "more than 64 KB"),
        (b'store_id,code\n1,"' + b"x\n" * 100_000 + b'"\n', 2, "", "double quotes"),
    ],
)
def test_a_wrong_file_is_refused_with_line_and_column(
    brand: Organization, content: bytes, line: int, column: str, words: str
) -> None:
    problem = only_problem(brand, "stores", content)
    assert problem[:2] == (line, column)
    assert words in problem[2]


@pytest.mark.parametrize(
    ("heading", "cell", "words"),
    [
        ("points_balance", "many", "is no number: “many”"),
        ("points_balance", '"12,50"', "a point, not a comma"),
        ("points_balance", "NaN", "is no number"),
        ("points_balance", "1e5", "is no number"),
        ("points_balance", "0.00001", "too many digits"),
        ("points_balance", "1" + "0" * 16, "too many digits"),
        ("mobile", "9" * 201, "201 characters"),
        ("card_numbers", "1|" + "9" * 201, "201 characters"),
        ("line/shop/id", "9" * 201, "201 characters"),
    ],
)
def test_a_wrong_cell_of_a_customer_is_refused(
    brand: Organization, heading: str, cell: str, words: str
) -> None:
    problem = only_problem(brand, "customers", f"customer_id,{heading}\n7,{cell}\n")
    assert problem[:2] == (2, heading)
    assert words in problem[2]


@pytest.mark.parametrize(
    "heading",
    [
        "myspace/a/b",
        "wechat",
        "wechat/unionId",
        "wechat//unionId",
        "wechat/a/",
        "instore/a/mobile",
        "<source>/<account>/<type>",
        "wechat/" + "a" * 201 + "/b",
        "wechat/a/" + "b" * 101,
    ],
)
def test_a_heading_of_no_known_identifier_is_refused(brand: Organization, heading: str) -> None:
    problem = only_problem(brand, "customers", f"customer_id,{heading}\n7,x\n")
    assert problem[0] == 1
    assert problem[2] == "is no column of customers."


def test_spellings_of_one_source_are_one_column(brand: Organization) -> None:
    head = "customer_id,wechat/a/b,WeChat/a/b\n"
    assert "stands twice" in only_problem(brand, "customers", f"{head}7,x,y\n")[2]


def test_a_till_must_not_name_a_store_that_does_not_exist(brand: Organization) -> None:
    problem = only_problem(brand, "tills", "till_id,code,store_id\n1,a,\n2,b,50009\n")
    message = "names a store that does not exist: 50009. Import stores first."
    assert problem == (3, "store_id", message)


def test_everything_wrong_is_told_in_the_order_of_the_lines(brand: Organization) -> None:
    problems = refused(
        brand, "tills", "till_id,code,store_id\nx,,y\n1,good,\n2,b,77\n1,twice,\n3,c\n"
    )
    assert [problem[:2] for problem in problems] == [
        (2, "code"),
        (2, "store_id"),
        (2, "till_id"),
        (4, "store_id"),
        (5, "till_id"),
        (6, ""),
    ]


def test_one_wrong_line_keeps_all_the_others_out(brand: Organization) -> None:
    good = "".join(f"{number},store\n" for number in range(1, 3_000))
    assert only_problem(brand, "stores", f"store_id,code\n{good}x,bad\n")[0] == 3_001
    assert not Store.objects.exists()


def test_too_many_problems_are_counted(brand: Organization) -> None:
    report = load(brand, "stores", "store_id,code\n" + "x,y\n" * 1_234)
    assert (len(report.problems), report.more_problems) == (1_000, 234)


def test_a_cut_value_is_shown_of_a_long_one(brand: Organization) -> None:
    message = only_problem(brand, "stores", f"store_id,code\n{'x' * 60_000},a\n")[2]
    assert len(message) < 100


def test_a_file_that_is_too_large_is_refused(brand: Organization) -> None:
    line = b"1," + b" " * 60_000 + b"x\n"
    data = b"store_id,code\n" + line * (MAX_BYTES // len(line) + 1)
    report = load(brand, "stores", data)
    assert "more than 50 MB" in report.problems[-1].message
    assert not Store.objects.exists()


def test_an_endless_pipe_is_refused(brand: Organization) -> None:
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return b"store_id,code\n" * 4_000

    pipe: Any = Endless()
    by = Caller.member(MembershipFactory(organization=brand))
    report = import_csv(brand, "stores", pipe, by)
    assert "more than 50 MB" in str(report.problems) or report.more_problems
    assert not Store.objects.exists()


def test_a_file_with_too_many_rows_is_refused(
    brand: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference_rows, "MAX_ROWS", 3)
    assert load(brand, "stores", "store_id,code\n1,a\n2,b\n3,c\n").created == 3
    AuditEntry.objects.all().delete()
    problem = only_problem(brand, "stores", "store_id,code\n4,a\n5,b\n6,c\n7,d\n")
    assert problem[0] == 5
    assert "more than 3 rows" in problem[2]


def test_too_many_columns_are_refused(brand: Organization) -> None:
    head = ",".join(["customer_id", *(f"line/a/{number}" for number in range(200))])
    assert "more than 200 columns" in only_problem(brand, "customers", f"{head}\n1\n")[2]


class Rewritten(io.BytesIO):
    """A file that somebody else writes to while it is read."""

    def seek(self, position: int, whence: int = 0) -> int:
        self.getbuffer()[-4:] = b"x,z\n"
        return super().seek(position, whence)


def test_a_file_that_changes_meanwhile_is_refused_too(brand: Organization) -> None:
    rows = b"".join(b"%d,a\n" % number for number in range(10_000, 12_500))
    by = Caller.member(MembershipFactory(organization=brand))
    report = import_csv(brand, "stores", Rewritten(b"store_id,code\n" + rows + b"9,z\n"), by)
    assert [problem.line for problem in report.problems] == [2_502]
    assert not Store.objects.exists()
