"""New notification, Duplicate and Edit, as they are sent from a browser without scripts."""

from typing import Any

import pytest
from django.contrib.messages import get_messages

from events import event_types
from events.models import EventType
from organizations.models import AuditEntry
from tests.conftest import PageClient
from tests.factories import WebhookFactory
from tests.markup import html_of
from tests.webhooks.forms import FILLED, NEW, add, edit_url, fields_of, opened, problems, reloaded
from webhooks.headers import MASK
from webhooks.models import Header, Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def toasts(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def test_a_webhook_is_added_with_what_was_typed(alice: PageClient) -> None:
    answer = alice.post(
        NEW,
        FILLED
        | {
            "header_name": ["Authorization", "", "X-Brand"],
            "header_value": ["Bearer hunter2", "", "aurora"],
            "event_names": ["transactionAdded", "CouponIssue"],
            "replay_on_429": "on",
            "method": "PUT",
        },
    )
    webhook = Webhook.objects.get()
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/notifications/{webhook.public_id}"
    assert toasts(answer) == ["Saved."]
    assert webhook.organization == alice.organization
    assert webhook.header_pairs == [("Authorization", "Bearer hunter2"), ("X-Brand", "aurora")]
    assert webhook.event_names == ["transactionAdded", "CouponIssue"]
    assert (webhook.method, webhook.replay_on_429, webhook.is_active) == ("PUT", True, True)
    assert webhook.signing_secrets.count() == 1
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_id) == ("created", webhook.public_id)
    assert entry.actor["code"] == "alice"
    assert "hunter2" not in str(entry.after)


def test_the_new_form_starts_from_the_defaults_and_can_be_sent_as_it_is(alice: PageClient) -> None:
    fields = fields_of(alice.get(NEW))
    assert (fields["max_connections"], fields["sla_s"]) == (["20"], ["30"])
    typed = {key: FILLED[key] for key in ("name", "url", "event_names")}
    assert alice.post(NEW, fields | typed).status_code == 302


def test_an_emptied_number_gets_its_default(alice: PageClient) -> None:
    webhook = add(alice, sla_s="", timeout_s=" ")
    assert (webhook.sla_s, webhook.timeout_s) == (30, 30)


def test_errors_stand_at_their_field_and_in_the_summary(alice: PageClient) -> None:
    answer = alice.post(
        NEW,
        FILLED
        | {
            "url": "https://10.20.4.17/in",
            "header_name": ["Host", "X-A", ""],
            "header_value": ["x", "fine", "nameless"],
            "sla_s": "-1",
            "event_names": [],
        },
    )
    assert answer.status_code == 200
    ids = [field for field, _ in problems(answer)]
    assert ids == ["id_url", "header-key-1", "header-key-3", "id_sla_s", "s-events"]
    text = html_of(answer)
    for field in ids:
        assert f'href="#{field}"' in text
        assert f'id="{field}"' in text
    for field in ("id_url", "header-key-1", "header-key-3", "id_sla_s"):
        tag = text[: text.index(f'id="{field}"')].rsplit("<", 1)[1]
        tag += text[text.index(f'id="{field}"') :].split(">", 1)[0]
        assert 'aria-invalid="true"' in tag
        assert "aria-describedby" in tag
    assert '<details class="more narrow" open>' in text


def test_nothing_that_was_typed_is_lost(alice: PageClient) -> None:
    typed = FILLED | {
        "url": "nonsense",
        "description": '</textarea><script>alert("x")</script>',
        "method": "PUT",
        "sla_s": "a lot",
        "header_name": ["Authorization", '"><b>'],
        "header_value": ["Bearer hunter2", "<i>"],
        "event_names": ["CouponIssue", "nothingLikeIt", "transactionAdded"],
        "listen_to_child_events": "on",
    }
    answer = alice.post(NEW, typed)
    assert answer.status_code == 200
    shown = fields_of(answer)
    for name, value in typed.items():
        assert sorted(shown[name]) == sorted(value if isinstance(value, list) else [value]), name
    assert "<script>alert" not in html_of(answer)
    assert "<b>" not in html_of(answer)


def test_edit_shows_the_name_and_masks_the_values(alice: PageClient) -> None:
    webhook = add(alice, header_value=["Bearer hunter2 is secret"])
    text = html_of(alice.get(edit_url(webhook)))
    assert "You cannot modify an event name." in text
    assert 'name="name"' not in text
    assert "hunter2" not in text
    assert f'value="{MASK}"' in text
    assert "Bear" not in text
    assert "whsec_" + MASK in text
    assert webhook.signing_secrets.get().secret not in text


def test_an_untouched_form_changes_nothing(alice: PageClient) -> None:
    webhook = add(alice, event_names=["transactionAdded", "CouponIssue"])
    answer = alice.post(edit_url(webhook), opened(alice, webhook))
    assert toasts(answer) == ["Nothing was changed."]
    assert reloaded(webhook).revision == webhook.revision
    assert AuditEntry.objects.count() == 1


def test_edit_changes_what_was_changed_and_keeps_masked_values(alice: PageClient) -> None:
    webhook = add(
        alice, header_name=["Authorization", "X-B"], header_value=["Bearer hunter2", "old value"]
    )
    fields = opened(alice, webhook)
    fields["header_value"][1] = "new value"
    fields["url"] = ["https://other.example.com/"]
    fields["name"] = ["Another name"]
    del fields["is_active"]
    answer = alice.post(edit_url(webhook), fields)
    assert answer.status_code == 302
    assert toasts(answer)[-1] == "Saved. Pending deliveries use the new URL."
    changed = reloaded(webhook)
    assert changed.header_pairs == [("Authorization", "Bearer hunter2"), ("X-B", "new value")]
    assert (changed.url, changed.name) == ("https://other.example.com/", "Coupon wallet")
    assert not changed.is_active
    assert changed.revision == webhook.revision + 1


