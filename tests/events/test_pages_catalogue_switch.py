"""Event types are switched on and off in the catalogue."""

import pytest

from events.models import EventType
from organizations.models import AuditEntry
from tests.conftest import PageClient
from tests.events.catalogue_pages import is_active, row, switch
from tests.markup import html_of, words_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_a_standard_type_is_switched_off_and_on(alice: PageClient) -> None:
    answer = switch(alice, "tierRenewed", "false")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/catalogue"
    stored = EventType.objects.get(organization=alice.organization)
    assert (stored.name, stored.active, stored.schema) == ("tierRenewed", False, None)
    assert not is_active(alice, "tierRenewed")
    page = alice.get("/catalogue")
    assert "tierRenewed is inactive now." in words_of(html_of(page))
    assert 'aria-checked="false" aria-label="tierRenewed active"' in page.content.decode()
    assert "nobody gets it" in words_of(html_of(alice.get("/catalogue/tierRenewed")))
    switch(alice, "tierRenewed", "true")
    assert is_active(alice, "tierRenewed")
    assert EventType.objects.filter(organization=alice.organization).count() == 1


def test_switching_is_audited_once(alice: PageClient) -> None:
    EventType.objects.create(organization=alice.organization, name="beansRoasted", schema={})
    switch(alice, "beansRoasted", "true")
    assert not AuditEntry.objects.exists()
    switch(alice, "beansRoasted", "false")
    switch(alice, "beansRoasted", "false")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_name) == ("deactivated", "beansRoasted")
    assert (entry.before, entry.after) == ({"active": True}, {"active": False})
    assert entry.actor["code"] == "alice"
    assert entry.organization == alice.organization


def test_what_is_switched_off_stays_checked_as_before(alice: PageClient) -> None:
    EventType.objects.create(
        organization=alice.organization, name="tierRenewed", validation="reject"
    )
    switch(alice, "tierRenewed", "false")
    assert EventType.objects.get().validation == "reject"


def test_with_a_script_the_switch_alone_comes_back(alice: PageClient) -> None:
    answer = switch(
        alice, "tierRenewed", "false", **{"HX-Request": "true", "HX-Trigger": "switch-7"}
    )
    assert answer.status_code == 200
    button = answer.content.decode()
    assert button.startswith('<button class="switch" id="switch-7" role="switch"')
    assert 'aria-checked="false"' in button
    assert 'value="true"' in button


def test_one_comes_back_to_what_the_list_was_narrowed_to(alice: PageClient) -> None:
    answer = alice.post(
        "/catalogue/tierRenewed/active", {"active": "false", "q": "ti er", "kind": "standard"}
    )
    assert answer.headers["Location"] == "/catalogue?q=ti+er&kind=standard"


@pytest.mark.parametrize("value", ["", "yes", "True", None])
def test_what_is_neither_on_nor_off_is_refused(alice: PageClient, value: str | None) -> None:
    body = {} if value is None else {"active": value}
    assert alice.post("/catalogue/tierRenewed/active", body).status_code == 400
    assert not EventType.objects.exists()


def test_with_read_there_is_no_switch_but_a_word(bob_page: PageClient) -> None:
    EventType.objects.create(organization=bob_page.organization, name="tierRenewed", active=False)
    page = bob_page.get("/catalogue")
    main = page.content.decode().split("<main", 1)[1]
    assert "switch" not in main
    assert '<form method="post"' not in main
    assert row(page, "tierRenewed").endswith("Inactive")
    assert row(page, "tierUpgraded").endswith("Active")
    assert switch(bob_page, "tierRenewed", "true").status_code == 403
    assert not is_active(bob_page, "tierRenewed")


def test_a_switch_is_the_organizations_own(alice: PageClient, charlie_page: PageClient) -> None:
    switch(charlie_page, "tierRenewed", "false")
    assert is_active(alice, "tierRenewed")
    assert not is_active(charlie_page, "tierRenewed")
