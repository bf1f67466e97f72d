"""Whole files, or nothing: what an import writes, and what it says of a file that it refuses."""

from decimal import Decimal
from typing import Any

import pytest

from organizations.authentication import Caller
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
from tests.organizations.reference_files import (
    NOTHING,
    Pipe,
    identifiers,
    load,
    only_problem,
    refused,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def brand(db: None) -> Organization:
    return OrganizationFactory()


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


def test_a_pipe_can_be_imported(brand: Organization) -> None:
    pipe: Any = Pipe(b"store_id,code\n1,one\n")
    by = Caller.member(MembershipFactory(organization=brand))
    assert import_csv(brand, "stores", pipe, by) == Report("stores", created=1)


def test_an_import_is_whole_inside_of_another_transaction(brand: Organization) -> None:
    load(brand, "stores", "store_id,code\n1,one\n")
    AuditEntry.objects.all().delete()
    refused(brand, "stores", "store_id,code\n1,ONE\n2,\n")
    assert Store.objects.get().code == "one"
