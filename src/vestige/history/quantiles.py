"""A few numbers about many: quantiles, and whether a series goes up or down beyond its noise."""

from __future__ import annotations

import itertools
import math
import statistics
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_FEWEST = 8  # values in which a trend can be told from chance
_MOST = 60  # the newest values that a trend is told from
_CHANCE = 0.01  # how often a series without a trend may pass for one that has one
_SMALLEST = 0.05  # of the median: less is not worth a word


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value that `share` of the values do not exceed, between two of them in proportion."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def trend(series: Sequence[float]) -> float | None:
    """Return by which part of its median a series, oldest first, rose over its newest values; None: it is noise.

    Theil and Sen's slope, where the test of Mann and Kendall (with its correction for ties) finds one at 1 %.
    """
    newest = series[-_MOST:]
    middle = statistics.median(newest) if newest else 0
    if len(newest) < _FEWEST or middle <= 0 or _chance(newest) >= _CHANCE:
        return None
    pairs = itertools.combinations(enumerate(newest), 2)
    slope = statistics.median((after - before) / (later - earlier) for (earlier, before), (later, after) in pairs)
    change = slope * (len(newest) - 1) / middle
    return change if abs(change) >= _SMALLEST else None


def _chance(series: Sequence[float]) -> float:
    """Return how likely as clear a trend is in a series that has none."""
    number = len(series)
    score = sum((after > before) - (after < before) for before, after in itertools.combinations(series, 2))
    ties = sum(count * (count - 1) * (2 * count + 5) for count in Counter(series).values())
    variance = (number * (number - 1) * (2 * number + 5) - ties) / 18
    if variance <= 0 or score == 0:
        return 1.0
    return math.erfc((abs(score) - 1) / math.sqrt(variance) / math.sqrt(2))
