"""An example for a JSON Schema: what an event of a custom type could look like.

The same schema and seed give the same example, on every machine. Optional members are there, a
`$ref` is followed, and a schema that refers to itself is left as soon as it allows that.
"""

import datetime as dt
import math
import random
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any, Final

from events import json_schema
from events.sample_texts import UnsupportedPattern, matching_text

_ATTEMPTS: Final = 12
_MAX_VALUES: Final = 5_000
# Below this depth, less from attempt to attempt, only what is required is made: the end of a
# schema that refers to itself.
_FULL_DEPTH: Final = 12
_MAX_TEXT: Final = 10_000
_MAX_DEPTH: Final = 40
_DAY: Final = dt.datetime(2026, 11, 21, 10, 15, tzinfo=dt.UTC)

_FORMATS: Final[dict[str, Callable[[int], str]]] = {
    "date-time": lambda n: (_DAY + dt.timedelta(minutes=n)).isoformat().replace("+00:00", "Z"),
    "date": lambda n: (_DAY + dt.timedelta(days=n)).date().isoformat(),
    "time": lambda n: f"10:{n % 60:02}:00Z",
    "duration": lambda n: f"P{n % 28 + 1}D",
    "email": lambda n: f"member{n}@example.com",
    "idn-email": lambda n: f"member{n}@example.com",
    "hostname": lambda n: f"host{n}.example.com",
    "idn-hostname": lambda n: f"host{n}.example.com",
    "ipv4": lambda n: f"192.0.2.{n % 254 + 1}",
    "ipv6": lambda n: f"2001:db8::{n % 9999 + 1}",
    "uri": lambda n: f"https://example.com/{n}",
    "iri": lambda n: f"https://example.com/{n}",
    "uri-reference": lambda n: f"/items/{n}",
    "uuid": lambda n: f"00000000-0000-4000-8000-{n:012}",
    "json-pointer": lambda n: f"/items/{n}",
    "regex": lambda _: "^[a-z]+$",
}
# The keywords that tell the type of a schema that does not name it.
_TELLING: Final = {
    "object": ("properties", "required", "additionalProperties", "patternProperties"),
    "array": ("items", "prefixItems", "contains", "minItems", "uniqueItems"),
    "string": ("pattern", "format", "minLength", "maxLength"),
    "number": ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum"),
}

_LEAST: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_MOST: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


class CannotSample(Exception):
    """No example was found for the schema."""


