"""What the demo remembers between its starts: the file `settings.DEMO_FILE`."""

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class DemoState:
    """Passwords are in plain text; the database has only their digests.

    `code` and `password` are the credential of the parent organisation, `users` the passwords by
    username, `webhook_ids` the public ids of the demo's webhooks by name.
    """

    organization: int
    code: str
    password: str
    child_code: str
    child_password: str
    users: dict[str, str]
    webhook_ids: dict[str, str]
    receiver_port: int

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """None when there is no such file, or it is not what `write` has written."""
        try:
            content: Any = json.loads(path.read_text(encoding="utf-8"))
            state = cls(**content)
        except (OSError, ValueError, TypeError):
            return None
        kinds = {
            field.name: dict if field.name in {"users", "webhook_ids"} else field.type
            for field in fields(cls)
        }
        if all(isinstance(getattr(state, name), kind) for name, kind in kinds.items()):  # type: ignore[arg-type]
            return state
        return None

    def write(self, path: Path) -> None:
        """Replace the file, at once and as a whole; nobody else may read it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.new")
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(descriptor)
        unfinished.replace(path)
