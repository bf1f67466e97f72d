"""`manage.py send_event` against a web that runs."""

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ens_project.demo.seed import seed
from ens_project.embedded import free_port
from events.models import Event, EventType
from organizations.models import Access, Credential
from tests.factories import CredentialFactory


@pytest.fixture
def till(live_server: Any) -> Credential:
    credential: Credential = CredentialFactory()
    return credential


def arguments(till: Any, live_server: Any, **options: Any) -> dict[str, Any]:
    return {"url": live_server.url, "code": till.code, "password": till.plain_password} | options


@pytest.fixture
def send(till: Any, live_server: Any) -> Any:
    """Runs the command as the till; its lines."""

    def run(name: str, **options: Any) -> list[str]:
        out = io.StringIO()
        call_command("send_event", name, stdout=out, **arguments(till, live_server, **options))
        return out.getvalue().splitlines()

    return run


def file_with(tmp_path: Path, content: Any) -> str:
    path = tmp_path / "event.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return str(path)


def payload() -> dict[str, Any]:
    body: dict[str, Any] = json.loads(Event.objects.get().payload)
    return body


# --- What is sent --------------------------------------------------------------------------


def test_the_sample_is_sent_as_an_event_of_the_own_organisation(send: Any, till: Any) -> None:
    (line,) = send("transactionAdded")
    event = Event.objects.get()
    assert line.startswith(f"accepted {event.event_id} in ")
    assert line.endswith(" ms")
    assert (event.name, event.organization, event.failures) == (
        "transactionAdded",
        till.organization,
        None,
    )
    assert event.received_from == till.code
    assert abs((event.ingested_at - event.occurred_at).total_seconds()) < 60


def test_each_time_it_is_another_event(send: Any) -> None:
    send("transactionAdded", sample=True)
    send("transactionAdded", sample=True)
    assert Event.objects.count() == 2


def test_many_are_sent_in_batches_of_a_thousand(send: Any) -> None:
    lines = send("customerAdded", count=1200)
    assert [line.rpartition(" in ")[0] for line in lines] == [
        "1000 accepted, 0 duplicate, 0 rejected",
        "200 accepted, 0 duplicate, 0 rejected",
    ]
    assert Event.objects.count() == 1200


def test_a_file_may_hold_the_data_alone(send: Any, tmp_path: Path) -> None:
    send("customerAdded", file=file_with(tmp_path, {"customerIdentifiers": {"customerId": 7}}))
    assert payload()["data"] == {"customerIdentifiers": {"customerId": 7}}


def test_a_file_may_hold_the_event_and_only_its_id_is_made_anew(send: Any, tmp_path: Path) -> None:
    given = {
        "eventName": "customerAdded",
        "eventId": "of the file",
        "refId": "ref-1",
        "createdAt": 1619199042493,
        "data": {"a": 1.0},
        "traceAttributes": {"k": "v"},
    }
    send("customerAdded", file=file_with(tmp_path, given))
    sent = payload()
    assert sent["eventId"] != "of the file"
    kept = {key: value for key, value in given.items() if key != "eventId"}
    assert sent.items() >= kept.items()


def test_numbers_arrive_as_the_file_spells_them(send: Any, tmp_path: Path) -> None:
    text = b'{"data": {"amount": 1.0, "id": 123456789012345678901234567890}}'
    send("customerAdded", file=file_with(tmp_path, text))
    assert '"data":{"amount":1.0,"id":123456789012345678901234567890}' in (
        Event.objects.get().payload
    )


def test_a_file_may_hold_the_envelope_of_the_queue(send: Any, tmp_path: Path) -> None:
    queued = {
        "eventId": "q",
        "eventType": "customerAdded",
        "timeStamp": 1619199042493,
        "attributes": {"data": {"b": 2}},
    }
    send("customerAdded", file=file_with(tmp_path, queued))
    assert payload()["data"] == {"b": 2}
    assert payload()["createdAt"] == 1619199042493


def test_an_event_comes_from_standard_input_too(send: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b'{"data": {"c": 3}}')))
    send("customerAdded", file="-")
    assert payload()["data"] == {"c": 3}


def test_a_custom_type_has_its_sample_from_the_api(send: Any, till: Any) -> None:
    EventType.objects.create(
        organization=till.organization, name="shoePolished", schema={}, sample={"data": {"n": 1}}
    )
    send("shoePolished")
    assert (payload()["eventName"], payload()["data"]) == ("shoePolished", {"n": 1})


# --- What is printed -----------------------------------------------------------------------


def test_json_is_an_object_for_each_batch(send: Any) -> None:
    (single,) = map(json.loads, send("customerAdded", json=True))
    assert single.pop("ms") > 0
    assert single == {
        "eventId": Event.objects.get().event_id,
        "accepted": 1,
        "duplicate": 0,
        "rejected": 0,
        "reason": None,
    }
    first, second = map(json.loads, send("customerAdded", json=True, count=1001))
    assert (first["accepted"], second["accepted"]) == (1000, 1)
    assert "eventId" not in first


