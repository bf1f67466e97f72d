"""Broken and hostile posts to the form: a clear answer, and what was typed is still there."""

from typing import Any

import pytest

from tests.conftest import PageClient
from tests.webhooks.forms import FILLED, NEW, add, edit_url, fields_of, opened, problems
from webhooks.models import Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_an_empty_post_is_told_all_that_is_missing(alice: PageClient) -> None:
    answer = alice.post(NEW, {})
    assert answer.status_code == 200
    assert [field for field, _ in problems(answer)] == [
        *("id_name", "id_url", "id_max_connections", "s-events"),
    ]


def test_ten_thousand_headers_are_too_many(alice: PageClient) -> None:
    names = [f"X-{number}" for number in range(10_000)]
    answer = alice.post(NEW, FILLED | {"header_name": names, "header_value": ["x"] * 10_000})
    assert problems(answer) == [("s-header", "At most 50 headers.")]
    assert fields_of(answer)["header_name"] == names


def test_five_megabytes_are_too_much(alice: PageClient) -> None:
    large = "x" * 5_000_000
    answer = alice.post(NEW, FILLED | {"header_value": [large]})
    assert problems(answer) == [("header-key-1", "A header's value has at most 4096 bytes.")]
    assert fields_of(answer)["header_value"] == [large]
    for name in ("name", "url", "description", "sla_s", "max_connections", "method"):
        answer = alice.post(NEW, FILLED | {name: large})
        assert [field for field, _ in problems(answer)] == [f"id_{name}"]


def test_a_body_beyond_the_limit_is_refused_as_a_whole(alice: PageClient) -> None:
    answer = alice.post(NEW, FILLED | {"description": "x" * 9_000_000})
    assert answer.status_code in {400, 413}
    assert not Webhook.objects.exists()


@pytest.mark.parametrize("name", ["name", "url", "method", "description", "sla_s", "timeout_s"])
@pytest.mark.parametrize("bad", ["\x00", "a\x00b", "\x1b[2J\x07\x00"])
def test_nul_is_refused_everywhere(alice: PageClient, name: str, bad: str) -> None:
    answer = alice.post(NEW, FILLED | {name: bad})
    assert answer.status_code == 200
    assert [field for field, _ in problems(answer)] == [f"id_{name}"]


@pytest.mark.parametrize("name", ["header_name", "header_value", "event_names"])
def test_nul_is_refused_in_lists(alice: PageClient, name: str) -> None:
    answer = alice.post(NEW, FILLED | {name: ["a\x00b"]})
    assert answer.status_code == 200
    assert len(problems(answer)) == 1


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"name=%ED%A0%80&url=%FF%FE&event_names=%80"),
        ("application/x-www-form-urlencoded; charset=utf-16", b"name=x"),
        ("application/x-www-form-urlencoded; charset=utf-7", b"name=%2B2AA-"),
        (
            "multipart/form-data; charset=utf-7; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n+2AA-\r\n'
            b'--b\r\nContent-Disposition: form-data; name="event_names"\r\n\r\n+2AA-\r\n--b--\r\n',
        ),
        ("multipart/form-data; boundary=b", b"--b\r\nnonsense"),
        ("multipart/form-data", b"x"),
        ("application/json", b'{"name": "x"}'),
        ("text/plain", b"name=x"),
    ],
)
def test_bodies_that_are_no_text_are_refused(
    alice: PageClient, content_type: str, body: bytes
) -> None:
    answer = alice.generic("POST", NEW, body, content_type=content_type)
    assert answer.status_code in {400, 200}
    assert not Webhook.objects.exists()


def test_repeated_fields_count_once(alice: PageClient) -> None:
    webhook = add(alice, name=["First", "Last"], event_names=["CouponIssue"] * 3)
    assert webhook.name == "Last"
    assert webhook.event_names == ["CouponIssue"]


def test_keys_and_values_of_unequal_number_are_told(alice: PageClient) -> None:
    answer = alice.post(NEW, FILLED | {"header_name": ["X-A"], "header_value": ["a", "b"]})
    assert [field for field, _ in problems(answer)] == ["header-key-2"]
    assert add(alice, header_name=["X-A", "X-B"], header_value=["a"]).header_pairs == [
        *(("X-A", "a"), ("X-B", "")),
    ]


def test_fields_that_nobody_asked_for_are_ignored(alice: PageClient, charlie_page: Any) -> None:
    webhook = add(
        alice,
        organization=str(charlie_page.organization.pk),
        public_id="0" * 24,
        revision="99",
        consumer_group_id="0" * 32,
        deleted_at="2020-01-01",
        url_secret="a:b",
    )
    assert webhook.organization == alice.organization
    assert (webhook.url_secret, webhook.revision, webhook.deleted_at) == ("", 1, None)
    assert webhook.consumer_group_id.int


def test_a_form_of_another_organization_is_not_taken(
    alice: PageClient, charlie_page: PageClient
) -> None:
    webhook = add(alice)
    fields = opened(alice, webhook)
    assert charlie_page.post(edit_url(webhook), fields).status_code == 409
    fields.pop("organization_id")
    for path in ("edit", "secret", "secret/rotate", "headers/show"):
        answer = charlie_page.post(f"/notifications/{webhook.public_id}/{path}", fields)
        assert answer.status_code == 404
    assert Webhook.objects.get().revision == 1


@pytest.mark.parametrize("seen", ["", "x", "a:b:c", "\x00", "x" * 100_000])
def test_a_form_that_does_not_tell_what_it_saw_overwrites_nothing(
    alice: PageClient, seen: str
) -> None:
    webhook = add(alice)
    fields = opened(alice, webhook) | {"seen": seen, "sla_s": "7", "header_value": ["typed anew"]}
    answer = alice.post(edit_url(webhook), fields)
    assert answer.status_code == 200
    assert {row.label for row in answer.context["changes"].clashes} == {
        *("Delivery SLA (in seconds)", "Header authorization"),
    }
    assert Webhook.objects.get().revision == 1


def test_what_one_webhooks_form_saw_does_not_serve_for_another(alice: PageClient) -> None:
    one, other = add(alice), add(alice, name="Other", sla_s="9")
    fields = opened(alice, other) | {"seen": opened(alice, one)["seen"], "sla_s": "8"}
    assert alice.post(edit_url(other), fields).context["changes"].clashes
    assert Webhook.objects.get(pk=other.pk).sla_s == 9
