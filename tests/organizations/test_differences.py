from typing import Any

import pytest

from organizations.differences import differences


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ({"events": ["a", "b"]}, {"events": ["b", "c"]}, [("Events", ["a"], ["c"])]),
        ({"e": ["a", "b"]}, {"e": ["b", "a"]}, [("E", [], ["in another order"])]),
        (
            {"headers": {"A": "••••"}},
            {"headers": {"A": "••••"}},
            [("Headers", [], ["other values of A"])],
        ),
        ({"h": {"A": "1"}}, {"h": {"A": "1", "B": "2"}}, [("H", [], ["B: 2"])]),
        ({"name": "x"}, {}, [("Name", ["x"], [])]),
        ({"name": "x"}, {"name": ""}, [("Name", ["x"], ["—"])]),
        ({}, {"name": "", "none": None, "list": []}, []),
        ({}, {"url": "https://a.example"}, [("URL", [], ["https://a.example"])]),
        ({}, {"sla_s": 3}, [("SLA (in seconds)", [], ["3"])]),
        ({}, {"at": "2026-03-01T12:00:00Z"}, [("At", [], ["1 Mar 2026, 12:00:00 UTC"])]),
        ({}, {"at": "2026-99-01T12:00:00Z"}, [("At", [], ["2026-99-01T12:00:00Z"])]),
        ({"a": "text"}, {"a": ["list"]}, [("A", ["text"], ['["list"]'])]),
        ({"a": ["list"]}, {"a": {"b": 1}}, [("A", ['["list"]'], ['{"b": 1}'])]),
        ({"a": {"b": 1}}, {"a": "text"}, [("A", ['{"b": 1}'], ["text"])]),
    ],
)
def test_differences_are_readable(before: Any, after: Any, shown: Any) -> None:
    assert [tuple(difference) for difference in differences(before, after)] == shown
