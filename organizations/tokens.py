"""OAuth tokens: short-lived JWTs (RFC 7519) that stand for a credential."""

import time

import jwt
from django.conf import settings
from django.utils.crypto import salted_hmac

from organizations.models import Credential

ALGORITHM = "HS256"
AUDIENCE = "ens-v3"
MAX_LENGTH = 1_000


def issue(credential: Credential) -> str:
    """A token for `settings.OAUTH_TOKEN_S`. It ends earlier with its credential or its key."""
    now = int(time.time())
    claims = {
        "aud": AUDIENCE,
        "sub": credential.key,
        "iat": now,
        "exp": now + settings.OAUTH_TOKEN_S,
    }
    return jwt.encode(claims, _signing_key(), ALGORITHM)


def key_in(token: str) -> str | None:
    """The key of the credential that a valid token stands for, or None."""
    if len(token) > MAX_LENGTH:
        return None
    try:
        claims = jwt.decode(
            token,
            _signing_key(),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            options={"require": ["aud", "sub", "iat", "exp"]},
        )
    except (jwt.PyJWTError, RecursionError):  # a header of nested arrays
        return None
    return str(claims["sub"])


def _signing_key() -> bytes:
    return salted_hmac("organizations.tokens", "signing key", algorithm="sha256").digest()
