"""One metric over time on a matplotlib figure: curves, peaks and limits.

Curves differ in their dashes, runs in their markers, and what is exact is solid where the sampled is hollow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestige.quantity import marked
from vestige.report.plot_figure_plan import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, Plan
from vestige.report.plot_scale import Scale, ticks, value_scale
from vestige.words import safe, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from vestige.report.plot_data import Curve, Panel, Peak, Role

_RUNS = (  # colour and marker; circles are peaks
    (BLUE, "s"), (VERMILLION, "^"), (GREEN, "D"), (PURPLE, "v"), (ORANGE, "P"), (SKY, "X"), (BLACK, "*"),
)  # fmt: skip
_DASHES: dict[Role, Any] = {
    "total": "-",
    "look": "none",
    "added": (0, (5, 2)),
    "largest": (0, (6, 2, 1, 2)),
    "process": (0, (1, 1.5)),
    "read": "-",
    "written": (0, (5, 2)),
}
_COLOURS: dict[Role, str] = {
    "total": BLUE, "added": GREY, "look": BLACK, "largest": VERMILLION, "process": GREY,
    "read": GREEN, "written": VERMILLION,
}  # fmt: skip
_AXES = {"cpu": "CPU", "memory": "memory", "io": "I/O"}


def draw(plan: Plan, axes: Axes, index: int) -> None:
    """Draw the panel of this place of all runs."""
    panels = [chart.panels[index] for chart in plan.charts]
    top = max(panel.top for panel in panels)
    scale = value_scale(panels[0].unit, top, plan.ratio)
    for place, panel in enumerate(panels):
        for number, curve in enumerate(_shown_curves(plan, panel)):
            _curve(_Pen.of(plan, curve, place, number), axes, curve, (plan.scale, scale))
        if panel.peak is not None:
            _peak(plan, axes, panel.peak, scale, place=place)
    _limits(axes, panels, scale, top)
    axes.set_ylim(0, top / scale.factor)
    axes.set_yticks([tick / scale.factor for tick in ticks(top, scale, 5)])
    axes.set_ylabel(f"{_AXES[panels[0].metric]}, {scale.unit}")
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    if plan.alone is not None:
        axes.set_title(panels[0].headline, loc="left", pad=5)
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.005, 1.04), frameon=False, fontsize=8, handlelength=2.8, borderaxespad=0.1
    )


def _shown_curves(plan: Plan, panel: Panel) -> list[Curve]:
    """Return the curves of a panel; where runs are laid over each other, only the main ones."""
    if plan.alone is not None:
        return list(panel.curves)
    return [curve for curve in panel.curves if curve.role in ("total", "read", "written")]


@dataclass(frozen=True, slots=True)
class _Pen:
    """How one curve is drawn."""

    colour: str
    marker: str | None
    label: str
    fill: bool

    @classmethod
    def of(cls, plan: Plan, curve: Curve, place: int, number: int) -> _Pen:
        """Return the pen for the curve `number` of the run `place`."""
        colour, marker = _RUNS[(number if plan.alone is not None else place) % len(_RUNS)]
        name = shortened(safe(curve.label), 38)
        name = f" {name}" if name.startswith("_") else name  # matplotlib would leave it out of the legend
        if plan.alone is None:
            return cls(colour, marker, f"{plan.charts[place].name} {name}", fill=False)
        if curve.role == "process":
            return cls(colour, marker, name, fill=False)
        return cls(_COLOURS[curve.role], "." if curve.role == "look" else None, name, fill=curve.role == "total")


def _curve(pen: _Pen, axes: Axes, curve: Curve, scales: tuple[Scale, Scale]) -> None:
    times = [time / scales[0].factor for time in curve.times]
    values = [float("nan") if value is None else value / scales[1].factor for value in curve.values]
    least = [value / scales[1].factor for value in curve.low]
    if least:
        axes.fill_between(times, least, values, color=pen.colour, alpha=0.25, linewidth=0)
    if pen.fill:
        axes.fill_between(times, least or values, color=pen.colour, alpha=0.1, linewidth=0)
    alone = len(times) == 1
    axes.plot(
        times, values, color=pen.colour, linestyle=_DASHES[curve.role], linewidth=1.4 if curve.role == "total" else 1.1,
        label=pen.label, marker="." if alone else pen.marker, markersize=4,
        markevery=1 if curve.role == "look" else max(1, len(times) // 12), solid_joinstyle="round",
    )  # fmt: skip


def _peak(plan: Plan, axes: Axes, peak: Peak, scale: Scale, *, place: int) -> None:
    """Draw a peak, solid if it is exact; a line shows between what it is for certain."""
    figure = peak.figure
    colour = _RUNS[place % len(_RUNS)][0] if plan.alone is None else BLACK
    x, y = peak.time / plan.scale.factor, float(figure.value or 0) / scale.factor
    if not peak.is_exact:
        lower = y if figure.lower is None else float(figure.lower) / scale.factor
        upper = y if figure.upper is None else float(figure.upper) / scale.factor
        axes.plot([x, x], [min(lower, y), max(upper, y)], color=colour, linewidth=0.9, marker="_", markersize=5)
    face = colour if peak.is_exact else "white"
    name = "" if plan.alone is not None else f"{plan.charts[place].name} "
    axes.plot(
        [x], [y], marker="o", markersize=6, color=colour, markerfacecolor=face, zorder=5, clip_on=False,
        linestyle="none", label=f"{name}peak {marked(figure)}",
    )  # fmt: skip


def _limits(axes: Axes, panels: Sequence[Panel], scale: Scale, top: float) -> None:
    """Draw the limits that are within the axis, and name those that are far above."""
    for limit in dict.fromkeys(limit for panel in panels for limit in panel.limits):
        if limit.value <= top:
            dashes = (0, (8, 3, 1, 3))
            axes.axhline(limit.value / scale.factor, color=BLACK, linestyle=dashes, linewidth=0.9, label=limit.label)
        else:
            axes.plot([], [], linestyle="none", label=f"{limit.label}, far above")
