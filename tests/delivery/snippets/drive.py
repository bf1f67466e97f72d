"""Reads requests to verify, one in a line of five base64 texts; writes true or false for each."""

import base64
import sys

from verify import is_genuine  # type: ignore[import-not-found]  # it is put beside this file

for line in sys.stdin:
    *texts, body = (base64.b64decode(text) for text in line.rstrip("\n").split("\t"))
    is_good = is_genuine(*(text.decode() for text in texts), body)
    sys.stdout.write(f"{str(is_good).lower()}\n")
