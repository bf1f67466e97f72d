"""What a newcomer sees: against a web that answers, an engine that delivers, and curl."""

import os
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from delivery.engine.process import Engine
from delivery.engine.semaphore import EPOCH_KEY
from delivery.engine.wake import Waker
from delivery.models import Delivery, State
from ens_project.demo import brand
from ens_project.demo.receiver import DemoReceiver
from ens_project.demo.seed import seed
from ens_project.demo.show import LogUnreadable, Sent, Show, Shown
from ens_project.demo.state import DemoState
from ens_project.demo.story import story
from ens_project.embedded import free_port
from ens_project.management.commands.demo_receiver import expected
from events.client import NoAnswer
from organizations.models import Credential
from organizations.redis import door
from tests.ens_project.running import running
from webhooks.models import Subscription, Webhook

NAMES = list(brand.EVENT_NAMES)


@pytest.fixture
def state(live_server: Any, demo: Any) -> DemoState:
    return seed()


@pytest.fixture
def lines(state: DemoState) -> Iterator[list[str]]:
    """What the receiver of the seeded demo writes while it runs."""
    lines: list[str] = []
    address = ("127.0.0.1", state.receiver_port)
    with DemoReceiver(
        address, lambda: expected(state), lines.append, brand.REFUSED_AT_FIRST
    ) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield lines
        server.shutdown()
        thread.join(10)


@pytest.fixture
def deliver(state: DemoState) -> Iterator[Callable[[float], None]]:
    """In the place of a pause: an engine delivers what is or will be due."""
    redis = door(2.0)
    redis.call(lambda client: client.set(EPOCH_KEY, 1))  # else no slots for three seconds
    engine = Engine(Waker(redis, lambda _: None), redis)
    webhooks = list(Webhook.objects.values_list("pk", flat=True))

    def pause(_: float) -> None:
        Delivery.objects.filter(state=State.RETRYING).update(next_attempt_at="2020-01-01T00:00Z")
        for webhook_id in webhooks:
            engine.drain(webhook_id)
        engine.settle(timeout_s=20)

    yield pause
    engine.stop(timeout_s=5)


def test_each_event_of_the_demo_is_sent_and_delivered(
    state: DemoState, live_server: Any, lines: list[str], deliver: Callable[[float], None]
) -> None:
    sent = Show(state, live_server.url, sleep=deliver).run().events
    assert [event.name for event in sent] == NAMES
    assert {event.state for event in sent} == {"delivered"}
    assert all(0 <= (event.receipt_ms or -1) < 20_000 for event in sent)
    of_receiver = [line for line in lines if ", at /" not in line][: len(sent)]
    assert [line.split()[:2] for line in of_receiver] == [[e.name, e.event_id] for e in sent]
    assert all("signature ok" in line for line in of_receiver)
    ours = Delivery.objects.filter(state=State.DELIVERED, webhook__name=brand.RECEIVER.name)
    assert ours.filter(event__organization=state.organization, is_replay=False).count() == 11
    assert ours.filter(event__organization__parent=state.organization).count() == 1


def test_enrichment_recovery_and_a_replay_are_shown(
    state: DemoState, live_server: Any, lines: list[str], deliver: Callable[[float], None]
) -> None:
    shown = Show(state, live_server.url, sleep=deliver).run()
    assert [event.state for event in shown.enriched] == ["delivered"] * 2
    at_crm = [line for line in lines if ", at /crm" in line]
    assert all("till, store, instore" in line for line in at_crm)
    assert any("AvailablePointsBalance" in line for line in at_crm)
    assert [(event.state, event.attempts) for event in shown.recovered] == [("delivered", 2)]
    assert shown.replayed.state == "delivered"
    again = [line for line in lines if shown.replayed.event_id in line and ", at /" not in line]
    assert len(again) == 2
    text = story(state, live_server.url, shown)
    assert re.search(r"Demo analytics +customerAdded +was down; delivered by attempt 2", text)
    assert "sent again, with the same webhook-id" in text


def test_the_samples_fit_their_schemas(
    state: DemoState, live_server: Any, lines: list[str], deliver: Callable[[float], None]
) -> None:
    Show(state, live_server.url, sleep=deliver).run()
    assert not Delivery.objects.exclude(event__failures=None).exists()


def test_an_event_that_a_second_attempt_delivered_counts_to_its_end(
    state: DemoState, live_server: Any, deliver: Callable[[float], None]
) -> None:
    pauses = []

    def pause(pause_s: float) -> None:
        """The first attempt finds nobody; a receiver is there for the second."""
        pauses.append(pause_s)
        deliver(pause_s)
        if len(pauses) == 1:
            begin_to_listen()

    servers = []

    def begin_to_listen() -> None:
        address = ("127.0.0.1", state.receiver_port)
        server = DemoReceiver(address, lambda: expected(state), lambda _: None)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)

    sent = Show(state, live_server.url, sleep=pause).run().events
    servers[0].shutdown()
    servers[0].server_close()
    assert {event.state for event in sent} == {"delivered"}
    assert sent[0].receipt_ms is not None


def test_what_is_not_delivered_in_time_is_shown_as_it_is(
    state: DemoState, live_server: Any
) -> None:
    shown = Show(state, live_server.url, patience_s=0).run()
    assert {event.state for event in shown.events} == {"pending"}
    assert shown.replayed.state == "pending"
    assert "0 of 12 delivered;" in story(state, live_server.url, shown)


