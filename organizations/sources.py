"""The sources of customer identifiers: what reference data is kept by, and webhooks choose from."""

# As the API spells them → their key in a payload's `customerIdentifiers`.
PAYLOAD_KEYS = {
    "Instore": "instore",
    "WeChat": "wechat",
    "WebEngage": "web_engage",
    "Facebook": "facebook",
    "Martjack": "martjack",
    "Tmall": "tmall",
    "Taobao": "taobao",
    "JD": "jd",
    "Ecommerce": "ecommerce",
    "Website": "website",
    "Line": "line",
}
# Where people write it otherwise than the API.
_LABELS = {"Instore": "InStore", "Ecommerce": "E-commerce", "Line": "LINE"}
_CANONICAL = {name.lower(): name for name in PAYLOAD_KEYS} | {
    key: name for name, key in PAYLOAD_KEYS.items()
}


def canonical(name: str) -> str:
    """The API's spelling, whatever the case or if it is the payload's key; else as it came."""
    return _CANONICAL.get(name.lower(), name)


def source_label(name: str) -> str:
    """For people, of the API's spelling."""
    return _LABELS.get(name, name)
