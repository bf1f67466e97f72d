"""How much work a schema is for an event: computed before it is done.

A table tells, for each level of an event, what the costliest value there can cost. Times the
values that an event has on each of its levels, that is a bound for the whole of it. The table
grows with what is applied to the same place (`$ref`, `allOf`, …) and to members; it is made once
for each schema, in a bounded number of steps.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from events.schema_costs import Cost, below_unique, wide
from events.schema_keywords import Members

MAX_INSTANCE_DEPTH: Final = 65  # levels; one above what an accepted event can have
# References followed one from another without going deeper into the event.
MAX_CHAIN: Final = 128
MAX_STEPS: Final = 200_000
MAX_UNITS_OF_VALUE: Final = 25_000
MAX_UNITS: Final = 500_000  # 12.5 ms

_EXACT: Final = 2**53  # whole numbers beyond are not told apart by the validator's hashes
_TINY: Final = 1e-9
_HUGE: Final = 1e18


class TooMuch(Exception):
    """The schema multiplies its rules, or is too entangled to be judged."""


class Endless(Exception):
    """A `$ref` leads back to where it stands, or through too many others."""


class TooDeep(Exception):
    """The event goes deeper than any that is accepted, where the schema follows."""


Terms = dict[int, int]  # schemas by id, and how many times each


@dataclass(frozen=True, slots=True)
class State:
    """What holds below a place: for any member, and in place of that for those with a name."""

    member: int
    name: int
    any: tuple[Terms, Terms]  # of objects, of arrays
    named: tuple[list[Terms], list[Terms]]
    size: int


@dataclass(frozen=True, slots=True)
class Here:
    """All that is applied at one place; `below` are the schemas among it that hold members."""

    value: int
    character: int
    unique: int
    below: Terms


class Places:
    """The schemas of a document by id, and how they hang together."""

    def __init__(
        self,
        costs: Mapping[int, Cost],
        here: Mapping[int, list[Any]],
        members: Mapping[int, tuple[Members, Members]],
    ) -> None:
        """`here`: the schemas that are applied where each is, again if so often."""
        self._costs = costs
        self._parts = here
        self._members = members
        self._here: dict[int, Here] = {}
        self._states: dict[frozenset[tuple[int, int]], State] = {}
        self._keys: dict[int, frozenset[tuple[int, int]]] = {}
        self._steps = 0

    def table(self, root: int) -> "WorkTable":
        """Raises TooMuch and Endless."""
        self._reach(root)
        value = self._levels(root, lambda here: here.value, lambda state: state.member)
        character = self._levels(root, lambda here: here.character, lambda state: state.name)
        unique = self._levels(root, lambda here: here.unique, lambda _: 0)
        above = 0
        for depth, count in enumerate(unique):
            value[depth] += below_unique(above)
            above += count
        if max(value) > MAX_UNITS_OF_VALUE or max(character) > MAX_UNITS_OF_VALUE:
            raise TooMuch
        counts_numbers = any(cost.is_numeric for cost in self._costs.values())
        return WorkTable(tuple(value), tuple(character), above, counts_numbers)

    def _step(self, count: int) -> None:
        self._steps += count
        if self._steps > MAX_STEPS:
            raise TooMuch

    def _reach(self, root: int) -> None:
        """Every place where validation can begin, and what holds below it."""
        waiting = [root]
        for place in waiting:  # grows while it is walked
            if place in self._keys:
                continue
            below = self._applied(place, ()).below
            self._keys[place] = key = frozenset(below.items())
            if key not in self._states:
                state = self._states[key] = self._state(below)
                for terms in (*state.any, *state.named[0], *state.named[1]):
                    waiting += terms

    def _applied(self, place: int, chain: tuple[int, ...]) -> Here:
        if place in self._here:
            return self._here[place]
        if place in chain or len(chain) > MAX_CHAIN:
            raise Endless
        cost = self._costs[place]
        value, character, unique = cost.value, cost.character, cost.unique
        has_members = any(_has_members(kind) for kind in self._members[place])
        below: Terms = {place: 1} if has_members else {}
        for part in self._parts[place]:
            other = self._applied(id(part), (*chain, place))
            value += other.value
            character += other.character
            unique += other.unique
            self._step(1 + len(other.below))
            for key, times in other.below.items():
                below[key] = below.get(key, 0) + times
        if value > MAX_UNITS_OF_VALUE:
            raise TooMuch
        made = self._here[place] = Here(value, character, unique, below)
        return made

    def _state(self, below: Terms) -> State:
        costs = [(self._costs[key], times) for key, times in below.items()]
        kinds = [self._terms(below, kind) for kind in (0, 1)]
        return State(
            member=sum(cost.member * times for cost, times in costs),
            name=sum(cost.name * times for cost, times in costs),
            any=(kinds[0][0], kinds[1][0]),
            named=(kinds[0][1], kinds[1][1]),
            size=1 + sum(len(for_any) + sum(map(len, named)) for for_any, named in kinds),
        )

    def _terms(self, below: Terms, kind: int) -> tuple[Terms, list[Terms]]:
        for_any: Terms = {}
        named: dict[Any, Terms] = {}
        for key, times in below.items():
            members = self._members[key][kind]
            rest = _schemas(members.rest)
            self._step(1 + len(rest) + len(members.always))
            for schema in (*rest, *_schemas(members.always)):
                for_any[id(schema)] = for_any.get(id(schema), 0) + times
            for name, schema in members.named.items():
                self._step(1 + len(rest))
                instead = named.setdefault(name, {})
                for other in _schemas([schema]):
                    instead[id(other)] = instead.get(id(other), 0) + times
                for other in rest:
                    instead[id(other)] = instead.get(id(other), 0) - times
        return for_any, list(named.values())

    def _levels(
        self, root: int, own: Callable[[Here], int], edge: Callable[[State], int]
    ) -> list[int]:
        """The most that a value costs on each level, from the top on."""
        table = [own(self._here[root])]
        costs = {place: own(self._here[place]) for place in self._keys}
        known: dict[frozenset[tuple[int, int]], int] = {}
        for depth in range(1, MAX_INSTANCE_DEPTH):
            edges = edge if depth == 1 else _no_edge
            found = {key: self._below(s, costs) + edges(s) for key, s in self._states.items()}
            costs = {place: found[key] for place, key in self._keys.items()}
            table.append(costs[root])
            is_settled = depth > 1 and found == known
            if max(found.values()) > MAX_UNITS_OF_VALUE:
                raise TooMuch
            if is_settled or not any(found.values()):
                return table + [costs[root]] * (MAX_INSTANCE_DEPTH - len(table))
            known = found
        return table

    def _below(self, state: State, costs: Mapping[int, int]) -> int:
        """The cost of the costliest member, a named one or any other."""
        self._step(state.size)
        worst = 0
        for for_any, named in zip(state.any, state.named, strict=True):
            instead = max((_sum(terms, costs) for terms in named), default=0)
            worst = max(worst, _sum(for_any, costs) + max(0, instead))
        return worst


@dataclass(frozen=True, slots=True)
class WorkTable:
    """Units for each value, and for each character, of each level; `unique` lists within each
    other whose items have to differ; whether numbers are looked at closer than at their type."""

    value: tuple[int, ...]
    character: tuple[int, ...]
    unique: int
    counts_numbers: bool

    def units(self, instance: object) -> int:
        """What checking the event costs at most; counting ends where that is more than MAX_UNITS.

        Raises TooDeep.
        """
        total = values = wide_count = wide_weight = names = 0
        level: list[Any] = [instance]
        for per_value, per_character in zip(self.value, self.character, strict=True):
            if not level or not per_value:
                break
            values += len(level)
            total += (per_value + 1) * len(level)
            if total > MAX_UNITS:
                return total
            if per_character:
                texts = (item for item in level if isinstance(item, str))
                total += per_character * (sum(map(len, texts)) + names)
            if self.counts_numbers:
                weights = [wide(item) for item in level if _is_wide(item)]
                wide_count += len(weights)
                wide_weight += sum(weights)
                total += per_value * sum(weights)
            if any(self.character):
                names = sum(sum(map(len, item)) for item in level if isinstance(item, dict))
            level = _members_of(level)
        else:
            if level and self.value[-1]:
                raise TooDeep
        # Numbers with the same hash are compared with each other, and all that is around them.
        return total + self.unique * wide_count * (below_unique(values) + 2 * wide_weight)


def _members_of(level: Iterable[Any]) -> list[Any]:
    deeper: list[Any] = []
    for item in level:
        kind = item.__class__
        if kind is dict:
            deeper += item.values()
        elif kind is list:
            deeper += item
    return deeper


def _is_wide(item: object) -> bool:
    if isinstance(item, float):
        return not _TINY <= abs(item) <= _HUGE and item != 0
    return isinstance(item, int) and not -_EXACT < item < _EXACT


def _no_edge(_: State) -> int:
    return 0


def _has_members(members: Members) -> bool:
    return bool(members.named or members.rest or members.always)


def _schemas(members: Iterable[Any]) -> list[dict[str, Any]]:
    return [member for member in members if isinstance(member, dict)]


def _sum(terms: Terms, costs: Mapping[int, int]) -> int:
    return sum(costs[key] * times for key, times in terms.items())
