"""Ids of webhooks: 24 hex digits that are made like BSON ObjectIds.

Source: https://www.mongodb.com/docs/manual/reference/bson-types/#objectid
"""

import itertools
import os
import secrets
import time

OBJECT_ID = "[0-9a-f]{24}"

_counter = itertools.count(secrets.randbelow(2**24))
_random = {os.getpid(): secrets.token_hex(5)}


def new_object_id() -> str:
    """Creation time (4 bytes, seconds), random value of this process (5), counter (3)."""
    random = _random.setdefault(os.getpid(), secrets.token_hex(5))
    return f"{int(time.time()):08x}{random}{next(_counter) % 2**24:06x}"
