"""A text column that is encrypted at rest."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models


class Undecipherable(Exception):
    """The stored value was written with a key that ENS_ENCRYPTION_KEYS no longer holds."""


class Unreadable(str):
    """Stands for such a value where a row is read, and is a mask as text. Written again it leaves
    the column as it was: with the key back, the value is back."""

    __slots__ = ("token",)
    token: str

    def __new__(cls, token: str) -> Self:
        made = super().__new__(cls, "••••")
        made.token = token
        return made

    def __getnewargs__(self) -> tuple[str]:  # for copies
        return (self.token,)


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(text: str) -> str:
    return _cipher(tuple(settings.ENCRYPTION_KEYS)).encrypt(text.encode()).decode("ascii")


def decrypt(token: str) -> str:
    """Raises Undecipherable."""
    try:
        return _cipher(tuple(settings.ENCRYPTION_KEYS)).decrypt(token.encode("ascii")).decode()
    except InvalidToken as error:
        raise Undecipherable from error


if TYPE_CHECKING:
    TextField = models.TextField[str, str]
else:
    TextField = models.TextField  # generic for the type checker only


class EncryptedTextField(TextField):
    """Holds any text; the column holds a Fernet token, made with the newest key. Empty is empty.

    Values can not be searched for. Every key of ENS_ENCRYPTION_KEYS is tried when reading; where
    none fits the value is Unreadable, so that all else of the row can be used.
    """

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, Unreadable):
            return value.token
        return encrypt(str(value)) if value else value

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        try:
            return decrypt(value) if value else value
        except Undecipherable:
            return Unreadable(value or "")


def legible(value: str) -> str:
    """The value itself. Raises Undecipherable for one that is Unreadable."""
    if isinstance(value, Unreadable):
        raise Undecipherable
    return value
