"""Medians, and between what the single values lie."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some values, the smallest and the largest."""

    median: float
    low: float
    high: float


def of(values: Iterable[float]) -> Spread:
    """Return the spread of at least one value."""
    known = sorted(values)
    return Spread(statistics.median(known), known[0], known[-1])
