"""New notification, Edit, Delete: as a brand's operations person does it."""

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from organizations.models import AuditEntry, Membership, Organization
from tests.browser.visitor import Site, Visitor
from tests.factories import CredentialFactory, MembershipFactory, WebhookFactory
from tests.proof.api import Api
from tests.proof.deadline import Deadline
from tests.proof.stage import RemoteReceiver
from webhooks.models import Header, Webhook

Visit = Callable[..., Visitor]
SECRET = "Bearer only-for-the-receiver"


def publish(site: Site, organization: Organization, name: str = "pointsIssued") -> None:
    credential = CredentialFactory(organization=organization)
    api = Api(int(site.url.rpartition(":")[2]), credential.code, credential.plain_password)
    event = {"eventName": name, "data": {"customerIdentifiers": {"customerId": 482579328}}}
    assert api.post("/v3/events", event).status == 202


def choose(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_role("searchbox", name="Search").fill(name)
        page.get_by_role("dialog").get_by_role("checkbox", name=name).first.check()
    page.get_by_role("button", name="Done").click()


def test_a_notification_for_three_events_with_a_header_is_made_and_delivers(
    visit: Visit, alice: Membership, site: Site, receiver: RemoteReceiver
) -> None:
    page = visit(alice).page
    name = f"Points screen {alice.pk}"
    page.goto("/")
    page.get_by_role("link", name="New notification").first.click()
    page.get_by_label("Webhook name").fill(name)
    page.get_by_label("Webhook URL").fill(receiver.url())
    page.get_by_label("Key 1").fill("Authorization")
    page.get_by_role("textbox", name="Value 1").fill(SECRET)
    page.get_by_role("button", name="Select events").click()
    choose(page, "pointsIssued", "pointsRedeemed", "transactionAdded")
    expect(page.locator(".chip")).to_have_count(3)
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    expect(page.locator(".toasts")).to_contain_text("Saved")

    publish(site, alice.organization)

    def received() -> list[dict[str, Any]]:
        return [r for r in receiver.requests if r["headers"].get("authorization") == SECRET]

    sent = Deadline().wait_for(received, "the event arrives")
    assert [json.loads(request["body"])["eventName"] for request in sent] == ["pointsIssued"]

    page.reload()
    row = page.get_by_role("row").filter(has_text="pointsIssued")
    expect(row).to_contain_text("Delivered")
    row.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("pointsIssued")
    expect(page.locator("main")).to_contain_text("Attempt 1: 200")
    assert SECRET not in page.content()


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    visit: Visit, alice: Membership
) -> None:
    page = visit(alice).page
    page.goto("/notifications/new")
    page.get_by_label("Webhook name").fill("Half a notification")
    page.get_by_label("Webhook URL").fill("http://10.20.4.17/in")
    expect(page.locator("#url-check")).to_contain_text("private")
    page.get_by_label("Key 1").fill("Content-Length")
    page.get_by_role("textbox", name="Value 1").fill(SECRET)
    page.get_by_role("button", name="Save").last.click()
    summary = page.get_by_role("alert").first
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("3 things to correct")
    summary.get_by_role("link").first.click()
    expect(page.get_by_label("Webhook URL")).to_be_focused()
    expect(page.get_by_label("Webhook URL")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Webhook name")).to_have_value("Half a notification")
    expect(page.get_by_role("textbox", name="Value 1")).to_have_value(SECRET)


def test_a_stored_value_is_shown_to_write_on_demand_and_that_is_audited(
    visit: Visit, alice: Membership, bob: Membership
) -> None:
    webhook = WebhookFactory(organization=alice.organization)
    Header.objects.create(webhook=webhook, position=0, name="Authorization", value=SECRET)
    page = visit(alice).page
    page.goto(f"/notifications/{webhook.public_id}/edit")
    value = page.get_by_role("textbox", name="Value 1")
    assert SECRET not in page.content()
    page.get_by_role("button", name="Show value 1").click()
    expect(value).to_have_value(SECRET)
    entry = AuditEntry.objects.filter(organization=alice.organization).latest("id")
    assert entry.object_id == webhook.public_id
    assert SECRET not in str([entry.before, entry.after])
    reader = visit(bob).page
    reader.goto(f"/notifications/{webhook.public_id}")
    assert SECRET not in reader.content()
    expect(reader.get_by_role("link", name="Edit")).to_have_count(0)


def test_leaving_with_changes_asks(visit: Visit, alice: Membership) -> None:
    page = visit(alice).page
    page.goto("/notifications/new")
    page.get_by_label("Webhook name").fill("Not saved")
    asked: list[str] = []

    def stay(dialog: object) -> None:
        asked.append(dialog.type)  # type: ignore[attr-defined]
        dialog.dismiss()  # type: ignore[attr-defined]

    page.once("dialog", stay)
    page.get_by_role("link", name="Cancel").click()
    assert asked == ["beforeunload"]
    expect(page.get_by_label("Webhook name")).to_have_value("Not saved")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Event Notifications")


def test_the_second_of_two_editors_decides(visit: Visit, alice: Membership) -> None:
    webhook = WebhookFactory(organization=alice.organization, max_connections=20)
    mate: Membership = MembershipFactory(organization=alice.organization)
    first, second = visit(alice).page, visit(mate).page
    for page in (first, second):
        page.goto(f"/notifications/{webhook.public_id}/edit")
        page.locator("summary").filter(has_text="20 connections").click()
    second.get_by_label("Delivery SLA (in seconds)").fill("45")
    first.get_by_label("Maximum allowed connections").fill("40")
    first.get_by_role("button", name="Save").last.click()
    expect(first.get_by_role("heading", level=1)).to_contain_text(webhook.name)
    second.get_by_role("button", name="Save").last.click()
    notice = second.get_by_role("alert").first
    expect(notice).to_contain_text("changed this webhook")
    expect(notice).to_contain_text("Maximum allowed connections: from 20 to 40")
    webhook.refresh_from_db()
    assert (webhook.max_connections, webhook.sla_s) == (40, 30)
    second.get_by_role("button", name="Take their change and keep mine").click()
    expect(second.get_by_role("heading", level=1)).to_contain_text(webhook.name)
    webhook.refresh_from_db()
    assert (webhook.max_connections, webhook.sla_s) == (40, 45)


def test_a_deletion_is_confirmed_and_can_be_undone(visit: Visit, alice: Membership) -> None:
    webhook = WebhookFactory(organization=alice.organization, name=f"Doomed {alice.pk}")
    page = visit(alice).page
    page.goto("/notifications")
    page.locator(f"summary[aria-label='Actions for {webhook.name}']").click()
    page.get_by_role("link", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(webhook.name)
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator(".toasts")).to_contain_text("was deleted")
    expect(page.get_by_role("row").filter(has_text=webhook.name)).to_have_count(0)
    assert not Webhook.objects.for_organization(alice.organization).exists()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("row").filter(has_text=webhook.name)).to_have_count(1)
    assert Webhook.objects.for_organization(alice.organization).count() == 1


