"""The panels of a run over one axis of time, ready for a template: paths, ticks, and words beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.pages import drawing
from vestige.quantity import duration, marked
from vestige.report import plot_scale

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.report.bands import Band
    from vestige.report.plot_data import Chart, Curve, Mark, Panel, Peak

_TIME_TICKS = 8
_VALUE_TICKS = 4
_MOST_MARKS = 40  # with words
_TITLES = {"memory": "Memory", "cpu": "CPU", "io": "I/O"}


@dataclass(frozen=True, slots=True)
class Tick:
    """A number on an axis."""

    at: float  # per cent from the left, or from above
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A curve; `style` numbers those that are to be told apart."""

    name: str
    role: str
    style: int
    path: str
    area: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit."""

    text: str
    at: float  # per cent from above


@dataclass(frozen=True, slots=True)
class Dot:
    """A peak."""

    path: str
    words: str
    is_exact: bool
    certain: str  # the path of what is certain of it, empty where that is a point


@dataclass(frozen=True, slots=True)
class Drawn:
    """One panel."""

    metric: str
    title: str
    words: str  # the totals
    ticks: tuple[Tick, ...]
    layers: tuple[Line, ...]
    lines: tuple[Line, ...]
    rules: tuple[Rule, ...]
    far: tuple[str, ...]  # limits far above
    peak: Dot | None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to see."""
        return not self.lines and not self.layers and not self.peak


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened at a moment."""

    at: float  # per cent from the left
    x: float
    text: str
    time: str
    is_bad: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a bar."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Row:
    """A span."""

    label: str
    depth: int
    worker: str
    figures: str
    ending: str
    is_critical: bool
    pieces: tuple[Piece, ...]


def panels(chart: Chart) -> list[Drawn]:
    """Return the panels in which there is something to see."""
    return [found for each in chart.panels if not (found := panel(each, chart.end)).is_empty]


def time_ticks(end: float) -> tuple[Tick, ...]:
    """Return the numbers along the axis of time."""
    scale = plot_scale.time_scale(end)
    found = plot_scale.ticks(end, scale, _TIME_TICKS)
    texts = [scale.text(time) + (f" {scale.unit}" if place == 0 else "") for place, time in enumerate(found)]
    return tuple(Tick(round(100 * time / end, 3), text) for time, text in zip(found, texts, strict=True))


def happened(chart: Chart) -> tuple[list[Happened], int]:
    """Return what ended badly, in order of time, and how much more did."""
    found = [mark for mark in chart.marks if mark.kind in ("signal", "oom")]
    return [_happened(mark, chart.end) for mark in found[:_MOST_MARKS]], max(len(found) - _MOST_MARKS, 0)


def _happened(mark: Mark, end: float) -> Happened:
    x = drawing.across(mark.time, end)
    return Happened(round(x / drawing.WIDTH * 100, 2), x, mark.label, duration(max(mark.time, 0.0)), is_bad=True)


def starts_and_ends(chart: Chart) -> tuple[str, str]:
    """Return ticks for the starts and for the ends of processes."""
    began = [mark.time for mark in chart.marks if mark.kind in ("exec", "fork")]
    ended = [mark.time for mark in chart.marks if mark.kind not in ("exec", "fork")]
    return drawing.moments(began, chart.end), drawing.moments(ended, chart.end)


def rows(bands: Sequence[Band], end: float) -> list[Row]:
    """Return a row for each band of spans."""
    return [_row(band, end) for band in bands]


def _row(band: Band, end: float) -> Row:
    words = band.label.lstrip(" ")
    pieces = [Piece(part.what, drawing.bars([(part.start, part.stop)], end)) for part in band.parts]
    waits = [Piece("wait", drawing.bars(band.waits, end))] if band.waits else []
    return Row(
        label=words,
        depth=min((len(band.label) - len(words)) // 2, 4),
        worker=band.worker,
        figures=band.figures,
        ending=band.ending,
        is_critical=band.critical,
        pieces=(*waits, *pieces),
    )


def panel(panel: Panel, end: float, *, styles: Sequence[int] = ()) -> Drawn:
    """Return a panel as it is drawn; `styles`: of its curves, where they are not simply counted."""
    top = max([panel.top, *_heights(panel.layers)])
    scale = plot_scale.value_scale(panel.unit, top)
    near = [limit for limit in panel.limits if limit.value <= top]
    values = plot_scale.ticks(top, scale, _VALUE_TICKS)
    return Drawn(
        metric=panel.metric,
        title=_TITLES[panel.metric],
        words=panel.headline[:1].upper() + panel.headline[1:],
        ticks=tuple(
            Tick(_down(value, top), scale.text(value) + (f" {scale.unit}" if value == values[-1] else ""))
            for value in values
        ),
        layers=tuple(
            Line(curve.label, curve.role, place, path)
            for place, (curve, path) in enumerate(
                zip(panel.layers, drawing.stacked(panel.layers, end, top), strict=True)
            )
            if path
        ),
        lines=tuple(_lines(panel, end, top, styles)),
        rules=tuple(Rule(limit.label, _down(limit.value, top)) for limit in near),
        far=tuple(f"{limit.label}, far above" for limit in panel.limits if limit not in near),
        peak=None if panel.peak is None else _peak(panel.peak, end, top),
    )


def _peak(peak: Peak, end: float, top: float) -> Dot | None:
    value, low, high = peak.figure.value, peak.figure.lower, peak.figure.upper
    if value is None:
        return None
    certain = ""
    if low is not None and high is not None and high > low:
        x = drawing.across(peak.time, end)
        certain = f"M{x:g} {drawing.up(float(low), top)}V{drawing.up(float(high), top)}"
    path = drawing.dot(peak.time, float(value), end, top)
    return Dot(path, f"peak {marked(peak.figure)}", peak.is_exact, certain)


def _lines(panel: Panel, end: float, top: float, styles: Sequence[int]) -> Iterator[Line]:
    """Yield the curves; where memory is told by process in layers, not once more as curves."""
    curves = [curve for curve in panel.curves if not (panel.layers and curve.role == "process")]
    for curve, style in zip(curves, styles or range(len(curves)), strict=False):
        if curve.role == "look":
            path = "".join(
                drawing.dot(time, value, end, top)
                for time, value in zip(curve.times, curve.values, strict=True)
                if value is not None
            )
            yield Line(curve.label, curve.role, style, path)
            continue
        filled = curve.role == "total" and not panel.layers and not styles
        yield Line(
            curve.label,
            curve.role,
            style,
            drawing.line(curve.times, curve.values, end, top),
            drawing.area(curve.times, curve.values, end, top) if filled else "",
        )


def _heights(layers: Sequence[Curve]) -> Iterator[float]:
    for values in zip(*(layer.values for layer in layers), strict=True):
        yield sum(value or 0.0 for value in values) * 1.02


def _down(value: float, top: float) -> float:
    """Return how far from the upper edge a value stands, in per cent."""
    return round(100 * (1 - value / top), 2)
