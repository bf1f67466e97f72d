"""Limits per minute, counted in Redis by all processes together."""

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from organizations.addresses import caller_site
from organizations.authentication import caller_or_none
from organizations.redis import RedisAway, door

WINDOW_MS = 60_000
REDIS_TIMEOUT_S = 0.08  # a request waits for it
TOKENS_PER_SITE = 300
TOKENS_PER_KEY = 60

# The window begins with its first use and is over when the key expires: the server's clock alone
# decides. Answers 0, or the milliseconds until the window ends.
TAKE = """
redis.call('SET', KEYS[1], 0, 'PX', ARGV[3], 'NX')
if redis.call('GET', KEYS[1]) + ARGV[1] > tonumber(ARGV[2]) then
  return math.max(1, redis.call('PTTL', KEYS[1]))
end
redis.call('INCRBY', KEYS[1], ARGV[1])
return 0
"""


def take(key: str, amount: int, limit: int) -> float | None:
    """Take `amount` of the `limit` a minute that `key` has: all of it, or nothing.

    None when it was taken, and when Redis is away (nobody is turned away for that); else the
    seconds to wait. More than the whole limit at once is taken from an untouched minute.
    """
    arguments = [min(amount, limit), limit, WINDOW_MS]
    try:
        wait_ms = door(REDIS_TIMEOUT_S).call(
            lambda client: client.register_script(TAKE)(keys=[f"ens:rate:{key}"], args=arguments)
        )
    except RedisAway:
        return None
    return int(wait_ms) / 1000 or None


class RequestThrottle(BaseThrottle):
    """ENS_REQUESTS_PER_MINUTE for each credential or user."""

    _wait_s: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        caller = caller_or_none(request)
        if caller is not None:
            self._wait_s = take(f"requests:{caller.throttle_key}", 1, settings.REQUESTS_PER_MINUTE)
        return self._wait_s is None

    def wait(self) -> float | None:
        return self._wait_s


class TokenThrottle(BaseThrottle):
    """Asking for tokens needs no credential, so it is limited by where the request comes from."""

    _wait_s: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        self._wait_s = take(f"tokens:{caller_site(request._request)}", 1, TOKENS_PER_SITE)
        return self._wait_s is None

    def wait(self) -> float | None:
        return self._wait_s
