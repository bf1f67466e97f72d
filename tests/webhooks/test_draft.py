"""Writes that meet each other."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from organizations.authentication import Caller
from organizations.models import AuditEntry
from tests.conftest import CredentialClient
from tests.factories import CredentialFactory, WebhookFactory
from tests.webhooks.test_api import SAMPLE, add, get
from webhooks.draft import Draft
from webhooks.models import Webhook


def together(*calls: Callable[[], Any]) -> list[Any]:
    """The answers of all calls, which begin at the same moment in a thread each."""
    barrier = threading.Barrier(len(calls))
    answers: list[Any] = [None] * len(calls)

    def run(index: int) -> None:
        barrier.wait(10)
        try:
            answers[index] = calls[index]()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


@pytest.mark.django_db(transaction=True)
def test_of_many_that_want_a_name_one_gets_it(api: CredentialClient) -> None:
    answers = together(*[lambda: api.post("/v3/webHooks", SAMPLE)] * 6)
    assert sorted(answer.status_code for answer in answers) == [200, *[400] * 5]
    errors = [answer.json()["errors"] for answer in answers if answer.status_code == 400]
    assert all(
        [(error["code"], error["field"]) for error in found] == [(51002, "name")]
        for found in errors
    )
    assert Webhook.objects.count() == AuditEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_puts_at_the_same_moment_do_not_mix(api: CredentialClient) -> None:
    webhook = add(api)
    url = f"/v3/webHooks/{webhook['webHookId']}"
    bodies = [
        SAMPLE
        | {
            "eventNames": names,
            "webHookHeaders": {f"X-{number}": str(number)},
            "slaInSeconds": number,
        }
        for number, names in enumerate(
            [["customerAdded", "CouponIssue"], ["CouponIssue"], ["tierRenewed", "customerAdded"]]
        )
    ]
    answers = together(*[lambda body=body: api.put(url, body) for body in bodies])
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert Webhook.objects.get().revision == 4
    kept = get(api, webhook)
    body = bodies[kept["slaInSeconds"]]
    assert (kept["eventNames"], kept["webHookHeaders"]) == (
        body["eventNames"],
        body["webHookHeaders"],
    )


@pytest.mark.django_db(transaction=True)
def test_a_put_does_not_revive_what_was_deleted_meanwhile(api: CredentialClient) -> None:
    webhook = add(api)
    url = f"/v3/webHooks/{webhook['webHookId']}"
    put, deleted = together(lambda: api.put(url, SAMPLE), lambda: api.delete(url))
    assert deleted.status_code == 200
    assert put.status_code in {200, 400}
    assert Webhook.objects.get().deleted_at is not None


@pytest.mark.django_db
def test_a_name_that_is_taken_between_check_and_write_is_told_the_same_way() -> None:
    caller = Caller.with_credential(CredentialFactory())
    row = Webhook(
        organization=caller.organization, name="x", url="https://a.example", max_connections=1
    )
    draft = Draft(row, [], ["customerAdded"])
    draft.clean()
    WebhookFactory(name="x")
    with pytest.raises(ValidationError) as refused:
        draft.save(caller)
    assert [error.code for error in refused.value.error_dict["name"]] == ["name_taken"]


@pytest.mark.django_db
def test_a_draft_does_not_change_the_webhook_it_is_of() -> None:
    stored = WebhookFactory()
    draft = Draft.of(stored)
    draft.webhook.name = "other"
    draft.set_active(False)
    assert stored.name != "other"
    assert stored.is_active


@pytest.mark.django_db
def test_deactivating_again_keeps_moment_and_reason() -> None:
    webhook = WebhookFactory()
    webhook.deactivate("All deliveries failed.")
    since = webhook.deactivated_at
    webhook.deactivate()
    assert (webhook.deactivated_at, webhook.deactivation_reason) == (
        since,
        "All deliveries failed.",
    )
    webhook.activate()
    assert webhook.is_active
    assert webhook.deactivation_reason == ""
