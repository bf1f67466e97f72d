"""List, add, edit, delete, feed and details in a browser that runs no script."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from organizations.models import Membership
from tests.browser.visitor import Visitor
from tests.factories import DeliveryFactory, WebhookFactory
from webhooks.models import Webhook

Visit = Callable[..., Visitor]


@pytest.fixture
def page(visit: Visit, alice: Membership) -> Page:
    return visit(alice, java_script_enabled=False).page


def test_a_webhook_is_added(page: Page, alice: Membership) -> None:
    name = f"Plain {alice.pk}"
    page.goto("/notifications/new")
    page.get_by_label("Webhook name").fill(name)
    page.get_by_label("Webhook URL").fill("https://receiver.example.com/in")
    page.get_by_label("Key 1").fill("X-Shop")
    page.get_by_label("Value 1").first.fill("7")
    page.get_by_role("checkbox", name="pointsIssued").first.check()
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    made = Webhook.objects.get(name=name)
    assert (made.event_names, made.header_pairs) == (["pointsIssued"], [("X-Shop", "7")])


def test_a_webhook_is_found_edited_and_deleted(page: Page, alice: Membership) -> None:
    webhook = WebhookFactory(organization=alice.organization, name=f"Old {alice.pk}")
    WebhookFactory(organization=alice.organization, name=f"Another {alice.pk}")
    page.goto("/notifications")
    page.get_by_role("searchbox").fill("Old")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("row").filter(has_text="Another")).to_have_count(0)
    page.locator("summary[aria-label^=Actions]").click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Webhook URL").fill("https://other.example.com/in")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("main")).to_contain_text("https://other.example.com/in")
    page.goto(f"/notifications/{webhook.public_id}/delete")
    expect(page.get_by_role("heading", level=1)).to_contain_text(webhook.name)
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()


def test_feed_and_details_are_read(page: Page, alice: Membership) -> None:
    delivery = DeliveryFactory(webhook__organization=alice.organization)
    page.goto("/feed")
    page.get_by_role("row").filter(has_text="transactionAdded").get_by_role("link").first.click()
    expect(page.locator("main")).to_contain_text(delivery.event.event_id)
    page.get_by_role("link", name=delivery.webhook.name).first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
