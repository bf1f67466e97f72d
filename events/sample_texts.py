"""A text that matches a simple regular expression."""

import random
from re import _constants as code  # type: ignore[attr-defined] # the only parser there is
from re import _parser as parser  # type: ignore[attr-defined]
from re import error as InvalidPattern  # noqa: N812
from typing import Any, Final

_MAX_LENGTH: Final = 200
_USUAL_REPEATS: Final = 3
_CATEGORIES: Final = {
    code.CATEGORY_DIGIT: "0123456789",
    code.CATEGORY_NOT_DIGIT: "abcxyz",
    code.CATEGORY_WORD: "abcxyz0123456789",
    code.CATEGORY_NOT_WORD: "-",
    code.CATEGORY_SPACE: " ",
    code.CATEGORY_NOT_SPACE: "abcxyz",
}
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_. "


class UnsupportedPattern(ValueError):
    """The pattern is not simple, or asks for a very long text."""


def matching_text(pattern: str, chance: random.Random) -> str:
    """A text that the pattern matches, of at most 200 characters. Raises UnsupportedPattern."""
    try:
        return _sequence(parser.parse(pattern), chance)
    except (InvalidPattern, RecursionError, OverflowError):
        raise UnsupportedPattern(pattern) from None


def _sequence(parts: Any, chance: random.Random) -> str:
    text = ""
    for kind, argument in parts:
        text += _part(kind, argument, chance)
        if len(text) > _MAX_LENGTH:
            raise UnsupportedPattern("The text would be too long.")
    return text


def _part(kind: Any, argument: Any, chance: random.Random) -> str:
    if kind is code.LITERAL:
        return chr(argument)
    if kind is code.ANY:
        return chance.choice(_LETTERS)
    if kind is code.IN:
        return chance.choice(_members(argument))
    if kind is code.SUBPATTERN:
        return _sequence(argument[-1], chance)
    if kind is code.BRANCH:
        return _sequence(chance.choice(argument[1]), chance)
    if kind in (code.MAX_REPEAT, code.MIN_REPEAT):
        least, most, part = argument
        if least > _MAX_LENGTH:
            raise UnsupportedPattern("The text would be too long.")
        times = chance.randint(least, min(int(most), least + _USUAL_REPEATS))
        return "".join(_sequence(part, chance) for _ in range(times))
    if kind is code.AT and argument is not code.AT_NON_BOUNDARY:
        return ""  # the beginning and the end are where they are; the result is validated
    raise UnsupportedPattern(str(kind))


def _members(choices: Any) -> str:
    """The characters of a class like `[a-f_]`; of one that excludes some, usual letters."""
    members = ""
    for kind, argument in choices:
        if kind is code.LITERAL:
            members += chr(argument)
        elif kind is code.RANGE:
            first, last = argument
            members += "".join(map(chr, range(first, min(last, first + 99) + 1)))
        elif kind is code.CATEGORY:
            members += _CATEGORIES[argument]
    if choices[0][0] is code.NEGATE:
        members = "".join(letter for letter in _LETTERS if letter not in members)
    if not members:
        raise UnsupportedPattern("A class without usual letters.")
    return members
