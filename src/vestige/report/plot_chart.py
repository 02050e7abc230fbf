"""From what is known of a run to its chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.quantity import shown
from vestige.record.outcome import outcome
from vestige.record.place import short_id
from vestige.report import plot_lanes, plot_panels
from vestige.report.plot_data import DEFAULT_METRICS, Chart
from vestige.words import command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vestige.record.model import Point, Process, Record
    from vestige.report.plot_data import Metric

_SHORTEST = 1e-6  # s, of an axis


def chart(
    record: Record,
    points: Sequence[Point],
    processes: Sequence[Process],
    *,
    metrics: Sequence[Metric] = DEFAULT_METRICS,
    by_process: bool = True,
) -> Chart:
    """Return what there is to draw of a run.

    `metrics` are the panels in their order; without `by_process` there are no bars of processes, only the tree as a
    whole and its marks.
    """
    end = _end(record, points, processes)
    lanes, groups = plot_lanes.lanes(processes, end) if by_process else ((), ())
    return Chart(
        name=short_id(record.id),
        command=command(record.argv),
        ending=ending(record),
        end=end,
        panels=tuple(plot_panels.PANELS[metric](record, points, processes, end) for metric in metrics),
        lanes=lanes,
        groups=groups,
        marks=tuple(plot_lanes.marks(record, processes)),
    )


def ending(record: Record) -> str:
    """Return how a run ended and how long it took."""
    took = record.resources.get("wall")
    return "  ·  ".join([outcome(record), *([shown(took)] if took is not None and took.value else [])])


def _end(record: Record, points: Sequence[Point], processes: Sequence[Process]) -> float:
    wall = record.resources.get("wall")
    seen = [point.end for point in points[-1:]] + [process.end for process in processes if process.end is not None]
    known = [float(wall.value)] if wall is not None and wall.value else seen
    return max([_SHORTEST, *known])
