"""What one points at, waits for and comes back from."""

from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from organizations.models import Membership
from tests.browser.visitor import Visitor
from tests.factories import WebhookFactory

Visit = Callable[..., Visitor]
NARROW = {"width": 360, "height": 800}
POINTED_AT = """time => {
    const { x, y, width, height } = time.getBoundingClientRect();
    return document.elementFromPoint(x + width / 2, y + height / 2).title;
}"""


def overflow(page: Page) -> int:
    wider: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return wider


def test_a_row_tells_the_exact_time_and_opens_wherever_it_is_clicked(
    visit: Visit, alice: Membership
) -> None:
    webhook = WebhookFactory(organization=alice.organization)
    page = visit(alice).page
    page.goto("/notifications")
    time = page.locator("tbody time")
    assert time.evaluate(POINTED_AT) == time.get_attribute("title")
    time.click()
    expect(page).to_have_url(f"/notifications/{webhook.public_id}")


def test_what_takes_long_is_shown_until_it_is_there(visit: Visit, alice: Membership) -> None:
    WebhookFactory(organization=alice.organization)
    page = visit(alice).page
    page.goto("/notifications")
    held: list[Route] = []
    page.route("**/notifications?*", lambda route: held.append(route))
    page.get_by_role("searchbox", name="Search").fill("nothing")
    expect(page.locator("#results")).to_have_attribute("aria-busy", "true")
    expect(page.locator("html")).to_have_attribute("data-waiting", "")
    for route in held:
        route.continue_()
    expect(page.locator("#results")).to_contain_text("No webhook matches")
    expect(page.locator("[data-waiting], [aria-busy]")).to_have_count(0)


def test_undo_is_where_the_keyboard_goes_on(visit: Visit, alice: Membership) -> None:
    webhook = WebhookFactory(organization=alice.organization)
    page = visit(alice).page
    page.goto(f"/notifications/{webhook.public_id}/delete?back=/notifications")
    page.get_by_role("button", name="Delete").press("Enter")
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("tbody")).to_contain_text(webhook.name)


def test_a_feed_without_a_connection_says_so_and_finds_back(
    visit: Visit, alice: Membership
) -> None:
    visitor = visit(alice)
    page = visitor.page
    page.goto("/feed")
    page.route("**/feed/new*", lambda route: route.abort())
    expect(page.get_by_text("No connection, trying again")).to_be_visible()
    expect(page.locator(".toast")).to_have_count(0)
    page.unroute("**/feed/new*")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    visitor.complaints.clear()  # the browser's own, of the lost connection


def test_an_address_shows_its_schema_on_a_narrow_screen(visit: Visit, alice: Membership) -> None:
    page = visit(alice, viewport=NARROW).page
    page.goto("/catalogue/pointsIssued")
    page.get_by_role("tab", name="Example").click()
    expect(page.locator("#schema-panel-3")).to_be_visible()
    page.get_by_role("link", name="Back to the list").click()
    expect(page.get_by_role("link", name="pointsIssued", exact=True)).to_be_focused()


def test_the_api_documentation_is_one_of_the_pages(visit: Visit, alice: Membership) -> None:
    page = visit(alice, viewport=NARROW, color_scheme="dark").page
    page.goto("/api/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    expect(page.locator("html")).to_have_class("dark-mode")
    assert overflow(page) <= 0
    page.get_by_role("button", name="Light or dark").click()
    expect(page.locator("html")).not_to_have_class("dark-mode")
    page.get_by_role("link", name="Event Notifications").click()
    expect(page).to_have_url("/notifications")
