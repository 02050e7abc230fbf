"""What differs between values that are met one after the other: the first, how many, how far apart, probably why."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeGuard

from vestige.contents import volatile
from vestige.contents.finding import ORDER, STORED, Finding, contrast
from vestige.quantity import number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vestige.contents.tolerance import Tolerance

_ENOUGH = 10_000  # differences looked at for a reason


class Tally:
    """The differences met so far."""

    def __init__(self, tolerance: Tolerance) -> None:
        self.tolerance = tolerance
        self.count = 0
        self.first = ""
        self.apart = 0.0  # the largest distance of two numbers that count as different, relative to the larger
        self.rounded = 0.0  # the same for those within the tolerance
        self._reasons: set[str] | None = set()

    def meet(self, then: object, now: object, where: Callable[[], str], name: str = "") -> None:
        """Compare two values; `where` says where they are, `name` is their key or column."""
        if is_number(then) and is_number(now):
            self._meet_numbers(then, now, where, name)
        elif type(then) is not type(now) or then != now:
            self.differ(then, now, where)

    def differ(self, then: object, now: object, where: Callable[[], str], because: str | None = None) -> None:
        """Note two values that differ; `because` is the reason, where it is known."""
        self.note(lambda: f"{where()}: {contrast(then, now)}")
        if because is None and isinstance(then, str) and isinstance(now, str):
            self._explain(then, now)
        else:
            self._because(because)

    def note(self, what: Callable[[], str]) -> None:
        """Note a difference that is described already."""
        self.first = self.first or what()
        self.count += 1

    def lack(self, what: Callable[[], str]) -> None:
        """Note something that is on one side only, for which there is no reason to see."""
        self.note(what)
        self._reasons = None

    def ahead(self, what: str) -> None:
        """Note what is to be said before the first difference, and that there is no reason to see."""
        self.first = f"{what}; first {self.first}" if self.first else what
        self.count = max(1, self.count)
        self._reasons = None

    def more(self, count: int) -> None:
        """Count differences that nobody looked at, as if they were like the rest."""
        self.count += count

    def distance(self, apart: float, rounded: float) -> None:
        """Note how far apart numbers are that differ, and those that count as equal."""
        self.apart, self.rounded = max(self.apart, apart), max(self.rounded, rounded)

    @property
    def reason(self) -> str | None:
        """Why it probably differs."""
        return joined(self._reasons or ())

    def finding(self, *, what: str, otherwise: str, in_order: bool = True) -> Finding:
        """Return what was found; `what` are the things that differ, `otherwise` what is not the same if none does."""
        if not self.count:
            return Finding(equal=True, detail=self._within(otherwise) if self.rounded else otherwise)
        many = f"; {number(self.count)} {what} differ" if self.count > 1 else ""
        apart = f"; relative difference up to {self.apart:.2g}" if self.apart else ""
        return Finding(equal=False, detail=f"{self.first}{many}{apart}", reason=self.reason if in_order else ORDER)

    def _within(self, otherwise: str) -> str:
        within = f"numbers within {self.tolerance} (up to {self.rounded:.1g} apart)"
        return within if otherwise == STORED else f"{within}, {otherwise}"

    def _meet_numbers(self, then: float, now: float, where: Callable[[], str], name: str) -> None:
        if then == now:
            return
        apart = distance(then, now)
        if self.tolerance.accepts(then, now):
            self.distance(0.0, apart)
            return
        self.distance(apart, 0.0)
        self.differ(then, now, where, volatile.by_name(name))

    def _explain(self, then: str, now: str) -> None:
        if self._reasons is not None and self.count <= _ENOUGH:
            found = volatile.explained(then, now, self.tolerance)
            self._reasons = None if found is None else self._reasons | found

    def _because(self, reason: str | None) -> None:
        if self._reasons is not None:
            self._reasons = None if reason is None else self._reasons | {reason}


def is_number(value: object) -> TypeGuard[float]:
    """Say whether a value is a number, which True and False are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def distance(then: float, now: float) -> float:
    """Return how far apart two numbers are, relative to the larger; 0 where that says nothing (NaN, infinity)."""
    try:
        largest = max(abs(then), abs(now))
        apart = abs(then - now) / largest if largest else 0.0
    except OverflowError:
        return 0.0
    return apart if math.isfinite(apart) else 0.0


def joined(words: Iterable[str]) -> str | None:
    """Return words as a phrase, None if there are none."""
    *most, last = sorted(words) or [""]
    return (f"{', '.join(most)} and {last}" if most else last) or None