def test_a_type_that_the_webhook_no_longer_gets_is_not_waited_for(
    state: DemoState, live_server: Any
) -> None:
    Subscription.objects.all().delete()
    shown = Show(state, live_server.url, sleep=no_pause).run()
    assert {event.state for event in shown.events} == {"not subscribed"}


def test_a_webhook_that_is_gone_is_not_waited_for(state: DemoState, live_server: Any) -> None:
    Webhook.objects.update(deleted_at="2026-01-01T00:00Z")
    shown = Show(state, live_server.url, sleep=no_pause).run()
    assert {event.state for event in [*shown.events, *shown.recovered]} == {"not subscribed"}


def no_pause(_: float) -> None:
    raise AssertionError("it waits for what never comes")


def test_a_credential_that_was_revoked_is_told(state: DemoState, live_server: Any) -> None:
    Credential.objects.get(code=state.code).revoke()
    with pytest.raises(LogUnreadable, match="Wrong till username or password"):
        Show(state, live_server.url).run()


def test_a_log_that_may_not_be_read_is_told(state: DemoState, live_server: Any) -> None:
    Credential.objects.update(webhooks_access="none")
    with pytest.raises(LogUnreadable, match="Access is denied"):
        Show(state, live_server.url).run()


def test_a_web_that_does_not_answer_is_told(demo: Any, db: None) -> None:
    with pytest.raises(NoAnswer, match=f"127.0.0.1:{demo.PORT} can not be reached"):
        Show(seed(), f"http://127.0.0.1:{demo.PORT}").run()
    with pytest.raises(CommandError, match="can not be reached"):
        call_command("show_demo")


# --- What is printed -----------------------------------------------------------------------


def printed() -> list[str]:
    state = DemoState(
        organization=1,
        code=brand.TILL_CODE,
        password="p" * 43,
        child_code=brand.CHILD_TILL_CODE,
        child_password="c" * 43,
        users={user.username: "u" * 20 for user in brand.USERS},
        webhook_ids={webhook.name: "0" * 24 for webhook in brand.WEBHOOKS},
        receiver_port=8001,
    )
    sent = [
        Sent(name, "5e9d7b03-c64f-3d00-085d-7f0036b25f81", name == NAMES[-1], "delivered", 12.4)
        for name in NAMES
    ]
    one = replace(sent[0], attempts=2, receipt_ms=5_312.0)
    shown = Shown(sent, enriched=[sent[2], sent[4]], recovered=[one], replayed=sent[0])
    return story(state, "http://127.0.0.1:8000", shown).splitlines()


def test_the_text_fits_a_terminal_of_100_columns() -> None:
    assert max(map(len, printed())) <= 100
    assert not any(line != line.rstrip() for line in printed())


def test_the_text_tells_where_to_sign_in_and_who_may_do_what() -> None:
    text = "\n".join(printed())
    assert "http://127.0.0.1:8000/sign-in" in text
    assert "http://127.0.0.1:8000/api/docs" in text
    for user in brand.USERS:
        assert re.search(rf"{user.username} +{'u' * 20} +{user.access.label}: ", text)


def commands_in(lines: list[str]) -> list[str]:
    """The curl commands, each with the lines that it goes on in."""
    text = "\n".join(lines)
    return re.findall(r"^curl .*?http://\S+$", text, re.DOTALL | re.MULTILINE)


def test_the_text_has_three_commands_to_paste() -> None:
    found = [shlex.split(command) for command in commands_in(printed())]
    assert [command[-1].removeprefix("http://127.0.0.1:8000") for command in found] == [
        "/v3/events",
        "/v3/webHooks/eventLog/5e9d7b03-c64f-3d00-085d-7f0036b25f81",
        "/v3/webHooks",
    ]


# --- The whole demo, as `make run` starts it -----------------------------------------------

OURS = ("ENS_", "DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return given | {
        "ENS_DATA_DIR": str(tmp_path / "data"),
        "ENS_PORT": str(free_port()),
        "ENS_WORKERS": "1",
    }


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_demo_is_shown_its_commands_work_and_the_next_start_goes_on_with_it(
    environ: dict[str, str],
) -> None:
    with running(["manage.py", "up", "--demo"], env=environ) as first:
        first.wait_for_line("12 of 12 delivered")
        first.wait_for_line("was down; delivered by attempt 2")
        first.wait_for_line("sent again, with the same webhook-id")
        first.wait_for_line("goes on with the same data")
        publish, read_log, list_webhooks = commands_in(first.lines)
        assert '"status":"accepted"' in shell(publish)
        first.wait_for_line("signature ok", after=len(first.lines))
        assert '"status":"delivered"' in shell(read_log)
        assert '"name":"Demo receiver"' in shell(list_webhooks)
        assert send_event(environ, "tierUpgraded").startswith("accepted ")
        first.wait_for_line("tierUpgraded", after=len(first.lines))
        assert first.stop() == 0
    with running(["manage.py", "up", "--demo"], env=environ) as second:
        second.wait_for_line("12 of 12 delivered")
        second.wait_for_line("goes on with the same data")
        assert commands_in(second.lines)[0] == publish
        assert shell(list_webhooks).count('"webHookId"') == len(brand.WEBHOOKS)
        assert second.stop() == 0


def shell(command: str) -> str:
    return subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=True, timeout=30
    ).stdout


def send_event(environ: dict[str, str], name: str) -> str:
    """Without a credential: it joins the demo that runs."""
    with running(["manage.py", "send_event", name], env=environ) as command:
        assert command.wait() == 0, command.lines
    return "\n".join(command.lines)
