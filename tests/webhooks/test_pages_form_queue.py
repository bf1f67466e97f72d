"""The URL of a queue in the form: checked while it is typed, its password never shown again."""

from urllib.parse import urlencode

import pytest

from organizations.models import AuditEntry
from tests.conftest import PageClient
from tests.markup import html_of
from tests.webhooks.forms import FILLED, NEW, add, edit_url, fields_of, opened, problems, reloaded
from webhooks.models import Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

URL = "amqps://bakery:hunter2@queues.example.com/exchange?routing_key=orders"
MASKED = URL.replace("hunter2", "••••")
CHECK = "/notifications/check-url"


@pytest.fixture
def queue(alice: PageClient) -> Webhook:
    return add(alice, url=URL, webhook_type="queue")


def test_the_password_is_stored_and_shown_as_a_mask(alice: PageClient, queue: Webhook) -> None:
    assert "hunter2" not in queue.url
    assert queue.url_secret == "bakery:hunter2"
    for path in (edit_url(queue), f"/notifications/{queue.public_id}", "/notifications"):
        assert "hunter2" not in html_of(alice.get(path))
    assert MASKED in html_of(alice.get(f"/notifications/{queue.public_id}"))
    fields = opened(alice, queue)
    assert (fields["url"], fields["webhook_type"]) == ([MASKED], ["queue"])
    assert "hunter2" not in str(AuditEntry.objects.latest("id").after)


def test_the_mask_keeps_the_password_and_another_replaces_it(
    alice: PageClient, queue: Webhook
) -> None:
    fields = opened(alice, queue)
    moved = MASKED.replace("orders", "returns")
    assert alice.post(edit_url(queue), fields | {"url": moved}).status_code == 302
    assert (reloaded(queue).url_secret, "returns" in reloaded(queue).url) == (
        "bakery:hunter2",
        True,
    )
    fields = opened(alice, queue) | {"url": URL.replace("hunter2", "other")}
    assert alice.post(edit_url(queue), fields).status_code == 302
    assert reloaded(queue).url_secret == "bakery:other"
    entry = AuditEntry.objects.latest("id")
    assert not any(word in f"{entry.before} {entry.after}" for word in ("hunter2", "other"))


def test_the_mask_is_no_password_elsewhere(alice: PageClient, queue: Webhook) -> None:
    elsewhere = MASKED.replace("queues.example.com", "elsewhere.example.com")
    answer = alice.post(edit_url(queue), opened(alice, queue) | {"url": elsewhere})
    ((field, message),) = problems(answer)
    assert field == "id_url"
    assert "give the password" in message
    assert fields_of(answer)["url"] == [elsewhere]
    assert reloaded(queue).url_secret == "bakery:hunter2"


def test_a_copy_takes_the_password_along(alice: PageClient, queue: Webhook) -> None:
    fields = fields_of(alice.get(f"{NEW}?from={queue.public_id}"))
    assert fields["url"] == [MASKED]
    assert alice.post(NEW, fields | {"name": "Copy"}).status_code == 302
    assert Webhook.objects.latest("id").url_secret == "bakery:hunter2"


def check(client: PageClient, **fields: str) -> str:
    answer = client.post(CHECK, fields)
    assert answer.status_code == 200
    return html_of(answer)


def test_a_url_is_checked_by_the_type_that_is_chosen(alice: PageClient, queue: Webhook) -> None:
    assert "error" not in check(alice, url=URL, webhook_type="queue")
    assert "error" not in check(alice, url="am", webhook_type="queue")
    assert "begins with one of" in check(alice, url="https://a.example/", webhook_type="queue")
    assert "a queue needs the type queue" in check(alice, url=URL, webhook_type="HTTP")
    assert "a queue needs the type queue" in check(alice, url=URL)
    masked = {"url": MASKED, "webhook_type": "queue"}
    assert "error" not in check(alice, **masked, webhook=queue.public_id)
    assert "give the password" in check(alice, **masked)


def test_the_check_tells_nothing_of_another_organizations_webhook(
    charlie_page: PageClient, queue: Webhook
) -> None:
    masked = {"url": MASKED, "webhook_type": "queue"}
    theirs = check(charlie_page, **masked, webhook=queue.public_id)
    assert theirs == check(charlie_page, **masked, webhook="0" * 24)
    assert "give the password" in theirs


@pytest.mark.parametrize("name", ["webhook", "from", "webhook_type", "url"])
@pytest.mark.parametrize("bad", ["\x00", "\ud800", "x" * 100_000, "' OR 1=1"])
def test_hostile_checks_are_answered(alice: PageClient, name: str, bad: str) -> None:
    fields = {"url": MASKED, "webhook_type": "queue", name: bad}
    body = urlencode(fields, errors="surrogatepass")
    answer = alice.post(CHECK, body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200


def test_wrong_urls_of_queues_are_told_at_the_field(alice: PageClient) -> None:
    for url in ("https://receiver.example.com/", "amqp://", "redis://h.example.com/", "sqs://q"):
        answer = alice.post(NEW, FILLED | {"url": url, "webhook_type": "queue"})
        assert [field for field, _ in problems(answer)] == ["id_url"]
