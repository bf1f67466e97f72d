"""The pages that add, change, check, compare, restore and delete custom event types."""

import json
import re
from typing import Any

import pytest

from events.custom_types import add, change, custom_type, delete
from events.event_types import known_event_types
from events.models import EventType, Validation
from organizations.authentication import Caller
from tests.conftest import PageClient
from tests.factories import WebhookFactory

pytestmark = pytest.mark.django_db

NEW = "/catalogue/-/new"
CHECK = "/catalogue/-/check"
ONE = "/catalogue/reviewPosted"
SCHEMA = {
    "type": "object",
    "properties": {
        "data": {"properties": {"stars": {"type": "integer"}}, "required": ["stars"]},
    },
    "required": ["data"],
}
TYPED = {
    "name": "reviewPosted",
    "group": "Reviews",
    "description": "A review was posted.",
    "validation": "reject",
    "schema": json.dumps(SCHEMA, indent=4),
    "sample": '{"data": {"stars": 5}}',
}


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", answer.content.decode()).split())


def hidden(answer: Any, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', answer.content.decode())
    assert found is not None
    return found[1]


def by(client: PageClient) -> Caller:
    return Caller.member(client.membership)


@pytest.fixture
def review(alice: PageClient) -> EventType:
    fields = {"schema": SCHEMA, "sample": {"data": {"stars": 5}}, "group": "Reviews"}
    return add(by(alice), alice.organization, "reviewPosted", fields)


def edit(client: PageClient, **typed: str) -> Any:
    """Opens the form and sends it back with what is typed."""
    form = client.get(f"{ONE}/edit")
    fields = {name: form.context["form"][name].value() or "" for name in TYPED if name != "name"}
    return client.post(f"{ONE}/edit", {**fields, "seen": hidden(form, "seen"), **typed})


def test_write_is_offered_to_add_one_and_read_is_not(
    alice: PageClient, bob_page: PageClient
) -> None:
    assert f'href="{NEW}"' in alice.get("/catalogue").content.decode()
    assert NEW not in bob_page.get("/catalogue").content.decode()
    assert bob_page.get(NEW).status_code == 403


def test_what_was_typed_is_added_and_shown(alice: PageClient) -> None:
    answer = alice.post(NEW, TYPED, follow=True)
    assert answer.redirect_chain == [(ONE, 302)]
    assert "reviewPosted was added." in text(answer)
    known = known_event_types(alice.organization)["reviewPosted"]
    assert (known.group, known.validation) == ("Reviews", Validation.REJECT)
    assert custom_type(alice.organization, "reviewPosted").schema == SCHEMA


def test_what_is_refused_stays_in_the_form_as_it_was_typed(alice: PageClient) -> None:
    typed = {**TYPED, "name": "a b", "schema": '{"type":  "object",}', "sample": "[ 1,2 ]"}
    answer = alice.post(NEW, typed)
    assert answer.status_code == 200
    form = answer.context["form"]
    assert form["schema"].value() == typed["schema"]
    assert form["sample"].value() == typed["sample"]
    shown = text(answer)
    assert "2 things to correct" in shown
    assert "line 1 column 20" in shown
    assert not EventType.objects.exists()


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("{", "Not JSON"),
        ('{\n\n"a": }', "line 3 column 6"),
        ('{"a": 1, "a": 2}', "The key is repeated"),
        ('{"a": NaN}', "Not a number"),
        ('{"properties": {"a": {"type": "strng"}}}', "properties.a.type"),
        ('{"$ref": "https://example.com/x"}', "leads outside of the schema"),
        ('"text"', "A JSON Schema is a JSON object"),
    ],
)
def test_the_check_tells_what_is_wrong_with_a_schema(
    alice: PageClient, schema: str, said: str
) -> None:
    answer = alice.post(CHECK, {"schema": schema})
    assert said in text(answer).replace("&#x27;", "'")
    assert "can be used" not in text(answer)
    assert not EventType.objects.exists()


def test_the_check_shows_the_fields_and_an_example(alice: PageClient) -> None:
    shown = text(alice.post(CHECK, {"schema": TYPED["schema"], "sample": ""}))
    assert "The schema can be used" in shown
    assert "stars integer required" in shown
    assert "Example, made from the schema" in shown
    assert '"stars" :' in shown.replace("&quot;", '"')


def test_the_check_tells_whether_the_example_fits(alice: PageClient) -> None:
    fits = alice.post(CHECK, {"schema": TYPED["schema"], "sample": '{"data": {"stars": 1}}'})
    assert "The example fits" in text(fits)
    differs = alice.post(CHECK, {"schema": TYPED["schema"], "sample": '{"data": {"stars": ""}}'})
    assert "data.stars must be an integer" in text(differs)


