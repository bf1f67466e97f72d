import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from ens_project import views
from tests.conftest import CredentialClient


def test_the_process_is_alive_without_asking_anything() -> None:
    assert Client().get("/livez").json() == {"status": "ok"}


@pytest.mark.django_db
def test_ready_with_database_and_redis() -> None:
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "redis": "ok"}


@pytest.mark.django_db
def test_ready_without_redis_but_it_says_so(settings: Any) -> None:
    settings.REDIS_URL = ""
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["redis"]) == (200, "away")


@pytest.mark.django_db
def test_not_ready_while_a_migration_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views._Migrated, "seen", False)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'webhooks'")
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "not migrated")


def test_health_is_read_only() -> None:
    assert Client().post("/livez").status_code == 405


@pytest.mark.django_db
def test_a_slash_at_the_end_and_the_case_of_web_hooks_do_not_matter(api: CredentialClient) -> None:
    for url in ("/v3/webHooks", "/v3/webHooks/", "/v3/webhooks", "/v3/WEBHOOKS/"):
        assert api.get(url).json() == {"data": [], "errors": None, "warnings": None}, url
    assert api.get("/v3/webHooks%0A").status_code == 404


@pytest.mark.django_db
def test_the_api_page_calls_no_other_host() -> None:
    for url in (reverse("api-docs"), reverse("api-docs") + "?script="):
        page = Client().get(url)
        assert page.status_code == 200
        assert "//" not in page.content.decode().replace("http://www.w3.org", "").replace("// ", "")


@pytest.mark.django_db
def test_the_description_has_every_path_with_envelopes_and_codes() -> None:
    answer = Client().get(reverse("api-schema"), headers={"Accept": "application/json"})
    described = json.loads(answer.content)
    assert {
        "/v3/webHooks",
        "/v3/webHooks/{public_id}",
        "/v3/webHooks/eventMetaData",
        "/v3/webHooks/eventMetaData/{event_name}",
        "/v3/webHooks/eventLog/{event_id}",
        "/v3/oauth/token/generate",
        "/v3/events",
    } <= described["paths"].keys()
    assert "| 51003 | 400 | Choose at least one event. |" in described["info"]["description"]
    for item in described["paths"].values():
        for operation in item.values():
            for response in operation["responses"].values():
                schema = response["content"]["application/json"]["schema"]
                schema = schema.get("properties") or {"data", "errors", "warnings"}
                assert set(schema) == {"data", "errors", "warnings"}
            assert operation["operationId"].replace("_", "").isalnum()
