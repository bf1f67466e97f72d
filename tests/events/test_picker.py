import re

import pytest
from django.template.loader import render_to_string

from events.catalogue import CATALOGUE
from events.models import EventType
from events.picker import UNKNOWN, Picker, picker
from organizations.models import Organization
from tests.factories import OrganizationFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def organization() -> Organization:
    organization: Organization = OrganizationFactory()
    return organization


def boxes(shown: Picker, attribute: str = "") -> list[str]:
    """Values of the check boxes that have the attribute."""
    found = re.findall(r'name="event_names" value="([^"]*)"([^>]*)>', shown.markup)
    return [value for value, attributes in found if attribute in attributes]


def group_of(shown: Picker, name: str) -> str:
    """Markup of one group."""
    (group,) = [
        part for part in shown.markup.split("<section")[1:] if f"<span>{name}</span>" in part
    ]
    return group


def test_all_standard_types_stand_in_the_catalogues_order(organization: Organization) -> None:
    shown = picker(organization, [])
    names = boxes(shown)
    assert sorted(names) == sorted(CATALOGUE)
    groups = list(dict.fromkeys(entry.group for entry in CATALOGUE.values()))
    assert [group.name for group in shown.groups] == groups
    tiers = [name for name in CATALOGUE if CATALOGUE[name].group == "Tier"]
    assert [name for name in names if name in tiers] == tiers
    assert shown.total == 78
    assert boxes(shown, "checked") == []
    assert boxes(shown, "disabled") == []


def test_what_is_selected_is_checked_and_counted(organization: Organization) -> None:
    shown = picker(organization, ["tierUpgraded", "pointsIssued", "tierRenewed"])
    assert boxes(shown, "checked") == ["pointsIssued", "tierUpgraded", "tierRenewed"]
    assert shown.selected == ["pointsIssued", "tierUpgraded", "tierRenewed"]
    assert "2 of 4 selected" in group_of(shown, "Tier")
    assert "none of 3 selected" in group_of(shown, "Coupons")
    assert shown.selected_groups == [
        ("Points", ["pointsIssued"], 12),
        ("Tier", ["tierUpgraded", "tierRenewed"], 4),
    ]


def test_custom_types_stand_in_their_group_or_behind_the_others(
    organization: Organization,
) -> None:
    for name, group in [("z", "Tier"), ("beansRoasted", "Roastery"), ("loose", "")]:
        EventType.objects.create(organization=organization, name=name, group=group, schema={})
    shown = picker(organization, ["z"])
    assert [group.name for group in shown.groups][-2:] == ["Custom", "Roastery"]
    assert 'value="z" checked' in group_of(shown, "Tier")
    assert 'value="beansRoasted"' in group_of(shown, "Roastery")
    assert shown.total == 81


def test_types_of_another_organization_are_not_offered(organization: Organization) -> None:
    EventType.objects.create(organization=OrganizationFactory(), name="secret", schema={})
    assert "secret" not in picker(organization, []).markup


def test_an_inactive_type_can_only_be_kept(organization: Organization) -> None:
    for name in ("tierUpgraded", "tierRenewed"):
        EventType.objects.create(organization=organization, name=name, active=False)
    shown = picker(organization, ["tierRenewed"])
    assert boxes(shown, "disabled") == ["tierUpgraded"]
    assert boxes(shown, "checked") == ["tierRenewed"]
    tiers = group_of(shown, "Tier")
    assert "Inactive, so it can not be selected" in tiers
    assert "Inactive: none arrive until it is active again" in tiers


def test_a_selected_name_that_is_not_known_any_more_is_not_lost(
    organization: Organization,
) -> None:
    shown = picker(organization, ["gone", "tierRenewed", "gone"])
    assert shown.selected == ["gone", "tierRenewed"]
    assert boxes(shown, "checked")[0] == "gone"
    assert "Schema of gone" not in shown.markup
    assert group_of(shown, UNKNOWN)
    assert shown.selected_groups[-1] == (UNKNOWN, ["gone"], 1)
    assert shown.total == 78


def test_every_known_type_leads_to_its_schema(organization: Organization) -> None:
    EventType.objects.create(organization=organization, name="a b/ü?#", schema={})
    markup = picker(organization, []).markup
    assert markup.count('data-sheet="picker-schema"') == 79
    assert 'href="/catalogue/pointsIssued"' in markup
    assert 'href="/catalogue/a%20b%2F%C3%BC%3F%23"' in markup


def test_texts_of_customers_are_shown_and_not_run(organization: Organization) -> None:
    evil = '"><script>alert(1)</script>'
    EventType.objects.create(
        organization=organization, name=evil, group=evil, description=evil, schema={}
    )
    shown = picker(organization, [evil, evil + "2"])
    page = render_to_string("includes/picker.html", {"picker": shown})
    assert "<script" not in page
    assert "&quot;&gt;&lt;script&gt;" in page


def test_the_page_needs_no_script_to_choose(organization: Organization) -> None:
    """What only a script can do is marked, so that it is hidden without one."""
    page = render_to_string(
        "includes/picker.html", {"picker": picker(organization, ["tierRenewed"])}
    )
    assert page.count('name="event_names"') == 78
    assert "1 of 78" in page
    buttons = re.findall(r"<button[^>]*>", page)
    assert buttons
    assert all("scripted" in button and 'type="button"' in button for button in buttons)
    named = re.findall(r'<input[^>]* name="([^"]*)"', page)
    assert set(named) == {"event_names"}


def test_many_custom_types_cost_one_query_and_one_for_the_childrens(
    organization: Organization, django_assert_num_queries: type
) -> None:
    EventType.objects.bulk_create(
        EventType(organization=organization, name=f"custom{n}", group=f"Group {n % 20}", schema={})
        for n in range(500)
    )
    with django_assert_num_queries(2):
        shown = picker(organization, [f"custom{n}" for n in range(500)])
        assert len(boxes(shown, "checked")) == 500
