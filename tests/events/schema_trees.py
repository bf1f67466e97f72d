"""Trees of schemas, and their nodes."""

from typing import Any

from events.schema_tree import Node, Tree, schema_tree


def tree_of_data(data: Any, **root: Any) -> Tree:
    return schema_tree({"type": "object", "properties": {"data": data}, **root})


def field_of(schema: Any, **root: Any) -> Node:
    """The node of a field that has this schema."""
    fields = tree_of_data({"properties": {"it": schema}}, **root).fields
    (node,) = fields.children
    return node


def names(node: Node) -> list[str]:
    return [child.name for child in node.children]


def everything(node: Node) -> list[Node]:
    found = [node]
    for seen in found:
        found += seen.children
    return found


def depth(node: Node) -> int:
    return 1 + max(map(depth, node.children), default=0)
