"""The event catalogue, and the schema beside it, where scripts run and where not."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from events.models import EventType
from organizations.models import Membership
from tests.browser.visitor import Visitor

Visit = Callable[..., Visitor]
NARROW = {"width": 360, "height": 800}


@pytest.fixture
def page(visit: Visit, alice: Membership) -> Page:
    page = visit(alice).page
    page.goto("/catalogue")
    return page


def test_the_schema_opens_beside_the_list_and_has_an_address(page: Page) -> None:
    page.get_by_role("link", name="pointsExpired", exact=True).click()
    sheet = page.locator("#schema")
    expect(sheet.get_by_role("heading")).to_have_text("pointsExpired")
    expect(page.locator("tr[aria-current]")).to_contain_text("pointsExpired")
    expect(page).to_have_url("/catalogue/pointsExpired#schema")
    page.reload()
    expect(sheet.get_by_role("heading")).to_have_text("pointsExpired")
    expect(page.locator("tr[aria-current]")).to_be_in_viewport()


def test_searching_acts_at_once_and_keeps_the_schema(page: Page) -> None:
    page.get_by_role("link", name="tierRenewed", exact=True).click()
    expect(page.locator("#schema h2")).to_have_text("tierRenewed")
    page.get_by_role("searchbox", name="Search").fill("tier")
    expect(page.locator("#kinds [aria-current]")).to_have_text("All 5")
    expect(page.locator("#schema h2")).to_have_text("tierRenewed")
    expect(page.locator("tr[aria-current]")).to_contain_text("tierRenewed")


def test_a_switch_acts_at_once_and_keeps_the_focus(page: Page, alice: Membership) -> None:
    switch = page.get_by_role("switch", name="tierRenewed active")
    switch.focus()
    page.keyboard.press("Space")
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(switch).to_be_focused()
    assert not EventType.objects.get(organization=alice.organization, name="tierRenewed").active
    page.keyboard.press("Space")
    expect(switch).to_have_attribute("aria-checked", "true")
    expect(switch).to_be_focused()


def test_on_a_narrow_screen_the_schema_covers_the_list(visit: Visit, alice: Membership) -> None:
    page = visit(alice, viewport=NARROW).page
    page.goto("/catalogue")
    link = page.get_by_role("link", name="customerAdded", exact=True)
    link.click()
    back = page.get_by_role("link", name="Back to the list")
    expect(back).to_be_focused()
    page.keyboard.press("Escape")
    expect(back).to_be_hidden()
    expect(link).to_be_focused()


def test_without_scripts_a_link_shows_the_schema_and_a_button_switches(
    visit: Visit, alice: Membership
) -> None:
    page = visit(alice, java_script_enabled=False, viewport=NARROW).page
    page.goto("/catalogue?q=tier")
    page.get_by_role("link", name="tierRenewed", exact=True).click()
    sheet = page.locator("#schema")
    expect(sheet).to_contain_text("customerIdentifiers")
    expect(sheet).to_contain_text('"eventName": "tierRenewed"')
    sheet.get_by_role("link", name="Back to the list").click()
    expect(sheet).to_be_hidden()
    page.get_by_role("switch", name="tierRenewed active").click()
    switch = page.get_by_role("switch", name="tierRenewed active")
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(page).to_have_url("/catalogue?q=tier")
