import json

import pytest

from delivery.enrichment.differences import ADDED, REMOVED, differences
from delivery.enrichment.payloads import enriched
from delivery.enrichment.preview import as_sent, preview
from delivery.enrichment.settings import COLUMNS, Settings
from organizations.sources import PAYLOAD_KEYS
from tests.delivery.enrichment import facts
from tests.delivery.enrichment.facts import event
from tests.delivery.enrichment.reference import load
from tests.factories import OrganizationFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

TEXT = event({"enteredBy": {"id": facts.TILL_ID}, "amount": 1.0})


def test_the_settings_are_those_of_the_webhook() -> None:
    webhook = WebhookFactory(
        enrich_store=True,
        enrich_customer_sources=["Line", "Instore", "JD"],
        enrich_card_number=True,
    )
    settings = Settings.of(webhook)
    assert settings == Settings(store=True, sources=("instore", "jd", "line"), card_number=True)
    row = Webhook.objects.filter(pk=webhook.pk).values(*COLUMNS, "name").get()
    assert Settings.of_columns(row) == settings


@pytest.mark.parametrize("column", COLUMNS)
def test_settings_are_true_when_something_is_chosen(column: str) -> None:
    assert not Settings.of(WebhookFactory.build())
    chosen = ["Instore"] if column == "enrich_customer_sources" else True
    assert Settings.of(WebhookFactory.build(**{column: chosen}))


def test_what_is_known_is_shown() -> None:
    organization = OrganizationFactory()
    load(organization)
    shown = preview(organization, TEXT, Settings(till=True))
    assert not shown.has_examples
    assert json.loads(shown.enriched)["data"]["enteredBy"]["till"] == facts.TILL_MEMBER
    assert json.loads(shown.original) == json.loads(TEXT)
    lines = shown.enriched.split("\n")
    added = [lines[number - 1].strip() for number in shown.changed_lines]
    assert added == [
        '"till": {',
        f'"id": {facts.TILL_ID},',
        '"code": "sin.orchard.till1",',
        '"name": "Till 1, Orchard"',
        "}",
    ]
    assert '"amount": 1.0' in shown.enriched


def test_examples_stand_in_for_what_is_not_known() -> None:
    organization = OrganizationFactory()
    text = event(
        {"enteredBy": {"id": 1}, "customerIdentifiers": {"customerId": 2}}, "pointsRedeemed"
    )
    shown = preview(organization, text, facts.EVERYTHING)
    assert shown.has_examples
    data = json.loads(shown.enriched)["data"]
    assert data["enteredBy"]["till"]["id"] == 1
    assert set(data["customerIdentifiers"]) == {"customerId", *PAYLOAD_KEYS.values()}
    assert data["customerIdentifiers"]["line"]["accounts"]
    assert data["AvailablePointsBalance"] == 1200
    assert as_sent(organization, text, facts.EVERYTHING).enriched_text == text


def test_nothing_chosen_changes_nothing() -> None:
    shown = preview(OrganizationFactory(), TEXT, Settings())
    assert (shown.enriched_text, shown.has_changed, shown.changed_lines) == (TEXT, False, [])


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"data": 1}', "{}"])
def test_what_is_no_event_is_shown_as_it_is(text: str) -> None:
    assert preview(OrganizationFactory(), text, facts.EVERYTHING).enriched_text == text


def test_payloads_are_enriched_in_their_order() -> None:
    organization = OrganizationFactory()
    load(organization)
    texts = [event({}), TEXT, event({"enteredBy": {"id": 1}})]
    first, second, third = enriched(organization.pk, texts, Settings(till=True))
    assert (first, third) == (texts[0], texts[2])
    assert facts.TILL.name in second


def test_what_gave_way_is_shown_before_what_came() -> None:
    before = ["{", '  "a": null,', '  "b": {},', '  "c": []', "}"]
    after = ["{", '  "a": 1,', '  "b": {', '    "x": 1', "  },", '  "c": [', '    "y"', "  ]", "}"]
    lines = list(differences(before, after))
    assert [line.text for line in lines if line.kind == REMOVED] == before[1:4]
    assert [line.number for line in lines if line.kind == ADDED] == [2, 3, 4, 5, 6, 7, 8]
    assert [line.text for line in lines if line.kind != REMOVED] == after
