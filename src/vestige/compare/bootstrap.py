"""How far the ratio of two medians is known: the bootstrap, seeded, so that the same runs always give the same band."""

from __future__ import annotations

import random
import statistics
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST = 3  # runs of each side: of fewer nobody knows how far apart equal ones lie
_CONFIDENCE = 0.95
_DRAWS = 1_000
_FEWEST_DRAWS = 200
_WORK = 20_000  # values that are drawn of a side, about
_SEED = 20_260_701


class Band(NamedTuple):
    """Where the ratio lies with 95 % confidence."""

    lower: float
    upper: float


def band(then: Sequence[float], now: Sequence[float]) -> Band | None:
    """Return the band of `median(now) / median(then)`; None where there are too few runs, or a median may be 0.

    Efron's percentile interval: both sides are drawn anew, with replacement, many times over.
    """
    if min(len(then), len(now)) < FEWEST or min(then) <= 0:
        return None
    draws = max(_FEWEST_DRAWS, min(_DRAWS, _WORK // max(len(then), len(now))))
    chance = random.Random(_SEED)  # noqa: S311 - statistics, no secret
    ratios = sorted(_drawn(chance, now) / _drawn(chance, then) for _ in range(draws))
    cut = int((1 - _CONFIDENCE) / 2 * draws)
    return Band(ratios[cut], ratios[-1 - cut])


def _drawn(chance: random.Random, values: Sequence[float]) -> float:
    return statistics.median(chance.choices(values, k=len(values)))
