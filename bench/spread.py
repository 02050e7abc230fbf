"""Medians, and how far the single values lie around them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ENOUGH_FOR_QUARTILES = 5


@dataclass(frozen=True)
class Spread:
    """The median of some values, and between which two the middle half of them lies; of fewer than five, all."""

    median: float
    low: float
    high: float


def of(values: Iterable[float]) -> Spread:
    """Return the spread of at least one value."""
    known = sorted(values)
    if len(known) < _ENOUGH_FOR_QUARTILES:
        return Spread(statistics.median(known), known[0], known[-1])
    low, middle, high = statistics.quantiles(known, n=4, method="inclusive")
    return Spread(middle, low, high)


def of_ratios(values: Iterable[float], bases: Iterable[float]) -> Spread:
    """Return the spread of the ratios of values to the bases of the same round."""
    return of(value / base for value, base in zip(values, bases, strict=True))
