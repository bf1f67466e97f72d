"""Payload enrichment, type and filter in the form, as sent from a browser without scripts."""

from typing import Any

import pytest

from organizations.models import AuditEntry, Organization
from organizations.sources import PAYLOAD_KEYS
from tests.conftest import PageClient
from tests.factories import OrganizationFactory
from tests.markup import html_of
from tests.webhooks.forms import (
    FILLED,
    NEW,
    add,
    edit_url,
    fields_of,
    opened,
    problems,
    reloaded,
)
from webhooks.models import Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

CHOSEN: dict[str, Any] = {
    "enrich_till": "on",
    "enrich_store": "on",
    "customer_identifier": "on",
    "enrich_customer_sources": ["Instore", "WebEngage", "Line"],
    "enrich_card_number": "on",
    "enrich_awarded_reference": "on",
    "enrich_points_balance": "on",
}
FILTER = '{"data.amount": {"$gte": 1000}, "data.billType": "REGULAR"}'


def enrichment(webhook: Webhook) -> list[Any]:
    return [
        webhook.enrich_till,
        webhook.enrich_store,
        webhook.enrich_customer_sources,
        webhook.enrich_card_number,
        webhook.enrich_awarded_reference,
        webhook.enrich_points_balance,
    ]


def test_what_is_ticked_is_enriched_and_stands_in_the_form_again(alice: PageClient) -> None:
    webhook = add(alice, **CHOSEN)
    assert enrichment(webhook) == [True, True, ["Instore", "WebEngage", "Line"], True, True, True]
    shown = opened(alice, webhook)
    assert {name: shown[name] for name in CHOSEN} == {
        name: value if isinstance(value, list) else [value] for name, value in CHOSEN.items()
    }
    assert enrichment(add(alice, name="Plain")) == [False, False, [], False, False, False]


def test_what_is_unticked_is_enriched_no_more(alice: PageClient) -> None:
    webhook = add(alice, **CHOSEN)
    fields = opened(alice, webhook)
    for name in ("enrich_store", "customer_identifier", "enrich_customer_sources"):
        fields.pop(name)
    fields.pop("enrich_card_number")
    assert alice.post(edit_url(webhook), fields).status_code == 302
    assert enrichment(reloaded(webhook)) == [True, False, [], False, True, True]
    entry = AuditEntry.objects.latest("id")
    assert entry.before["enrich_customer_sources"] == ["Instore", "WebEngage", "Line"]
    assert entry.after["enrich_customer_sources"] == []
    assert "enrich_till" not in entry.after


def test_the_order_of_the_sources_that_the_api_stored_is_no_change(alice: PageClient) -> None:
    webhook = add(alice, **CHOSEN)
    webhook.enrich_customer_sources = ["Line", "Instore"]
    webhook.save()
    answer = alice.post(edit_url(webhook), opened(alice, webhook))
    assert answer.status_code == 302
    assert reloaded(webhook).revision == webhook.revision


def test_every_source_can_be_chosen(alice: PageClient) -> None:
    every = list(PAYLOAD_KEYS)
    webhook = add(alice, customer_identifier="on", enrich_customer_sources=every)
    assert webhook.enrich_customer_sources == every


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"customer_identifier": "on"}, ["id_enrich_customer_sources"]),
        ({"enrich_customer_sources": ["WeChat"]}, ["id_customer_identifier"]),
        ({"enrich_card_number": "on"}, ["id_enrich_card_number"]),
        (
            {"customer_identifier": "on", "enrich_customer_sources": ["MySpace"]},
            ["id_enrich_customer_sources"],
        ),
    ],
)
def test_a_choice_that_is_half_made_is_told_and_kept(
    alice: PageClient, fields: dict[str, Any], found: list[str]
) -> None:
    answer = alice.post(NEW, FILLED | fields)
    assert [field for field, _ in problems(answer)] == found
    shown, text = fields_of(answer), html_of(answer)
    for name, value in fields.items():
        if value != ["MySpace"]:
            assert shown[name] == (value if isinstance(value, list) else [value])
    for field in found:
        assert f'id="{field}"' in text
    assert not Webhook.objects.exists()


