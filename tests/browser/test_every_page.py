"""Every page, light and dark, on a wide and a narrow screen: readable by all, and quiet."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from organizations.models import Credential
from tests.browser.showcase import Showcase, build
from tests.browser.visitor import Site, Visitor
from tests.endpoints import Endpoint, page_endpoints
from tests.test_pages import PUBLIC

WIDTHS = (1440, 360)
SCHEMES = ("light", "dark")
OPEN_TO_ALL = {"sign-in", "invitation-accept", "verify-signatures"}
NO_PAGES = {"event-news", "event-payload"}  # a part of one, a file
OF_CUSTOM_TYPES = {
    *("event-type-edit", "event-type-delete", "event-type-versions", "event-type-version"),
}
SHOWN = [
    page
    for page in page_endpoints()
    if page.name not in (PUBLIC - OPEN_TO_ALL) | NO_PAGES and page.is_shown
]


@pytest.fixture(scope="package")
def showcase(site: Site) -> Showcase:
    return build()


def url_of(page: Endpoint, showcase: Showcase) -> str:
    organization = showcase.organization
    is_of_custom_type = page.name in OF_CUSTOM_TYPES
    ids = {
        "public_id": showcase.webhook.public_id,
        "event_name": showcase.custom_type.name if is_of_custom_type else "pointsIssued",
        "version_number": 1,
        "replay_id": showcase.replay.pk,
        "delivery_id": showcase.retrying.pk,
        "event_row_id": showcase.retrying.event_id,
        "credential_id": Credential.objects.filter(organization=organization)[0].pk,
        "membership_id": organization.memberships.exclude(pk=showcase.mira.pk)[0].pk,
        "invitation_id": showcase.invitation.pk,
        "token": showcase.token,
    }
    return page.url(ids)


@pytest.mark.parametrize("page", SHOWN, ids=str)
def test_a_page_is_readable_by_all_in_every_light_and_width(
    page: Endpoint, showcase: Showcase, browser: Browser, site: Site
) -> None:
    member = None if page.name in OPEN_TO_ALL else showcase.mira
    for scheme in SCHEMES:
        for width in WIDTHS:
            visitor = Visitor(
                browser,
                site,
                member,
                color_scheme=scheme,
                viewport={"width": width, "height": 900},
            )
            answer = visitor.page.goto(url_of(page, showcase))
            assert answer is not None
            assert answer.ok
            _check(visitor, f"{scheme} {width}")
            visitor.context.close()


def _check(visitor: Visitor, where: str) -> None:
    found = Axe().run(visitor.page).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == [], where
    wider = visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wider <= 0, where
    assert visitor.complaints == [], where
    assert visitor.foreign == [], where