@pytest.mark.parametrize("count", [1, 3])
def test_rejected_events_are_counted_with_the_reason_and_end_in_failure(
    send: Any, till: Any, live_server: Any, tmp_path: Path, count: int
) -> None:
    file = file_with(tmp_path, {"orgId": till.organization_id + 1, "data": {}})
    out = io.StringIO()
    options = arguments(till, live_server, file=file, count=count)
    with pytest.raises(CommandError, match=rf"{count} events? (was|were) rejected"):
        call_command("send_event", "customerAdded", stdout=out, **options)
    assert "rejected" in out.getvalue()
    assert "orgId is not the organization of the credential." in out.getvalue()


# --- What can be wrong ---------------------------------------------------------------------


def test_an_unknown_name_is_told_with_those_that_are_near(send: Any) -> None:
    with pytest.raises(CommandError, match=r"no event type 'transactionAded'.*transactionAdded"):
        send("transactionAded")


def test_an_unknown_name_with_a_file_is_rejected_by_the_api(send: Any, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="1 event was rejected"):
        send("nobodyKnows", file=file_with(tmp_path, {"data": {}}))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"not JSON", "not JSON: Expecting value, line 1 column 1"),
        (b"", "not JSON"),
        (b"\xff", "not UTF-8"),
        (b'{"a": 1, "a": 2}', "repeated"),
        (b"[]", "An event is a JSON object"),
        (b'{"eventName": "tierUpgraded", "data": {}}', "another type: tierUpgraded"),
        (b'{"eventType": "other", "attributes": {"eventName": "x"}}', "eventType does not name"),
    ],
)
def test_a_file_that_is_no_event_of_that_name_is_told(
    send: Any, tmp_path: Path, content: bytes, reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        send("customerAdded", file=file_with(tmp_path, content))
    assert not Event.objects.exists()


def test_a_file_that_can_not_be_read_is_told(send: Any, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="can not be read: No such file"):
        send("customerAdded", file=str(tmp_path / "missing"))
    with pytest.raises(CommandError, match="can not be read: Is a directory"):
        send("customerAdded", file=str(tmp_path))


def test_a_wrong_password_is_told(send: Any) -> None:
    with pytest.raises(CommandError, match="or its password is wrong"):
        send("customerAdded", password="guessed")


def test_a_credential_that_may_not_publish_is_told(send: Any, till: Any) -> None:
    Credential.objects.filter(pk=till.pk).update(may_write_events=False)
    with pytest.raises(CommandError, match="may not publish events"):
        send("customerAdded")


def test_a_credential_without_read_is_told_why_it_gets_no_sample(send: Any, till: Any) -> None:
    Credential.objects.filter(pk=till.pk).update(webhooks_access=Access.NONE)
    with pytest.raises(CommandError, match=r"nobodyKnows can not be asked for: .*denied"):
        send("nobodyKnows")


def test_an_event_that_is_too_large_is_told(send: Any, tmp_path: Path) -> None:
    file = file_with(tmp_path, {"data": {"note": "x" * 1_100_000}})
    with pytest.raises(CommandError, match=r"11\d{5} bytes are too much"):
        send("customerAdded", file=file)


def test_nobody_listening_is_told(send: Any) -> None:
    with pytest.raises(CommandError, match="can not be reached: Connection refused"):
        send("customerAdded", url=f"http://127.0.0.1:{free_port()}")


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://127.0.0.1", "http://", "http://x:port"])
def test_a_url_that_is_none_is_told(send: Any, url: str) -> None:
    with pytest.raises(CommandError, match="--url: "):
        send("customerAdded", url=url)


@pytest.mark.parametrize("count", ["0", "-1", "many", "1e3"])
def test_a_count_that_is_none_is_told(send: Any, count: str) -> None:
    with pytest.raises(CommandError, match="a whole number from 1"):
        call_command("send_event", "customerAdded", "--count", count)


# --- Who publishes -------------------------------------------------------------------------


def test_the_credential_may_stand_in_the_environment(
    till: Any, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENS_CODE", till.code)
    monkeypatch.setenv("ENS_PASSWORD", till.plain_password)
    call_command("send_event", "customerAdded", url=live_server.url, stdout=io.StringIO())
    assert Event.objects.get().received_from == till.code


def test_in_the_demo_nothing_need_be_said(live_server: Any, settings: Any, tmp_path: Path) -> None:
    settings.DEMO = True
    settings.DEMO_FILE = tmp_path / "demo.json"
    settings.PORT = live_server.thread.port
    settings.HOST = live_server.thread.host
    state = seed()
    call_command("send_event", "customerAdded", stdout=io.StringIO())
    assert Event.objects.get().received_from == state.code


def test_without_a_credential_it_says_how_to_get_one(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENS_CODE", raising=False)
    with pytest.raises(CommandError, match="create_credential"):
        call_command("send_event", "customerAdded")


def test_outside_of_a_demo_its_credential_is_not_used(settings: Any, tmp_path: Path) -> None:
    settings.DEMO_FILE = tmp_path / "demo.json"
    settings.DEMO_FILE.write_text('{"code": "demo.till", "password": "secret"}')
    with pytest.raises(CommandError, match="A credential is needed"):
        call_command("send_event", "customerAdded")


def test_the_demos_password_is_only_for_the_demos_code(settings: Any, tmp_path: Path) -> None:
    settings.DEMO = True
    settings.DEMO_FILE = tmp_path / "demo.json"
    settings.DEMO_FILE.write_text('{"code": "demo.till", "password": "secret"}')
    with pytest.raises(CommandError, match="A credential is needed"):
        call_command("send_event", "customerAdded", code="another.till")
