"""The page for those who build receivers."""

import html
import re

import pytest
from django.test import Client

from delivery.pages.verify_signatures import SNIPPETS
from tests.conftest import PageClient
from tests.factories import WebhookFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def shown() -> str:
    answer = Client().get("/verify")
    assert answer.status_code == 200
    return answer.content.decode()


def text_of(element_id: str, shown: str) -> str:
    """Of the lines of code in that element, as Copy takes them."""
    panel = shown.partition(f'id="{element_id}"')[2].partition("</pre>")[0]
    lines = re.findall(r'<span class="line" data-n="\d+">(.*?)</span>\n?', panel, re.DOTALL)
    return html.unescape("\n".join(lines))


def test_it_is_open_to_everybody_and_takes_nothing(shown: str) -> None:
    assert "<h1>Verify signatures</h1>" in shown
    assert Client().post("/verify").status_code == 405


def test_every_snippet_is_shown_as_it_is_in_its_file(shown: str) -> None:
    assert [snippet.label for snippet in SNIPPETS] == [
        *("Python", "JavaScript", "Java", "C#", "PHP", "Go"),
    ]
    for snippet in SNIPPETS:
        assert text_of(f"code-{snippet.key}", shown) + "\n" == snippet.code
        assert f'data-copies="code-{snippet.key}"' in shown


def test_it_tells_headers_tolerance_and_schedule(shown: str) -> None:
    plain = " ".join(re.sub(r"<[^>]+>", "", shown).split())
    for words in (
        *("webhook-id", "webhook-timestamp", "webhook-signature", "more than 5 minutes"),
        "after 5 s, 10 s, 20 s, 40 s, 1 min, 2 min, 5 min, 10 min, 15 min and every 15 min",
        "for 24 hours",
        "An event is delivered at least once.",
    ):
        assert words in plain


def test_the_ways_to_it(alice: PageClient) -> None:
    webhook = WebhookFactory(organization=alice.organization)
    for place in ("/notifications", f"/notifications/{webhook.public_id}/edit", "/api/docs"):
        assert 'href="/verify"' in alice.get(place).content.decode()
