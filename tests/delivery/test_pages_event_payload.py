"""What came in, and what each webhook makes of it, on the event's and the delivery's page."""

import json
from typing import Any

import pytest
from django.utils import timezone

from delivery.enrichment import rules
from delivery.enrichment.provider import Found, Wanted
from delivery.models import Delivery, State
from organizations.models import Organization
from tests.conftest import PageClient
from tests.delivery.delivery_pages import address_of, attempted, ended, page_of, text_of
from tests.delivery.enrichment import facts
from tests.delivery.enrichment.reference import load
from tests.delivery.test_pages_event_detail import address, text
from tests.factories import (
    DeliveryFactory,
    EventFactory,
    OrganizationFactory,
    WebhookFactory,
)
from webhooks.models import Webhook

pytestmark = pytest.mark.both_databases

DATA = {"enteredBy": {"id": facts.TILL_ID}}


def enriching(organization: Organization, name: str = "CRM sync", **values: Any) -> Webhook:
    webhook: Webhook = WebhookFactory(
        organization=organization, name=name, **{"enrich_till": True, **values}
    )
    return webhook


def delivered(webhook: Webhook, **event: Any) -> Delivery:
    owner = {"organization": webhook.organization}
    return ended(webhook, State.DELIVERED, event=EventFactory(**{**owner, "data": DATA, **event}))


def page(client: PageClient, delivery: Delivery, webhook: Webhook | None = None) -> str:
    query = {"enriched": webhook.public_id} if webhook else {}
    response = client.get(address(delivery.event), query)
    assert response.status_code == 200
    return str(response.content.decode())


def test_an_event_for_webhooks_that_add_nothing_has_one_payload(alice: PageClient) -> None:
    delivery = delivered(enriching(alice.organization, enrich_till=False))
    assert "View original payload" not in page(alice, delivery)


def test_each_webhook_that_enriches_has_its_view(alice: PageClient) -> None:
    load(alice.organization)
    crm, lake = enriching(alice.organization), enriching(alice.organization, "Lake")
    delivery = delivered(crm)
    for webhook in (lake, enriching(alice.organization, "Plain", enrich_till=False)):
        DeliveryFactory(webhook=webhook, event=delivery.event)
    html = page(alice, delivery)
    assert f'?enriched={lake.public_id}#event-payload"' in html
    assert "View original payload Enriched for Lake Enriched for CRM sync Download" in text(html)
    assert 'aria-current="true">View original payload' in html
    assert facts.TILL.name not in html


def test_what_is_added_is_marked(alice: PageClient) -> None:
    load(alice.organization)
    webhook = enriching(alice.organization)
    html = page(alice, delivered(webhook), webhook)
    assert 'aria-current="true">Enriched for CRM sync' in html
    assert '<ins class="line" data-n="13">' in html
    assert facts.TILL.name in html
    assert "With the reference data of now." in html
    assert 'aria-label="Original payload"' not in html


def test_nothing_known_is_told(alice: PageClient) -> None:
    webhook = enriching(alice.organization)
    html = page(alice, delivered(webhook), webhook)
    assert "Nothing is added" in html
    assert "<ins" not in html


def test_too_much_is_told(alice: PageClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST_PLACES", 0)
    webhook = enriching(alice.organization)
    assert "So much would have to be added" in page(alice, delivered(webhook), webhook)


class Away:
    def look_up(self, organization_id: int, wanted: Wanted) -> Found:
        raise ConnectionError


def test_a_source_that_is_away_breaks_no_page(alice: PageClient, settings: Any) -> None:
    settings.ENRICHMENT_PROVIDER = f"{__name__}.Away"
    webhook = enriching(alice.organization)
    delivery = delivered(webhook)
    assert "could not be looked up" in page(alice, delivery, webhook)
    attempted(delivery, 1)
    assert page_of(alice, delivery)


def test_the_payload_of_a_childs_event_is_enriched_from_the_child(alice: PageClient) -> None:
    child = OrganizationFactory(parent=alice.organization, name="Child")
    load(alice.organization, name="The parent's")
    load(child, name="The child's")
    webhook = enriching(alice.organization, listen_to_child_events=True)
    html = page(alice, delivered(webhook, organization=child), webhook)
    assert "The child&#x27;s" in html
    assert "The parent" not in html


@pytest.mark.parametrize("public_id", ["", "x", "0" * 24, "<script>"])
def test_an_id_of_no_webhook_shows_the_original(alice: PageClient, public_id: str) -> None:
    delivery = delivered(enriching(alice.organization))
    response = alice.get(address(delivery.event), {"enriched": public_id})
    assert 'aria-current="true">View original payload' in response.content.decode()


def test_another_webhook_than_those_that_got_it_is_none(
    alice: PageClient, charlie_page: PageClient
) -> None:
    load(alice.organization)
    delivery = delivered(enriching(alice.organization))
    gone = enriching(alice.organization, "Gone", deleted_at=timezone.now())
    DeliveryFactory(webhook=gone, event=delivery.event)
    for other in (enriching(charlie_page.organization, "C"), gone):
        assert facts.TILL.name not in page(alice, delivery, other)
        response = alice.get(address(delivery.event) + "/payload", {"enriched": other.public_id})
        assert response.status_code == 404


def test_the_enriched_payload_can_be_fetched_as_a_file(alice: PageClient) -> None:
    load(alice.organization)
    webhook = enriching(alice.organization)
    delivery = delivered(webhook)
    url = address(delivery.event) + "/payload"
    enriched = alice.get(url, {"enriched": webhook.public_id}).content
    assert json.loads(enriched)["data"]["enteredBy"]["till"] == facts.TILL_MEMBER
    assert alice.get(url).content.decode() == delivery.event.payload


def test_a_delivery_shows_what_is_sent_and_says_that_it_is_of_now(alice: PageClient) -> None:
    load(alice.organization)
    delivery = delivered(enriching(alice.organization))
    attempted(delivery, 1)
    html = page_of(alice, delivery)
    assert facts.TILL.name in html
    assert "Enriched with the reference data of now" in text_of(html)


def test_an_attempt_that_was_not_enriched_shows_what_came_in(alice: PageClient) -> None:
    load(alice.organization)
    delivery = delivered(enriching(alice.organization))
    missed = json.dumps([["webhook-id", "1"], ["webhook-enrichment", "unavailable"]])
    attempt = attempted(delivery, 1, request_headers=missed)
    html = page_of(alice, delivery)
    assert "webhook-enrichment" in html
    assert facts.TILL.name not in html
    part = alice.get(f"{address_of(delivery)}?attempt={attempt.pk}", headers={"hx-request": "true"})
    assert facts.TILL.name not in part.content.decode()
