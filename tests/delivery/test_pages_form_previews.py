"""What enrichment and filter would do, told before the form is saved."""

import json
from typing import Any

import pytest

from events.event_types import sample_of
from events.models import EventType
from organizations.models import AuditEntry, Customer, Organization
from organizations.sources import PAYLOAD_KEYS
from tests.conftest import PageClient
from tests.factories import EventFactory, OrganizationFactory
from tests.markup import html_of
from tests.webhooks.forms import FILLED, add, fields_of, opened
from webhooks.models import Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

ENRICHMENT = "/notifications/preview/enrichment"
FILTER = "/notifications/preview/filter"
FRAGMENT = {"HX-Request": "true"}
POINTS = {"event_names": ["customerAdded", "pointsIssued"], "preview_of": "pointsIssued"}


def preview(client: PageClient, **fields: Any) -> str:
    answer = client.post(ENRICHMENT, POINTS | fields, headers=FRAGMENT)
    assert answer.status_code == 200
    return html_of(answer)


def tried(client: PageClient, value: Any, *names: str, **fields: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    fields = {"filter": text, "event_names": names, **fields}
    answer = client.post(FILTER, fields, headers=FRAGMENT)
    assert answer.status_code == 200
    return html_of(answer)


def arrived(organization: Organization, amount: Any, name: str = "transactionAdded") -> None:
    payload = json.dumps({"eventName": name, "data": {"amount": amount}})
    EventFactory(organization=organization, name=name, payload=payload)


def test_what_is_added_to_the_sample_is_marked(alice: PageClient) -> None:
    plain = preview(alice)
    assert "Nothing is added to this event by what is chosen." in plain
    assert "<ins" not in plain
    fields = {"customer_identifier": "on", "enrich_customer_sources": ["WebEngage"]}
    html = preview(alice, **fields)
    assert '<ins class="line"' in html
    assert "web_engage" in html
    assert "examples stand in for it" in html
    assert "lines unchanged" in html
    assert '<option value="pointsIssued" selected>pointsIssued</option>' in html
    assert '<option value="customerAdded">customerAdded</option>' in html


def test_the_organizations_own_reference_data_are_shown_where_they_know_the_sample(
    alice: PageClient,
) -> None:
    known = {"event_names": ["pointsIssued"], "customer_identifier": "on"}
    sample = sample_of(alice.organization, "pointsIssued")
    customer_id = sample["data"]["customerIdentifiers"]["customerId"]
    customer = Customer.objects.create(organization=alice.organization, customer_id=customer_id)
    customer.identifiers.create(
        source="wechat", account_id="own-account", kind="unionId", value="own-union-id"
    )
    html = preview(alice, **known, enrich_customer_sources=["WeChat"])
    assert "own-union-id" in html
    assert "examples stand in" not in html


def test_every_setting_shows_what_it_adds(alice: PageClient) -> None:
    fields = {"enrich_till": "on", "enrich_store": "on", "enrich_points_balance": "on"}
    html = preview(
        alice,
        **fields,
        enrich_customer_sources=list(PAYLOAD_KEYS),
        enrich_card_number="on",
        enrich_awarded_reference="on",
    )
    for key in (*PAYLOAD_KEYS.values(), "cardNumbers", "AvailablePointsBalance"):
        assert f"&quot;{key}&quot;" in html or f'"{key}"' in html


def test_without_selected_events_examples_are_shown(alice: PageClient) -> None:
    html = preview(alice, event_names=[], preview_of="")
    assert "No event is selected yet; these are examples." in html
    html = preview(alice, event_names=["nothingLikeIt", "\x00"], preview_of="nothingLikeIt")
    assert "No event is selected yet" in html
    assert "nothingLikeIt" not in html


def test_a_custom_type_without_a_sample_says_so(alice: PageClient) -> None:
    EventType.objects.create(organization=alice.organization, name="beansRoasted", schema=None)
    html = preview(alice, event_names=["beansRoasted"], preview_of="beansRoasted")
    assert "There is no sample of this event type." in html


def test_without_scripts_the_whole_form_comes_back_with_the_preview(alice: PageClient) -> None:
    typed = FILLED | {"name": "Not saved", "url": "http://10.0.0.1/", "enrich_till": "on"}
    answer = alice.post(ENRICHMENT, typed | {"header_value": ["typed"]})
    shown = fields_of(answer)
    assert (shown["name"], shown["url"]) == (["Not saved"], ["http://10.0.0.1/"])
    assert (shown["header_value"], shown["enrich_till"]) == (["typed"], ["on"])
    assert shown["preview_of"] == ["transactionAdded"]
    assert "<ins" in html_of(answer)
    assert not Webhook.objects.exists()
    assert not AuditEntry.objects.exists()


def test_without_scripts_an_edit_goes_on_after_its_preview(alice: PageClient) -> None:
    webhook = add(alice)
    typed = opened(alice, webhook) | {"filter": '{"data.amount": 1}', "sla_s": "77"}
    answer = alice.post(FILTER, typed)
    assert "None of the selected events arrived" in html_of(answer)
    assert (
        alice.post(f"/notifications/{webhook.public_id}/edit", fields_of(answer)).status_code == 302
    )
    saved = Webhook.objects.get()
    assert (saved.sla_s, saved.filter) == (77, {"data.amount": 1})


def test_without_scripts_a_copy_goes_on_after_its_preview(alice: PageClient) -> None:
    model = add(alice)
    fields = fields_of(alice.get(f"/notifications/new?from={model.public_id}"))
    shown = fields_of(alice.post(ENRICHMENT, fields | {"name": "Copy"}))
    assert alice.post("/notifications/new", shown).status_code == 302
    assert Webhook.objects.latest("id").header_pairs == model.header_pairs


def test_the_last_events_tell_what_a_filter_wants(alice: PageClient) -> None:
    for amount in (5, 1000, 2000, "many"):
        arrived(alice.organization, amount)
    arrived(alice.organization, 9000, name="customerAdded")
    arrived(OrganizationFactory(), 9000)
    html = tried(alice, {"data.amount": {"$gte": 1000}}, "transactionAdded")
    assert (
        "2 of the last 4 transactionAdded match,"
        " 1 can not be evaluated and would be sent too." in html
    )
    assert (html.count("Not sent"), html.count("Sent, can not be evaluated")) == (1, 1)
    html = tried(alice, {"data.amount": {"$gte": 1000}}, "transactionAdded", "customerAdded")
    assert "3 of the last 5 selected events match" in html


def test_a_filter_is_tried_on_the_events_of_children_if_those_arrive(alice: PageClient) -> None:
    child = OrganizationFactory(parent=alice.organization)
    arrived(child, 1000)
    value = {"data.amount": {"$gte": 1000}}
    assert "None of the selected events" in tried(alice, value, "transactionAdded")
    listens = {"listen_to_child_events": "on"}
    assert "1 of the last 1" in tried(alice, value, "transactionAdded", **listens)


def test_there_is_something_to_say_when_there_is_nothing_to_try(alice: PageClient) -> None:
    assert "Without a filter every event is sent." in tried(alice, " ", "transactionAdded")
    assert "Select events" in tried(alice, {"data.a": 1})
    assert "None of the selected events arrived" in tried(alice, {"data.a": 1}, "tierUpgraded")


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"a": {"$like": 1}}', "[" * 90_000, "x" * 300_000, '{"a": 1e999}', "\x00"],
    ids=lambda text: text[:20],
)
def test_what_is_no_filter_is_told_by_the_preview_too(alice: PageClient, text: str) -> None:
    html = tried(alice, text, "transactionAdded")
    assert 'id="id_filter_error"' in html
    whole = alice.post(FILTER, FILLED | {"filter": text})
    assert whole.status_code == 200
    assert 'id="id_filter_error"' in html_of(whole)


@pytest.mark.parametrize("path", [ENRICHMENT, FILTER])
def test_previews_are_for_who_may_write_and_know_no_other_organization(
    path: str, alice: PageClient, bob_page: PageClient, charlie_page: PageClient
) -> None:
    webhook = add(alice)
    assert bob_page.post(path, FILLED).status_code == 403
    assert alice.get(path).status_code == 405
    for name in ("webhook", "from"):
        for public_id in (webhook.public_id, "0" * 24, "\x00", "../1"):
            answer = charlie_page.post(path, FILLED | {name: public_id})
            assert answer.status_code == 404


def test_the_sample_of_a_childs_type_is_shown_to_its_parent(alice: PageClient) -> None:
    child = OrganizationFactory(parent=alice.organization)
    sample = {"eventName": "beansRoasted", "data": {"kind": "childs-own-beans"}}
    EventType.objects.create(organization=child, name="beansRoasted", schema={}, sample=sample)
    html = preview(alice, event_names=["beansRoasted"], preview_of="beansRoasted")
    assert "childs-own-beans" in html
