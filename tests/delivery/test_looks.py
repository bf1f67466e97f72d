import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template

from delivery.looks import LOOKS
from delivery.models import FAILED, FINAL, OPEN, State
from tests.conftest import PageClient
from tests.factories import DeliveryFactory, WebhookFactory


def shown(state: str) -> str:
    return Template("{% load looks %}{% delivery_state state %}").render(Context({"state": state}))


def test_every_state_has_a_look_of_its_own() -> None:
    assert set(LOOKS) == set(State)
    assert len({look.word for look in LOOKS.values()}) == len(State)


def test_every_icon_is_among_the_signs() -> None:
    signs = Path(settings.BASE_DIR, "static/icons.svg").read_text()
    assert {look.icon for look in LOOKS.values()} <= set(re.findall(r'id="([a-z]+)"', signs))


def test_what_is_open_waits_and_only_what_ended_is_ok_or_failing() -> None:
    assert {LOOKS[state].tone for state in OPEN} == {"waiting"}
    assert {LOOKS[state].tone for state in FINAL} == {"ok", "failing", "off"}


@pytest.mark.parametrize("state", State)
def test_a_badge_tells_the_state_by_word_icon_and_colour(state: State) -> None:
    look = LOOKS[state]
    html = shown(state.value)
    assert look.word in html
    assert f"#{look.icon}" in html
    assert f'data-state="{look.tone}"' in html


def test_what_is_in_flight_is_called_sending() -> None:
    assert "Sending" in shown("in_flight")


@pytest.mark.django_db
@pytest.mark.parametrize("state", State)
def test_failures_lead_to_what_was_not_delivered(alice: PageClient, state: State) -> None:
    webhook = WebhookFactory(organization=alice.organization)
    delivery = DeliveryFactory(webhook=webhook, state=state)
    for arguments in ("", " of_last_day=True"):
        tag = "{% load looks %}{% failed_deliveries webhook" + arguments + " %}"
        page = alice.get(Template(tag).render(Context({"webhook": webhook}, autoescape=False)))
        assert page.status_code == 200
        assert (str(delivery.pk) in page.content.decode()) == (state in FAILED)
