"""What a queue's URL may be, and where its password goes."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from webhooks.headers import MASK
from webhooks.queue_password import joined, separated, shown
from webhooks.queue_url import MAX_URL, SQS_HEADERS, QueueUrl, check_headers, parse

SQS = "sqs://AKIA:se%2Fcret@sqs.eu-west-1.amazonaws.com/123456789012/orders"


def code_of(url: str) -> str | None:
    with pytest.raises(ValidationError) as broken:
        parse(url)
    for message in broken.value.messages:
        assert "hunter2" not in message
    return broken.value.code


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("amqp://mq.example/orders", QueueUrl("amqp", "mq.example", 5672, "/", "orders")),
        ("AMQPS://MQ.example/o", QueueUrl("amqps", "mq.example", 5671, "/", "o")),
        (
            "amqp://ens:p%40ss@mq.example:5673/brand%2Fa/orders?routing_key=a.b%23",
            QueueUrl(
                *("amqp", "mq.example", 5673, "brand/a", "orders", "ens", "p@ss"),
                {"routing_key": "a.b#"},
            ),
        ),
        (
            "amqp://mq.example/?routing_key=a+b",
            QueueUrl("amqp", "mq.example", 5672, "/", "", options={"routing_key": "a+b"}),
        ),
        ("amqp://[2001:db8::1]/o", QueueUrl("amqp", "2001:db8::1", 5672, "/", "o")),
        ("redis://r.example/events", QueueUrl("redis", "r.example", 6379, "0", "events")),
        (
            "rediss://:secret@r.example:6380/007/events?maxlen=1000",
            QueueUrl(
                *("rediss", "r.example", 6380, "7", "events", "", "secret"), {"maxlen": "1000"}
            ),
        ),
        (
            SQS,
            QueueUrl(
                *("sqs", "sqs.eu-west-1.amazonaws.com", 443, "/123456789012/orders", "orders"),
                *("AKIA", "se/cret"),
            ),
        ),
    ],
)
def test_a_url_says_where_and_who(url: str, meant: QueueUrl) -> None:
    assert parse(url) == meant


@pytest.mark.parametrize(
    ("url", "region"),
    [
        (SQS, "eu-west-1"),
        ("sqs://a:b@sqs.cn-north-1.amazonaws.com.cn/1/q", "cn-north-1"),
        ("sqs://a:b@sqs-fips.us-east-1.amazonaws.com/1/q", "us-east-1"),
        ("sqs://a:b@us-west-2.queue.amazonaws.com/1/q", "us-west-2"),
        ("sqs://a:b@queue.internal:9324/queue/q?region=elasticmq&tls=off", "elasticmq"),
    ],
)
def test_the_region_is_the_hosts_unless_it_is_given(url: str, region: str) -> None:
    assert parse(url).region == region


@pytest.mark.parametrize(
    "url",
    [
        "",
        "amqp",
        "amqp:",
        "amqp://",
        "amqp:///orders",
        "amqp://mq.example",
        "amqp://mq.example/",
        "amqp://mq.example/a/b/c",
        "amqp://mq.example//orders",
        "amqp://mq.example:0/orders",
        "amqp://mq.example:65536/orders",
        "amqp://mq.example:port/orders",
        "amqp://mq..example/orders",
        "amqp://mq_example:5672:5672/orders",
        f"amqp://{'a' * 64}.example/orders",
        f"amqp://{'a.' * 127}example/orders",
        "amqp://münchen.example/orders",
        "amqp://mq.example/or ders",
        "amqp://mq.example/or\\ders",
        "amqp://mq.example/or\tders",
        "amqp://mq.example/or\x00ders",
        "amqp://mq.example/or%00ders",
        "amqp://mq.example/or%0d%0aders",
        "amqp://mq.example/orders%",
        "amqp://mq.example/orders%zz",
        "amqp://mq.example/%ff",
        "amqp://mq.example/orders#fragment",
        "amqp://mq.example/\ud800",
        "amqp://mq.example/orders?vhost=a",
        "amqp://mq.example/orders?routing_key=a&routing_key=b",
        "amqp://mq.example/orders?routing_key=%00",
        f"amqp://mq.example/{'o' * 256}",
        f"amqp://mq.example/o?routing_key={'ü' * 128}",
        "amqp://ens:hunt/hunter2@mq.example/orders",
        "amqp://ens:12/hunter2@mq.example/orders",
        "amqp://:hunter2@mq.example/orders",
        f"amqp://mq.example/{'a/' * MAX_URL}",
        "amqp://[::1/orders",
        "amqp://[::1%25eth0]/orders",
        "amqp://mq.example,other.example/orders",
        "redis://r.example/",
        "redis://r.example/a/events",
        "redis://r.example/99999/events",
        "redis://r.example/0/a/events",
        "redis://user@r.example/events",
        "redis://r.example/events?maxlen=0",
        "redis://r.example/events?maxlen=-1",
        "redis://r.example/events?maxlen=٣",
        "redis://r.example/events?ssl_cert_reqs=none",
        f"redis://r.example/{'e' * 513}",
        "sqs://sqs.eu-west-1.amazonaws.com/1/q",
        "sqs://AKIA@sqs.eu-west-1.amazonaws.com/1/q",
        "sqs://a:b@queue.example/1/q",
        "sqs://a:b@queue.example/1/q?region=EU WEST",
        "sqs://a:b@queue.example/1/q?region=a/b",
        "sqs://a:b@sqs.eu-west-1.amazonaws.com/",
        "sqs://a:b@sqs.eu-west-1.amazonaws.com/1/../q",
        "sqs://a:b@sqs.eu-west-1.amazonaws.com/1/q?tls=on",
        "sqs://a:b@sqs.eu-west-1.amazonaws.com/1/q?group=",
        "sqs://ä:b@sqs.eu-west-1.amazonaws.com/1/q",
        "http://mq.example/orders",
        "pyamqp://mq.example/orders",
        "memory://",
        "redis+socket:///var/run/redis.sock",
        "sentinel://r.example/events",
    ],
)
def test_what_is_no_such_url_is_refused_without_repeating_it(url: str) -> None:
    assert code_of(url) == "queue_url_invalid"


def test_a_mask_that_stands_for_nothing_is_refused() -> None:
    for mask in (MASK, "%E2%80%A2%E2%80%A2%E2%80%A2%E2%80%A2"):
        assert code_of(f"amqp://ens:{mask}@mq.example/orders") == "url_mask_unmatched"


STORED = ("amqp://ens@mq.example:5672/orders?routing_key=a", "ens:s%40cret")


def test_the_password_is_kept_apart_and_shown_as_a_mask() -> None:
    url = "amqp://ens:s%40cret@mq.example:5672/orders?routing_key=a"
    assert separated(url) == STORED
    assert joined(*STORED) == url
    assert shown(*STORED) == f"amqp://ens:{MASK}@mq.example:5672/orders?routing_key=a"
    nameless = separated("redis://:secret@r.example/events")
    assert nameless == ("redis://r.example/events", ":secret")
    assert shown(*nameless) == f"redis://:{MASK}@r.example/events"
    assert joined(*nameless) == "redis://:secret@r.example/events"


@pytest.mark.parametrize(
    "url",
    [
        f"amqp://ens:{MASK}@mq.example:5672/orders?routing_key=a",
        f"amqp://ens:{MASK}@MQ.example:5672/other",
        "amqp://ens:%E2%80%A2%E2%80%A2%E2%80%A2%E2%80%A2@mq.example:5672/vhost/orders",
    ],
)
def test_a_mask_sent_back_stands_for_the_password(url: str) -> None:
    assert separated(url, *STORED)[1] == STORED[1]


@pytest.mark.parametrize(
    "url",
    [
        f"amqp://ens:{MASK}@evil.example:5672/orders",
        f"amqp://ens:{MASK}@mq.example:5673/orders",
        f"amqp://ens:{MASK}@mq.example/orders",
        f"amqp://other:{MASK}@mq.example:5672/orders",
        f"amqps://ens:{MASK}@mq.example:5672/orders",
        f"redis://ens:{MASK}@mq.example:5672/orders",
        f"amqp://ens:{MASK}@mq.example:5672@evil.example/orders",
        f"amqp://ens:{MASK}@evil.example/orders?@mq.example:5672/",
        f"amqp://ens:{MASK}x@mq.example:5672/orders",
    ],
)
def test_a_mask_leads_nobodys_password_elsewhere(url: str) -> None:
    kept, secret = separated(url, *STORED)
    assert "s%40cret" not in joined(kept, secret)
    assert code_of(joined(kept, secret)) in {"url_mask_unmatched", "queue_url_invalid"}


def test_a_mask_is_no_password_where_none_was_stored() -> None:
    url = f"amqp://ens:{MASK}@mq.example/orders"
    assert separated(url, "amqp://ens@mq.example/orders", "")[1] == f"ens:{MASK}"
    assert separated(url, "https://mq.example/orders", "")[1] == f"ens:{MASK}"


@given(
    st.text(max_size=60).map(lambda rest: f"amqp://{rest}")
    | st.text(max_size=60)
    | st.from_regex(r"(amqps?|rediss?|sqs)://[a-z:@/?%=•\[\]]{0,40}", fullmatch=True)
)
@example("amqp://:@/")
@example("amqp://a:b@c:d@e/f")
@settings(max_examples=150)
def test_no_text_breaks_it_and_no_password_stays_in_the_url(url: str) -> None:
    kept, secret = separated(url, *STORED)
    shown(kept, secret)
    try:
        meant = parse(joined(kept, secret))
    except ValidationError:
        return
    assert parse(url) == meant
    assert meant.password == "" or secret
    assert meant.password not in repr(meant) or len(meant.password) < 4


def test_a_queue_of_sqs_takes_so_many_headers_and_of_its_kind() -> None:
    headers = [(f"X-{number}", "a") for number in range(SQS_HEADERS)]
    check_headers(SQS, [*headers, ("content-type", "a")])
    check_headers("amqp://mq.example/orders", [*headers, ("X-7", ""), ("~", "b")])
    for wrong in ([*headers, ("X-7", "a")], [("X~", "a")], [("AWS.a", "b")], [("X-Empty", "")]):
        with pytest.raises(ValidationError) as broken:
            check_headers(SQS, wrong)
        assert broken.value.code == "queue_headers_invalid"
