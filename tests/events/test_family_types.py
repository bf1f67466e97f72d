import pytest
from django.utils import timezone

from events.event_types import schema_of
from events.family_types import GROUP, children_types, visible_types
from events.models import EventType
from organizations.models import Organization
from tests.factories import OrganizationFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

OWN = "beansRoasted"


@pytest.fixture
def parent() -> Organization:
    made: Organization = OrganizationFactory()
    return made


def custom(organization: Organization, name: str = OWN, **fields: object) -> EventType:
    made: EventType = EventType.objects.create(organization=organization, name=name, **fields)
    return made


def test_the_active_custom_types_of_children_with_whose_they_are(parent: Organization) -> None:
    children = [OrganizationFactory(parent=parent, name=name) for name in "CABED"]
    for child in children:
        custom(child, description=f"Of {child}.")
    custom(children[0], "gone", deleted_at=timezone.now())
    custom(children[0], "off", active=False)
    custom(children[0], "transactionAdded", active=True)
    custom(OrganizationFactory(), "ofAnother")
    ((name, found),) = children_types(parent).items()
    assert (name, found.name, found.group, found.description) == (OWN, OWN, GROUP, "Of A.")
    assert found.owners == ("A", "B", "C", "D", "E")
    assert found.whose == "A, B, C and 2 more"
    assert found.is_custom
    assert not found.is_own_custom
    assert set(visible_types(parent)) - {OWN} == set(visible_types(OrganizationFactory()))


def test_a_child_sees_neither_its_parents_nor_its_siblings(parent: Organization) -> None:
    child, sibling = OrganizationFactory(parent=parent), OrganizationFactory(parent=parent)
    custom(parent, "ofParent")
    custom(sibling)
    assert children_types(child) == {}
    assert not {"ofParent", OWN} & set(visible_types(child))
    for name in ("ofParent", OWN):
        with pytest.raises(KeyError):
            schema_of(child, name)


def test_ones_own_type_comes_before_a_childs(parent: Organization) -> None:
    child = OrganizationFactory(parent=parent)
    custom(child, schema={"title": "theirs"})
    assert schema_of(parent, OWN) == {"title": "theirs"}
    custom(parent, schema={"title": "own"})
    assert children_types(parent) == {}
    assert schema_of(parent, OWN) == {"title": "own"}
