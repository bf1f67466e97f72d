import datetime as dt
import re
import uuid

import pytest

from organizations.keyset import Cursor, Order

BY_UUID, BY_NUMBER = Order("ingested_at"), Order("at", key_type=int)
MOMENT = dt.datetime(2026, 11, 21, 10, 40, 12, 369001, tzinfo=dt.UTC)


@pytest.mark.parametrize(("order", "key"), [(BY_UUID, uuid.uuid4()), (BY_NUMBER, 17)])
def test_cursors_survive_their_text(order: Order, key: int | uuid.UUID) -> None:
    cursor = Cursor(MOMENT, key)
    assert order.parse(str(cursor)) == cursor


@pytest.mark.parametrize(
    ("order", "text"),
    [
        *((BY_UUID, text) for text in ("", "1", "1-2", "-1-" + "0" * 32, "1-" + "0" * 32 + " ")),
        *((BY_NUMBER, text) for text in ("", "1", "1-a", "-1-1", "1-" + "0" * 32, "1-1 ", "1-٣")),
    ],
)
def test_what_is_no_cursor_is_refused(order: Order, text: str) -> None:
    with pytest.raises(ValueError, match=rf"^{re.escape(text)}$"):
        order.parse(text)


@pytest.mark.parametrize("order", [BY_UUID, BY_NUMBER])
def test_before_a_moment_is_before_all_rows_of_it(order: Order) -> None:
    key = uuid.UUID(int=1) if order is BY_UUID else 1
    before = order.before(MOMENT)
    assert before < Cursor(MOMENT, key)
    assert before > Cursor(MOMENT - dt.timedelta(microseconds=1), key)
