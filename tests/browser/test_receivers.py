"""What helps those who build receivers: a test event, and how to verify what comes."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from delivery.models import Delivery
from delivery.pages.verify_signatures import SNIPPETS
from organizations.models import Membership
from tests.browser.visitor import Visitor
from tests.factories import WebhookFactory
from tests.receiver import Receiver
from webhooks.models import Webhook

Visit = Callable[..., Visitor]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def webhook(alice: Membership, receiver: Receiver) -> Webhook:
    return WebhookFactory(organization=alice.organization, url=receiver.url())


def sample_of(name: str) -> re.Pattern[str]:
    return re.compile(rf'"eventName": "{name}"')


def test_a_test_event_is_chosen_edited_and_sent(
    visit: Visit, alice: Membership, webhook: Webhook, receiver: Receiver
) -> None:
    visitor = visit(alice)
    page = visitor.page
    page.goto(f"/notifications/{webhook.public_id}")
    page.get_by_role("link", name="Send test event").first.click()
    body = page.get_by_label("Body", exact=True)
    expect(body).to_have_value(sample_of("transactionAdded"))
    page.get_by_label("Event type").select_option("cardUpdated")
    expect(body).to_have_value(sample_of("cardUpdated"))
    body.fill('{"data": {"note": "edited"}}')
    page.get_by_role("button", name="Send", exact=True).last.click()
    expect(page.get_by_text("The receiver took it.")).to_be_visible()
    expect(page.get_by_role("region", name="Response headers")).to_contain_text("200 OK")
    expect(body).to_have_value('{"data": {"note": "edited"}}')
    (request,) = receiver.requests
    assert b'"note":"edited"' in request.body
    body.fill("{")
    page.get_by_role("button", name="Send", exact=True).last.click()
    expect(page.get_by_role("alert")).to_contain_text("Not sent.")
    page.get_by_role("alert").get_by_role("link").click()
    expect(body).to_be_focused()
    assert visitor.complaints == []
    assert Delivery.objects.filter(webhook=webhook).count() == 1


def test_without_scripts_too(
    visit: Visit, alice: Membership, webhook: Webhook, receiver: Receiver
) -> None:
    page = visit(alice, java_script_enabled=False).page
    page.goto(f"/notifications/{webhook.public_id}/test")
    page.get_by_label("Event type").select_option("cardUpdated")
    page.get_by_role("button", name="Show its sample").click()
    expect(page.get_by_label("Body", exact=True)).to_have_value(sample_of("cardUpdated"))
    page.get_by_role("button", name="Send", exact=True).last.click()
    expect(page.get_by_text("The receiver took it.")).to_be_visible()
    assert len(receiver.requests) == 1


def test_snippets_stand_in_tabs_and_are_copied(visit: Visit, alice: Membership) -> None:
    visitor = visit(alice, permissions=["clipboard-read", "clipboard-write"])
    page: Page = visitor.page
    page.goto("/verify")
    for snippet in SNIPPETS:
        page.get_by_role("tab", name=snippet.label, exact=True).click()
        expect(page.get_by_role("tabpanel")).to_have_count(1)
        page.get_by_role("button", name=f"Copy the {snippet.label} code").click()
        expect(page.get_by_text("Copied").last).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied + "\n" == snippet.code
    assert visitor.complaints == []


def test_without_scripts_all_snippets_are_shown(visit: Visit, alice: Membership) -> None:
    page = visit(alice, java_script_enabled=False).page
    page.goto("/verify")
    for snippet in SNIPPETS:
        expect(page.get_by_role("heading", name=snippet.label, exact=True)).to_be_visible()
        expect(page.locator(f"#code-{snippet.key}")).to_be_visible()
    expect(page.get_by_role("tab")).to_have_count(0)
