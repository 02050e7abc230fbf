"""The page of a run that goes on: its tiles, and its charts as shapes that a browser only has to show."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.finalising.points import bounded
from vestige.quantity import counted, duration, number, size
from vestige.report import plot_chart
from vestige.words import command, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.record.model import Record
    from vestige.report.plot_data import Curve, Metric, Panel
    from vestige.serve.following import Alive, Look

WIDTH, HEIGHT = 600.0, 120.0  # of a chart's own units
_MOST_POINTS = 600
_MOST_ALIVE = 12
_COMMAND = 160  # letters
_NAMES = {"memory": "Memory", "cpu": "CPU", "io": "Read and written"}
_METRICS: tuple[Metric, ...] = ("memory", "cpu", "io")


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure with its name, and what is to be said of it."""

    id: str
    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """A curve as the path of an SVG; `area` is closed at the foot."""

    role: str
    label: str
    line: str
    area: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One metric over time."""

    id: str
    name: str
    shapes: tuple[Shape, ...]
    top: str  # what its upper edge stands for
    end: str  # what its right edge stands for
    told: str  # the same in a sentence, for those who don't see it


@dataclass(frozen=True, slots=True)
class Growing:
    """All that the page of a run shows while it goes on."""

    state: str  # running; closing: over, and its record is being made; ended
    tiles: tuple[Tile, ...]
    charts: tuple[Chart, ...]
    alive: tuple[tuple[str, str], ...]  # command, since when
    more: int  # further processes
    note: str


def growing(record: Record, look: Look, *, state: str, earlier: Sequence[float], began: float) -> Growing:
    """Return the page's contents; `earlier` are the times that runs of this command took, `began` is Unix time."""
    elapsed = max(time.time() - began, look.last)
    drawn = bounded(look.points, most=_MOST_POINTS)
    chart = plot_chart.chart(record, drawn, (), metrics=_METRICS, by_process=False)
    end = max(chart.end, look.last) if drawn else elapsed
    return Growing(
        state=state,
        tiles=tuple(_tiles(look, elapsed, earlier)),
        charts=tuple(_chart(panel, end) for panel in chart.panels),
        alive=tuple(_told(one) for one in look.alive[:_MOST_ALIVE]),
        more=max(len(look.alive) - _MOST_ALIVE, 0),
        note=f"still reading: {size(look.behind)} of what was recorded so far" if look.behind else "",
    )


def remaining(elapsed: float, earlier: Sequence[float]) -> str:
    """Return how long it may go on, from how long runs of the same command took; empty where nothing tells."""
    if not earlier:
        return ""
    middle = statistics.median(earlier)
    runs = counted(len(earlier), "earlier run")
    if elapsed <= middle:
        return f"about {duration(middle - elapsed)} to go: {runs} took {duration(middle)} (median)"
    return f"longer than the {duration(middle)} (median) of {runs}; the longest took {duration(max(earlier))}"


def _tiles(look: Look, elapsed: float, earlier: Sequence[float]) -> Iterator[Tile]:
    yield Tile("elapsed", "Running for", duration(elapsed), remaining(elapsed, earlier))
    last = look.points[-1] if look.points else None
    memory = None if last is None else last.pss if last.pss is not None else last.rss_max
    most = max((point.pss if point.pss is not None else point.rss_max for point in look.points), default=None)
    yield Tile("memory", "Memory now", _size(memory), f"most so far {_size(most)}, sampled" if last else "no look yet")
    cpu = None if last is None else last.cpu
    cores = f"{cpu / last.end:.2f} cores on average" if last is not None and cpu and last.end else ""
    yield Tile("cpu", "CPU so far", "–" if cpu is None else duration(cpu), cores)  # noqa: RUF001
    yield Tile("processes", "Processes now", number(len(look.alive)), f"{number(look.programs)} programs started")
    read, written = (None, None) if last is None else (last.read_chars, last.written_chars)
    yield Tile("io", "Read", _size(read), f"written {_size(written)}; {number(look.files)} times a file was opened")


def _size(count: float | None) -> str:
    return "–" if count is None else size(count)  # noqa: RUF001


def _told(alive: Alive) -> tuple[str, str]:
    words = shortened(command(alive.argv), _COMMAND) if alive.argv else "(just forked)"
    return words, f"{duration(alive.since)} after the start"


def _chart(panel: Panel, end: float) -> Chart:
    curves = [curve for curve in panel.curves if curve.role in ("total", "read", "written")]
    top = _top(curves)
    name = _NAMES[panel.metric]
    told = {"B": size(top), "B/s": f"{size(top)}/s", "cores": f"{top:.2f} cores", "%": f"{top:.0f} %"}[panel.unit]
    shapes = tuple(_shape(curve, end, top) for curve in curves)
    return Chart(panel.metric, name, shapes, told, duration(end), f"{name} over {duration(end)}, at most {told}")


def _top(curves: Sequence[Curve]) -> float:
    return max((value for curve in curves for value in curve.values if value is not None), default=0.0) or 1.0


def _shape(curve: Curve, end: float, top: float) -> Shape:
    corners = [
        (round(WIDTH * min(moment / end, 1.0), 1), round(HEIGHT * (1 - value / top), 1))
        for moment, value in zip(curve.times, curve.values, strict=True)
        if value is not None and end > 0
    ]
    line = "M" + "L".join(f"{x:g} {y:g}" for x, y in corners) if corners else ""
    area = f"{line}L{corners[-1][0]:g} {HEIGHT:g}L{corners[0][0]:g} {HEIGHT:g}Z" if corners else ""
    return Shape(curve.role, curve.label, line, area)
