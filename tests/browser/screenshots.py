"""Draws docs/screenshots: `make screenshots`. Not collected with the tests."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.showcase import Showcase
from tests.browser.test_every_page import SCHEMES, SHOWN, url_of
from tests.browser.test_every_page import showcase as showcase
from tests.browser.visitor import Site, Visitor

DIRECTORY = Path(__file__).resolve().parent.parent.parent / "docs" / "screenshots"
SIZES = {"": {"width": 1280, "height": 800}, "-narrow": {"width": 360, "height": 720}}
NARROW = {"webhook-list", "webhook-add", "webhook-detail"}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_draw_every_page(showcase: Showcase, browser: Browser, site: Site, scheme: str) -> None:
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for suffix, size in SIZES.items():
        visitor = Visitor(browser, site, showcase.mira, color_scheme=scheme, viewport=size)
        for page in SHOWN:
            if suffix and (page.name not in NARROW or scheme == "dark"):
                continue
            answer = visitor.page.goto(url_of(page, showcase))
            if answer is not None and answer.status == 200:
                _draw(visitor.page, f"{page.name}-{scheme}{suffix}")
        visitor.context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_draw_what_opens(showcase: Showcase, browser: Browser, site: Site, scheme: str) -> None:
    size: Any = SIZES[""]
    visitor = Visitor(browser, site, showcase.mira, color_scheme=scheme, viewport=size)
    visitor.page.goto("/notifications/new")
    visitor.page.get_by_role("button", name="Select events").click()
    visitor.page.get_by_role("searchbox", name="Search").fill("expir")
    _draw(visitor.page, f"event-picker-{scheme}")
    visitor.context.close()
    stranger = Visitor(browser, site, None, color_scheme=scheme, viewport=size)
    stranger.page.goto("/sign-in")
    _draw(stranger.page, f"sign-in-{scheme}")
    stranger.context.close()


def _draw(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=DIRECTORY / f"{name}.png")