def test_without_scripts_a_button_checks_and_saves_nothing(alice: PageClient) -> None:
    answer = alice.post(NEW, {**TYPED, "name": "", "check": "1"})
    assert answer.status_code == 200
    assert "The schema can be used" in text(answer)
    assert "to correct" not in text(answer)
    assert answer.context["form"]["schema"].value() == TYPED["schema"]
    assert not EventType.objects.exists()


def test_read_can_not_have_anything_checked(bob_page: PageClient) -> None:
    assert bob_page.post(CHECK, {"schema": "{}"}).status_code == 403


def test_another_schema_is_saved_as_another_version(alice: PageClient, review: EventType) -> None:
    answer = edit(alice, schema='{"type": "object"}')
    assert answer.status_code == 302
    assert "Version 2 holds from now on" in text(alice.get(answer.headers["Location"]))
    assert custom_type(alice.organization, "reviewPosted").schema == {"type": "object"}
    assert edit(alice, description="Only this").status_code == 302
    assert custom_type(alice.organization, "reviewPosted").version == 2


def test_what_was_opened_and_saved_unchanged_changes_nothing(
    alice: PageClient, review: EventType
) -> None:
    assert edit(alice).status_code == 302
    assert custom_type(alice.organization, "reviewPosted").version == 1


def test_a_name_can_not_be_changed(alice: PageClient, review: EventType) -> None:
    assert edit(alice, name="another").status_code == 302
    assert EventType.objects.get().name == "reviewPosted"


def test_the_second_of_two_editors_sees_what_saving_would_change(
    alice: PageClient, review: EventType
) -> None:
    opened = alice.get(f"{ONE}/edit")
    change(by(alice), alice.organization, "reviewPosted", {"group": "Theirs", "schema": {}})
    typed = {**TYPED, "group": "Mine", "seen": hidden(opened, "seen")}
    told = alice.post(f"{ONE}/edit", typed)
    assert "while you edited it. Nothing was saved yet" in text(told)
    assert "Theirs" in text(told)
    assert told.context["form"]["group"].value() == "Mine"
    assert custom_type(alice.organization, "reviewPosted").group == "Theirs"
    saved = alice.post(f"{ONE}/edit", {**typed, "seen": hidden(told, "seen")})
    assert saved.status_code == 302
    assert custom_type(alice.organization, "reviewPosted").group == "Mine"


@pytest.mark.parametrize("seen", ["", "x", "\0"])
def test_a_form_that_does_not_say_what_it_saw_saves_nothing(
    alice: PageClient, review: EventType, seen: str
) -> None:
    answer = alice.post(f"{ONE}/edit", {**TYPED, "seen": seen})
    assert answer.status_code == 200
    assert custom_type(alice.organization, "reviewPosted").group == "Reviews"


def test_what_was_typed_survives_that_the_type_was_deleted(
    alice: PageClient, review: EventType
) -> None:
    opened = alice.get(f"{ONE}/edit")
    delete(by(alice), alice.organization, "reviewPosted")
    assert alice.get(f"{ONE}/edit").status_code == 404
    told = alice.post(f"{ONE}/edit", {**TYPED, "seen": hidden(opened, "seen")})
    assert "was deleted while you edited it" in text(told)
    assert f'action="{NEW}"' in told.content.decode()
    assert alice.post(NEW, {**TYPED, "name": hidden(told, "name")}).status_code == 302
    assert custom_type(alice.organization, "reviewPosted").version == 2


def test_versions_are_listed_and_compared(
    alice: PageClient, bob_page: PageClient, review: EventType
) -> None:
    schema = {**SCHEMA, "additionalProperties": False}
    change(by(alice), alice.organization, "reviewPosted", {"schema": schema, "sample": None})
    for client in (alice, bob_page):
        listed = text(client.get(f"{ONE}/versions"))
        assert re.search("Version 2 .*Current.* Version 1 .*2 versions( |$)", listed)
        second = text(client.get(f"{ONE}/versions/2"))
        assert "2 lines came, 1 went since version 1" in second
        assert "additionalProperties" in second
        against = client.get(f"{ONE}/versions/1?from=2")
        assert "1 line came, 2 went since version 2" in text(against)
        assert ("Restore" in text(client.get(f"{ONE}/versions/1"))) is (client is alice)
        assert "Restore" not in second


@pytest.mark.parametrize("query", ["?from=9", "?from=%00", "?from=x", "?from=" + "9" * 50])
def test_a_version_is_compared_with_none_that_does_not_exist(
    alice: PageClient, review: EventType, query: str
) -> None:
    assert alice.get(f"{ONE}/versions/1{query}").status_code in {200, 404}


