"""The feed that fills by itself, and finding out why a delivery failed."""

from collections.abc import Callable

from playwright.sync_api import expect

from organizations.models import Membership
from tests.browser.test_notification import publish
from tests.browser.visitor import Site, Visitor
from tests.factories import WebhookFactory
from tests.proof.stage import RemoteReceiver

Visit = Callable[..., Visitor]


def test_new_events_arrive_by_themselves_until_one_pauses(
    visit: Visit, alice: Membership, site: Site
) -> None:
    page = visit(alice).page
    page.goto("/feed")
    publish(site, alice.organization, "customerAdded")
    expect(page.get_by_role("row").filter(has_text="customerAdded")).to_have_count(1)
    page.get_by_role("button", name="Pause").click()
    publish(site, alice.organization, "pointsRedeemed")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("row").filter(has_text="pointsRedeemed")).to_have_count(1)
    page.get_by_role("searchbox").fill("482579328")
    expect(page.get_by_role("row").filter(has_text="customerAdded")).to_have_count(1)
    page.get_by_role("searchbox").fill("nobody")
    expect(page.get_by_role("row").filter(has_text="customerAdded")).to_have_count(0)


def test_why_a_delivery_failed_is_found_from_the_list(
    visit: Visit, bob: Membership, site: Site, receiver: RemoteReceiver
) -> None:
    webhook = WebhookFactory(
        organization=bob.organization, url=receiver.url("/status/422"), events=["pointsIssued"]
    )
    publish(site, bob.organization)
    page = visit(bob).page
    page.goto("/notifications")
    page.get_by_role("link", name=webhook.name).first.click()
    row = page.get_by_role("row").filter(has_text="pointsIssued")
    for _ in range(50):
        if "Failed" in row.inner_text():
            break
        page.reload()
    row.get_by_role("link").first.click()
    expect(page.get_by_role("alert").or_(page.locator(".notice")).first).to_contain_text("422")
    expect(page.locator("main")).to_contain_text("Attempt 1: 422")


def test_hostile_content_is_shown_not_run(visit: Visit, alice: Membership) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    webhook = WebhookFactory(organization=alice.organization, name=f"{hostile} {alice.pk}")
    visitor = visit(alice)
    ran: list[str] = []
    visitor.page.on("dialog", lambda dialog: ran.append(dialog.message))
    for path in ("", f"/{webhook.public_id}", f"/{webhook.public_id}/edit"):
        visitor.page.goto(f"/notifications{path}")
        expect(visitor.page.locator("main")).to_contain_text(hostile)
    assert ran == []
