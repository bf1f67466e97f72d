"""Named points where a test can kill the process, to show that nothing is lost there.

ENS_FAILPOINT is `name@n`: at the n-th time that this process passes the point, it dies as by
`kill -9`. Not set, which is how it is outside tests, a point costs one comparison.
"""

import os
import signal
import threading

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

POINTS = frozenset(
    {
        "after_claim",
        "before_send",
        "after_send",
        "before_record",
        "after_record",
        "before_release",
        "in_replay",
        "in_sweep",
        "after_sweep",
    }
)

_name, _, _count = settings.FAILPOINT.partition("@")
if _name and (_name not in POINTS or not (_count or "1").isdecimal()):
    raise ImproperlyConfigured(
        f"ENS_FAILPOINT: use NAME@N with one of {', '.join(sorted(POINTS))}."
    )
_left = int(_count or 1)
_lock = threading.Lock()


def failpoint(name: str) -> None:
    if name == _name:
        _pass()


def _pass() -> None:
    global _left
    with _lock:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
