"""Two people edit one webhook's enrichment, filter or queue."""

from typing import Any

import pytest

from organizations.models import Access
from tests.conftest import PageClient, member
from tests.markup import html_of
from tests.webhooks.forms import Fields, add, edit_url, fields_of, opened, reloaded
from webhooks.models import Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

QUEUE = "amqps://bakery:{}@queues.example.com/exchange?routing_key=orders"
MASKED = QUEUE.format("••••")


@pytest.fixture
def tomas(alice: PageClient) -> PageClient:
    return member(alice.organization, "tomas", Access.WRITE)


@pytest.fixture
def webhook(alice: PageClient) -> Webhook:
    return add(alice)


@pytest.fixture
def queue(alice: PageClient) -> Webhook:
    return add(alice, name="To a queue", url=QUEUE.format("first"), webhook_type="queue")


def save(client: PageClient, webhook: Webhook, fields: Fields, **changes: Any) -> Any:
    return client.post(edit_url(webhook), fields | changes)


def test_sources_are_merged_one_by_one(
    alice: PageClient, tomas: PageClient, webhook: Webhook
) -> None:
    mine, theirs = opened(alice, webhook), opened(tomas, webhook)
    chosen = {"customer_identifier": "on", "enrich_customer_sources": ["Instore"]}
    assert save(tomas, webhook, theirs, **chosen, enrich_till="on").status_code == 302
    chosen = {"customer_identifier": "on", "enrich_customer_sources": ["WeChat"]}
    answer = save(alice, webhook, mine, **chosen)
    text = html_of(answer)
    assert "Source InStore: from <q>not selected</q> to <q>selected</q>" in text
    assert "Till: from <q>off</q> to <q>on</q>" in text
    assert save(alice, webhook, fields_of(answer)).status_code == 302
    saved = reloaded(webhook)
    assert (saved.enrich_customer_sources, saved.enrich_till) == (["Instore", "WeChat"], True)


def test_two_filters_want_a_choice(alice: PageClient, tomas: PageClient, webhook: Webhook) -> None:
    mine, theirs = opened(alice, webhook), opened(tomas, webhook)
    assert save(tomas, webhook, theirs, filter='{"data.a": 1}').status_code == 302
    answer = save(alice, webhook, mine, filter='{"data.b": 2}')
    (clash,) = answer.context["changes"].clashes
    assert (clash.label, clash.before) == ("Payload filter", "empty")
    assert '"data.a": 1' in clash.theirs
    assert '"data.b": 2' in clash.mine
    assert save(alice, webhook, fields_of(answer) | {clash.choice: "theirs"}).status_code == 302
    assert reloaded(webhook).filter == {"data.a": 1}


def test_a_filter_that_was_taken_away_is_taken_over(
    alice: PageClient, tomas: PageClient, webhook: Webhook
) -> None:
    webhook.filter = {"data.a": 1}
    webhook.save()
    mine, theirs = opened(alice, webhook), opened(tomas, webhook)
    assert save(tomas, webhook, theirs, filter="").status_code == 302
    answer = save(alice, webhook, mine, sla_s="9")
    assert fields_of(answer)["filter"] == [""]
    assert save(alice, webhook, fields_of(answer)).status_code == 302
    assert (reloaded(webhook).filter, reloaded(webhook).sla_s) == (None, 9)


def test_another_password_of_a_queue_is_told_without_telling_it(
    alice: PageClient, tomas: PageClient, queue: Webhook
) -> None:
    mine, theirs = opened(alice, queue), opened(tomas, queue)
    assert mine["url"] == [MASKED]
    assert save(tomas, queue, theirs, url=QUEUE.format("second")).status_code == 302
    answer = save(alice, queue, mine, sla_s="9")
    text = html_of(answer)
    assert "Password in the URL: from <q>there</q> to <q>another value</q>" in text
    assert "bakery:second" not in text
    assert save(alice, queue, fields_of(answer)).status_code == 302
    assert (reloaded(queue).url_secret, reloaded(queue).sla_s) == ("bakery:second", 9)


@pytest.mark.parametrize(("choice", "kept"), [("theirs", "second"), ("mine", "third")])
def test_two_passwords_of_a_queue_want_a_choice(
    choice: str, kept: str, alice: PageClient, tomas: PageClient, queue: Webhook
) -> None:
    mine, theirs = opened(alice, queue), opened(tomas, queue)
    assert save(tomas, queue, theirs, url=QUEUE.format("second")).status_code == 302
    answer = save(alice, queue, mine, url=QUEUE.format("third"))
    (clash,) = answer.context["changes"].clashes
    assert clash.label == "Password in the URL"
    told = f"{clash.before} {clash.theirs} {clash.mine}"
    assert not any(word in told for word in ("first", "second", "third"))
    assert save(alice, queue, fields_of(answer) | {clash.choice: choice}).status_code == 302
    assert reloaded(queue).url_secret == f"bakery:{kept}"
