"""Which lines of JSON differ between two versions."""

from typing import Any

import pytest

from events.version_differences import MOST_LINES, counts, json_differences


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, (0, 0)),
        ({"a": 1}, {"a": 2}, (1, 1)),
        ({"a": 1}, {"a": 1, "b": 2}, (2, 1)),
        (None, {"a": 1}, (3, 0)),
        ({"a": 1}, None, (0, 3)),
        (None, None, (0, 0)),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, (2, 2)),
    ],
)
def test_lines_that_came_and_went_are_counted(
    before: Any, after: Any, expected: tuple[int, int]
) -> None:
    lines = json_differences(before, after)
    assert lines is not None
    assert counts(lines) == expected


def test_lines_have_the_number_of_their_side() -> None:
    lines = json_differences({"a": 1, "c": 3}, {"b": 2, "c": 3})
    assert lines == [
        ("same", 1, "{"),
        ("removed", 2, '  "a": 1,'),
        ("added", 2, '  "b": 2,'),
        ("same", 3, '  "c": 3'),
        ("same", 4, "}"),
    ]


def test_what_is_too_long_is_not_compared() -> None:
    long = list(range(MOST_LINES))
    assert json_differences(long, [1]) is None
    assert json_differences([1], long) is None
