"""What runs of one kind take: by command, how many, how many failed, median, spread, and where it is going."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vestige.history.quantiles import quantile, trend

if TYPE_CHECKING:
    from vestige.history.index import Index
    from vestige.history.where import Expression

MEASURES = {"wall": "s", "cpu": "s", "peak_memory": "B", "io_bytes": "B"}
_READ, _WRITTEN = "read_bytes", "written_bytes"
_NEWEST = 24  # values that are drawn
_ASKED = ("group", "started", "failed", "status", "wall", "cpu", "peak_memory", _READ, _WRITTEN)


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure over the runs that ended well; over all that ended, where none did."""

    unit: str  # "s", "B"
    count: int  # values that are known
    median: float
    lower: float  # a quarter of the values is no larger
    upper: float  # a quarter is no smaller
    p90: float
    largest: float
    trend: float | None  # by which part of the median it rose over the newest 60; None: not beyond its noise
    newest: tuple[float, ...]  # the newest values, the oldest of them first


@dataclass(frozen=True, slots=True)
class Summary:
    """The runs of one kind."""

    group: str  # the command without what changes from run to run
    count: int
    failed: int
    first: str  # when the oldest began
    last: str  # when the newest began
    measures: dict[str, Measure] = field(default_factory=dict)  # by the names in `MEASURES`, those that are known


@dataclass(slots=True)
class _Kind:
    """The runs of one kind in the making, the newest first."""

    started: list[str] = field(default_factory=list)
    failed: int = 0
    good: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in MEASURES})
    bad: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in MEASURES})

    def take(self, found: dict[str, Any]) -> None:
        self.started.append(found["started"])
        self.failed += found["failed"]
        if found["status"] == "running":
            return
        moved = [found[name] for name in (_READ, _WRITTEN) if found[name] is not None]
        figures = {**found, "io_bytes": sum(moved) if moved else None}
        for name, series in (self.bad if found["failed"] else self.good).items():
            if figures[name] is not None:
                series.append(figures[name])


def summaries(index: Index, where: Expression | None = None) -> list[Summary]:
    """Return what runs took, by kind, the kind with the most runs first. Raises StoreError."""
    kinds: dict[str, _Kind] = {}
    for found in index.values(_ASKED, where):
        kinds.setdefault(str(found[0]), _Kind()).take(dict(zip(_ASKED, found, strict=True)))
    made = (_summary(group, kind) for group, kind in kinds.items())
    return sorted(made, key=lambda each: (-each.count, each.group))


def _summary(group: str, kind: _Kind) -> Summary:
    measures = {
        name: _measure(values, MEASURES[name]) for name in MEASURES if (values := kind.good[name] or kind.bad[name])
    }
    return Summary(group, len(kind.started), kind.failed, kind.started[-1], kind.started[0], measures)


def _measure(newest_first: list[float], unit: str) -> Measure:
    series = newest_first[::-1]
    ordered = sorted(series)
    return Measure(
        unit=unit,
        count=len(series),
        median=quantile(ordered, 0.5),
        lower=quantile(ordered, 0.25),
        upper=quantile(ordered, 0.75),
        p90=quantile(ordered, 0.9),
        largest=ordered[-1],
        trend=trend(series),
        newest=tuple(series[-_NEWEST:]),
    )