def test_a_header_whose_row_is_emptied_is_removed(alice: PageClient) -> None:
    webhook = add(alice, header_name=["X-A", "X-B"], header_value=["aaa", "bbb"])
    fields = opened(alice, webhook)
    fields["header_name"][0] = fields["header_value"][0] = ""
    alice.post(edit_url(webhook), fields)
    assert reloaded(webhook).header_pairs == [("X-B", "bbb")]


def test_a_mask_under_another_key_stands_for_nothing(alice: PageClient) -> None:
    webhook = add(alice)
    fields = opened(alice, webhook) | {"header_name": ["X-Other"]}
    answer = alice.post(edit_url(webhook), fields)
    assert problems(answer) == [
        ("header-key-1", "The mask stands for no stored value; give the value itself.")
    ]


def test_what_the_form_does_not_have_stays(alice: PageClient) -> None:
    webhook = add(alice)
    Webhook.objects.update(enrich_till=True, enrich_customer_sources=["Instore"], description="x")
    fields = opened(alice, webhook)
    del fields["description"]
    alice.post(edit_url(webhook), fields | {"sla_s": "5"})
    changed = reloaded(webhook)
    assert (changed.enrich_till, changed.enrich_customer_sources) == (True, ["Instore"])
    assert (changed.sla_s, changed.description) == (5, "x")


def test_duplicate_takes_everything_but_the_name(alice: PageClient) -> None:
    webhook = add(
        alice,
        header_value=["Bearer hunter2 is secret"],
        sla_s="7",
        event_names=["CouponIssue", "transactionAdded"],
        description="Two\r\nlines",
    )
    Webhook.objects.update(enrich_till=True, filter={"data.amount": {"$gte": 1}})
    page = alice.get(NEW, {"from": webhook.public_id})
    assert "hunter2" not in html_of(page)
    fields = fields_of(page)
    assert fields["name"] == [""]
    assert alice.post(NEW, fields | {"name": "Copy"}).status_code == 302
    copy = Webhook.objects.latest("id")
    assert copy.header_pairs == [("Authorization", "Bearer hunter2 is secret")]
    assert (copy.name, copy.sla_s, copy.enrich_till) == ("Copy", 7, True)
    assert (copy.filter, copy.description) == ({"data.amount": {"$gte": 1}}, "Two\nlines")
    assert set(copy.event_names) == {"CouponIssue", "transactionAdded"}
    assert copy.signing_secrets.get().secret != webhook.signing_secrets.get().secret
    assert copy.consumer_group_id != webhook.consumer_group_id


def test_another_organizations_webhook_is_no_model(
    alice: PageClient, charlie_page: PageClient
) -> None:
    webhook = add(alice)
    fields = fields_of(alice.get(NEW, {"from": webhook.public_id}))
    assert charlie_page.get(NEW, {"from": webhook.public_id}).status_code == 404
    fields.pop("organization_id")
    assert charlie_page.post(NEW, fields | {"name": "Copy"}).status_code == 404
    for public_id in ("\x00", "x" * 24, "%00", "é"):
        assert alice.get(NEW, {"from": public_id}).status_code == 404


def test_read_gets_no_form(alice: PageClient, bob_page: PageClient) -> None:
    webhook = add(alice)
    for url in (NEW, edit_url(webhook)):
        assert bob_page.get(url).status_code == 403


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://10.20.4.17/in", "not a public address"),
        ("ftp://receiver.example.com/", "neither http nor https"),
        ("https://receiver.example.com/", ""),
        ("htt", ""),
        ("", ""),
    ],
)
def test_a_url_is_checked_while_it_is_typed(alice: PageClient, url: str, told: str) -> None:
    answer = alice.post("/notifications/check-url", {"url": url})
    assert answer.status_code == 200
    assert told in html_of(answer) if told else html_of(answer).strip() == ""


def test_a_url_that_is_checked_is_shown_escaped(alice: PageClient) -> None:
    answer = alice.post("/notifications/check-url", {"url": "<script>://x<img>"})
    assert "<script>" not in html_of(answer)
    assert "<img>" not in html_of(answer)


def test_a_type_that_was_switched_off_may_stay_but_not_come(alice: PageClient) -> None:
    webhook = add(alice)
    EventType.objects.create(organization=alice.organization, name="transactionAdded", active=False)
    event_types.remembered.clear()
    answer = alice.post(edit_url(webhook), opened(alice, webhook) | {"sla_s": "9"})
    assert answer.status_code == 302
    answer = alice.post(NEW, FILLED | {"name": "Other"})
    assert [field for field, _ in problems(answer)] == ["s-events"]
    assert fields_of(answer)["event_names"] == ["transactionAdded"]


def test_the_number_of_queries_does_not_grow(
    alice: PageClient, django_assert_num_queries: Any
) -> None:
    small = WebhookFactory(organization=alice.organization)
    EventType.objects.bulk_create(
        EventType(organization=alice.organization, name=f"custom{n}", schema={}, group="Ours")
        for n in range(500)
    )
    large = WebhookFactory(
        organization=alice.organization, events=[f"custom{n}" for n in range(500)]
    )
    Header.objects.bulk_create(
        Header(webhook=large, position=n, name=f"X-{n}", value="x") for n in range(50)
    )
    for webhook in (small, large):
        event_types.remembered.clear()
        with django_assert_num_queries(10):
            assert alice.get(edit_url(webhook)).status_code == 200
