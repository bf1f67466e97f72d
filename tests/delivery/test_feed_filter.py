import datetime as dt

import pytest
from django.utils import timezone

from delivery.models import State
from organizations.models import Customer, CustomerIdentifier
from tests.conftest import PageClient
from tests.delivery.feed_pages import MINUTE, delivered_to, event, page, shown

pytestmark = pytest.mark.both_databases


@pytest.mark.parametrize("field", ["event_id", "request_id", "ref_id", "search_key", "customer_id"])
def test_search_finds_ids_in_full(alice: PageClient, field: str) -> None:
    wanted = event(alice, **{field: "wanted-1"})
    event(alice, **{field: "wanted-12"})
    assert shown(page(alice, q=" wanted-1 ")) == [str(wanted.pk)]


@pytest.mark.parametrize("kind", ["mobile", "email", "externalId", "cardNumber"])
def test_search_finds_a_customer_by_what_the_reference_data_knows(
    alice: PageClient, kind: str
) -> None:
    customer = Customer.objects.create(organization=alice.organization, customer_id=4711)
    CustomerIdentifier.objects.create(
        customer=customer, source="instore", kind=kind, value="known-as"
    )
    wanted = event(alice, customer_id="4711")
    event(alice, customer_id="4712")
    assert shown(page(alice, q="known-as")) == [str(wanted.pk)]


def test_an_event_that_matches_twice_is_shown_once(alice: PageClient) -> None:
    wanted = event(alice, request_id="same", ref_id="same")
    assert shown(page(alice, q="same")) == [str(wanted.pk)]


def test_filters_by_type_state_and_mismatch(alice: PageClient) -> None:
    failed = event(alice, name="tierUpgraded")
    delivered_to(failed, State.FAILED, State.DELIVERED)
    differs = event(alice, failures=[{"path": "data", "message": "is missing"}])
    delivered_to(differs, State.DELIVERED)
    assert shown(page(alice, type="tierUpgraded")) == [str(failed.pk)]
    assert shown(page(alice, state="failed")) == [str(failed.pk)]
    assert set(shown(page(alice, state="delivered"))) == {str(failed.pk), str(differs.pk)}
    assert shown(page(alice, mismatch="on")) == [str(differs.pk)]
    assert shown(page(alice, mismatch="on", state="failed")) == []


def test_a_type_that_is_gone_can_be_asked_for_while_its_events_are_here(
    alice: PageClient,
) -> None:
    came = event(alice, name="oncePublished")
    html = page(alice, type="oncePublished")
    assert shown(html) == [str(came.pk)]
    assert '<option value="oncePublished" selected>' in html


def test_date_ranges(alice: PageClient) -> None:
    now = timezone.now()
    ages = {"minutes": MINUTE * 5, "hours": MINUTE * 61, "days": MINUTE * 60 * 25}
    events = {name: event(alice, ingested_at=now - age) for name, age in ages.items()}
    old = event(alice, ingested_at=now - dt.timedelta(days=8))
    event(alice, ingested_at=now - dt.timedelta(days=31))
    minutes, hours, days = (str(each.pk) for each in events.values())
    assert shown(page(alice, range="1h")) == [minutes]
    assert shown(page(alice, range="24h")) == [minutes, hours]
    assert shown(page(alice, range="7d")) == [minutes, hours, days]
    assert shown(page(alice)) == [minutes, hours, days, str(old.pk)]


def test_today_begins_at_local_midnight(alice: PageClient) -> None:
    alice.organization.time_zone = "Asia/Kolkata"
    alice.organization.save()
    local = timezone.now().astimezone(alice.organization.zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    first = event(alice, ingested_at=midnight)
    event(alice, ingested_at=midnight - dt.timedelta(milliseconds=1))
    assert shown(page(alice, range="today")) == [str(first.pk)]


def test_a_custom_range_is_in_local_time_with_its_last_minute(alice: PageClient) -> None:
    alice.organization.time_zone = "Asia/Kolkata"
    alice.organization.save()
    day = (timezone.now() - dt.timedelta(days=3)).date()
    at = dt.datetime.combine(day, dt.time(5, 0, 59), dt.UTC)  # 10:30:59 there
    came = event(alice, ingested_at=at)
    asked = {"range": "custom", "start": f"{day}T10:30", "end": f"{day}T10:30"}
    assert shown(page(alice, **asked)) == [str(came.pk)]
    assert shown(page(alice, **asked | {"end": f"{day}T10:31", "start": f"{day}T10:31"})) == []
    assert "10:30" in page(alice, **asked)


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"type": "noSuchType"}, "There is no event type “noSuchType”."),
        ({"state": "lost"}, "There is no state “lost”."),
        ({"range": "1y"}, "There is no date range “1y”."),
        ({"range": "custom", "start": "soon"}, "“From” is not a date and a time"),
        (
            {"range": "custom", "start": "2026-01-02T00:00", "end": "2026-01-01T00:00"},
            "“To” is before “From”.",
        ),
        ({"q": "x" * 257}, "Search for at most 256 characters."),
        ({"q": "\x00"}, "Null characters are not allowed."),
        ({"older": "1-2"}, "This page of the feed does not exist."),
        ({"newer": f"{'9' * 17}-{'f' * 31}g"}, "This page of the feed does not exist."),
    ],
)
def test_what_can_not_be_understood_is_told_on_the_page(
    alice: PageClient, parameters: dict[str, str], problem: str
) -> None:
    event(alice)
    html = page(alice, **parameters)
    assert problem in html
    assert "Clear search and filters" in html
    assert shown(html) == []
