"""Sessions in the database, whose keys look as ours do."""

import re

from django.contrib.sessions.backends import db

KEY = re.compile(r"[a-z0-9]{8,40}")


class SessionStore(db.SessionStore):
    """A cookie may hold anything, quoted NULs too, for which PostgreSQL can not be asked."""

    def _validate_session_key(self, key: str | None) -> bool:
        return bool(key) and KEY.fullmatch(str(key)) is not None
