"""What is told beside the editor of a schema: what is wrong, or what came of it."""

import json
from dataclasses import dataclass
from typing import Any

from events.event_types import sample_or_made
from events.forms import CustomTypeForm
from events.pages.schema_panel import JsonText
from events.schema_tree import Tree, schema_tree


@dataclass(frozen=True, slots=True)
class TypeCheck:
    """`made` is the example that is made from the schema, None if one was typed or none can be.

    `tree` is None while the schema is wrong.
    """

    schema_problems: list[str]
    sample_problems: list[str]
    tree: Tree | None
    made: JsonText | None
    has_schema: bool
    has_sample: bool

    @property
    def is_fine(self) -> bool:
        return not self.schema_problems and not self.sample_problems


def check_of(form: CustomTypeForm) -> TypeCheck:
    """Of a form that is checked already, or of one that shows what is stored."""
    schema, sample = (_value(form, name) for name in ("schema", "sample"))
    wrong = {name: [str(error) for error in form.errors.get(name, [])] for name in form.fields}
    made = None
    if not wrong["schema"] and sample is None and not wrong["sample"]:
        made = sample_or_made(schema, None)
    return TypeCheck(
        schema_problems=wrong["schema"],
        sample_problems=wrong["sample"],
        tree=None if wrong["schema"] or schema is None else schema_tree(schema),
        made=None if made is None else JsonText(json.dumps(made, ensure_ascii=False, indent=2)),
        has_schema=schema is not None,
        has_sample=sample is not None,
    )


def _value(form: CustomTypeForm, name: str) -> Any:
    return form.cleaned_data.get(name) if form.is_bound else form.initial.get(name)