def test_a_restored_version_is_the_newest(alice: PageClient, review: EventType) -> None:
    change(by(alice), alice.organization, "reviewPosted", {"schema": {}, "sample": None})
    assert alice.post(f"{ONE}/versions/1/restore").status_code == 302
    stored = custom_type(alice.organization, "reviewPosted")
    assert (stored.version, stored.schema) == (3, SCHEMA)
    assert alice.post(f"{ONE}/versions/7/restore").status_code == 404


def test_restoring_a_version_of_a_deleted_type_brings_it_back(
    alice: PageClient, review: EventType
) -> None:
    delete(by(alice), alice.organization, "reviewPosted")
    assert f"{ONE}/versions" in alice.get("/catalogue").content.decode()
    assert "Deleted" in text(alice.get(f"{ONE}/versions"))
    assert alice.post(f"{ONE}/versions/1/restore").status_code == 302
    stored = custom_type(alice.organization, "reviewPosted")
    assert (stored.is_deleted, stored.version, stored.group) == (False, 2, "Reviews")


def test_deleting_asks_first(alice: PageClient, review: EventType) -> None:
    asked = text(alice.get(f"{ONE}/delete"))
    assert "Delete “reviewPosted”?" in asked
    assert custom_type(alice.organization, "reviewPosted").is_deleted is False
    done = alice.post(f"{ONE}/delete", follow=True)
    assert "reviewPosted was deleted" in text(done)
    assert "reviewPosted" not in known_event_types(alice.organization)


def test_deleting_names_the_webhooks_in_its_way(alice: PageClient, review: EventType) -> None:
    webhook = WebhookFactory(
        organization=alice.organization, name="Reviews to CRM", events=["reviewPosted"]
    )
    asked = alice.get(f"{ONE}/delete")
    assert "1 webhook subscribes to it" in text(asked)
    assert f"/notifications/{webhook.public_id}" in asked.content.decode()
    assert 'data-kind="danger"' not in asked.content.decode()
    assert "Reviews to CRM" in text(alice.post(f"{ONE}/delete"))
    assert "reviewPosted" in known_event_types(alice.organization)


@pytest.mark.parametrize("name", ["reviewPosted", "transactionAdded"])
def test_validation_is_set_of_any_type(alice: PageClient, review: EventType, name: str) -> None:
    answer = alice.post(f"/catalogue/{name}/validation", {"validation": "off"})
    assert answer.headers["Location"] == f"/catalogue/{name}#schema"
    assert known_event_types(alice.organization)[name].validation is Validation.OFF
    shown = alice.get(f"/catalogue/{name}").content.decode()
    options = re.findall(r'<option value="(off|warn|reject)"( selected)?>', shown)
    assert options == [("off", " selected"), ("warn", ""), ("reject", "")]


@pytest.mark.parametrize("value", ["", "OFF", "maybe", "off\0"])
def test_there_are_three_ways_of_validation(alice: PageClient, value: str) -> None:
    path = "/catalogue/transactionAdded/validation"
    assert alice.post(path, {"validation": value}).status_code == 400


def test_read_sees_no_control(alice: PageClient, bob_page: PageClient, review: EventType) -> None:
    for client, is_offered in ((alice, True), (bob_page, False)):
        for headers in ({}, {"HX-Request": "true", "HX-Target": "schema"}):
            shown = client.get(ONE, headers=headers).content.decode()
            for control in (f"{ONE}/edit", f"{ONE}/delete", f"{ONE}/validation"):
                assert (control in shown) is is_offered
            assert f"{ONE}/versions" in shown


def test_a_standard_type_can_be_neither_edited_nor_deleted(alice: PageClient) -> None:
    shown = alice.get("/catalogue/transactionAdded").content.decode()
    for part in ("edit", "delete", "versions", "versions/1"):
        assert f"transactionAdded/{part}" not in shown
        assert alice.get(f"/catalogue/transactionAdded/{part}").status_code == 404


def test_a_type_may_be_called_like_a_page(alice: PageClient) -> None:
    for name in ("new", "check", "edit", "delete", "versions", "active", "validation"):
        add(by(alice), alice.organization, name, {})
        assert alice.get(f"/catalogue/{name}").context["panel"].event_type.name == name
        assert alice.get(f"/catalogue/{name}/edit").status_code == 200


def test_texts_of_an_author_are_shown_not_run(alice: PageClient) -> None:
    evil = '"><script>alert(1)</script>'
    schema = {"properties": {evil: {"description": evil}}, "description": evil}
    typed = {**TYPED, "group": evil, "description": evil, "schema": json.dumps(schema)}
    assert alice.post(NEW, {**typed, "sample": ""}).status_code == 302
    for path in (ONE, f"{ONE}/edit", f"{ONE}/versions/1", "/catalogue"):
        assert "<script>alert" not in alice.get(path).content.decode()
    assert "<script>alert" not in alice.post(CHECK, typed).content.decode()
