"""How many steps telling the reasons of a "no" takes, rule by rule, before each is begun.

jsonschema tells them, a hundred times slower than what decides; it is stopped after MAX_STEPS.
"""

from typing import Any, Final

from events.schema_patterns import compiled_pattern

# Steps of some 10 µs before the search for reasons is given up.
MAX_STEPS: Final = 1_000
_PER_STEP: Final = 5  # members of an event that a rule goes through, each for itself
_COMPARED_PER_STEP: Final = 10
_LISTED_PER_STEP: Final = 50  # entries of the rule itself
_RE2_PER_STEP: Final = 330  # characters times instructions of the pattern
_STEPS_OF_REFERENCE: Final = 8
# Both validators write down what breaks a rule, whole, in words that nobody reads.
MAX_WEIGHT: Final = 10_000
_WRITTEN_PER_STEP: Final = 50
_CHARACTERS: Final = 50
_SILENT: Final = frozenset(
    {"properties", "patternProperties", "additionalProperties", "required", "allOf", "items"}
    | {"prefixItems", "$ref", "if", "pattern", "uniqueItems", "propertyNames"}
)

_EACH_MEMBER: Final = frozenset(
    {"items", "prefixItems", "additionalItems", "contains", "propertyNames"}
)


def steps(
    word: str, value: Any, instance: Any, schema: dict[str, Any], weights: dict[int, int]
) -> int:
    """How many a rule takes by itself, at most; those of the rules within it count as they come."""
    count = 1 + (len(value) // _LISTED_PER_STEP if isinstance(value, list | dict) else 0)
    if word not in _SILENT:
        count += weights.get(id(instance), 1) // _WRITTEN_PER_STEP
    if word == "$ref":
        return count + _STEPS_OF_REFERENCE
    if word == "pattern" and isinstance(instance, str):
        return count + len(instance) * int(compiled_pattern(value).programsize) // _RE2_PER_STEP
    if word in {"uniqueItems", "enum", "const"}:
        return count + _compared(word, value, instance) // _COMPARED_PER_STEP
    if not isinstance(instance, list | dict):
        return count
    if word in {"patternProperties", "additionalProperties"} and isinstance(instance, dict):
        programs = [
            int(compiled_pattern(p).programsize) for p in schema.get("patternProperties", ())
        ]
        names = sum(map(len, instance)) if programs else 0
        count += len(instance) * (1 + len(programs)) // _PER_STEP
        return count + names * sum(programs) // _RE2_PER_STEP
    return count + (len(instance) // _PER_STEP if word in _EACH_MEMBER else 0)


def _compared(word: str, value: Any, instance: Any) -> int:
    """Values that are compared or hashed, counted to no more than matters."""
    most = MAX_STEPS * _COMPARED_PER_STEP
    waiting = [instance if word == "uniqueItems" else value]
    for item in waiting:  # grows while it is walked
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
        if len(waiting) > most:
            break
    return len(waiting)


def weights_of(instance: Any) -> dict[int, int] | None:
    """By id, how long each array, object and text is when written down, in values; None if the
    whole is longer than MAX_WEIGHT."""
    inside = [instance]
    total = 0
    for item in inside:  # grows while it is walked
        total += 1
        if isinstance(item, str):
            total += len(item) // _CHARACTERS
        elif isinstance(item, dict):
            total += sum(map(len, item)) // _CHARACTERS
            inside += item.values()
        elif isinstance(item, list):
            inside += item
        if total > MAX_WEIGHT or len(inside) > MAX_WEIGHT:
            return None
    weights: dict[int, int] = {}
    for item in reversed(inside):  # members before what holds them
        if isinstance(item, str):
            weights[id(item)] = 1 + len(item) // _CHARACTERS
        elif isinstance(item, dict):
            own = 1 + sum(map(len, item)) // _CHARACTERS
            weights[id(item)] = own + sum(weights.get(id(part), 1) for part in item.values())
        elif isinstance(item, list):
            weights[id(item)] = 1 + sum(weights.get(id(part), 1) for part in item)
    return weights
