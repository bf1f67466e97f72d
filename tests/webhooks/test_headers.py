import pytest

from webhooks.headers import MASK, hidden, masked, problems, tidied, unmasked


def codes(*headers: tuple[str, str]) -> list[str]:
    return [str(problem.code) for _, problem in problems(list(headers))]


@pytest.mark.parametrize(
    "name",
    [
        *("Connection", "transfer-encoding", "Content-Length", "HOST", "Upgrade", "TE", "Trailer"),
        *("Keep-Alive", "Proxy-Authorization", "proxy-connection", "Expect"),
        *("webhook-id", "Webhook-Signature", "webhook-anything"),
    ],
)
def test_what_frames_and_signs_is_the_services_own(name: str) -> None:
    assert codes((name, "x")) == ["header_name_reserved"]


@pytest.mark.parametrize("name", ["", "a b", "a:b", "ä", "a\nb", "(a)", "a\x00", "x" * 201])
def test_a_name_is_a_token(name: str) -> None:
    assert codes((name, "x")) == ["header_name_invalid"]


@pytest.mark.parametrize(
    "name", ["Content-Type", "Authorization", "User-Agent", "!#$%&'*+-.^_`|~", "X-Host", "proxy"]
)
def test_other_names_are_free(name: str) -> None:
    assert codes((name, "x")) == []


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "\x00", "é", "\x7f", "€", "x" * 4097])
def test_a_value_is_visible_ascii_of_at_most_4_kib(value: str) -> None:
    assert codes(("X", value)) == ["header_value_invalid"]


@pytest.mark.parametrize("value", ["", "a b\tc", "x" * 4096, "!~"])
def test_other_values_are_free(value: str) -> None:
    assert codes(("X", value)) == []


def test_fifty_headers_and_no_more() -> None:
    headers = [(f"X-{number}", "x") for number in range(51)]
    assert codes(*headers[:50]) == []
    assert codes(*headers) == ["headers_too_many"]


def test_names_are_the_same_in_any_case() -> None:
    assert codes(("X-A", "1"), ("x-a", "2")) == ["header_repeated"]


def test_messages_do_not_show_values() -> None:
    [(_, problem)] = problems([("X", "hunter2\n")])
    assert "hunter2" not in str(problem)


def test_empty_rows_are_dropped_and_space_is_stripped() -> None:
    assert tidied([("", ""), ("A", " x\t"), ("B", ""), ("", " "), ("", "x")]) == [
        ("A", "x"),
        ("B", ""),
        ("", "x"),
    ]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", "Bearer abc", "Bear" + MASK),
        ("X-Key", "12345678", MASK),
        ("X-Key", "", ""),
        ("content-type", "application/json", "application/json"),
    ],
)
def test_a_mask_hides_what_may_be_a_credential(name: str, value: str, shown: str) -> None:
    assert masked(name, value) == shown


def test_a_mask_stands_for_the_stored_value_of_the_same_header_only() -> None:
    stored = [("A", "0123456789"), ("B", "abcdefghij")]
    sent = [("a", "0123" + MASK), ("B", "0123" + MASK), ("C", MASK), ("A2", "x")]
    assert unmasked(sent, stored) == [("a", "0123456789"), *sent[1:]]


def test_a_page_shows_nothing_of_a_value_and_gets_it_back_all_the_same() -> None:
    stored = [("Authorization", "Bearer abc"), ("X-Key", "short"), ("Accept", "text/plain")]
    shown = [(name, hidden(name, value)) for name, value in stored]
    assert shown == [("Authorization", MASK), ("X-Key", MASK), ("Accept", "text/plain")]
    assert unmasked(shown, stored) == stored
