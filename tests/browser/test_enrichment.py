"""Enrichment, filter and queue in the form: by keyboard, and without scripts."""

from collections.abc import Callable

from playwright.sync_api import Dialog, Page, expect

from organizations.models import Membership
from tests.browser.visitor import Visitor
from tests.factories import EventFactory, WebhookFactory
from webhooks.models import Webhook

Visit = Callable[..., Visitor]
PREVIEW = "#enrichment-preview"


def press(page: Page, name: str) -> None:
    """Tick or untick by keyboard."""
    page.get_by_role("checkbox", name=name, exact=True).focus()
    page.keyboard.press("Space")


def test_what_is_ticked_by_keyboard_shows_at_once_in_the_preview(
    visit: Visit, alice: Membership
) -> None:
    events = ["customerAdded", "pointsIssued"]
    webhook = WebhookFactory(organization=alice.organization, events=events)
    page = visit(alice).page
    page.goto(f"/notifications/{webhook.public_id}/edit")
    preview = page.locator(PREVIEW)
    expect(preview).to_contain_text("Nothing is added")
    expect(page.get_by_role("checkbox", name="InStore")).to_have_count(0)

    press(page, "Customer identifier")
    page.keyboard.press("Tab")
    expect(page.get_by_role("checkbox", name="InStore")).to_be_focused()
    page.keyboard.press("Space")
    press(page, "Card Number")
    preview.get_by_label("Event type of the preview").focus()
    page.keyboard.type("pointsIssued")
    expect(preview.locator("ins").filter(has_text="cardNumbers")).to_be_visible()
    expect(preview.get_by_label("Event type of the preview")).to_be_focused()
    expect(preview.locator("del")).to_contain_text('"cardNumbers": []')

    preview.get_by_role("button", name="Original").press("Enter")
    expect(preview.get_by_role("region", name="Original")).to_be_visible()
    expect(preview.locator("ins").first).to_be_hidden()
    press(page, "WeChat")
    expect(preview.get_by_role("button", name="Original")).to_have_attribute("aria-pressed", "true")
    preview.get_by_role("button", name="Enriched").press("Enter")
    expect(preview.get_by_role("region", name="Enriched")).to_contain_text("wechat")

    page.get_by_role("button", name="Save").last.press("Enter")
    expect(page.locator("main")).to_contain_text("InStore, WeChat, Card Number")
    webhook.refresh_from_db()
    assert webhook.enrich_customer_sources == ["Instore", "WeChat"]

    page.goto(f"/notifications/{webhook.public_id}/edit")
    press(page, "Customer identifier")
    expect(page.get_by_role("checkbox", name="InStore")).to_have_count(0)
    page.get_by_role("button", name="Save").last.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(webhook.name)
    webhook.refresh_from_db()
    assert (webhook.enrich_customer_sources, webhook.enrich_card_number) == ([], False)


def test_a_preview_that_was_looked_at_is_no_change(visit: Visit, alice: Membership) -> None:
    events = ["customerAdded", "pointsIssued"]
    webhook = WebhookFactory(organization=alice.organization, events=events)
    page = visit(alice).page
    page.goto(f"/notifications/{webhook.public_id}/edit")
    page.get_by_label("Event type of the preview").select_option("pointsIssued")
    expect(page.locator(PREVIEW)).to_contain_text('"pointsIssued"')
    page.locator("summary").filter(has_text="20 connections").click()
    expect(page.locator("#filter-preview")).to_contain_text("Without a filter")
    asked: list[Dialog] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog)
        dialog.accept()

    page.once("dialog", leave)
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(webhook.name)
    assert not asked


def test_a_filter_tells_while_it_is_typed_which_events_match(
    visit: Visit, alice: Membership
) -> None:
    for amount in (5, 2000):
        payload = f'{{"eventName": "transactionAdded", "data": {{"amount": {amount}}}}}'
        EventFactory(organization=alice.organization, payload=payload)
    webhook = WebhookFactory(organization=alice.organization, events=["transactionAdded"])
    page = visit(alice).page
    page.goto(f"/notifications/{webhook.public_id}/edit")
    page.locator("summary").filter(has_text="no filter").click()
    field = page.get_by_label("Payload filter")
    field.fill('{"data.amount": {"$gte": 1000}')
    told = page.locator("#filter-preview")
    expect(told).to_contain_text("line 1 column")
    expect(field).to_have_attribute("aria-invalid", "true")
    field.press("End")
    page.keyboard.type("}")
    expect(told).to_contain_text("1 of the last 2 transactionAdded match.")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    told.locator("summary").press("Enter")
    expect(told.get_by_role("row").filter(has_text="Not sent")).to_have_count(1)


def test_a_queue_has_no_method_and_keeps_its_password(visit: Visit, alice: Membership) -> None:
    name = f"Queue {alice.pk}"
    page = visit(alice).page
    page.goto("/notifications/new")
    page.get_by_label("Webhook name").fill(name)
    page.get_by_label("Webhook URL").fill("amqps://bakery:hunter2@queues.example.com/orders")
    expect(page.locator("#url-check")).to_contain_text("a queue needs the type queue")
    page.locator("summary").filter(has_text="More: HTTP, POST").press("Enter")
    page.get_by_label("Type", exact=True).select_option("Queue")
    expect(page.locator("#url-check .error")).to_have_count(0)
    expect(page.get_by_label("Method", exact=True)).to_be_hidden()
    expect(page.locator("main")).to_contain_text("A queue has no method.")
    page.get_by_role("button", name="Select events").click()
    page.get_by_role("dialog").get_by_role("checkbox", name="pointsIssued").first.check()
    page.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    assert "hunter2" not in page.content()
    assert Webhook.objects.get(name=name).url_secret == "bakery:hunter2"


def test_without_scripts_boxes_previews_and_queues_work(visit: Visit, alice: Membership) -> None:
    webhook = WebhookFactory(organization=alice.organization, events=["pointsIssued"])
    page = visit(alice, java_script_enabled=False).page
    page.goto(f"/notifications/{webhook.public_id}/edit")
    page.get_by_label("Webhook URL").fill("https://typed.example.com/in")
    page.get_by_label("InStore").check()
    page.get_by_label("Card Number").check()
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(PREVIEW).locator("ins").first).to_be_visible()
    expect(page.get_by_label("Webhook URL")).to_have_value("https://typed.example.com/in")
    expect(page.get_by_label("InStore")).to_be_checked()
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("alert")).to_contain_text("Tick it too for the chosen sources")
    page.get_by_label("Customer identifier").check()
    page.locator("summary").filter(has_text="20 connections").click()
    page.get_by_label("Payload filter").fill('{"data.amount": {"$gte": 1000}}')
    page.get_by_role("button", name="Show which events match").click()
    expect(page.locator("#filter-preview")).to_contain_text("None of the selected events arrived")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("main")).to_contain_text("InStore, Card Number")
    saved = Webhook.objects.get(pk=webhook.pk)
    assert saved.filter == {"data.amount": {"$gte": 1000}}
    assert (saved.url, saved.enrich_customer_sources) == (
        "https://typed.example.com/in",
        ["Instore"],
    )