def test_a_filter_is_stored_and_stands_indented_in_the_form(alice: PageClient) -> None:
    webhook = add(alice, filter=FILTER)
    assert webhook.filter == {"data.amount": {"$gte": 1000}, "data.billType": "REGULAR"}
    (shown,) = opened(alice, webhook)["filter"]
    assert '"data.amount": {\n    "$gte": 1000\n  }' in shown
    assert alice.post(edit_url(webhook), opened(alice, webhook)).status_code == 302
    assert reloaded(webhook).revision == webhook.revision
    fields = opened(alice, webhook) | {"filter": " \r\n "}
    assert alice.post(edit_url(webhook), fields).status_code == 302
    assert reloaded(webhook).filter is None
    assert AuditEntry.objects.latest("id").before["filter"]["data.billType"] == "REGULAR"


def test_true_in_the_place_of_1_is_a_change(alice: PageClient) -> None:
    webhook = add(alice, filter='{"data.a": 1}')
    fields = opened(alice, webhook) | {"filter": '{"data.a": true}'}
    assert alice.post(edit_url(webhook), fields).status_code == 302
    assert reloaded(webhook).filter == {"data.a": True}
    assert reloaded(webhook).filter["data.a"] is True


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": 1,}', "line 1 column 9"),
        ('{\n "a": 1\n "b": 2}', "line 3 column 2"),
        ('{"a": NaN}', "a: Not a number"),
        ('{"a": 1, "a": 2}', "a: The key is repeated."),
        ("[1]", "The filter is no object of conditions."),
        ('{"data.amount": {"$gte": true}}', "data.amount.$gte is no number or text."),
        ('{"$or": [{"a": {"$like": 1}}]}', "$or[0].a.$like is no operator"),
        ("[" * 50_000, "more than 64 levels deep"),
        ('{"$not": ' * 20 + '{"a": 1}' + "}" * 20, "is nested more than 8 deep"),
        ('{"a": "' + "x" * 20_000 + '"}', "more than 16 KB"),
        ("x" * 200_000, "At most 100,000 characters."),
        ("\x00", "line 1 column 1"),
        ('{"a": "\\ud800"}', "half a surrogate pair"),
        ('{"a": ' + "9" * 500 + "}", "a: More than 400 digits."),
    ],
    ids=lambda value: value[:30],
)
def test_what_is_no_filter_is_told_with_its_place_and_kept(
    alice: PageClient, text: str, told: str
) -> None:
    answer = alice.post(NEW, FILLED | {"filter": text})
    ((field, message),) = problems(answer)
    assert field == "id_filter"
    assert told in message
    if "\x00" not in text:
        assert fields_of(answer)["filter"] == [text]
    assert not Webhook.objects.exists()


def test_a_form_that_does_not_send_the_filter_leaves_it(alice: PageClient) -> None:
    webhook = add(alice, filter=FILTER)
    fields = opened(alice, webhook)
    del fields["filter"]
    assert alice.post(edit_url(webhook), fields | {"sla_s": "7"}).status_code == 302
    assert reloaded(webhook).filter is not None


def test_a_copy_has_enrichment_type_and_filter(alice: PageClient) -> None:
    model = add(alice, **CHOSEN, filter=FILTER, method="PUT")
    fields = fields_of(alice.get(f"{NEW}?from={model.public_id}"))
    assert alice.post(NEW, fields | {"name": "Copy"}).status_code == 302
    copy = Webhook.objects.latest("id")
    assert enrichment(copy) == enrichment(model)
    assert (copy.filter, copy.method) == (model.filter, model.method)


def test_a_child_organization_is_not_asked_for_the_events_of_children(alice: PageClient) -> None:
    label = "Receive events of child organizations"
    assert label in html_of(alice.get(NEW))
    webhook = add(alice, listen_to_child_events="on")
    assert webhook.listen_to_child_events
    parent: Organization = OrganizationFactory()
    alice.organization.parent = parent
    alice.organization.save()
    assert label not in html_of(alice.get(NEW))
    fields = opened(alice, webhook) | {"sla_s": "7"}
    assert alice.post(edit_url(webhook), fields).status_code == 302
    assert reloaded(webhook).listen_to_child_events
