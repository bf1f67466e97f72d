"""Whole files, or nothing: what an import writes, and what it says of a file that it refuses."""

import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from organizations import reference_rows
from organizations.authentication import Caller
from organizations.csv_records import MAX_BYTES
from organizations.models import (
    AuditEntry,
    Customer,
    CustomerIdentifier,
    Organization,
    Store,
    Till,
)
from organizations.reference_formats import FORMATS
from organizations.reference_import import Report, counts, import_csv
from tests.factories import MembershipFactory, OrganizationFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOTHING = {"tills": 0, "stores": 0, "customers": 0}


@pytest.fixture
def brand(db: None) -> Organization:
    return OrganizationFactory()


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


# --- What is written -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["stores", "customers"])
def test_the_example_of_a_format_can_be_imported(brand: Organization, kind: str) -> None:
    report = load(brand, kind, FORMATS[kind].example)
    assert report == Report(kind, created=1)
    assert counts(brand) == NOTHING | {kind: 1}


def test_the_example_of_the_tills_fits_that_of_the_stores(brand: Organization) -> None:
    load(brand, "stores", FORMATS["stores"].example)
    assert load(brand, "tills", FORMATS["tills"].example) == Report("tills", created=1)
    till = Till.objects.get()
    assert (till.till_id, till.code, till.name) == (
        75152721,
        "sin.orchard.till1",
        "Till 1, Orchard",
    )
    assert till.store == Store.objects.get(store_id=50001)


def test_a_store_is_created_with_all_that_its_line_says(brand: Organization) -> None:
    load(
        brand,
        "stores",
        "store_id,code,name,external_id,external_id_1,external_id_2\n-1,a,Åsa's 店,x,y,z\n",
    )
    assert list(Store.objects.values_list()) == [
        (Store.objects.get().pk, brand.pk, -1, "a", "Åsa's 店", "x", "y", "z")
    ]


def test_rows_are_updated_by_their_id_and_those_alike_are_left_alone(brand: Organization) -> None:
    load(brand, "stores", "store_id,code\n1,one\n2,two\n")
    keys = dict(Store.objects.values_list("store_id", "pk"))
    report = load(brand, "stores", "store_id,code\n1,one\n2,TWO\n3,three\n")
    assert report == Report("stores", created=1, updated=1, unchanged=1)
    assert dict(Store.objects.values_list("store_id", "code")) == {1: "one", 2: "TWO", 3: "three"}
    assert keys.items() <= dict(Store.objects.values_list("store_id", "pk")).items()


def test_columns_that_a_file_leaves_out_keep_what_they_hold(brand: Organization) -> None:
    load(brand, "stores", "store_id,code,name,external_id\n1,one,First,ext\n")
    load(brand, "stores", "store_id,code,name\n1,one,\n")
    store = Store.objects.get()
    assert (store.name, store.external_id) == ("", "ext")


def test_a_till_may_lose_its_store_and_keeps_it_when_the_column_is_left_out(
    brand: Organization,
) -> None:
    load(brand, "stores", "store_id,code\n5,s\n")
    load(brand, "tills", "till_id,code,store_id\n1,a,5\n2,b,5\n")
    load(brand, "tills", "till_id,code\n1,A\n")
    load(brand, "tills", "till_id,code,store_id\n2,b,\n")
    stores = dict(Till.objects.values_list("till_id", "store__store_id"))
    assert stores == {1: 5, 2: None}


def test_a_customer_is_known_by_many_things(brand: Organization) -> None:
    load(
        brand,
        "customers",
        "customer_id,points_balance,mobile,email,external_id,card_numbers,wechat/shop/unionId,"
        "WebEngage/a/b/cuid\n"
        "7,-12.5000,91900,m@example.com,e-1,8800|  8801 ||,u-1,c-1\n",
    )
    assert Customer.objects.get().points_balance == Decimal("-12.5")
    assert identifiers(7) == {
        ("instore", "", "mobile", "91900"),
        ("instore", "", "email", "m@example.com"),
        ("instore", "", "externalId", "e-1"),
        ("instore", "", "cardNumber", "8800"),
        ("instore", "", "cardNumber", "8801"),
        ("wechat", "shop", "unionId", "u-1"),
        ("web_engage", "a/b", "cuid", "c-1"),
    }


def test_identifiers_become_those_of_the_file_in_its_columns_alone(brand: Organization) -> None:
    head = "customer_id,mobile,email,card_numbers\n"
    load(brand, "customers", f"{head}7,1,m@example.com,a|b\n8,2,,c\n9,,,\n")
    keys = set(CustomerIdentifier.objects.filter(value="b").values_list("pk", flat=True))
    report = load(brand, "customers", "customer_id,mobile,card_numbers\n7,,b|d\n8,2,c\n9,,\n")
    assert report == Report("customers", updated=1, unchanged=2)
    assert identifiers(7) == {
        ("instore", "", "email", "m@example.com"),
        ("instore", "", "cardNumber", "b"),
        ("instore", "", "cardNumber", "d"),
    }
    assert keys == set(CustomerIdentifier.objects.filter(value="b").values_list("pk", flat=True))


