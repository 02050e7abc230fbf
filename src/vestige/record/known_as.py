"""What people call a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_OBJECTS = "/annex/objects/"  # where git-annex keeps contents, under names made of their hashes


def known_as(path: str, names: Sequence[str]) -> str:
    """Return the path that people know a file by: that of an object of git-annex is the first link that led to it."""
    return names[0] if names and _OBJECTS in path else path
