"""JSON that is kept as its author wrote it."""

import json
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    TextField = models.JSONField[Any, Any]  # its values are any JSON, the column holds text
else:
    TextField = models.TextField


def json_text(value: Any) -> str:
    """Compact, with the keys in their order: equal for equal texts, and only for these."""
    return json.dumps(value, separators=(",", ":"))


class JsonTextField(TextField):
    """Any JSON value, None as NULL. In a column of the type `jsonb` keys would lose their order,
    and with it a schema the order in which its author tells the fields."""

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        return value

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else json_text(value)
