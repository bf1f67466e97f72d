"""The v3 API of webhooks. It begins with the documented samples."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.models import EventType
from organizations.models import AuditEntry
from tests.conftest import CredentialClient
from tests.factories import WebhookFactory
from webhooks.models import Header, SigningSecret, Webhook

pytestmark = pytest.mark.django_db

SAMPLE: dict[str, Any] = {
    "active": True,
    "eventNames": ["transactionAdded", "pointsRedeemed"],
    "maxAllowedConnections": 10.99,
    "methodType": "POST",
    "name": "DemoWebhook1",
    "slaInSeconds": 30,
    "webHookHeaders": {"Content-Type": "application/json"},
    "webHookType": "HTTP",
    "webHookUrl": "https://receiver.example.com/",
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000")
TIME_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def add(client: CredentialClient, **changes: Any) -> dict[str, Any]:
    answer = client.post("/v3/webHooks", SAMPLE | changes)
    assert answer.status_code == 200, answer.content
    data: dict[str, Any] = answer.json()["data"]
    return data


def put(client: CredentialClient, webhook: dict[str, Any], **changes: Any) -> Any:
    return client.put(f"/v3/webHooks/{webhook['webHookId']}", SAMPLE | changes)


def patch(client: CredentialClient, webhook: dict[str, Any], **changes: Any) -> Any:
    return client.patch(f"/v3/webHooks/{webhook['webHookId']}", changes)


def get(client: CredentialClient, webhook: dict[str, Any]) -> dict[str, Any]:
    answer = client.get(f"/v3/webHooks/{webhook['webHookId']}")
    assert answer.status_code == 200, answer.content
    data: dict[str, Any] = answer.json()["data"]
    return data


def refused(answer: Any) -> dict[str | None, int]:
    """Codes by field."""
    assert answer.status_code == 400, answer.content
    shown = answer.json()
    assert shown["data"] is None
    return {error["field"]: error["code"] for error in shown["errors"]}


def test_the_documented_post_answers_as_documented(api: CredentialClient) -> None:
    answer = api.post("/v3/webHooks", SAMPLE)
    assert answer.status_code == 200
    shown = answer.json()
    data = shown["data"]
    attribution = data.pop("attribution")
    actor = {
        "id": api.credential.pk,
        "code": api.credential.code,
        "description": "",
        "name": api.credential.code,
        "type": "TILL",
    }
    assert attribution["createdBy"] == attribution["lastUpdatedBy"] == actor
    assert list(attribution["createdBy"]) == list(actor)
    assert attribution["createdOn"] == attribution["lastUpdatedOn"]
    assert TIME.fullmatch(attribution["createdOn"])
    assert TIME_ISO.fullmatch(attribution["createdOnISO"])
    assert re.fullmatch("[0-9a-f]{24}", data.pop("webHookId"))
    assert re.fullmatch(
        "[0-9a-f-]{14}4[0-9a-f]{3}-[89ab][0-9a-f-]{16}", data.pop("consumerGroupId")
    )
    assert shown == {
        "data": {
            "name": "DemoWebhook1",
            "eventNames": ["transactionAdded", "pointsRedeemed"],
            "webHookUrl": "https://receiver.example.com/",
            "webHookType": "HTTP",
            "methodType": "POST",
            "webHookHeaders": {"Content-Type": "application/json"},
            "noOfRetryAttempts": 0,
            "maxAllowedConnections": 10,
            "active": True,
            "slaInSeconds": 30,
            "listenToChildEvents": False,
            "tillDetailsEnrichmentEnabled": False,
            "storeDetailsEnrichmentEnabled": False,
            "customerIdentifiersToBeEnriched": [],
            "awardedReferenceEnrichmentEnabled": False,
            "availablePointsBalanceEnrichmentEnabled": False,
        },
        "errors": None,
        "warnings": None,
    }


def test_the_fields_come_in_the_documented_order(api: CredentialClient) -> None:
    assert list(add(api)) == [
        *("attribution", "webHookId", "name", "eventNames", "webHookUrl", "webHookType"),
        *("methodType", "webHookHeaders", "noOfRetryAttempts", "maxAllowedConnections", "active"),
        *("slaInSeconds", "consumerGroupId", "listenToChildEvents"),
        *("tillDetailsEnrichmentEnabled", "storeDetailsEnrichmentEnabled"),
        *("customerIdentifiersToBeEnriched", "awardedReferenceEnrichmentEnabled"),
        "availablePointsBalanceEnrichmentEnabled",
    ]


def test_the_documented_put_keeps_the_name(api: CredentialClient) -> None:
    webhook = add(api)
    answer = put(api, webhook, name="test10", noOfRetryAttempts=3, eventNames=["customerAdded"])
    assert answer.status_code == 200
    shown = answer.json()
    assert shown["data"]["name"] == "DemoWebhook1"
    assert shown["data"]["noOfRetryAttempts"] == 0
    assert shown["data"]["maxAllowedConnections"] == 10
    assert shown["data"]["eventNames"] == ["customerAdded"]
    assert shown["warnings"] == [{"code": 51097, "message": "The name never changes; it was kept."}]
    for name in ("webHookId", "consumerGroupId"):
        assert shown["data"][name] == webhook[name]
    assert get(api, webhook) == shown["data"]


def test_delete_answers_the_webhook_as_inactive_and_frees_the_name(api: CredentialClient) -> None:
    webhook = add(api)
    answer = api.delete(f"/v3/webHooks/{webhook['webHookId']}")
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert data | {"active": True, "attribution": webhook["attribution"]} == webhook
    assert data["active"] is False
    for gone in (api.get, api.delete):
        again = gone(f"/v3/webHooks/{webhook['webHookId']}")
        assert refused(again) == {"webHookId": 400}
    assert api.get("/v3/webHooks").json()["data"] == []
    assert add(api)["name"] == webhook["name"]
    assert Webhook.objects.count() == 2


def test_an_id_that_is_not_there_is_code_400(api: CredentialClient) -> None:
    for public_id in ("0" * 24, "x", "%20", "5e9d7b03c64f3d00085d7f00"):
        url = f"/v3/webHooks/{public_id}"
        for answer in (
            *(api.get(url), api.delete(url)),
            *(api.put(url, SAMPLE), api.patch(url, SAMPLE)),
        ):
            assert refused(answer) == {"webHookId": 400}


def test_only_required_fields_are_enough(api: CredentialClient) -> None:
    answer = api.post(
        "/v3/webHooks",
        {
            "name": "Small",
            "eventNames": ["customerAdded"],
            "webHookUrl": "http://receiver.example.com",
            "maxAllowedConnections": 1,
        },
    )
    data = answer.json()["data"]
    assert (data["active"], data["slaInSeconds"], data["methodType"]) == (True, 30, "POST")
    assert data["webHookHeaders"] == {}


def test_null_is_as_good_as_not_given(api: CredentialClient) -> None:
    data = add(api, slaInSeconds=None, webHookHeaders=None, webHookType=None, active=None)
    assert (data["slaInSeconds"], data["webHookHeaders"], data["active"]) == (30, {}, True)


def test_everything_that_is_missing_is_told_at_once(api: CredentialClient) -> None:
    assert refused(api.post("/v3/webHooks", {"eventNames": None})) == {
        "name": 51001,
        "eventNames": 51003,
        "webHookUrl": 51004,
        "maxAllowedConnections": 300004,
    }


def test_all_broken_rules_are_told_at_once(api: CredentialClient) -> None:
    add(api)
    answer = api.post(
        "/v3/webHooks",
        SAMPLE
        | {
            "eventNames": ["transactionAdded", "transactionadded", 7],
            "maxAllowedConnections": 0.99,
            "webHookUrl": "ftp://receiver.example.com/",
            "webHookHeaders": {"Host": "x", "a b": "x", "X-A": "é", "X-B": 1},
            "methodType": "GET",
            "active": "true",
            "slaInSeconds": -1,
            "timeoutInSeconds": 31,
            "customerIdentifiersToBeEnriched": ["Instore", "Telex"],
            "description": "x" * 2001,
        },
    )
    assert refused(answer) == {
        "name": 51002,
        "eventNames[1]": 51008,
        "eventNames[2]": 51025,
        "maxAllowedConnections": 51007,
        "webHookUrl": 51005,
        "webHookHeaders.Host": 51020,
        "webHookHeaders.a b": 51019,
        "webHookHeaders.X-A": 51021,
        "webHookHeaders.X-B": 51024,
        "methodType": 51014,
        "active": 51063,
        "slaInSeconds": 51015,
        "timeoutInSeconds": 51016,
        "customerIdentifiersToBeEnriched": 51017,
        "description": 51026,
    }


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("maxAllowedConnections", 0, 51007),
        ("maxAllowedConnections", -1, 51007),
        ("maxAllowedConnections", -1e300, 51007),
        ("maxAllowedConnections", 1001, 51009),
        ("maxAllowedConnections", 10**399, 51009),
        ("maxAllowedConnections", "10", 51010),
        ("maxAllowedConnections", True, 51010),
        ("maxAllowedConnections", [1], 51010),
        ("eventNames", [], 51003),
        ("eventNames", "transactionAdded", 51025),
        ("eventNames", {"transactionAdded": 1}, 51025),
        ("eventNames", ["x"], 51008),
        ("name", "", 51001),
        ("name", "   ", 51001),
        ("name", "x" * 201, 51011),
        ("name", "a\nb", 51011),
        ("name", 7, 51011),
        ("webHookUrl", "", 51004),
        ("webHookUrl", " ", 51005),
        ("webHookUrl", "receiver.example.com", 51005),
        ("webHookUrl", "https://", 51005),
        ("webHookUrl", "https:///path", 51005),
        ("webHookUrl", "https://user:password@receiver.example.com/", 51005),
        ("webHookUrl", "https://receiver.example.com/#part", 51005),
        ("webHookUrl", "https://receiver.example.com/a b", 51005),
        ("webHookUrl", "https://receiver.example.com/\n", 51005),
        ("webHookUrl", "https://receiver.example.com:99999/", 51005),
        ("webHookUrl", "https://receiver.example.com/" + "x" * 2000, 51005),
        ("webHookUrl", 7, 51005),
        ("webHookUrl", "javascript:alert(1)", 51005),
        ("webHookUrl", "https://10.1.2.3/", 51006),
        ("webHookUrl", "https://169.254.169.254/latest", 51006),
        ("webHookUrl", "https://0x7f.1.2.3:22/", 51006),
        ("webHookType", "ftp", 51012),
        ("webHookUrl", "amqp://queue.example.com/exchange", 51005),
        ("methodType", "DELETE", 51014),
        ("methodType", 1, 51014),
        ("slaInSeconds", 2**31, 51015),
        ("slaInSeconds", 1.5, 51015),
        ("timeoutInSeconds", 0, 51016),
        ("customerIdentifiersToBeEnriched", "Instore", 51017),
        ("cardNumberEnrichmentEnabled", True, 51018),
        ("webHookHeaders", [], 51024),
        ("webHookHeaders", "x", 51024),
        ("tillDetailsEnrichmentEnabled", 1, 51063),
        ("description", 1, 51026),
    ],
)
def test_a_broken_rule_has_its_code(
    api: CredentialClient, field: str, value: Any, code: int
) -> None:
    [found] = refused(api.post("/v3/webHooks", SAMPLE | {field: value})).values()
    assert found == code
    webhook = add(api)
    if field != "name":
        [found] = refused(patch(api, webhook, **{field: value})).values()
        assert found == code
        assert get(api, webhook) == webhook


def test_words_are_taken_in_any_case_and_answered_as_spelled(api: CredentialClient) -> None:
    data = add(
        api,
        webHookType="http",
        methodType="put",
        customerIdentifiersToBeEnriched=["wechat", "INSTORE", "web_engage", "WeChat"],
    )
    assert (data["webHookType"], data["methodType"]) == ("HTTP", "PUT")
    assert data["customerIdentifiersToBeEnriched"] == ["WeChat", "Instore", "WebEngage"]


def test_a_repeated_event_name_counts_once_and_the_order_is_kept(api: CredentialClient) -> None:
    names = ["pointsRedeemed", "customerAdded", "pointsRedeemed", "CouponIssue"]
    assert add(api, eventNames=names)["eventNames"] == names[:2] + names[3:]


def test_custom_event_types_count_and_inactive_ones_do_not(api: CredentialClient) -> None:
    types = EventType.objects
    types.create(organization=api.organization, name="lampLit", schema={})
    types.create(organization=api.organization, name="tierRenewed", active=False)
    assert add(api, eventNames=["lampLit"])["eventNames"] == ["lampLit"]
    answer = api.post("/v3/webHooks", SAMPLE | {"name": "Other", "eventNames": ["tierRenewed"]})
    assert refused(answer) == {"eventNames[0]": 51008}


def test_a_subscribed_event_type_may_stay_when_it_was_switched_off(api: CredentialClient) -> None:
    EventType.objects.create(organization=api.organization, name="tierRenewed", active=False)
    row = WebhookFactory(organization=api.organization, events=["tierRenewed"])
    webhook = {"webHookId": row.public_id}
    names = ["tierRenewed", "customerAdded"]
    assert patch(api, webhook, eventNames=names).json()["data"]["eventNames"] == names


@pytest.mark.parametrize("name", [[], {}, 7, "", "x" * 300, "a\nb"])
def test_another_name_in_a_put_is_ignored_whatever_it_is(api: CredentialClient, name: Any) -> None:
    shown = put(api, add(api), name=name).json()
    assert shown["data"]["name"] == "DemoWebhook1"
    assert [warning["code"] for warning in shown["warnings"]] == [51097]


def test_put_takes_back_what_it_does_not_name(api: CredentialClient) -> None:
    webhook = add(
        api,
        active=False,
        slaInSeconds=5,
        description="x",
        timeoutInSeconds=3,
        replayOn429=True,
        listenToChildEvents=True,
    )
    assert webhook["timeoutInSeconds"] == 3
    data = api.put(
        f"/v3/webHooks/{webhook['webHookId']}",
        {
            "eventNames": ["customerAdded"],
            "webHookUrl": "https://other.example.com/",
            "maxAllowedConnections": 2,
        },
    ).json()["data"]
    assert data["name"] == "DemoWebhook1"
    assert (data["active"], data["slaInSeconds"], data["webHookHeaders"]) == (True, 30, {})
    assert data["listenToChildEvents"] is False
    for further in ("description", "timeoutInSeconds", "replayOn429"):
        assert further not in data


def test_put_needs_the_required_fields(api: CredentialClient) -> None:
    answer = api.put(f"/v3/webHooks/{add(api)['webHookId']}", {"name": "x"})
    assert refused(answer) == {
        "eventNames": 51003,
        "webHookUrl": 51004,
        "maxAllowedConnections": 300004,
    }


def test_patch_changes_the_given_fields_only(api: CredentialClient) -> None:
    webhook = add(api)
    data = patch(api, webhook, slaInSeconds=0, replayOn429=True).json()["data"]
    assert data | {"attribution": None} == webhook | {
        "attribution": None,
        "slaInSeconds": 0,
        "replayOn429": True,
    }


def test_what_the_server_makes_is_accepted_and_ignored(api: CredentialClient) -> None:
    webhook = add(api)
    answer = api.put(f"/v3/webHooks/{webhook['webHookId']}", webhook)
    shown = answer.json()
    assert shown["warnings"] is None
    assert shown["data"] | {"attribution": None} == webhook | {"attribution": None}
    changed = {"webHookId": "x", "consumerGroupId": 7, "attribution": [], "noOfRetryAttempts": 9}
    assert get(api, webhook) == shown["data"]
    assert patch(api, webhook, **changed).json()["data"]["webHookId"] == webhook["webHookId"]


def test_unknown_fields_are_ignored_with_one_warning(api: CredentialClient) -> None:
    answer = api.post("/v3/webHooks", SAMPLE | {"colour": "red", "filters": {}})
    assert answer.json()["warnings"] == [
        {"code": 51096, "message": "Unknown fields were ignored: colour, filters."}
    ]
    many = {f"x{number}": 1 for number in range(1000)}
    answer = patch(api, answer.json()["data"], **many)
    assert "and 980 more." in answer.json()["warnings"][0]["message"]


def test_a_name_is_unique_over_all_organisations(
    api: CredentialClient, charlie: CredentialClient
) -> None:
    add(api)
    assert refused(charlie.post("/v3/webHooks", SAMPLE)) == {"name": 51002}
    assert add(charlie, name="demowebhook1")["name"] == "demowebhook1"


def test_times_are_in_the_zone_of_the_organisation(api: CredentialClient) -> None:
    api.organization.time_zone = "Asia/Kolkata"
    api.organization.save()
    attribution = add(api)["attribution"]
    assert attribution["createdOn"].endswith("+0530")
    assert attribution["createdOnISO"].endswith("Z")


def test_who_changes_a_webhook_is_told(api: CredentialClient) -> None:
    webhook = add(api)
    row = Webhook.objects.get()
    row.updated_by = row.created_by = {"id": 1, "code": "somebody"}
    row.save()
    attribution = patch(api, webhook, slaInSeconds=1).json()["data"]["attribution"]
    assert attribution["createdBy"]["code"] == "somebody"
    assert attribution["lastUpdatedBy"]["code"] == api.credential.code


def test_every_write_raises_the_revision(api: CredentialClient) -> None:
    webhook = add(api)
    patch(api, webhook, slaInSeconds=1)
    put(api, webhook)
    assert Webhook.objects.get().revision == 3
    api.delete(f"/v3/webHooks/{webhook['webHookId']}")
    assert Webhook.objects.get().revision == 4


def test_a_refused_write_changes_nothing(api: CredentialClient) -> None:
    webhook = add(api)
    patch(api, webhook, slaInSeconds=1, maxAllowedConnections=0)
    assert get(api, webhook) == webhook
    assert Webhook.objects.get().revision == 1


def test_a_new_webhook_has_a_signing_secret_that_is_not_shown(api: CredentialClient) -> None:
    answer = api.post("/v3/webHooks", SAMPLE)
    secret = SigningSecret.objects.get().secret
    assert secret.startswith("whsec_")
    assert b"whsec_" not in answer.content
    put(api, answer.json()["data"])
    assert SigningSecret.objects.get().secret == secret


def test_the_audit_tells_what_changed_without_credentials(api: CredentialClient) -> None:
    webhook = add(api, webHookHeaders={"Authorization": "Bearer hunter2"})
    patch(api, webhook, slaInSeconds=1, webHookHeaders={"Authorization": "Bearer hunter3"})
    api.delete(f"/v3/webHooks/{webhook['webHookId']}")
    deleted, changed, created = AuditEntry.objects.all()
    assert [entry.action for entry in (created, changed, deleted)] == [
        *("created", "changed", "deleted"),
    ]
    assert changed.object_id == webhook["webHookId"]
    assert (changed.before["sla_s"], changed.after["sla_s"]) == (30, 1)
    assert set(changed.after) == {"sla_s", "headers"}
    for entry in (created, changed, deleted):
        assert "hunter" not in str([entry.before, entry.after])


class TestHeaders:
    SECRET = {"Authorization": "Bearer 0123456789", "X-Key": "short", "Accept": "text/plain"}
    MASKED = {"Authorization": "Bear••••", "X-Key": "••••", "Accept": "text/plain"}

    def test_a_reader_sees_masks(self, api: CredentialClient, bob: CredentialClient) -> None:
        webhook = add(api, webHookHeaders=self.SECRET)
        assert webhook["webHookHeaders"] == self.SECRET
        assert get(bob, webhook)["webHookHeaders"] == self.MASKED
        [listed] = bob.get("/v3/webHooks").json()["data"]
        assert listed["webHookHeaders"] == self.MASKED
        assert get(api, webhook)["webHookHeaders"] == self.SECRET

    def test_a_mask_that_is_sent_back_keeps_the_value(self, api: CredentialClient) -> None:
        webhook = add(api, webHookHeaders=self.SECRET)
        renamed = {"authorization": "Bear••••", "X-Key": "••••"}
        for change in (put, patch):
            data = change(api, webhook, webHookHeaders=renamed).json()["data"]
            assert data["webHookHeaders"] == {
                "authorization": self.SECRET["Authorization"],
                "X-Key": "short",
            }

    def test_a_mask_that_stands_for_nothing_is_refused(self, api: CredentialClient) -> None:
        answer = api.post("/v3/webHooks", SAMPLE | {"webHookHeaders": {"X-Key": "abcd••••"}})
        assert refused(answer) == {"webHookHeaders.X-Key": 51027}
        webhook = add(api, webHookHeaders=self.SECRET)
        answer = patch(api, webhook, webHookHeaders={"Authorization": "Basi••••"})
        assert refused(answer) == {"webHookHeaders.Authorization": 51027}

    def test_the_order_is_kept_and_empty_rows_are_dropped(self, api: CredentialClient) -> None:
        headers = {"Z": "1", "": "", "A": "", "M": " x "}
        data = add(api, webHookHeaders=headers)
        assert list(data["webHookHeaders"].items()) == [("Z", "1"), ("A", ""), ("M", "x")]

    def test_values_are_encrypted_in_the_database(self, api: CredentialClient) -> None:
        add(api, webHookHeaders=self.SECRET)
        with connection.cursor() as cursor:
            cursor.execute("SELECT value FROM webhooks_header")
            stored = cursor.fetchall()
        assert len(stored) == 3
        assert not any(value in str(stored) for value in self.SECRET.values())
        assert Header.objects.first().value == "Bearer 0123456789"  # type: ignore[union-attr]

    def test_two_spellings_of_a_name_are_refused(self, api: CredentialClient) -> None:
        answer = api.post("/v3/webHooks", SAMPLE | {"webHookHeaders": {"X-A": "1", "x-a": "2"}})
        assert refused(answer) == {"webHookHeaders.x-a": 51022}


class TestList:
    def test_the_oldest_comes_first(self, api: CredentialClient) -> None:
        for name in "cab":
            add(api, name=name)
        assert [row["name"] for row in api.get("/v3/webHooks").json()["data"]] == ["c", "a", "b"]

    def test_filters(self, api: CredentialClient) -> None:
        add(api, name="one", eventNames=["customerAdded"])
        add(api, name="two", active=False)

        def names(query: str) -> list[str]:
            return [row["name"] for row in api.get(f"/v3/webHooks?{query}").json()["data"]]

        assert names("name=one") == ["one"]
        assert names("name=on") == []
        assert names("active=true") == ["one"]
        assert names("active=false") == ["two"]
        assert names("eventName=pointsRedeemed") == ["two"]
        assert names("eventName=pointsredeemed") == []
        assert names("eventName=customerAdded&active=false") == []
        assert names("colour=red") == ["one", "two"]

    def test_a_filter_that_makes_no_sense_is_refused(self, api: CredentialClient) -> None:
        assert refused(api.get("/v3/webHooks?active=perhaps")) == {"active": 51068}

    def test_the_number_of_queries_does_not_grow(self, api: CredentialClient) -> None:
        def queries() -> int:
            with CaptureQueriesContext(
                connection,
            ) as captured:
                api.get("/v3/webHooks")
            return len(captured)

        add(api, name="0")
        queries()  # notes when the credential was used
        before = queries()
        for number in range(1, 9):
            add(api, name=str(number))
        assert queries() == before <= 4
