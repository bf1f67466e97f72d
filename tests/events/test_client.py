from typing import Any

import pytest

from events.client import Client, NoAnswer, local_url


def test_a_password_is_never_in_the_clients_text() -> None:
    assert "secret" not in repr(Client("http://127.0.0.1", "till", "secret"))


def test_an_answer_that_is_not_the_apis_is_told(live_server: Any) -> None:
    with pytest.raises(NoAnswer, match="answers 200, but not as the v3 API does"):
        Client(live_server.url, "till", "secret").get("/livez")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("ens.example.com", "http://ens.example.com:8000"),
    ],
)
def test_a_server_is_reached_where_it_listens(host: str, url: str) -> None:
    assert local_url(host, 8000) == url
