"""A JSON Schema as a tree to read: fields, their types, what they mean, what else is allowed.

Any value is taken, also what is no schema at all: what is not understood is left out, what is too
much is cut and counted. A reference is followed inside of the same document only, and not into
itself. The tree is for reading; what decides about an event is the validator.
"""

import collections
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from events.schema_parts import Budget, Parts, parts_of
from events.schema_words import about_of, is_simple, notes_of, text, type_of

MAX_NODES: Final = 1_500
MAX_CHILDREN: Final = 200  # of one node
MAX_DEPTH: Final = 12

_ALTERNATIVES: Final = {"oneOf": "Exactly one of", "anyOf": "At least one of"}


@dataclass(slots=True)
class Node:
    """`is_field` is false where `name` is not a field's, but says what the children are.

    `hidden` is how many children are not in the tree.
    """

    name: str
    type: str = ""
    required: bool = False
    is_field: bool = True
    about: str = ""
    notes: list[str] = field(default_factory=list)
    children: "list[Node]" = field(default_factory=list)
    hidden: int = 0

    @property
    def words(self) -> str:
        """Name, type and whether it is required, in one line."""
        return " ".join(filter(None, [self.name, self.type, "required" if self.required else ""]))

    def outline(self, depth: int = 0) -> Iterator[str]:
        """The children as lines of text, indented by two spaces a level."""
        indent = "  " * depth
        for child in self.children:
            yield indent + ": ".join(filter(None, [child.words, child.explanation]))
            yield from child.outline(depth + 1)
        if self.hidden:
            yield f"{indent}… {self.hidden:,} more"

    @property
    def explanation(self) -> str:
        return ". ".join(filter(None, [self.about.rstrip("."), *self.notes]))


@dataclass(slots=True)
class Tree:
    """What the event type tells, and what every event carries around it.

    With `is_of_data`, `fields` are those of `data` and `envelope` has the others; else all of
    them are in `fields`. `is_complete` is false if the schema was too much to read it all.
    """

    fields: Node
    envelope: Node
    is_of_data: bool
    is_complete: bool


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A node that has a name only, and the schemas that hold for it; with `is_choice`, of which
    one holds."""

    node: Node
    schemas: list[Any]
    depth: int = 0
    within: frozenset[int] = frozenset()
    is_choice: bool = False


def schema_tree(schema: Any) -> Tree:
    """The tree of the schema of a whole event."""
    budget = Budget()
    builder = _Builder(schema, budget)
    whole = parts_of(schema, [schema], frozenset(), budget)
    data = [part for part in whole.properties.get("data", []) if isinstance(part, dict)]
    if data:
        required = "data" in whole.required
        waiting = _Waiting(Node("data", required=required), data, within=whole.within)
        fields = builder.built(waiting)
        envelope = builder.built(_Waiting(Node(""), [schema]), without="data")
    else:
        fields, envelope = builder.built(_Waiting(Node(""), [schema])), Node("")
    return Tree(fields, envelope, bool(data), is_complete=not budget.is_spent)


class _Builder:
    """Fills nodes level by level, so that what is cut is what lies deepest."""

    def __init__(self, document: Any, budget: Budget) -> None:
        self._document = document
        self._budget = budget
        self._left = MAX_NODES

    def built(self, root: _Waiting, without: str = "") -> Node:
        """Without the root's member of that name."""
        queue = collections.deque([root])
        while queue:
            waiting = queue.popleft()
            if waiting.is_choice:
                members = [_alternative(waiting, n) for n in range(len(waiting.schemas))]
            else:
                members = self._described(waiting)
            if waiting is root:
                members = [member for member in members if member.node.name != without]
            queue += self._adopted(waiting, members)
        return root.node

    def _adopted(self, parent: _Waiting, members: list[_Waiting]) -> list[_Waiting]:
        room = 0 if parent.depth >= MAX_DEPTH else min(MAX_CHILDREN, self._left)
        adopted = members[:room]
        self._left -= len(adopted)
        parent.node.children = [member.node for member in adopted]
        parent.node.hidden = len(members) - len(adopted)
        return adopted

    def _described(self, waiting: _Waiting) -> list[_Waiting]:
        """Says in the node what its schemas say, and gives back its children to be."""
        node = waiting.node
        parts = parts_of(self._document, waiting.schemas, waiting.within, self._budget)
        _describe(node, parts)
        kind = "" if node.required and not node.is_field else type_of(parts)
        for _ in range(MAX_DEPTH):  # an array is shown as what it holds
            if not parts.items or parts.properties or not kind.endswith("array"):
                break
            parts = parts_of(self._document, parts.items, parts.within, self._budget)
            _describe(node, parts)
            kind += f" of {type_of(parts)}"
        node.type = kind
        return list(_members(parts, waiting.depth + 1))


def _describe(node: Node, parts: Parts) -> None:
    node.about = node.about or about_of(parts)
    node.notes += [note for note in notes_of(parts) if note not in node.notes]


def _members(parts: Parts, depth: int) -> Iterator[_Waiting]:
    for name, schemas in parts.properties.items():
        node = Node(text(name), required=name in parts.required)
        yield _Waiting(node, schemas, depth, parts.within)
    for pattern, schemas in parts.patterns.items():
        node = Node(f"Names like {text(pattern)}", is_field=False)
        yield _Waiting(node, schemas, depth, parts.within)
    if parts.rest:
        yield _Waiting(Node("Any other name", is_field=False), parts.rest, depth, parts.within)
    for position, schema in enumerate(parts.places):
        yield _Waiting(Node(f"[{position}]"), [schema], depth, parts.within)
    for keyword, members in parts.alternatives:
        if not all(is_simple(member) for member in members):
            node = Node(_ALTERNATIVES[keyword], is_field=False)
            yield _Waiting(node, members, depth, parts.within, is_choice=True)


def _alternative(choice: _Waiting, position: int) -> _Waiting:
    schema = choice.schemas[position]
    node = Node(f"Alternative {position + 1}", is_field=False)
    if isinstance(schema, dict) and schema.keys() == {"required"}:
        names = [name for name in schema["required"] if isinstance(name, str)][:10]
        node = Node(text(", ".join(names)), required=True, is_field=False)
    return _Waiting(node, [schema], choice.depth + 1, choice.within)
