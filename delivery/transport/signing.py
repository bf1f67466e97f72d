"""Signatures after the Standard Webhooks specification, https://www.standardwebhooks.com."""

import base64
import binascii
import hmac
import secrets as chance
from collections.abc import Sequence

SECRET_PREFIX = "whsec_"  # noqa: S105 - the specification's prefix, no secret
SECRET_BYTES = 32


def new_secret() -> str:
    """A fresh signing secret: `whsec_` and 32 random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(chance.token_bytes(SECRET_BYTES)).decode()


def secret_key(secret: str) -> bytes:
    """The key inside a signing secret. Raises ValueError, without showing it, if there is none."""
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError("a signing secret starts with whsec_")
    try:
        key = base64.b64decode(secret[len(SECRET_PREFIX) :], validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a signing secret is whsec_ and base64") from None
    if not key:
        raise ValueError("a signing secret holds a key")
    return key


def sign(secrets: Sequence[str], message_id: str, timestamp_s: int, body: bytes) -> str:
    """The value of `webhook-signature`: one `v1,…` for each secret, separated by spaces.

    Raises ValueError for a malformed secret.
    """
    return sign_with_keys([secret_key(secret) for secret in secrets], message_id, timestamp_s, body)


def sign_with_keys(keys: Sequence[bytes], message_id: str, timestamp_s: int, body: bytes) -> str:
    """As `sign`, with keys that `secret_key` took out of their secrets before."""
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp_s, body)
    return " ".join(
        "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys
    )
