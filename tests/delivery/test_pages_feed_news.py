import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from delivery.log import BY_INGESTION
from delivery.models import Delivery, State
from events.models import Event
from tests.conftest import PageClient
from tests.delivery.feed_pages import (
    FEED,
    HTMX,
    MINUTE,
    NEWS,
    delivered_to,
    event,
    page,
    poll_url,
    row_of,
    shown,
)

pytestmark = pytest.mark.both_databases


def settled(client: PageClient) -> Event:
    return event(client, ingested_at=timezone.now() - MINUTE)


def test_news_are_what_came_in_since(alice: PageClient) -> None:
    settled(alice)
    url = poll_url(page(alice))
    assert alice.get(url, headers=HTMX).status_code == 204
    came = event(alice)
    html = alice.get(url, headers=HTMX).content.decode()
    assert shown(html) == [str(came.pk)]
    assert "<html" not in html
    asked = after_of(f'id="news" hx-get="{url}"')
    assert BY_INGESTION.parse(after_of(html)) >= BY_INGESTION.parse(asked)


def after_of(html: str) -> str:
    found = re.search(r"[?&]after=([^&]+)", poll_url(html))
    assert found
    return found[1]


def test_news_of_the_last_seconds_are_told_again_with_their_state(alice: PageClient) -> None:
    settled(alice)
    url = poll_url(page(alice))
    came = event(alice)
    delivered_to(came, State.PENDING)
    html = alice.get(url, headers=HTMX).content.decode()
    assert "0 of 1 Pending" in row_of(html, came)
    Delivery.objects.update(state=State.DELIVERED)
    late = event(alice, ingested_at=came.ingested_at - dt.timedelta(milliseconds=900))
    again = alice.get(poll_url(html), headers=HTMX).content.decode()
    assert "1 of 1 Delivered" in row_of(again, came)
    assert shown(again) == [str(came.pk), str(late.pk)]


def test_news_are_narrowed_like_the_page(alice: PageClient) -> None:
    event(alice, name="tierUpgraded", ingested_at=timezone.now() - MINUTE)
    url = poll_url(page(alice, type="tierUpgraded"))
    event(alice)
    assert alice.get(url, headers=HTMX).status_code == 204
    came = event(alice, name="tierUpgraded")
    assert shown(alice.get(url, headers=HTMX).content.decode()) == [str(came.pk)]


def test_too_many_news_are_offered_and_the_polling_ends(alice: PageClient) -> None:
    settled(alice)
    url = poll_url(page(alice))
    for _ in range(101):
        event(alice)
    html = alice.get(url, headers=HTMX).content.decode()
    assert shown(html) == []
    assert "More than 100 events came in: load the new ones" in html
    assert "every" not in html


def test_a_page_that_grew_long_starts_again_from_the_latest(alice: PageClient) -> None:
    settled(alice)
    url = poll_url(page(alice)).replace("shown=1", "shown=300")
    event(alice)
    response = alice.get(url, headers=HTMX)
    assert response["HX-Retarget"] == "#feed"
    assert "shown=2" in poll_url(response.content.decode())


def test_the_first_event_replaces_the_words_for_an_empty_feed(alice: PageClient) -> None:
    url = poll_url(page(alice))
    assert alice.get(url, headers=HTMX).status_code == 204
    came = event(alice)
    response = alice.get(url, headers=HTMX)
    assert response["HX-Retarget"] == "#feed"
    assert shown(response.content.decode()) == [str(came.pk)]


def test_a_feed_of_one_state_follows_what_becomes_of_its_events(alice: PageClient) -> None:
    came = settled(alice)
    delivered_to(came, State.PENDING)
    url = poll_url(page(alice, state="failed"))
    assert alice.get(url, headers=HTMX).status_code == 204
    Delivery.objects.update(state=State.FAILED)
    response = alice.get(url, headers=HTMX)
    assert response["HX-Retarget"] == "#feed"
    assert shown(response.content.decode()) == [str(came.pk)]
    assert alice.get(poll_url(response.content.decode()), headers=HTMX).status_code == 204


@pytest.mark.parametrize("parameters", [{"older": ""}, {"range": "custom", "end": "now"}])
def test_pages_that_nothing_new_can_reach_do_not_poll(
    alice: PageClient, parameters: dict[str, str]
) -> None:
    came = settled(alice)
    future = timezone.now() + MINUTE * 60 * 24
    values = {
        "older": str(BY_INGESTION.of(came)),
        "end": f"{future:%Y-%m-%dT%H:%M}",
        "range": "custom",
    }
    assert 'id="news"' not in page(alice, **{name: values[name] for name in parameters})


def test_a_poll_that_makes_no_sense_gets_the_page_anew(alice: PageClient) -> None:
    for query in ("after=nonsense", "state=lost", "older=1-2"):
        assert alice.get(f"{NEWS}?{query}", headers=HTMX)["HX-Refresh"] == "true"
    assert alice.get(NEWS)["Location"] == FEED


def test_a_poll_after_the_session_ended_goes_to_the_sign_in_page(alice: PageClient) -> None:
    url = poll_url(page(alice))
    alice.logout()
    assert alice.get(url, headers=HTMX)["HX-Redirect"].startswith("/sign-in")


def test_rows_of_another_organization_never_mix_into_an_open_page(
    alice: PageClient, charlie_page: PageClient
) -> None:
    event(alice)
    theirs = HTMX | {"X-Organization": str(charlie_page.organization.pk)}
    for path in (NEWS, FEED):
        response = alice.get(path, headers=theirs | {"HX-Target": "feed"})
        assert response["HX-Refresh"] == "true"
        assert not response.content


def test_a_poll_without_news_asks_once_for_events(alice: PageClient) -> None:
    settled(alice)
    url = poll_url(page(alice))
    with CaptureQueriesContext(connection) as captured:
        assert alice.get(url, headers=HTMX).status_code == 204
    assert sum("events_event" in query["sql"] for query in captured.captured_queries) == 1
