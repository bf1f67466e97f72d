"""What pages say, out of their markup."""

import re
from html import unescape
from typing import Any


def html_of(answer: Any) -> str:
    return str(answer.content.decode())


def text_of(answer: Any) -> str:
    """With its markup, but with signs as they are read."""
    return unescape(html_of(answer))


def words_of(html: str) -> str:
    """Without markup, in one line."""
    return unescape(" ".join(re.sub(r"<[^>]*>", " ", html).split()))
