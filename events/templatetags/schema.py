"""`{% schema_branches node %}`: the children of a schema tree's node as nested <details>."""

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from events.schema_tree import Node
from organizations.templatetags.icons import icon

register = template.Library()

OPEN_AT_FIRST = 24  # lines that are seen without opening anything, more or less

_LEAF = '<li><div class="node">{}</div></li>'
_BRANCH = '<li><details{}><summary class="node">{}{}</summary><ul>{}</ul></details></li>'
_FIELD = "<code>{}</code>"
_NO_FIELD = '<span class="type">{}</span>'
_REST = '<li><div class="node"><span class="about">{} more, in the JSON Schema</span></div></li>'


@register.simple_tag
def schema_branches(node: Node) -> SafeString:
    """The first few branches are open."""
    room = OPEN_AT_FIRST - len(node.children)
    return _branches(node, room, icon("right", 14))


def _branches(node: Node, room: int, arrow: SafeString) -> SafeString:
    items = []
    for child in node.children:
        if not child.children and not child.hidden:
            items.append(format_html(_LEAF, _words(child)))
            continue
        is_open = len(child.children) <= room
        room -= len(child.children) if is_open else 0
        inside = _branches(child, 0, arrow)
        opened = OPEN if is_open else ""
        items.append(format_html(_BRANCH, opened, arrow, _words(child), inside))
    if node.hidden:
        items.append(format_html(_REST, f"{node.hidden:,}"))
    return format_html_join("", "{}", ((item,) for item in items))


OPEN = format_html(" {}", "open")


def _words(node: Node) -> SafeString:
    named = format_html(_FIELD if node.is_field else _NO_FIELD, node.name)
    parts = [
        (cls, words)
        for cls, words in (
            ("type", node.type),
            ("must", "required" if node.required else ""),
            ("about", node.about),
            *(("about", note) for note in node.notes),
        )
        if words
    ]
    return format_html(
        "<span>{}{}</span>", named, format_html_join("", '<span class="{}">{}</span>', parts)
    )
