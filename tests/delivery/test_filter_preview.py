import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from delivery.filter_preview import matches
from organizations.models import Organization
from tests.factories import EventFactory, OrganizationFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NAME = "transactionAdded"
LARGE = {"data.amount": {"$gte": 1000}}


def came(organization: Organization, amount: Any, **fields: Any) -> Any:
    return EventFactory(organization=organization, data={"amount": amount}, **fields)


def test_the_last_events_of_the_types_each_with_what_the_filter_says() -> None:
    organization = OrganizationFactory()
    now = timezone.now()
    made = [
        came(organization, amount, ingested_at=now + dt.timedelta(seconds=number))
        for number, amount in enumerate([1, 5000, "x", 7])
    ]
    came(organization, 9000, name="customerAdded")
    came(organization, 9000, is_test=True)
    came(OrganizationFactory(), 9000)
    found = matches(organization, LARGE, [NAME])
    assert [match.event for match in found] == made[::-1]
    assert [match.verdict.matches for match in found] == [False, None, True, False]
    assert found[1].verdict.reason == "data.amount is a text; $gte needs a number here."
    assert len(matches(organization, LARGE, [NAME, "customerAdded"])) == 5
    assert len(matches(organization, LARGE, [NAME, "customerAdded"], most=2)) == 2
    assert matches(organization, LARGE, []) == []


def test_the_childrens_too_for_a_webhook_that_listens() -> None:
    parent = OrganizationFactory()
    child = OrganizationFactory(parent=parent)
    event = came(child, 5000)
    assert matches(parent, LARGE, [NAME]) == []
    (match,) = matches(parent, LARGE, [NAME], with_children=True)
    assert (match.event, match.event.organization) == (event, child)


def test_a_filter_that_is_not_usable_is_refused() -> None:
    with pytest.raises(ValidationError):
        matches(OrganizationFactory(), {"a": {"$near": 1}}, [NAME])
