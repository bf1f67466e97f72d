"""Two people edit one webhook: nothing is overwritten silently, nothing that was typed is lost."""

from typing import Any

import pytest

from organizations.models import Access, AuditEntry
from tests.conftest import CredentialClient, PageClient, member
from tests.factories import CredentialFactory
from tests.markup import html_of
from tests.webhooks.forms import NEW, Fields, add, edit_url, fields_of, opened, problems, reloaded
from tests.webhooks.test_draft import together
from webhooks.models import Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

CONNECTIONS = "Maximum allowed connections"


@pytest.fixture
def tomas(alice: PageClient) -> PageClient:
    return member(alice.organization, "tomas", Access.WRITE)


@pytest.fixture
def webhook(alice: PageClient) -> Webhook:
    return add(
        alice,
        header_name=["Authorization", "X-B"],
        header_value=["Bearer hunter2", "second value"],
        event_names=["transactionAdded", "CouponIssue"],
    )


def save(client: PageClient, webhook: Webhook, fields: Fields, **changes: Any) -> Any:
    return client.post(edit_url(webhook), fields | changes)


def test_what_only_they_changed_is_told_taken_and_saved_with_mine(
    alice: PageClient, tomas: PageClient, webhook: Webhook
) -> None:
    mine = opened(alice, webhook)
    assert save(tomas, webhook, opened(tomas, webhook), max_connections="40").status_code == 302
    answer = save(alice, webhook, mine, url="https://mine.example.com/")
    assert answer.status_code == 200
    text = html_of(answer)
    assert "Tomas changed this webhook" in text
    assert f"{CONNECTIONS}: from <q>20</q> to <q>40</q>" in text
    assert "Take their change and keep mine" in text
    assert reloaded(webhook).url != "https://mine.example.com/"
    shown = fields_of(answer)
    assert (shown["max_connections"], shown["url"]) == (["40"], ["https://mine.example.com/"])
    assert save(alice, webhook, shown).status_code == 302
    saved = reloaded(webhook)
    assert (saved.max_connections, saved.url) == (40, "https://mine.example.com/")


def test_what_both_changed_is_chosen(
    alice: PageClient, tomas: PageClient, webhook: Webhook
) -> None:
    mine = opened(alice, webhook)
    save(tomas, webhook, opened(tomas, webhook), max_connections="40", sla_s="60")
    answer = save(alice, webhook, mine, max_connections="10", sla_s="5")
    (first, second) = answer.context["changes"].clashes
    assert (first.label, first.before, first.theirs, first.mine) == (CONNECTIONS, "20", "40", "10")
    shown = fields_of(answer)
    assert shown["max_connections"] == ["10"]
    unchosen = save(alice, webhook, shown)
    assert unchosen.status_code == 200
    assert [field for field, _ in problems(unchosen)] == [first.choice, second.choice]
    chosen = {first.choice: "theirs", second.choice: "mine"}
    assert save(alice, webhook, fields_of(unchosen) | chosen).status_code == 302
    assert (reloaded(webhook).max_connections, reloaded(webhook).sla_s) == (40, 5)


def test_a_choice_is_kept_while_another_is_still_open(
    alice: PageClient, tomas: PageClient, webhook: Webhook
) -> None:
    mine = opened(alice, webhook)
    save(tomas, webhook, opened(tomas, webhook), max_connections="40", sla_s="60")
    answer = save(alice, webhook, mine, max_connections="10", sla_s="5")
    first, _ = answer.context["changes"].clashes
    again = save(alice, webhook, fields_of(answer), **{first.choice: "theirs"})
    assert [row.label for row in again.context["changes"].clashes] == ["Delivery SLA (in seconds)"]
    (left,) = again.context["changes"].clashes
    assert (left.before, left.theirs, left.mine) == ("30", "60", "5")
    assert save(alice, webhook, fields_of(again), **{left.choice: "mine"}).status_code == 302
    assert (reloaded(webhook).max_connections, reloaded(webhook).sla_s) == (40, 5)


def test_choosing_theirs_takes_what_is_theirs_by_then(
    alice: PageClient, tomas: PageClient, webhook: Webhook
) -> None:
    mine = opened(alice, webhook)
    save(tomas, webhook, opened(tomas, webhook), sla_s="60")
    answer = save(alice, webhook, mine, sla_s="5")
    (clash,) = answer.context["changes"].clashes
    save(tomas, webhook, opened(tomas, webhook), sla_s="90")
    assert save(alice, webhook, fields_of(answer), **{clash.choice: "theirs"}).status_code == 302
    assert reloaded(webhook).sla_s == 90


