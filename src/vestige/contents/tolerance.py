"""How far apart two numbers may be and still count as equal.

A difference within the tolerance counts only between numbers of which one has a point or an exponent: whole numbers
must be the same. NaN equals NaN, -0.0 equals 0.0, and where a format has one type of number (JSON, CSV) 1 equals 1.0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from vestige.errors import UsageError


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far apart two numbers may be and still count as equal, as `math.isclose` has it."""

    relative: float = 1e-9  # of the larger of both
    absolute: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.relative < 1 and 0 <= self.absolute < math.inf):
            raise UsageError(f"a tolerance is from 0 to below 1 (relative) or any number from 0 (absolute), not {self}")

    def accepts(self, then: float, now: float) -> bool:
        """Say whether two numbers count as equal; whole ones only if they are."""
        if then == now or (then != then and now != now):  # noqa: PLR0124 - NaN is what does not equal itself
            return True
        if isinstance(then, int) and isinstance(now, int):
            return False
        try:
            return math.isclose(then, now, rel_tol=self.relative, abs_tol=self.absolute)
        except OverflowError:  # a whole number beyond any double
            return False

    def __str__(self) -> str:
        """Return the limits in words."""
        return f"relative {self.relative:g}" + (f" or absolute {self.absolute:g}" if self.absolute else "")
