"""The keys of an event, each asked for by the type that it must have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestige.lines import LARGEST
from vestige.text import from_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Fields:
    """The keys of an event, each asked for by the type it must have; None stands for anything else."""

    raw: Mapping[str, Any]

    def count(self, key: str) -> int | None:
        """Return a whole number from 0 to 2**63 - 1."""
        value = self.raw.get(key)
        return value if type(value) is int and 0 <= value <= LARGEST else None

    def text(self, key: str) -> str | None:
        """Return text; half a surrogate pair, which no honest writer leaves, is quoted as the bytes it would be."""
        value = self.raw.get(key)
        return _whole(value) if isinstance(value, str) else None

    def word(self, key: str) -> str:
        """Return text, empty if absent."""
        return self.text(key) or ""

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Return a list of text."""
        value = self.raw.get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            return None
        return tuple(map(_whole, value))

    def flag(self, key: str) -> bool:
        """Return whether the key is there and true."""
        return self.raw.get(key) is True

    def inner(self, key: str) -> Fields:
        """Return the object under this key, an empty one if absent."""
        value = self.raw.get(key)
        return Fields(value if isinstance(value, dict) else {})

    def counts(self, key: str) -> tuple[int, ...] | None:
        """Return a list of counts."""
        value = self.raw.get(key)
        if not isinstance(value, list) or not all(type(item) is int and 0 <= item <= LARGEST for item in value):
            return None
        return tuple(value)


def _whole(text: str) -> str:
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return from_bytes(text.encode("utf-8", "surrogatepass"))
    return text
