"""Several runs beside each other: their figures in a table, their curves over one axis."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.pages import timeline
from vestige.quantity import marked
from vestige.record.outcome import failed, outcome
from vestige.report.plot_data import Panel
from vestige.words import command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vestige.pages.gathered import Gathered
    from vestige.pages.timeline import Drawn
    from vestige.record.model import Figure, Record
    from vestige.report.plot_data import Curve

_FIGURES = {
    "wall": "Wall time",
    "cpu": "CPU time",
    "cores_used": "Cores used",
    "memory_peak": "Peak memory",
    "read_chars": "Read",
    "written_chars": "Written",
    "processes": "Processes",
}


@dataclass(frozen=True, slots=True)
class Side:
    """One of the runs."""

    name: str
    style: int
    words: str  # its command
    ending: str
    is_bad: bool
    started: str
    message: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure of one run."""

    value: str
    beside: str  # how many times that of the first run it is; empty for that itself


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of all of them."""

    name: str
    cells: tuple[Cell, ...]


def sides(runs: Sequence[Gathered]) -> list[Side]:
    """Return the runs as they are named on the page."""
    return [_side(run, place) for place, run in enumerate(runs)]


def rows(runs: Sequence[Gathered]) -> list[Row]:
    """Return the figures that any of them has."""
    records = [run.record for run in runs]
    return [
        Row(title, tuple(_cell(record.resources.get(name), records[0].resources.get(name), place)
                         for place, record in enumerate(records)))
        for name, title in _FIGURES.items()
        if any(name in record.resources for record in records)
    ]  # fmt: skip


def panels(runs: Sequence[Gathered]) -> list[Drawn]:
    """Return for each metric the whole of every run; each run is one style."""
    found = (_drawn(each, runs) for each in zip(*(run.chart.panels for run in runs), strict=True))
    return [panel for panel in found if not panel.is_empty]


def end(runs: Sequence[Gathered]) -> float:
    """Return where the axis of time ends, s."""
    return max(run.chart.end for run in runs)


def _drawn(each: Sequence[Panel], runs: Sequence[Gathered]) -> Drawn:
    curves = [
        (_of_run(curve, run.run.short_id), place)
        for place, (panel, run) in enumerate(zip(each, runs, strict=True))
        for curve in panel.curves
        if curve.role in ("total", "read", "written")
    ]
    limits = tuple(dict.fromkeys(limit for panel in each for limit in panel.limits))
    panel = Panel(each[0].metric, each[0].unit, "", tuple(curve for curve, _ in curves), limits)
    return timeline.panel(panel, end(runs), styles=[style for _, style in curves])


def _of_run(curve: Curve, name: str) -> Curve:
    words = name if curve.role == "total" else f"{name} {curve.label}"
    return dataclasses.replace(curve, label=words)


def _side(run: Gathered, place: int) -> Side:
    record: Record = run.record
    return Side(
        name=run.run.short_id,
        style=place,
        words=command(record.argv) or run.chart.command,
        ending=outcome(record),
        is_bad=failed(record),
        started=record.started,
        message=record.message or "",
    )


def _cell(figure: Figure | None, first: Figure | None, place: int) -> Cell:
    beside = ""
    if place and figure is not None and first is not None and figure.value and first.value:
        beside = f"{figure.value / first.value:.2f} ×"  # noqa: RUF001
    return Cell(marked(figure), beside)