def sample_payload(schema: Mapping[str, Any], seed: int = 0) -> object:
    """An instance that fits the schema, made of what `json.loads` would give.

    Raises SchemaError for a schema that is no good, and CannotSample when no valid example was
    found: the schema allows nothing, or needs more cunning (`not`, look-alike alternatives).
    """
    compiled = json_schema.compiled(schema)
    for attempt in range(_ATTEMPTS):
        chance = random.Random(f"{seed}/{attempt}")  # noqa: S311 # repeatable, not secret
        try:
            made = _Maker(dict(schema), chance, _FULL_DEPTH // (1 + attempt // 3)).make(schema)
        except (_DeadEnd, ArithmeticError, AttributeError, LookupError, TypeError):
            # What a draft does not know may have any shape: `prefixItems: 3` in draft 7.
            continue
        if compiled.accepts(made):
            return made
    raise CannotSample("No example was found that fits the schema.")


class _DeadEnd(Exception):
    """This attempt leads nowhere; another choice may."""


class _Maker:
    """One attempt: every choice is taken by `chance`."""

    def __init__(self, root: dict[str, Any], chance: random.Random, full_depth: int) -> None:
        self._root = root
        self._full_depth = full_depth
        self._chance = chance
        self._values_left = _MAX_VALUES

    def make(self, schema: Any, depth: int = 0) -> Any:
        self._values_left -= 1
        if depth > _MAX_DEPTH or not self._values_left or schema is False:
            raise _DeadEnd
        rules = self._flat(schema, depth)
        if "const" in rules:
            return rules["const"]
        if "enum" in rules:
            return self._chosen(rules["enum"])
        return getattr(self, f"_{self._type(rules)}")(rules, depth)

    def _chosen(self, choices: list[Any]) -> Any:
        if not choices:
            raise _DeadEnd
        return self._chance.choice(choices)

    def _flat(self, schema: Any, depth: int) -> dict[str, Any]:
        """The schema with its references, `allOf` and one of each group of alternatives."""
        if depth > _MAX_DEPTH or schema is False:
            raise _DeadEnd
        if not isinstance(schema, Mapping):
            return {}
        rules = {k: v for k, v in schema.items() if k not in ("$ref", "allOf", "anyOf", "oneOf")}
        parts = list(schema.get("allOf", ()))
        groups = [schema[keyword] for keyword in ("anyOf", "oneOf") if keyword in schema]
        parts += map(self._chosen, groups)
        if "if" in schema and "then" in schema:
            parts += schema["if"], schema["then"]
        if "$ref" in schema:
            parts.append(self._target(schema["$ref"]))
        for part in parts:
            rules = _merged(rules, self._flat(part, depth + 1))
        return rules

    def _target(self, reference: str) -> Any:
        if reference != "#" and not reference.startswith("#/"):
            raise _DeadEnd  # an anchor or a metaschema
        target: Any = self._root
        for step in urllib.parse.unquote(reference).split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            target = target[int(name)] if isinstance(target, list) else target[name]
        return target

    def _type(self, rules: dict[str, Any]) -> str:
        types = rules.get("type")
        if isinstance(types, list):
            types = self._chosen([name for name in types if name != "null"] or types)
        if types:
            return str(types)
        told = (kind for kind, words in _TELLING.items() if any(word in rules for word in words))
        return next(told, "string")

    def _object(self, rules: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = rules.get("properties", {})
        required = rules.get("required", [])
        made: dict[str, Any] = {}
        for name, schema in properties.items():
            if name in required or (depth < self._full_depth and schema is not False):
                made[name] = self.make(schema, depth + 1)
        others = rules.get("additionalProperties", {})
        for name in required:
            if name not in made:
                made[name] = self.make(others, depth + 1)
        self._fill(made, rules, others, depth)
        return made

    def _fill(self, made: dict[str, Any], rules: dict[str, Any], others: Any, depth: int) -> None:
        """One member for each pattern of names, and as many more as the least number asks for."""
        if depth < self._full_depth:
            for pattern, schema in rules.get("patternProperties", {}).items():
                made.setdefault(self._matching(pattern), self.make(schema, depth + 1))
        for number in range(int(rules.get("minProperties", 0)) - len(made)):
            made[f"property{number + 1}"] = self.make(others, depth + 1)

    def _array(self, rules: dict[str, Any], depth: int) -> list[Any]:
        items = rules.get("items", {})
        first = items if isinstance(items, list) else rules.get("prefixItems", [])
        if isinstance(items, list):
            items = rules.get("additionalItems", {})
        made = [self.make(schema, depth + 1) for schema in first]
        if "contains" in rules:
            made.append(self.make(rules["contains"], depth + 1))
        least = rules.get("minItems", 0)
        usual = 1 if depth < self._full_depth and items is not False else 0
        wanted = min(max(least, usual), rules.get("maxItems", least + usual))
        if wanted > _MAX_VALUES:
            raise _DeadEnd
        tries = 8 * max(0, wanted - len(made))  # a second try where items must differ
        while len(made) < wanted and tries:
            tries -= 1
            item = self.make(items, depth + 1)
            if not (rules.get("uniqueItems") and item in made):
                made.append(item)
        return made

    def _string(self, rules: dict[str, Any], _: int) -> str:
        number = self._chance.randrange(1, 10_000)
        least, most = rules.get("minLength", 0), rules.get("maxLength", _MAX_TEXT)
        if least > _MAX_TEXT:
            raise _DeadEnd
        if "pattern" in rules:
            return self._matching(rules["pattern"])
        if rules.get("format") in _FORMATS:
            return _FORMATS[rules["format"]](number)
        return f"text {number}".ljust(int(least), "x")[: int(min(most, _MAX_TEXT))]

    def _matching(self, pattern: str) -> str:
        try:
            return matching_text(pattern, self._chance)
        except UnsupportedPattern:
            raise _DeadEnd from None

    def _integer(self, rules: dict[str, Any], _: int) -> int:
        low, high, above, below = _limits(rules)
        step = max(1, int(rules.get("multipleOf", 1)))
        lowest = (math.floor(low) + 1) if above else math.ceil(low)
        highest = (math.ceil(high) - 1) if below else math.floor(high)
        if -(-lowest // step) > highest // step:
            raise _DeadEnd
        return self._chance.randint(-(-lowest // step), highest // step) * step

    def _number(self, rules: dict[str, Any], _: int) -> float | int:
        low, high, _above, _below = _limits(rules)
        if step := rules.get("multipleOf"):
            lowest, highest = math.ceil(low / step), math.floor(high / step)
            times: int = self._chance.randint(lowest, max(lowest, highest))
            return times * step  # type: ignore[no-any-return] # a number of the schema
        value = low + (high - low) * self._chance.uniform(0.1, 0.9)  # off the limits themselves
        return round(value, 2) if low < round(value, 2) < high else value

    def _boolean(self, _: dict[str, Any], __: int) -> bool:
        return self._chance.choice((True, False))

    def _null(self, _: dict[str, Any], __: int) -> None:
        return None


def _limits(rules: dict[str, Any]) -> tuple[float, float, bool, bool]:
    """The lowest and the highest number, and whether these themselves are excluded."""
    low, high = rules.get("minimum"), rules.get("maximum")
    above, below = rules.get("exclusiveMinimum", False), rules.get("exclusiveMaximum", False)
    if not isinstance(above, bool):  # a number since draft 6
        low, above = (above, True) if low is None or above >= low else (low, False)
    if not isinstance(below, bool):
        high, below = (below, True) if high is None or below <= high else (high, False)
    if low is None:
        low = 1 if high is None else min(0, high - 1_000)
    if high is None or (high > low + 9_999 and "multipleOf" not in rules):
        high, below = low + 9_999, False
    return low, high, above, below


def _merged(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    """Rules that hold together; where both name a limit, the narrower one."""
    both = {**left, **right}
    for word in left.keys() & right.keys():
        one, other = left[word], right[word]
        if word in ("properties", "patternProperties"):
            both[word] = {**one, **other}
            for name in one.keys() & other.keys():
                both[word][name] = {"allOf": [one[name], other[name]]}
        elif word in ("items", "contains", "additionalProperties"):
            both[word] = {"allOf": [one, other]} if not isinstance(one, list) else one
        elif word == "required":
            both[word] = [*one, *(name for name in other if name not in one)]
        elif word == "enum":
            both[word] = [value for value in one if value in other]
        elif word == "type":
            both[word] = _common_types(one, other)
        elif word in _LEAST:
            both[word] = max(one, other)
        elif word in _MOST:
            both[word] = min(one, other)
    return both


def _common_types(one: str | list[str], other: str | list[str]) -> list[str]:
    left, right = ([kinds] if isinstance(kinds, str) else kinds for kinds in (one, other))
    common = [kind for kind in left if kind in right]
    if "integer" in {*left, *right} and "number" in {*left, *right} and "integer" not in common:
        common.append("integer")
    return common
