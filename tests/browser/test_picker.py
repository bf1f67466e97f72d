"""The event picker, with the keyboard alone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from events.models import EventType
from organizations.models import Membership
from tests.browser.visitor import Visitor

Visit = Callable[..., Visitor]


@pytest.fixture
def page(visit: Visit, alice: Membership) -> Page:
    page = visit(alice).page
    page.goto("/notifications/new")
    page.get_by_role("button", name="Select events").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
    return page


def chips(page: Page) -> list[str]:
    return [text.strip() for text in page.locator(".chip").all_inner_texts()]


def test_events_are_found_checked_and_taken_over(page: Page) -> None:
    page.keyboard.type("expir")
    expect(page.locator(".picker .choice:visible mark").first).to_have_text(
        "expir", ignore_case=True
    )
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator("[data-selected]")).to_have_text("2 of 78")
    page.get_by_role("button", name="Done").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Select events")).to_be_focused()
    assert len(chips(page)) == 2


def test_escape_takes_nothing_over_and_gives_the_focus_back(page: Page) -> None:
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Select events")).to_be_focused()
    assert chips(page) == []


def test_the_schema_opens_beside_the_list_with_its_three_tabs(page: Page) -> None:
    page.keyboard.type("pointsExpired")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    sheet = page.locator("#picker-schema")
    expect(sheet.get_by_role("heading")).to_have_text("pointsExpired")
    expect(sheet).to_contain_text("customerIdentifiers")
    sheet.get_by_role("tab", name="Schema", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(sheet.get_by_role("tabpanel")).to_contain_text('"properties"')
    page.keyboard.press("ArrowRight")
    expect(sheet.get_by_role("tabpanel")).to_contain_text('"eventName": "pointsExpired"')


def test_a_whole_group_is_one_check_box(page: Page) -> None:
    page.keyboard.type("tier")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    selected = page.locator("[data-selected]")
    expect(selected).not_to_have_text("0 of 78")
    page.keyboard.press("Space")
    expect(selected).to_have_text("0 of 78")


def test_hundreds_of_custom_events_open_and_are_found_at_once(
    visit: Visit, alice: Membership
) -> None:
    EventType.objects.bulk_create(
        EventType(organization=alice.organization, name=f"custom{n}", group="Ours", schema={})
        for n in range(500)
    )
    page = visit(alice).page
    page.goto("/notifications/new")
    page.get_by_role("button", name="Select events").click()
    expect(page.locator("[data-matches]")).to_contain_text("578")
    page.keyboard.type("custom499")
    expect(page.locator(".picker .choice:visible")).to_have_count(1)
