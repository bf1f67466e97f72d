import pytest

from organizations.digits import number_of


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("7", 7), ("99", 99), ("007", 7), ("0" * 5_000, 0)]
)
def test_plain_digits_are_a_number(text: str, number: int) -> None:
    assert number_of(text, 99) == number


@pytest.mark.parametrize("text", ["", "-1", "+1", "100", "9" * 5_000, "٣", "²", " 1", "1_0", "x"])
def test_anything_else_and_what_is_too_much_is_none(text: str) -> None:
    assert number_of(text, 99) is None