def test_a_balance_may_be_taken_away(brand: Organization) -> None:
    load(brand, "customers", "customer_id,points_balance\n7,10\n8,0.5\n")
    report = load(brand, "customers", "customer_id,points_balance\n7,\n8,0.5000\n")
    assert report == Report("customers", updated=1, unchanged=1)
    assert Customer.objects.get(customer_id=7).points_balance is None


def test_another_organizations_rows_are_not_touched_nor_seen(brand: Organization) -> None:
    charlies = OrganizationFactory()
    load(charlies, "stores", "store_id,code\n1,charlie\n2,other\n")
    AuditEntry.objects.all().delete()
    assert load(brand, "stores", "store_id,code\n1,alice\n") == Report("stores", created=1)
    assert Store.objects.get(organization=charlies, store_id=1).code == "charlie"
    AuditEntry.objects.all().delete()
    problem = only_problem(brand, "tills", "till_id,code,store_id\n1,till,2\n")
    assert problem[:2] == (2, "store_id")


def test_what_was_written_is_kept_in_the_audit_log_as_counts(brand: Organization) -> None:
    load(brand, "customers", "customer_id,mobile\n7,919009535723\n8,\n")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_type, entry.object_id) == (
        "imported reference data",
        "organization",
        str(brand.pk),
    )
    assert entry.organization == brand
    assert entry.after == {"kind": "customers", "created": 2, "updated": 0}


def test_what_changes_nothing_leaves_no_audit_entry(brand: Organization) -> None:
    load(brand, "stores", "store_id,code\n1,one\n")
    AuditEntry.objects.all().delete()
    assert load(brand, "stores", "store_id,code\n1,one\n") == Report("stores", unchanged=1)
    assert not AuditEntry.objects.exists()


def test_more_rows_than_one_batch(brand: Organization) -> None:
    rows = "".join(f"{number},91{number:08},c{number}|d{number}\n" for number in range(2_345))
    head = "customer_id,mobile,card_numbers\n"
    assert load(brand, "customers", head + rows) == Report("customers", created=2_345)
    changed = rows.replace("|d", "|e", 700)
    report = load(brand, "customers", head + changed)
    assert report == Report("customers", updated=700, unchanged=1_645)
    assert CustomerIdentifier.objects.count() == 3 * 2_345


# --- Files as people have them -------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "store_id,code,name\n1,one,First\n",
        "\ufeffstore_id,code,name\n1,one,First\n",
        "store_id,code,name\r\n1,one,First\r\n",
        "store_id,code,name\n1,one,First",
        "store_id;code;name\n1;one;First\n",
        "store_id\tcode\tname\n1\tone\tFirst\n",
        "name,code,store_id\nFirst,one,1\n",
        "Store_ID, CODE ,Name\n 1 , one , First \n",
        '"store_id","code","name"\n"1","one","First"\n',
        "\n\nstore_id,code,name\n\n1,one,First\n,,\n\n",
        "store_id,code,name\n+01,one,First\n",
    ],
)
def test_delimiters_quotes_line_ends_marks_order_and_blank_lines_do_not_matter(
    brand: Organization, content: str
) -> None:
    assert load(brand, "stores", content) == Report("stores", created=1)
    store = Store.objects.get()
    assert (store.store_id, store.code, store.name) == (1, "one", "First")


@pytest.mark.parametrize(
    "name",
    [
        "=HYPERLINK(0)",
        "@SUM(1)",
        "-2+3",
        "<script>alert(1)</script>",
        'A "quoted", name; here',
        "'; DROP TABLE organizations_store; --",
        "%s %(x)s {0}",
        "😀" * 200,
    ],
)
def test_formulas_and_other_strange_text_are_text(brand: Organization, name: str) -> None:
    quoted = name.replace('"', '""')
    load(brand, "stores", f'store_id,code,name\n1,one,"{quoted}"\n')
    assert Store.objects.get().name == name


def test_the_ends_of_64_bits_fit(brand: Organization) -> None:
    ids = [2**63 - 1, -(2**63)]
    load(brand, "customers", f"customer_id\n{ids[0]}\n{ids[1]}\n")
    assert set(Customer.objects.values_list("customer_id", flat=True)) == set(ids)


class Pipe(io.RawIOBase):
    """Bytes that can be read once."""

    def __init__(self, content: bytes) -> None:
        self._parts: Iterator[bytes] = iter([content[:7], content[7:], b""])

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return next(self._parts)


def test_a_pipe_can_be_imported(brand: Organization) -> None:
    pipe: Any = Pipe(b"store_id,code\n1,one\n")
    by = Caller.member(MembershipFactory(organization=brand))
    assert import_csv(brand, "stores", pipe, by) == Report("stores", created=1)


# --- What is refused -----------------------------------------------------------------------


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


def test_an_import_is_whole_inside_of_another_transaction(brand: Organization) -> None:
    load(brand, "stores", "store_id,code\n1,one\n")
    AuditEntry.objects.all().delete()
    refused(brand, "stores", "store_id,code\n1,ONE\n2,\n")
    assert Store.objects.get().code == "one"


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
