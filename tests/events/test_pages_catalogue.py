from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from events.catalogue import CATALOGUE
from events.event_types import remembered
from events.models import EventType
from tests.conftest import PageClient
from tests.events.catalogue_pages import fragment, is_active, row, shown, switch
from tests.factories import EventFactory, WebhookFactory
from tests.markup import html_of, words_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

MaxQueries = Callable[..., Any]


def test_all_types_are_listed_by_group(alice: PageClient) -> None:
    EventType.objects.create(organization=alice.organization, name="beansRoasted", group="Roastery")
    page = alice.get("/catalogue")
    names = shown(page)
    assert sorted(names) == sorted([*CATALOGUE, "beansRoasted"])
    assert names[-1] == "beansRoasted"
    assert "Roastery 1" in words_of(html_of(page))
    assert "All 79" in words_of(html_of(page))
    assert "Built in 78" in words_of(html_of(page))
    assert "Custom 1" in words_of(html_of(page))


def test_a_row_tells_how_many_live_webhooks_and_events(
    alice: PageClient, charlie_page: PageClient
) -> None:
    for _ in range(2):
        WebhookFactory(organization=alice.organization, events=["tierUpgraded", "tierRenewed"])
    off = WebhookFactory(organization=alice.organization, events=["tierUpgraded"])
    off.deactivate()
    off.save()
    gone = WebhookFactory(organization=alice.organization, events=["tierUpgraded"])
    gone.delete_softly()
    gone.save()
    WebhookFactory(organization=charlie_page.organization, events=["tierUpgraded"])
    EventFactory.create_batch(3, organization=alice.organization, name="tierUpgraded")
    EventFactory(organization=charlie_page.organization, name="tierUpgraded")
    EventFactory(organization=alice.organization, name="tierUpgraded", is_test=True)
    page = alice.get("/catalogue")
    assert row(page, "tierUpgraded").endswith(" 3 3")
    assert row(page, "tierRenewed").endswith(" 2 0")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=tierup", ["tierUpgraded"]),
        ("q=UPGRADED+tier", ["tierUpgraded"]),
        ("q=coupon&group=Tier", []),
        ("group=Coupons", ["CouponIssue", "CouponRedeem", "IssueBulkCoupon"]),
        ("group=Coupons&q=bulk", ["IssueBulkCoupon"]),
        ("kind=custom", ["beansRoasted"]),
        ("kind=custom&q=tier", []),
        ("q=roast&kind=standard", []),
        ("q=roast&kind=nonsense", ["beansRoasted"]),
        ("group=Nothing+of+this+name", []),
        ("q=%00", None),
    ],
)
def test_the_list_can_be_narrowed(
    alice: PageClient, query: str, expected: list[str] | None
) -> None:
    EventType.objects.create(organization=alice.organization, name="beansRoasted", schema={})
    page = alice.get(f"/catalogue?{query}")
    assert shown(page) == expected if expected is not None else len(shown(page)) == 79
    if expected == []:
        assert "Nothing found" in words_of(html_of(page))


def test_what_is_narrowed_stays_behind_links_and_forms(alice: PageClient) -> None:
    page = alice.get("/catalogue?q=tier&group=Tier").content.decode()
    assert 'href="/catalogue/tierRenewed?q=tier&amp;group=Tier#schema"' in page
    assert 'href="/catalogue?q=tier&amp;group=Tier&amp;kind=custom"' in page
    assert page.count('<input type="hidden" name="q" value="tier">') == 1


def test_live_filtering_renews_the_list_and_the_counts_alone(alice: PageClient) -> None:
    answer = fragment(alice, "/catalogue?q=tierup", "results")
    assert shown(answer) == ["tierUpgraded"]
    assert "<html" not in answer.content.decode()
    assert 'id="kinds" role="group" aria-label="Kind" hx-swap-oob="true"' in answer.content.decode()
    assert "HX-Target" in answer.headers["Vary"]


def test_a_type_has_a_page_with_its_schema_beside_the_list(alice: PageClient) -> None:
    page = alice.get("/catalogue/pointsExpired")
    assert len(shown(page)) == 78
    assert '<tr aria-current="true">' in page.content.decode()
    words = words_of(html_of(page))
    assert "<h2>pointsExpired</h2>" in page.content.decode()
    assert "customerIdentifiers object" in words
    assert "customerId integer required" in words
    assert '"eventName" : "pointsExpired"' in words
    assert "Accepted and marked" in words


def test_the_panel_alone_comes_for_the_list_and_for_the_picker(alice: PageClient) -> None:
    WebhookFactory(organization=alice.organization, name="Tier mails", events=["tierRenewed"])
    beside_list = fragment(alice, "/catalogue/tierRenewed?q=tier", "schema")
    assert "<html" not in beside_list.content.decode()
    assert "<h2>tierRenewed</h2>" in beside_list.content.decode()
    assert "Tier mails" in words_of(html_of(beside_list))
    assert beside_list.headers["HX-Push-Url"] == "/catalogue/tierRenewed?q=tier#schema"
    in_picker = fragment(alice, "/catalogue/tierRenewed", "picker-schema")
    assert "<h3>tierRenewed</h3>" in in_picker.content.decode()
    assert "Tier mails" not in words_of(html_of(in_picker))
    assert "HX-Push-Url" not in in_picker.headers


