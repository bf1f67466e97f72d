"""The pages Reference data and Import CSV."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.html import escape

from organizations.csv_records import MAX_BYTES
from organizations.models import AuditEntry, Customer, CustomerIdentifier, Organization, Store, Till
from organizations.reference_formats import FORMATS
from tests.conftest import PageClient
from tests.markup import html_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

LIST, IMPORT = "/reference-data", "/reference-data/import"
HOSTILE = "<script>alert('x')</script>"
WRITING = 'data-kind="primary"'


def send(client: PageClient, kind: str, content: str | bytes, name: str = "file.csv") -> Any:
    data = content.encode() if isinstance(content, str) else content
    return client.post(IMPORT, {"kind": kind, "file": SimpleUploadedFile(name, data)})


def add_customers(organization: Organization, count: int) -> None:
    for number in range(1, count + 1):
        customer = Customer.objects.create(organization=organization, customer_id=number)
        for kind, value in (("mobile", f"91{number}"), ("cardNumber", f"c{number}")):
            CustomerIdentifier.objects.create(
                customer=customer, source="instore", kind=kind, value=value
            )


def add_tills(organization: Organization, count: int) -> None:
    for number in range(1, count + 1):
        store = Store.objects.create(organization=organization, store_id=number, code=f"s{number}")
        Till.objects.create(organization=organization, till_id=number, code="t", store=store)


# --- What is there -------------------------------------------------------------------------


def test_without_any_the_page_explains_and_offers_the_import(
    alice: PageClient, bob_page: PageClient
) -> None:
    page = html_of(alice.get(LIST))
    assert "No reference data yet" in page
    assert f'href="{IMPORT}"' in page
    assert IMPORT not in html_of(bob_page.get(LIST))


def test_every_kind_is_counted_and_listed(alice: PageClient) -> None:
    store = Store.objects.create(
        organization=alice.organization, store_id=50001, code="sin", name="Orchard", external_id="x"
    )
    Till.objects.create(organization=alice.organization, till_id=7, code="sin.7", store=store)
    Till.objects.create(organization=alice.organization, till_id=8, code="sin.8")
    add_customers(alice.organization, 3)
    tills = html_of(alice.get(LIST))
    assert 'Tills <span class="count">2</span>' in tills
    assert 'Stores <span class="count">1</span>' in tills
    assert 'Customers <span class="count">3</span>' in tills
    assert "sin.7" in tills
    assert 'href="?kind=stores&amp;q=50001"' in tills
    stores = html_of(alice.get(LIST, {"kind": "stores"}))
    assert "Orchard" in stores
    assert 'aria-label="1 tills of sin"' in stores
    customers = html_of(alice.get(LIST, {"kind": "customers"}))
    assert "913" in customers
    assert "c3" in customers


def test_a_customer_is_shown_with_points_cards_and_other_sources(alice: PageClient) -> None:
    send(
        alice,
        "customers",
        "customer_id,points_balance,card_numbers,wechat/shop/unionId\n7,1240.5,a|b,u-1\n8,,,\n",
    )
    page = html_of(alice.get(LIST, {"kind": "customers"}))
    assert "1,240.5<" in page
    assert 'aria-label="2 card numbers of 7"' in page
    assert "wechat shop unionId: u-1" in page


@pytest.mark.parametrize(
    ("kind", "q", "expected"),
    [
        ("tills", "ORCHARD", {"orchard.1"}),
        ("tills", "2", {"pavilion.2"}),
        ("tills", "50001", {"orchard.1"}),
        ("tills", "nothing", set()),
        ("stores", "orch", {"orchard"}),
        ("stores", "50002", {"pavilion"}),
        ("stores", "ext-1", {"orchard"}),
        ("stores", "ext", set()),
        ("customers", "7", {"7-mobile"}),
        ("customers", "7-mobile", {"7-mobile"}),
        ("customers", "8-card", {"8-mobile"}),
        ("customers", "8-", set()),
        ("customers", "9" * 30, set()),
    ],
)
def test_what_is_searched_is_found(
    alice: PageClient, charlie_page: PageClient, kind: str, q: str, expected: set[str]
) -> None:
    for client in (alice, charlie_page):
        send(
            client,
            "stores",
            "store_id,code,external_id\n50001,orchard,ext-1\n50002,pavilion,ext-2\n",
        )
        send(client, "tills", "till_id,code,store_id\n1,orchard.1,50001\n2,pavilion.2,50002\n")
        send(
            client,
            "customers",
            "customer_id,mobile,card_numbers\n7,7-mobile,7-card\n8,8-mobile,8-card\n",
        )
    answer = alice.get(LIST, {"kind": kind, "q": q})
    shown = {row.mobile if kind == "customers" else row.code for row in answer.context["rows"]}
    assert shown == expected
    assert len(answer.context["rows"]) == len(expected)
    assert (f"matches “{q}”" in html_of(answer)) == (not expected)


@pytest.mark.parametrize(
    "query", ["kind=webhooks", "page=99999", "page=x", "q=%00", "kind=customers&q=" + "9" * 500]
)
def test_a_strange_query_still_shows_a_list(alice: PageClient, query: str) -> None:
    add_customers(alice.organization, 1)
    add_tills(alice.organization, 1)
    assert alice.get(f"{LIST}?{query}").context["rows"]


def test_a_long_list_has_pages(alice: PageClient) -> None:
    add_tills(alice.organization, 51)
    first = html_of(alice.get(LIST))
    assert "51 tills, page 1 of 2" in first
    assert 'href="?kind=tills&amp;page=2"' in first
    assert len(alice.get(LIST, {"page": 2}).context["rows"]) == 1


def test_while_its_reader_searches_only_the_results_come(alice: PageClient) -> None:
    add_tills(alice.organization, 1)
    headers = {"HX-Request": "true", "HX-Target": "results"}
    answer = alice.get(LIST, {"q": "t"}, headers=headers)
    assert html_of(answer).lstrip().startswith('<div id="results">')
    assert answer["HX-Push-Url"] == "?kind=tills&q=t"
    assert "1 till found" in html_of(answer)


@pytest.mark.parametrize("kind", list(FORMATS))
def test_the_number_of_queries_does_not_grow_with_the_rows(
    alice: PageClient, kind: str, django_assert_max_num_queries: Any
) -> None:
    for add in (1, 50):
        Till.objects.all().delete()
        Store.objects.all().delete()
        Customer.objects.all().delete()
        add_tills(alice.organization, add)
        add_customers(alice.organization, add)
        with django_assert_max_num_queries(9):
            alice.get(LIST, {"kind": kind})


@pytest.mark.parametrize("kind", list(FORMATS))
def test_hostile_text_is_shown_and_not_run(alice: PageClient, kind: str) -> None:
    send(alice, "stores", f'store_id,code,name,external_id\n1,"{HOSTILE}",n,"{HOSTILE}"\n')
    send(alice, "tills", f'till_id,code,store_id\n1,"{HOSTILE}",1\n')
    send(alice, "customers", f'customer_id,mobile,card_numbers\n1,"{HOSTILE}","{HOSTILE}|2"\n')
    page = html_of(alice.get(LIST, {"kind": kind}))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "<script>alert" not in html_of(alice.get(LIST, {"kind": kind, "q": HOSTILE}))


def test_read_looks_and_sees_nothing_that_writes(alice: PageClient, bob_page: PageClient) -> None:
    add_tills(alice.organization, 1)
    page = html_of(bob_page.get(LIST))
    assert "s1" in page
    assert WRITING not in page
    assert IMPORT not in page
    assert bob_page.get(IMPORT).status_code == 403
    assert send(bob_page, "stores", "store_id,code\n9,x\n").status_code == 403
    assert not Store.objects.filter(store_id=9).exists()


def test_another_organization_sees_nothing_of_it(
    alice: PageClient, charlie_page: PageClient
) -> None:
    add_tills(alice.organization, 1)
    add_customers(alice.organization, 1)
    assert "No reference data yet" in html_of(charlie_page.get(LIST))
    assert "No reference data yet" in html_of(charlie_page.get(LIST, {"kind": "tills", "q": "t"}))


# --- The import ----------------------------------------------------------------------------


def test_the_page_describes_every_column(alice: PageClient) -> None:
    page = html_of(alice.get(IMPORT, {"kind": "customers"}))
    for form in FORMATS.values():
        for column in form.columns:
            assert f">{escape(column.name)}<" in page
    assert '<option value="customers" selected>' in page


@pytest.mark.parametrize("kind", list(FORMATS))
def test_an_example_can_be_downloaded_and_imported(alice: PageClient, kind: str) -> None:
    send(alice, "stores", FORMATS["stores"].example)
    answer = alice.get(IMPORT, {"example": kind})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="{kind}.csv"'
    assert send(alice, kind, answer.content).status_code == 302


def test_an_import_tells_what_it_did_and_leaves_an_audit_entry(alice: PageClient) -> None:
    send(alice, "stores", "store_id,code\n1,one\n")
    answer = send(alice, "stores", "store_id,code\n1,ONE\n2,two\n")
    assert (answer.status_code, answer["Location"]) == (302, f"{LIST}?kind=stores")
    assert "Stores: 1 created, 1 updated, 0 unchanged." in html_of(alice.get(answer["Location"]))
    entry = AuditEntry.objects.for_organization(alice.organization).latest("pk")
    assert entry.actor["code"] == "alice"
    assert entry.from_address == "127.0.0.1"
    assert entry.after == {"kind": "stores", "created": 1, "updated": 1}


def test_a_refused_file_is_reported_by_line_and_nothing_is_written(alice: PageClient) -> None:
    answer = send(alice, "stores", "store_id,code\n1,one\nx,two\n3,a,b\n", name=f"{HOSTILE}.csv")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "Nothing was imported" in page
    assert "2 problems in" in page
    assert "Is no whole number: “x”." in page
    assert "Has 3 cells, the header names 2 columns." in page
    assert "<script>alert" not in page
    assert '<option value="stores" selected>' in page
    assert not Store.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_thousand_problems_are_listed_and_the_others_counted(alice: PageClient) -> None:
    page = send(alice, "stores", "store_id,code\n" + "x,y\n" * 1_007).content.decode()
    assert "1,007 problems" in page
    assert "and 7 more" in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "stores"}, "Choose a file."),
        ({"kind": "stores", "file": "text"}, "Choose a file."),
        ({"kind": "webhooks", "file": SimpleUploadedFile("a.csv", b"x")}, "not one of the"),
        ({"file": SimpleUploadedFile("a.csv", b"x")}, "required"),
    ],
)
def test_without_kind_or_file_the_form_says_so(
    alice: PageClient, fields: dict[str, Any], words: str
) -> None:
    answer = alice.post(IMPORT, fields)
    assert answer.status_code == 200
    assert words in answer.content.decode()


def test_an_empty_file_is_refused_in_words(alice: PageClient) -> None:
    assert "The file is empty." in send(alice, "stores", b"").content.decode()


def test_of_a_file_that_is_too_large_no_more_is_kept_than_tells_so(alice: PageClient) -> None:
    line = b"1," + b" " * 60_000 + b"x\n"
    answer = send(alice, "stores", b"store_id,code\n" + line * (2 * MAX_BYTES // len(line)))
    assert answer.status_code == 200
    assert "more than 50 MB" in answer.content.decode()


def test_a_request_has_one_file(alice: PageClient) -> None:
    files = {"file": SimpleUploadedFile("a", b"x"), "more": SimpleUploadedFile("b", b"x")}
    assert alice.post(IMPORT, {"kind": "stores", **files}).status_code == 400
