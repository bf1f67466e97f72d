"""Signatures after the Standard Webhooks specification, https://www.standardwebhooks.com."""

import base64
import binascii
import hmac
from collections.abc import Sequence

from webhooks.signing_secrets import PREFIX


def secret_key(secret: str) -> bytes:
    """The key inside a signing secret. Raises ValueError, without showing it, if there is none."""
    if not secret.startswith(PREFIX):
        raise ValueError("a signing secret starts with whsec_")
    try:
        key = base64.b64decode(secret[len(PREFIX) :], validate=True)
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
