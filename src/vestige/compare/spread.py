"""Many runs of one command: mean and spread, what is odd about them, and how two commands stand to each other."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vestige.api import Run

Doubt = Literal["short", "slow first", "outliers", "crowded", "failed"]

# Thresholds, those of hyperfine 1.15 where it has the same (src/benchmark/mod.rs, src/outlier_detection.rs)
TOO_SHORT = 0.005  # s, mean
OUTLIER = 14.826  # median absolute deviations from the median: ten standard deviations of a normal distribution
CROWDED = 0.1  # of the time spent waiting for a CPU


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over many runs."""

    values: tuple[float, ...]  # in the order in which they ran

    @property
    def mean(self) -> float:
        """Their mean."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float | None:
        """Their standard deviation; None of a single one."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    @property
    def median(self) -> float:
        """Their median."""
        return statistics.median(self.values)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a command took, by the names of the register of figures."""

    command: str  # text
    tag: str  # of its runs
    runs: tuple[str, ...]  # ids
    exit_codes: tuple[int | None, ...]
    figures: dict[str, Spread]
    methods: dict[str, str]  # how each was got, the worst of all runs

    @property
    def wall(self) -> Spread:
        """How long it took, s."""
        return self.figures["wall"]


def measured(command: str, tag: str, runs: Sequence[Run]) -> Measured:
    """Return the figures that all runs of a command have."""
    names = [name for name in runs[0].record.resources if all(_value(run, name) is not None for run in runs)]
    return Measured(
        command=command,
        tag=tag,
        runs=tuple(run.id for run in runs),
        exit_codes=tuple(run.exit_code for run in runs),
        figures={name: Spread(tuple(_value(run, name) or 0.0 for run in runs)) for name in names},
        methods={name: max((run.record.resources[name].method for run in runs), key=_ORDER.index) for name in names},
    )


_ORDER = ("exact", "sampled", "bound", "estimate", "unavailable")


def doubts(found: Measured) -> list[Doubt]:
    """Return what makes the figures doubtful."""
    told: list[Doubt] = []
    scores = _scores(found.wall.values)
    if found.wall.mean < TOO_SHORT:
        told.append("short")
    if scores and scores[0] > OUTLIER:
        told.append("slow first")
    elif any(score > OUTLIER for score in scores):
        told.append("outliers")
    queued = found.figures.get("run_queue_wait")
    if queued is not None and queued.mean > CROWDED * found.wall.mean:
        told.append("crowded")
    if any(found.exit_codes):
        told.append("failed")
    return told


def times_faster(fastest: Measured, other: Measured) -> tuple[float, float | None]:
    """Return how many times as long the other one took by their means, and the standard deviation of that."""
    ratio = other.wall.mean / fastest.wall.mean
    one, two = fastest.wall.deviation, other.wall.deviation
    if one is None or two is None:
        return ratio, None
    return ratio, ratio * math.hypot(one / fastest.wall.mean, two / other.wall.mean)


def _scores(values: Sequence[float]) -> list[float]:
    """Return how far each is above the median, in median absolute deviations (Iglewicz and Hoaglin 1993).

    Of one or two runs nobody can say which is odd, and none is: two are one deviation off each.
    """
    middle = statistics.median(values)
    spread = statistics.median(abs(value - middle) for value in values)
    return [(value - middle) / spread for value in values] if spread > 0 else []


def _value(run: Run, name: str) -> float | None:
    figure = run.record.resources.get(name)
    return None if figure is None or figure.value is None else float(figure.value)
