import datetime as dt
import re
import uuid

import pytest

from delivery.pages.keyset import Cursor


def test_cursors_survive_their_text() -> None:
    cursor = Cursor(dt.datetime(2026, 11, 21, 10, 40, 12, 369001, tzinfo=dt.UTC), uuid.uuid4())
    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "1", "1-2", "-1-" + "0" * 32, "1-" + "0" * 32 + " "])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=rf"^{re.escape(text)}$"):
        Cursor.parse(text)
