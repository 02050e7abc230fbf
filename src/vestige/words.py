"""Text of the record on a terminal: commands as they could be typed, nothing that a terminal would obey."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ELLIPSIS = "…"
_ASCII = {"·": "-", "\u2013": "-", "≥": ">=", "≤": "<=", "≈": "=~", "\u00d7": "x", "…": "..", "µ": "u"}  # our own signs


def safe(text: str) -> str:
    """Return text with control characters written out, so that no record can steer the terminal."""
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def command(argv: Iterable[str]) -> str:
    """Return a command line as one could type it."""
    return safe(" ".join(word if word.startswith('"') else shlex.quote(word) for word in argv))


def shortened(text: str, width: int) -> str:
    """Return text cut to `width` characters, with an ellipsis where something is missing."""
    return text if len(text) <= width else text[: max(0, width - 1)] + _ELLIPSIS


def as_ascii(text: str) -> str:
    """Return text in ASCII: our own signs as others that mean the same, letters of somebody else escaped."""
    return "".join(_ASCII.get(letter, letter) for letter in text).encode("ascii", "backslashreplace").decode("ascii")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")
