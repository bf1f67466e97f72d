"""The frame around every page: signing in, menus, theme, organisations."""

from collections.abc import Callable

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from playwright.sync_api import Browser, expect

from organizations.models import Membership
from tests.browser.visitor import Site, Visitor
from tests.factories import PASSWORD, MembershipFactory, OrganizationFactory

Visit = Callable[..., Visitor]


def test_one_signs_in_with_the_keyboard_and_comes_to_where_one_wanted(
    browser: Browser, site: Site, alice: Membership
) -> None:
    # As an installation keeps it: the tests' own, faster way is unknown to the web process.
    alice.user.password = PBKDF2PasswordHasher().encode(PASSWORD, "salt")
    alice.user.save()
    stranger = Visitor(browser, site, None)
    page = stranger.page
    page.goto("/catalogue")
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type(alice.user.get_username())
    page.keyboard.press("Tab")
    page.keyboard.type("not this one")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Wrong username or password")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Event catalogue")
    stranger.leave()


def test_menus_are_used_with_the_keyboard(visit: Visit, alice: Membership) -> None:
    page = visit(alice).page
    page.goto("/notifications")
    profile = page.locator("summary[aria-label^=Profile]")
    profile.focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="Organization Settings")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("button", name="Sign out")).to_be_focused()
    page.keyboard.press("Escape")
    expect(profile).to_be_focused()
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_only_one_menu_is_open(visit: Visit, alice: Membership) -> None:
    page = visit(alice).page
    page.goto("/notifications")
    page.locator("summary[aria-label^=Profile]").click()
    page.locator("summary[aria-label^=Organization]").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    page.get_by_role("heading", level=1).click()
    expect(page.locator("details.menu[open]")).to_have_count(0)


def test_the_content_is_one_key_away(visit: Visit, alice: Membership) -> None:
    page = visit(alice).page
    page.goto("/notifications")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_the_chosen_theme_stays(visit: Visit, alice: Membership) -> None:
    page = visit(alice, color_scheme="light").page
    page.goto("/notifications")
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    page.get_by_role("button", name="Light or dark").click()
    page.goto("/catalogue")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("body")).to_have_css("background-color", "rgb(17, 21, 19)")


def test_on_a_narrow_screen_the_navigation_opens_over_the_page(
    visit: Visit, alice: Membership
) -> None:
    page = visit(alice, viewport={"width": 360, "height": 700}).page
    page.goto("/notifications")
    link = page.get_by_role("link", name="Audit log")
    expect(link).to_be_hidden()
    page.get_by_role("button", name="Navigation").click()
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Audit log")


def test_a_form_of_another_tabs_organization_is_not_taken(visit: Visit, alice: Membership) -> None:
    other = OrganizationFactory(name="The Other One")
    MembershipFactory(organization=other, user=alice.user)
    visitor = visit(alice)
    first, second = visitor.page, visitor.context.new_page()
    first.goto("/credentials/new")
    second.goto("/notifications")
    second.locator("summary[aria-label^=Organization]").click()
    second.get_by_role("button", name="The Other One").click()
    expect(second.locator("summary[aria-label='Organization: The Other One']")).to_be_visible()
    first.get_by_label("Code").fill("till.7")
    first.get_by_role("button", name="Create").last.click()
    expect(first.get_by_role("heading", level=1)).to_have_text(
        "This form belongs to another organization"
    )
    visitor.complaints.clear()  # the browser's own word about the status 409