def test_the_panel_names_who_is_subscribed(alice: PageClient, charlie_page: PageClient) -> None:
    webhooks = [
        WebhookFactory(organization=alice.organization, name=f"W{n:02}", events=["tierRenewed"])
        for n in range(12)
    ]
    webhooks[0].deactivate()
    webhooks[0].save()
    WebhookFactory(organization=charlie_page.organization, name="X", events=["tierRenewed"])
    gone = WebhookFactory(organization=alice.organization, name="Gone", events=["tierRenewed"])
    gone.deleted_at = timezone.now()
    gone.save()
    page = alice.get("/catalogue/tierRenewed")
    assert "W00 (inactive) , W01" in words_of(html_of(page))
    assert f'href="/notifications/{webhooks[1].public_id}"' in page.content.decode()
    assert "W10" not in words_of(html_of(page))
    assert "Gone" not in words_of(html_of(page))
    assert "2 more" in words_of(html_of(page))
    assert 'href="/notifications?q=tierRenewed"' in page.content.decode()


def test_an_unknown_type_does_not_exist(alice: PageClient, charlie_page: PageClient) -> None:
    EventType.objects.create(organization=charlie_page.organization, name="secret", schema={})
    for name in ("nothing", "secret", "a/b", "tierrenewed"):
        assert alice.get(f"/catalogue/{name}").status_code == 404
        assert switch(alice, name, "false").status_code == 404
    assert not EventType.objects.filter(organization=alice.organization).exists()


def test_texts_of_customers_are_shown_and_not_run(alice: PageClient) -> None:
    evil = '"><script>alert(1)</script>'
    EventType.objects.create(
        organization=alice.organization,
        name=evil,
        group=evil,
        description=evil,
        schema={"properties": {"data": {"title": evil, "properties": {evil: {"enum": [evil]}}}}},
        sample={evil: evil},
    )
    WebhookFactory(organization=alice.organization, name=evil, events=[evil])
    before = alice.get("/catalogue").content.decode().count("<script")
    path = "/catalogue/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E"
    page = alice.get(path, {"q": evil})
    assert page.status_code == 200
    assert shown(page) == [evil]
    assert page.content.decode().count("<script") == before
    assert switch(alice, path.removeprefix("/catalogue/"), "false").status_code == 302
    assert not is_active(alice, evil)


def test_a_name_with_a_slash_has_a_page(alice: PageClient) -> None:
    EventType.objects.create(organization=alice.organization, name="beans/roasted", schema={})
    assert alice.get("/catalogue/beans%2Froasted").status_code == 200
    assert switch(alice, "beans%2Froasted", "false").status_code == 302
    assert not is_active(alice, "beans/roasted")


def test_a_schema_of_ten_thousand_fields_is_shown_in_part_and_copied_whole(
    alice: PageClient,
) -> None:
    fields = {f"field{n}": {"type": "string"} for n in range(10_000)}
    EventType.objects.create(
        organization=alice.organization,
        name="wide",
        schema={"properties": {"data": {"properties": fields}}},
    )
    page: HttpResponse = fragment(alice, "/catalogue/wide", "schema")
    words = words_of(html_of(page))
    assert "9,800 more, in the JSON Schema" in words
    assert "more lines" in words
    assert "There is no example" in words
    assert page.content.decode().count("field9999") == 1


def test_a_type_without_a_schema_has_a_panel(alice: PageClient) -> None:
    EventType.objects.create(organization=alice.organization, name="bare")
    words = words_of(html_of(alice.get("/catalogue/bare")))
    assert "The schema names no fields." in words


def test_many_types_cost_no_more_queries_than_few(
    alice: PageClient, django_assert_max_num_queries: MaxQueries
) -> None:
    WebhookFactory(organization=alice.organization, events=list(CATALOGUE))
    with django_assert_max_num_queries(10):
        alice.get("/catalogue")
    with django_assert_max_num_queries(14):
        alice.get("/catalogue/tierRenewed")
    EventType.objects.bulk_create(
        EventType(organization=alice.organization, name=f"custom{n}", group=f"G{n % 20}", schema={})
        for n in range(500)
    )
    for n in range(20):
        WebhookFactory(organization=alice.organization, events=[f"custom{k}" for k in range(n, 99)])
    remembered.clear()
    with django_assert_max_num_queries(10):
        assert len(shown(alice.get("/catalogue"))) == 578
    with django_assert_max_num_queries(14):
        alice.get("/catalogue/tierRenewed")
    with django_assert_max_num_queries(14):
        alice.get("/catalogue/custom50")
