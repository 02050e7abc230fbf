"""The columns of two tables: which are there, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.contents.finding import Finding, contrast, shown
from vestige.quantity import counted, number

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST = 3  # columns named in one line


def moved(then: Sequence[str], now: Sequence[str]) -> Finding | None:
    """Return how the columns differ, None if they have the same names in the same order."""
    if list(then) == list(now):
        return None
    only = [f"column {shown(name)} only then" for name in then if name not in now]
    only += [f"column {shown(name)} only now" for name in now if name not in then]
    if only:
        return Finding(equal=False, detail=", ".join(only[:_MOST]) + (", …" if len(only) > _MOST else ""))
    if len(then) != len(now):
        return Finding(equal=False, detail=f"{counted(len(then), 'column')} then, {number(len(now))} now")
    at = next(at for at, names in enumerate(zip(then, now, strict=True)) if names[0] != names[1])
    return Finding(equal=False, detail=f"column {at + 1}: {contrast(then[at], now[at])}", reason="order of columns")