def test_keeping_mine_is_asked_again_when_they_change_it_again(
    alice: PageClient, tomas: PageClient, webhook: Webhook
) -> None:
    mine = opened(alice, webhook)
    save(tomas, webhook, opened(tomas, webhook), sla_s="60")
    answer = save(alice, webhook, mine, sla_s="5")
    (clash,) = answer.context["changes"].clashes
    save(tomas, webhook, opened(tomas, webhook), sla_s="90")
    again = save(alice, webhook, fields_of(answer), **{clash.choice: "mine"})
    assert [row.label for row in again.context["changes"].clashes] == [clash.label]
    assert reloaded(webhook).sla_s == 90


def test_events_of_both_are_kept(alice: PageClient, tomas: PageClient, webhook: Webhook) -> None:
    mine = opened(alice, webhook)
    theirs = {"event_names": ["transactionAdded", "CouponIssue", "tierUpgraded"]}
    save(tomas, webhook, opened(tomas, webhook), **theirs)
    answer = save(alice, webhook, mine, event_names=["transactionAdded", "customerAdded"])
    assert [row.label for row in answer.context["changes"].taken] == ["Event tierUpgraded"]
    save(alice, webhook, fields_of(answer))
    kept = {"transactionAdded", "customerAdded", "tierUpgraded"}
    assert set(reloaded(webhook).event_names) == kept


def test_a_header_that_only_they_replaced_is_taken_without_its_value_in_the_page(
    alice: PageClient, tomas: PageClient, webhook: Webhook
) -> None:
    mine = opened(alice, webhook)
    values = ["Token of Tomas", mine["header_value"][1]]
    save(tomas, webhook, opened(tomas, webhook), header_value=values)
    answer = save(alice, webhook, mine, sla_s="5")
    assert [row.label for row in answer.context["changes"].taken] == ["Header authorization"]
    assert "Token of Tomas" not in html_of(answer)
    assert "hunter2" not in html_of(answer)
    save(alice, webhook, fields_of(answer))
    assert reloaded(webhook).header_pairs == [
        *(("Authorization", "Token of Tomas"), ("X-B", "second value")),
    ]


def test_a_header_that_both_replaced_is_chosen(
    alice: PageClient, tomas: PageClient, webhook: Webhook
) -> None:
    mine = opened(alice, webhook)
    mask = mine["header_value"][1]
    save(tomas, webhook, opened(tomas, webhook), header_value=["Token of Tomas", mask])
    answer = save(alice, webhook, mine, header_value=["Typed by Alice", mask])
    (clash,) = answer.context["changes"].clashes
    shown = fields_of(answer)
    assert shown["header_value"][0] == "Typed by Alice"
    assert "Token of Tomas" not in html_of(answer)
    assert save(alice, webhook, shown, **{clash.choice: "theirs"}).status_code == 302
    assert reloaded(webhook).header_pairs[0] == ("Authorization", "Token of Tomas")


def test_a_header_that_they_removed_and_i_replaced_is_chosen(
    alice: PageClient, tomas: PageClient, webhook: Webhook
) -> None:
    mine = opened(alice, webhook)
    mask = mine["header_value"][1]
    save(tomas, webhook, opened(tomas, webhook), header_name=["X-B"], header_value=[mask])
    answer = save(alice, webhook, mine, header_value=["Typed by Alice", mask])
    (clash,) = answer.context["changes"].clashes
    assert (clash.before, clash.theirs) == ("there", "not there")
    kept = save(alice, webhook, fields_of(answer), **{clash.choice: "mine"})
    assert kept.status_code == 302
    assert dict(reloaded(webhook).header_pairs)["Authorization"] == "Typed by Alice"


def test_the_same_change_by_both_is_no_conflict(
    alice: PageClient, tomas: PageClient, webhook: Webhook
) -> None:
    mine = opened(alice, webhook)
    save(tomas, webhook, opened(tomas, webhook), sla_s="60")
    assert save(alice, webhook, mine, sla_s="60").status_code == 302