def test_a_webhook_is_deactivated_and_activated_from_its_menu(
    visit: Visit, alice: Membership
) -> None:
    webhook = WebhookFactory(organization=alice.organization)
    page = visit(alice).page
    page.goto("/notifications")
    row = page.get_by_role("row").filter(has_text=webhook.name)
    for action, state in (("Deactivate", "Inactive"), ("Activate", "Active")):
        row.locator("summary[aria-label^=Actions]").click()
        page.get_by_role("button", name=action, exact=True).click()
        expect(row.locator(".badge")).to_have_text(state)


def test_a_copy_has_everything_but_the_name_and_the_values_follow(
    visit: Visit, alice: Membership
) -> None:
    webhook = WebhookFactory(organization=alice.organization, events=["pointsIssued"])
    Header.objects.create(webhook=webhook, position=0, name="Authorization", value=SECRET)
    page = visit(alice).page
    page.goto(f"/notifications/new?from={webhook.public_id}")
    assert SECRET not in page.content()
    page.get_by_label("Webhook name").fill(f"{webhook.name} again")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"{webhook.name} again")
    copy = Webhook.objects.get(name=f"{webhook.name} again")
    assert copy.header_pairs == [("Authorization", SECRET)]
    assert copy.event_names == ["pointsIssued"]
