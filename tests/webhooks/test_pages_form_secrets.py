"""Values of headers and signing secrets are shown when they are asked for."""

import pytest

from organizations.models import AuditEntry
from tests.conftest import PageClient
from tests.markup import html_of
from tests.webhooks.forms import FILLED, add, edit_url, fields_of, opened, reloaded
from webhooks.headers import MASK
from webhooks.models import SigningSecret

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_show_answers_one_value_and_is_recorded(alice: PageClient) -> None:
    webhook = add(alice, header_name=["X-A", "X-B"], header_value=["first value", "second value"])
    url = f"/notifications/{webhook.public_id}/headers/show"
    data = {"show": "X-A", "number": "1"}
    answer = alice.post(url, data, headers={"HX-Request": "true"})
    assert "first value" in html_of(answer)
    assert "second" not in html_of(answer)
    assert "<html" not in html_of(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.after) == ("header shown", {"headers": {"X-A": MASK}})


def test_show_without_scripts_keeps_what_was_typed(alice: PageClient) -> None:
    webhook = add(alice)
    fields = opened(alice, webhook) | {"url": ["https://typed.example.com/"]}
    url = f"/notifications/{webhook.public_id}/headers/show"
    answer = alice.post(url, fields | {"show": "Authorization"})
    shown = fields_of(answer)
    assert shown["header_value"] == ["Bearer hunter2"]
    assert shown["url"] == ["https://typed.example.com/"]
    assert reloaded(webhook).url == FILLED["url"]
    assert alice.post(edit_url(webhook), shown).status_code == 302
    assert reloaded(webhook).header_pairs == [("Authorization", "Bearer hunter2")]


def test_a_header_that_is_gone_shows_nothing(alice: PageClient) -> None:
    webhook = add(alice)
    url = f"/notifications/{webhook.public_id}/headers/show"
    for extra in ({}, {"HX-Request": "true"}):
        answer = alice.post(url, {"show": "X-Gone", "number": '"><b>'}, headers=extra)
        assert answer.status_code == 200
        assert "not stored any more" in html_of(answer)
        assert "<b>" not in html_of(answer)
    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize("scripted", [True, False])
def test_the_secret_is_shown_on_demand_and_recorded(alice: PageClient, scripted: bool) -> None:
    webhook = add(alice)
    secret = webhook.signing_secrets.get().secret
    headers = {"HX-Request": "true"} if scripted else {}
    answer = alice.post(f"/notifications/{webhook.public_id}/secret", {}, headers=headers)
    assert secret in html_of(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    entry = AuditEntry.objects.latest("id")
    assert entry.action == "secret shown"
    assert secret not in str(entry.after)


def test_the_secret_is_rotated_once_however_often_it_is_sent(alice: PageClient) -> None:
    webhook = add(alice)
    old = webhook.signing_secrets.get()
    url = f"/notifications/{webhook.public_id}/secret/rotate"
    fields = opened(alice, webhook) | {"sla_s": ["5"]}
    assert fields["overlap_hours"] == ["24"]
    answer = alice.post(url, fields)
    assert "The secret was rotated." in html_of(answer)
    assert "was rotated meanwhile" in html_of(alice.post(url, fields))
    assert webhook.signing_secrets.count() == 2
    assert SigningSecret.objects.get(pk=old.pk).expires_at is not None
    # What was typed is still there, and can be saved without a word about the rotation.
    assert alice.post(edit_url(webhook), fields_of(answer)).status_code == 302
    assert reloaded(webhook).sla_s == 5


@pytest.mark.parametrize("hours", ["", "-1", "169", "x", "24.0"])
def test_an_overlap_that_is_not_offered_rotates_nothing(alice: PageClient, hours: str) -> None:
    webhook = add(alice)
    secret = webhook.signing_secrets.get()
    url = f"/notifications/{webhook.public_id}/secret/rotate"
    answer = alice.post(url, {"overlap_hours": hours, "secret": secret.pk})
    assert answer.status_code == 200
    assert webhook.signing_secrets.get() == secret
