"""Publishing in batches, against a web that runs and one that is too busy."""

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from events.client import Client
from events.models import Event
from events.publishing import MOST_EVENTS, NotPublished, batches, fresh, publish
from organizations.redis import door
from tests.factories import CredentialFactory


@pytest.fixture
def client(live_server: Any) -> Client:
    """Signed in as a till that may publish."""
    till: Any = CredentialFactory()
    return Client(live_server.url, till.code, till.plain_password)


def test_batches_of_large_events_stay_within_the_limit_of_a_body() -> None:
    template = {"eventName": "customerAdded", "data": {"note": "x" * 10_000}}
    sizes = [len(batch) for batch in batches(template, 250, max_bytes=1_020_000)]
    assert sizes == [100, 100, 50]
    assert [len(batch) for batch in batches(template, 2, max_bytes=1)] == [1, 1]
    small = batches({"eventName": "customerAdded", "data": {}}, MOST_EVENTS + 1, 10**9)
    assert [len(batch) for batch in small] == [MOST_EVENTS, 1]


def test_what_the_api_took_before_is_a_duplicate(client: Client) -> None:
    event = fresh({"eventName": "customerAdded", "data": {}})
    first, second = publish(client, [event]), publish(client, [event])
    assert (first.accepted, first.duplicate) == (1, 0)
    assert (second.accepted, second.duplicate) == (0, 1)


def test_good_events_of_a_batch_are_told_from_bad_ones(client: Client) -> None:
    good = fresh({"eventName": "customerAdded", "data": {}})
    bad = fresh({"eventName": "nobodyKnows", "data": {}})
    published = publish(client, [good, bad])
    assert (published.accepted, published.rejected) == (1, 1)
    assert "No such event type" in published.reason


def test_it_waits_as_long_as_it_is_told_and_then_goes_on(client: Client, settings: Any) -> None:
    settings.EVENTS_PER_MINUTE = 3
    waits = []

    def wait(wait_s: float) -> None:
        waits.append(wait_s)
        door(2.0).call(lambda redis: redis.flushdb())  # the minute is over

    for batch in batches({"eventName": "customerAdded", "data": {}}, 6, 400):
        assert publish(client, batch, sleep=wait).accepted == len(batch)
    assert Event.objects.count() == 6
    assert waits
    assert all(0 < wait_s <= 60 for wait_s in waits)


class Throttling(http.server.BaseHTTPRequestHandler):
    """An API that is always too busy, for the number of seconds that stands in the path."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(429)
        self.send_header("Retry-After", self.path.split("/")[1])
        self.end_headers()
        self.wfile.write(b'{"data": null, "errors": [{"code": 429, "message": "Busy."}]}')

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def busy() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Throttling) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(10)


@pytest.mark.parametrize(("retry_after", "waits"), [("20", [20] * 3), ("61", []), ("soon", [60])])
def test_it_waits_a_minute_at_most_and_then_tells(
    busy: str, retry_after: str, waits: list[int]
) -> None:
    waited: list[float] = []
    client = Client(f"{busy}/{retry_after}", "till", "secret")
    with pytest.raises(NotPublished, match="Too many events in a short time"):
        publish(client, [fresh({"eventName": "a", "data": {}})], sleep=waited.append)
    assert waited == waits
