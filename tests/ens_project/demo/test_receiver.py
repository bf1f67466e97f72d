"""The demo's receiver over real sockets; signed by the specification's own library."""

import dataclasses
import datetime as dt
import http.client
import json
import queue
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import standardwebhooks
from django.core.management import CommandError, call_command

from ens_project.demo.receiver import MAX_BODY_BYTES, DemoReceiver, Expected
from ens_project.demo.seed import seed
from ens_project.management.commands.demo_receiver import expected
from webhooks.models import SigningSecret, Webhook
from webhooks.signing_secrets import new_signing_secret

AUTHORIZATION = "Bearer of-the-demo"
PATHS = ("/events", "/crm", "/down")


@dataclass
class House:
    """A running receiver, what it expects, and the lines that it writes."""

    secret: str = field(default_factory=new_signing_secret)
    authorization: str = AUTHORIZATION
    lines: "queue.Queue[str]" = field(default_factory=queue.Queue)
    port: int = 0

    def expect(self) -> dict[str, Expected]:
        return dict.fromkeys(PATHS, Expected((self.secret,), self.authorization))

    def line(self) -> str:
        return self.lines.get(timeout=10)

    def headers(self, body: bytes, secret: str = "", age_s: int = 0) -> dict[str, str]:
        moment = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=age_s)
        signature = standardwebhooks.Webhook(secret or self.secret).sign(
            "event-1", moment, body.decode()
        )
        return {
            "Authorization": AUTHORIZATION,
            "webhook-id": "event-1",
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": signature,
        }

    def send(
        self, body: bytes, headers: dict[str, str], method: str = "POST", path: str = "/events"
    ) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def say(self, raw: bytes) -> bytes:
        """Send the bytes and nothing more; everything that comes back until the end."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as sock:
            sock.sendall(raw)
            sock.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: sock.recv(65536), b""))


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    address = ("127.0.0.1", 0)
    with DemoReceiver(address, house.expect, house.lines.put, {"/down": 2}) as server:
        house.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield house
        server.shutdown()
        thread.join(10)


def event(**changes: Any) -> bytes:
    body = {
        "eventName": "pointsIssued",
        "eventId": "event-1",
        "createdAt": int(time.time() * 1000),
        "data": {"mobile": "919009535723"},
    }
    return json.dumps(body | changes).encode()


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_signed_event_is_answered_with_204_and_told_in_one_line(
    house: House, method: str
) -> None:
    body = event()
    assert house.send(body, house.headers(body), method) == 204
    line = house.line()
    told = rf"pointsIssued +event-1 +{len(body)} B, signature ok, ([0-9]+) ms"
    assert (found := re.fullmatch(told, line)), line
    assert int(found[1]) < 10_000


def test_what_the_event_says_of_people_is_never_shown(house: House) -> None:
    body = event()
    house.send(body, house.headers(body))
    assert "919009535723" not in house.line()


def test_a_wrong_signature_is_refused(house: House) -> None:
    body = event()
    assert house.send(body, house.headers(body, secret=new_signing_secret())) == 401
    assert "signature WRONG" in house.line()


def test_a_changed_body_is_refused(house: House) -> None:
    body = event()
    assert house.send(body.replace(b"9", b"8"), house.headers(body)) == 401


def test_an_old_signature_is_refused(house: House) -> None:
    body = event()
    assert house.send(body, house.headers(body, age_s=3600)) == 401


def test_the_second_of_two_signatures_is_enough(house: House) -> None:
    body = event()
    headers = house.headers(body)
    others = house.headers(body, secret=new_signing_secret())["webhook-signature"]
    headers["webhook-signature"] = f"{others} {headers['webhook-signature']}"
    assert house.send(body, headers) == 204


def test_a_wrong_authorization_is_refused(house: House) -> None:
    body = event()
    assert house.send(body, house.headers(body) | {"Authorization": "Bearer guessed"}) == 401
    assert "authorization WRONG" in house.line()


def test_no_headers_at_all_are_refused(house: House) -> None:
    assert house.send(b"{}", {}) == 401


def test_a_path_where_nobody_is_is_refused(house: House) -> None:
    body = event()
    assert house.send(body, house.headers(body), path="/other") == 401
    assert "nobody is here" in house.line()


def test_a_path_that_is_down_at_first_refuses_that_often(house: House) -> None:
    body = event()
    answers = [house.send(body, house.headers(body), path="/down") for _ in range(4)]
    assert answers == [503, 503, 204, 204]
    assert "answered 503" in house.line()


def test_an_enriched_event_tells_what_it_was_enriched_with_and_nothing_of_it(
    house: House,
) -> None:
    body = event(data={"enteredBy": {"id": 1, "till": {"name": "N"}}, "instore": {"email": "a@b"}})
    house.send(body, house.headers(body), path="/crm")
    assert house.line().endswith("ms, at /crm with till, instore")


def test_a_renewed_secret_is_noticed(house: House) -> None:
    house.secret = new_signing_secret()
    body = event()
    assert house.send(body, house.headers(body)) == 204


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"not JSON", b"[]", b'"text"', b"[" * 100_000, b'{"eventName": 3}'),
        *(event(createdAt="soon"), event(createdAt=[]), event(eventName="a\n\x1b[31mb")),
    ],
)
def test_garbage_that_is_signed_is_taken_and_told_in_one_harmless_line(
    house: House, body: bytes
) -> None:
    assert house.send(body, house.headers(body)) == 204
    assert house.line().isprintable()


def test_a_body_without_a_length_is_refused(house: House) -> None:
    answer = house.say(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 411 ")
    assert house.line() == "refused with 411 Length Required"


def test_a_body_that_is_too_long_is_refused_unread(house: House) -> None:
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n"
    assert house.say(head.encode()).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\xff\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nshort",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_it_survives_what_is_no_request(house: House, raw: bytes) -> None:
    house.say(raw)
    body = event()
    assert house.send(body, house.headers(body)) == 204


def test_a_sender_that_goes_away_is_told_without_a_traceback(house: House) -> None:
    house.say(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nshort")
    assert house.line() == "a request was not read to its end (ConnectionResetError)"


def test_a_connection_serves_many_events(house: House) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=10)
    for _ in range(3):
        body = event()
        connection.request("POST", "/events", body, house.headers(body))
        response = connection.getresponse()
        assert (response.status, response.read()) == (204, b"")
        assert not response.will_close
    connection.close()


# --- The command ---------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.both_databases
def test_it_expects_what_the_webhooks_send_along_now(demo: Any) -> None:
    state = seed()
    webhook = Webhook.objects.get(public_id=state.webhook_ids["Demo receiver"])
    past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    SigningSecret.objects.create(webhook=webhook, secret=new_signing_secret(), expires_at=past)
    new = SigningSecret.objects.create(webhook=webhook, secret=new_signing_secret())
    old = webhook.signing_secrets.last()
    assert old is not None
    header = webhook.headers.get()
    found = expected(state)
    assert found["/events"] == Expected((new.secret, old.secret), header.value)
    assert found.keys() == {"/events", "/crm", "/analytics"}


@pytest.mark.django_db
def test_nothing_is_expected_for_a_webhook_that_is_not_there(demo: Any) -> None:
    state = dataclasses.replace(seed(), webhook_ids={"Demo receiver": "0" * 24})
    assert expected(state) == {}


@pytest.mark.django_db
def test_a_port_that_is_taken_is_told_in_one_line(demo: Any) -> None:
    with (
        socket.create_server(("127.0.0.1", seed().receiver_port)),
        pytest.raises(CommandError, match=r"can not be listened on \(Address already in use\)"),
    ):
        call_command("demo_receiver")
