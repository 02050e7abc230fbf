"""Processes as bars on a matplotlib figure, the darker the more of a core they used, and below these the events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.report.plot_figure_plan import BLACK, GREY, LEFT, LETTER, NARROW, RIGHT, VERMILLION, Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from vestige.record.model import Figure
    from vestige.report.plot_data import Chart, Group, Lane, Mark

_DEATHS = ("signal", "oom")
_STARTS = ("exec", "fork")
_CROSSES = 300  # places for crosses along the axis
_MOST_LINES = 20  # through all panels


def count(chart: Chart) -> int:
    """Return how many rows there are below the panels: processes, and three of events."""
    events = (2 + any(mark.kind in _DEATHS for mark in chart.marks)) if chart.marks else 0
    return len(chart.lanes) + len(chart.groups) + events


def draw(plan: Plan, axes: Axes, chart: Chart) -> None:
    """Draw a bar from start to end for each process, the darker the more of a core it used; below these the events."""
    names = [lane.label for lane in chart.lanes] + [group.label for group in chart.groups]
    for row, lane in enumerate(chart.lanes):
        _bar(plan, axes, row, lane)
    for row, group in enumerate(chart.groups, len(chart.lanes)):
        _hatched(plan, axes, row, group)
    if chart.marks:
        names += _events(plan, axes, chart, len(names))
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    if chart.lanes:
        axes.set_title(
            "processes: the darker, the more of a core; memory peak exact ● or not ○, CPU", loc="left", pad=4
        )


def _bar(plan: Plan, axes: Axes, row: int, lane: Lane) -> None:
    grey = f"{0.95 - 0.75 * min(lane.cores or 0.0, 1.0):.3f}"
    width = max(lane.end - lane.start, plan.end * NARROW)
    axes.barh(
        row, width / plan.scale.factor, left=min(lane.start, plan.end - width) / plan.scale.factor, height=0.62,
        color=grey, edgecolor=BLACK, linewidth=0.7,
    )  # fmt: skip
    _figures(axes, row, lane.figures, lane.memory)
    if lane.ending.startswith("SIG"):
        _cross(axes, lane.end / plan.scale.factor, row)


def _hatched(plan: Plan, axes: Axes, row: int, group: Group) -> None:
    factor = plan.scale.factor
    spans = [(start / factor, max(stop - start, plan.end * NARROW) / factor) for start, stop in group.alive]
    axes.broken_barh(spans, (row - 0.22, 0.44), facecolor="white", edgecolor=BLACK, hatch="/////", linewidth=0.5)
    _figures(axes, row, group.figures, group.largest)


def _figures(axes: Axes, row: int, words: str, memory: Figure) -> None:
    """Write what a process used at the right of its bar, after a sign for how its memory peak is known."""
    if memory.method != "unavailable":
        face = BLACK if memory.method == "exact" else "white"
        axes.plot(
            [1.02], [row], marker="o", markersize=4.5, color=BLACK, markerfacecolor=face, clip_on=False,
            transform=axes.get_yaxis_transform(),
        )  # fmt: skip
    axes.annotate(words, (1.02, row), (7, 0), ("axes fraction", "data"), "offset points", va="center", fontsize=8)


def _events(plan: Plan, axes: Axes, chart: Chart, first: int) -> list[str]:
    """Draw when processes began and ended from row `first` on, name the signals, and return the names of the rows."""
    starts = [mark for mark in chart.marks if mark.kind in _STARTS]
    ends = [mark for mark in chart.marks if mark.kind not in _STARTS]
    killed = [mark for mark in chart.marks if mark.kind in _DEATHS]
    for row, marks in enumerate((starts, ends), first):
        at = sorted({_pixel(mark.time, plan) for mark in marks})
        axes.vlines(at, row - 0.36, row + 0.36, color=BLACK, linewidth=0.7)
    axes.axhline(first - 0.5, color=GREY, linewidth=0.5)
    for moment in sorted({_pixel(mark.time, plan, _CROSSES) for mark in killed}):
        _cross(axes, moment, first + 2)
    _name(plan, axes, killed, first + 2)
    return ["started (exec)", "ended", *(["by a signal"] if killed else [])]


def _cross(axes: Axes, x: float, row: int) -> None:
    axes.plot(
        [x], [row], marker="X", markersize=7, color=VERMILLION, markeredgecolor=BLACK, markeredgewidth=0.6,
        clip_on=False, zorder=5,
    )  # fmt: skip


def _name(plan: Plan, axes: Axes, killed: Sequence[Mark], row: int) -> None:
    """Name the signals, at the left or at the right of their crosses, those for which there is room."""
    width = (plan.picture.get_size_inches()[0] - LEFT - RIGHT) or 1.0
    times = [mark.time for mark in killed]
    taken = 0.0
    for index, mark in enumerate(killed):
        needs = (len(mark.label) + 3) * LETTER / max(width, 1.0) * plan.end
        after = times[index + 1] if index + 1 < len(times) else plan.end
        right, left = mark.time + needs <= after, mark.time - needs >= taken
        if right or left:
            axes.annotate(
                mark.label, (_pixel(mark.time, plan, _CROSSES), row), (7 if right else -7, 0), va="center",
                textcoords="offset points", ha="left" if right else "right", fontsize=8,
            )  # fmt: skip
        taken = mark.time + (needs if right else 0.0)


def _pixel(time: float, plan: Plan, places: int = 2000) -> float:
    """Return a time rounded so that marks at the same place are drawn once."""
    return round(time / plan.end * places) / places * plan.end / plan.scale.factor


def deaths(plan: Plan, all_axes: Sequence[Axes], chart: Chart) -> None:
    """Draw the moments at which signals ended a process through all panels; so many would hide the curves."""
    moments = sorted({_pixel(mark.time, plan, _CROSSES) for mark in chart.marks if mark.kind in _DEATHS})
    for at in moments if len(moments) <= _MOST_LINES else ():
        for axes in all_axes:
            axes.axvline(at, color=VERMILLION, linestyle=(0, (2, 2)), linewidth=0.9)
