"""The demo's invented brand: what the bundled samples would have come from.

Ids of tills and customers are those of the samples of `EVENT_NAMES`, so that their events can be
enriched. What the samples tell of a till, store or customer is repeated here, the rest is made up.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ens_project.demo.receiver import ENRICHED_PATH, MAIN_PATH
from organizations.models import Access

PARENT, PARENT_ZONE = "Tamarind House", "Asia/Singapore"
CHILD, CHILD_ZONE = "Tamarind House Dubai", "Asia/Dubai"

TILL_CODE = "demo.till"
CHILD_TILL_CODE = "demo.dubai.till"

# Each is sent from the parent, but for those of the child.
EVENT_NAMES = (
    "customerAdded",
    "customerUpdated",
    "transactionAdded",
    "transactionUpdated",
    "pointsIssued",
    "pointsRedeemed",
    "CouponIssue",
    "CouponRedeem",
    "promotionIssued",
    "tierUpgraded",
    "badgeEarned",
    "redeemedPointsReversed",
)
EVENT_NAMES_OF_CHILD = frozenset({"redeemedPointsReversed"})


class DemoWebhook(NamedTuple):
    """`path` is the one at which the demo's receiver takes its events."""

    name: str
    path: str
    description: str
    event_names: tuple[str, ...]
    settings: Mapping[str, Any]


RECEIVER = DemoWebhook(
    "Demo receiver",
    MAIN_PATH,
    "Prints each event in the terminal of the demo.",
    EVENT_NAMES,
    {"listen_to_child_events": True},
)
CRM = DemoWebhook(
    "Demo CRM",
    ENRICHED_PATH,
    "Its events are enriched with what the reference data knows of till, store and customer.",
    ("transactionAdded", "pointsIssued"),
    {
        "enrich_till": True,
        "enrich_store": True,
        "enrich_customer_sources": ["Instore", "WeChat"],
        "enrich_card_number": True,
        "enrich_points_balance": True,
    },
)
# Refused once, an event comes again after five seconds: long enough to be seen, and no longer.
ANALYTICS = DemoWebhook(
    "Demo analytics",
    "/analytics",
    "Its receiver is down for the first request after each start of the demo.",
    ("customerAdded",),
    {},
)
WEBHOOKS = (RECEIVER, CRM, ANALYTICS)
REFUSED_AT_FIRST = {ANALYTICS.path: 1}


class DemoUser(NamedTuple):
    username: str
    access: Access
    may: str


USERS = (
    DemoUser("wendy", Access.WRITE, "Write: may change webhooks and publish events"),
    DemoUser("rita", Access.READ, "Read: may look at webhooks and logs"),
    DemoUser("nora", Access.NONE, "None: may sign in, and sees no webhook"),
)


class StoreData(NamedTuple):
    """A store and its tills, by till id."""

    store_id: int
    code: str
    name: str
    external_id: str
    tills: dict[int, str]


class CustomerData(NamedTuple):
    """`we_chat` is a pair of open id and union id, or None for a customer who has no account."""

    customer_id: int
    mobile: str
    email: str
    external_id: str
    card_numbers: tuple[str, ...]
    we_chat: tuple[str, str] | None
    points_balance: int


STORES = (
    StoreData(
        50001,
        "sin.orchard",
        "Orchard Singapore",
        "st-22201",
        {
            12970395: "sin.orchard.till5",
            12808452: "sin.orchard.till2",
            75152721: "sin.orchard.till1",
        },
    ),
    StoreData(
        50002, "kul.pavilion", "Pavilion Kuala Lumpur", "st-40117", {50660494: "kul.pavilion.till7"}
    ),
    StoreData(50003, "jkt.plaza", "Plaza Jakarta", "st-51020", {50671937: "jkt.plaza.till3"}),
    StoreData(50004, "blr.mgroad", "MG Road Bengaluru", "st-63010", {15071481: "blr.mgroad.till2"}),
)
STORES_OF_CHILD = (
    StoreData(50005, "dxb.marina", "Marina Dubai", "st-8011", {50021318: "dxb.marina.till1"}),
)

WE_CHAT_ACCOUNT = "tamarind-house"
_WE_CHAT_ASHA = ("oTamarind-3f7c90a1", "uTamarind-77b1e2d4")
_WE_CHAT_WEI = ("oTamarind-9be20d55", "uTamarind-1c40a9f8")
_WE_CHAT_MEI = ("oTamarind-60a4417e", "uTamarind-e95d03b6")

CUSTOMERS = (
    CustomerData(
        482579328,
        "919009535723",
        "member35723@example.com",
        "ext-535723",
        ("8800-1204-0031",),
        _WE_CHAT_ASHA,
        1240,
    ),
    CustomerData(
        414935964,
        "919007424544",
        "member24544@example.com",
        "ext-424544",
        ("8800-1204-0187", "8800-1204-0195"),
        _WE_CHAT_WEI,
        385,
    ),
    CustomerData(
        387979652, "919003165403", "member65403@example.com", "ext-64541", (), _WE_CHAT_MEI, 1990
    ),
    CustomerData(362028955, "919002040178", "member40178@example.com", "ext-204017", (), None, 60),
    CustomerData(381921157, "919006058276", "member93879@example.com", "ext-688067", (), None, 720),
    CustomerData(348778070, "919005171227", "member85580@example.com", "ext-171227", (), None, 15),
    CustomerData(
        347266498,
        "919005593355",
        "member93355@example.com",
        "ext-593355",
        ("8800-1204-0450",),
        None,
        5030,
    ),
)
CUSTOMERS_OF_CHILD = (
    CustomerData(406361177, "919002496563", "member32396@example.com", "ext-496563", (), None, 210),
)