def test_what_was_typed_wrong_is_still_there_beside_their_change(
    alice: PageClient, tomas: PageClient, webhook: Webhook
) -> None:
    mine = opened(alice, webhook)
    save(tomas, webhook, opened(tomas, webhook), sla_s="60")
    answer = save(alice, webhook, mine, max_connections="many", sla_s="soon")
    assert answer.status_code == 200
    shown = fields_of(answer)
    assert (shown["max_connections"], shown["sla_s"]) == (["many"], ["soon"])
    (clash,) = answer.context["changes"].clashes
    refused = save(alice, webhook, shown, **{clash.choice: "theirs"})
    assert [field for field, _ in problems(refused)] == ["id_max_connections"]
    assert fields_of(refused)["sla_s"] == ["60"]


def test_a_change_by_the_api_is_told_with_its_credential(
    alice: PageClient, webhook: Webhook
) -> None:
    mine = opened(alice, webhook)
    api = CredentialClient(CredentialFactory(organization=alice.organization, name="Till 4"))
    url = f"/v3/webHooks/{webhook.public_id}"
    assert api.patch(url, {"description": "By the till"}).status_code == 200
    answer = save(alice, webhook, mine, sla_s="5")
    assert "Till 4 changed this webhook" in html_of(answer)
    assert fields_of(answer)["description"] == ["By the till"]


def test_a_deactivation_by_the_service_is_told_with_its_reason(
    alice: PageClient, webhook: Webhook
) -> None:
    mine = opened(alice, webhook)
    row = reloaded(webhook)
    row.deactivate("The receiver answered 410 Gone.")
    row.revision += 1
    row.save()
    answer = save(alice, webhook, mine, sla_s="5")
    assert answer.status_code == 200
    assert "The service changed this webhook" in html_of(answer)
    assert "The receiver answered 410 Gone." in html_of(answer)
    assert "is_active" not in fields_of(answer)
    save(alice, webhook, fields_of(answer))
    saved = reloaded(webhook)
    assert (saved.sla_s, saved.is_active) == (5, False)
    assert saved.deactivation_reason == "The receiver answered 410 Gone."


def test_a_webhook_deleted_meanwhile_becomes_a_new_one_of_what_was_typed(
    alice: PageClient, webhook: Webhook
) -> None:
    mine = opened(alice, webhook)
    api = CredentialClient(CredentialFactory(organization=alice.organization, name="Till 4"))
    assert api.delete(f"/v3/webHooks/{webhook.public_id}").status_code == 200
    answer = save(alice, webhook, mine, sla_s="5")
    assert answer.status_code == 200
    assert "Till 4 deleted this webhook" in html_of(answer)
    assert "hunter2" not in html_of(answer)
    shown = fields_of(answer)
    assert (shown["name"], shown["sla_s"]) == ([webhook.name], ["5"])
    assert alice.post(NEW, shown).status_code == 302
    made = Webhook.objects.latest("id")
    assert made.pk != webhook.pk
    assert made.header_pairs[0] == ("Authorization", "Bearer hunter2")
    assert alice.get(edit_url(webhook)).status_code == 404


def test_hostile_names_of_others_are_shown_not_run(
    alice: PageClient, tomas: PageClient, webhook: Webhook
) -> None:
    tomas.user.first_name = "<script>alert(1)</script>"
    tomas.user.save()
    mine = opened(alice, webhook)
    save(tomas, webhook, opened(tomas, webhook), description="<img src=x onerror=alert(1)>")
    text = html_of(save(alice, webhook, mine, sla_s="5"))
    assert "<script>alert" not in text
    assert "<img" not in text


def test_nothing_is_recorded_until_something_is_saved(
    alice: PageClient, tomas: PageClient, webhook: Webhook
) -> None:
    mine = opened(alice, webhook)
    save(tomas, webhook, opened(tomas, webhook), sla_s="60")
    before = AuditEntry.objects.count()
    save(alice, webhook, mine, sla_s="5")
    assert AuditEntry.objects.count() == before


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_moment_one_saves_and_the_other_is_told(
    alice: PageClient, tomas: PageClient, webhook: Webhook
) -> None:
    mine, theirs = opened(alice, webhook), opened(tomas, webhook)
    answers = together(
        lambda: save(alice, webhook, mine, sla_s="5"),
        lambda: save(tomas, webhook, theirs, sla_s="60"),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 302]
    assert reloaded(webhook).revision == 2
