"""Where everything stands in a chart; `templates/charts.html` draws it.

Positions along a chart are per cent of its width and positions down are pixels: so a chart is as wide as its column, on
a telephone too, while its letters keep their size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HEIGHT = 168  # px of the plotted area of columns
TOP = 14  # px above it
FOOT = 26  # px below it, for the labels
ROW = 38  # px for one bar and its label
_BAR_WIDTH = 84.0  # per cent of a bar that is the whole, as its track is; the rest is for its figure
_LABELS = 7  # at most, along the foot
_GAP = 0.22  # of a column's step


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its place, its label at the foot where there is room for one, and what a pointer is told."""

    x: float
    width: float
    y: float
    height: float
    middle: float
    label: str
    told: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the scale."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns over a common foot, with a scale."""

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    height: int = TOP + HEIGHT + FOOT
    foot: int = TOP + HEIGHT


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar with its label above it and its figure behind it."""

    y: int
    width: float
    label: str
    figure: str


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars, the longest first or in the order of what they stand for."""

    bars: tuple[Bar, ...]
    height: int


@dataclass(frozen=True, slots=True)
class Part:
    """One label's part of a week."""

    x: float
    width: float
    y: float
    height: float
    series: int
    told: str


@dataclass(frozen=True, slots=True)
class Shares:
    """What share of each week each label has: columns of equal height, divided."""

    parts: tuple[Part, ...]
    lines: tuple[Line, ...]
    feet: tuple[Column, ...]
    legend: tuple[str, ...]
    height: int = TOP + HEIGHT + FOOT
    foot: int = TOP + HEIGHT


def columns(values: Sequence[tuple[str, int]], told: str) -> Columns:
    """Return columns of labelled values; `told` is what is counted, as in `reports`."""
    top = nice_top(max((value for _, value in values), default=0))
    step = 100 / max(len(values), 1)
    every = math.ceil(len(values) / _LABELS)
    made = []
    for index, (label, value) in enumerate(values):
        height = HEIGHT * value / top
        x = step * (index + _GAP / 2)
        shown = label if index % every == 0 else ""
        made.append(
            Column(
                x=_rounded(x),
                width=_rounded(step * (1 - _GAP)),
                y=_rounded(TOP + HEIGHT - height),
                height=_rounded(height),
                middle=_rounded(step * (index + 0.5)),
                label=shown,
                told=f"{label}: {value:,} {told}",
            )
        )
    return Columns(tuple(made), _scale(top))


def bars(values: Sequence[tuple[str, int]], whole: int) -> Bars:
    """Return bars of labelled values with their share of `whole`."""
    made = tuple(
        Bar(index * ROW, _rounded(_BAR_WIDTH * value / (whole or 1)), label, share(value, whole))
        for index, (label, value) in enumerate(values)
    )
    return Bars(made, ROW * len(values))


def shares(weeks: Sequence[str], series: Sequence[tuple[str, Sequence[int]]]) -> Shares:
    """Return the shares of each series in each week; a week without anything stays empty."""
    step = 100 / max(len(weeks), 1)
    parts: list[Part] = []
    for index, week in enumerate(weeks):
        whole = sum(values[index] for _, values in series)
        foot = float(TOP + HEIGHT)
        for number, (label, values) in enumerate(series):
            height = HEIGHT * values[index] / whole if whole else 0
            foot -= height
            if height:
                parts.append(
                    Part(
                        x=_rounded(step * (index + 0.04)),
                        width=_rounded(step * 0.92),
                        y=_rounded(foot),
                        height=_rounded(height),
                        series=number,
                        told=f"{week}, {label}: {values[index]:,} ({share(values[index], whole)})",
                    )
                )
    lines = tuple(Line(_rounded(TOP + HEIGHT * (1 - part / 4)), f"{part * 25} %") for part in range(5))
    feet = columns([(week, 0) for week in weeks], "").columns
    return Shares(tuple(parts), lines, feet, tuple(label for label, _ in series))


def share(value: int, whole: int) -> str:
    """Write a share as people do: `38 %`, `0.4 %`."""
    part = 100 * value / whole if whole else 0
    return f"{part:.1f} %" if 0 < part < 10 else f"{part:.0f} %"  # noqa: PLR2004 - one digit more below ten


def nice_top(most: int) -> int:
    """Return the smallest of 4, 8, 12, 20, 40, 60, 80, … that is not below `most`: it has four equal, round parts."""
    power = 1
    while True:
        for part in (1, 2, 3, 5, 10, 15, 20, 25):
            if 4 * part * power >= most:
                return 4 * part * power
        power *= 10


def short(value: int) -> str:
    """Write a number for a scale: `250`, `1.5k`, `20M`."""
    for factor, unit in ((1_000_000, "M"), (1000, "k")):
        if value >= factor:
            return f"{value / factor:g}{unit}"
    return str(value)


def _scale(top: int) -> tuple[Line, ...]:
    return tuple(Line(_rounded(TOP + HEIGHT * (1 - part / 4)), short(top * part // 4)) for part in range(5))


def _rounded(value: float) -> float:
    return round(value, 2)
