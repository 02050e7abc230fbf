"""Charts as a picture, by matplotlib: PNG, SVG, PDF, or a window.

Nothing is told by colour alone: curves differ in their dashes, runs in their markers, bars in how dark they are, and
what is exact is solid where the sampled is hollow. The colours are those of Okabe and Ito, which the colour-blind tell
apart.
"""

from __future__ import annotations

import io
import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestige.errors import UsageError, VestigeError
from vestige.quantity import marked
from vestige.report import plot_figure_bands
from vestige.report.plot_scale import Scale, ticks, time_scale, value_scale
from vestige.words import safe, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

    from vestige.record.model import Figure
    from vestige.report.plot_data import Chart, Curve, Group, Lane, Mark, Panel, Peak, Role

MISSING = "images are drawn by matplotlib, which is not installed: `pip install 'vestige[plot]'`"
_DOTS = 100  # pixels an inch: `--size` is in pixels
_FINE = 1.5  # an image whose size nobody asked for has so many pixels for one of these
_WIDTH = 11.0  # inches
_LEFT, _RIGHT = 2.35, 2.75  # inches beside the axes, for names and figures of processes and for the legends
_TOP, _BOTTOM = 0.72, 0.5  # inches above and below the axes
_PANEL, _ROW, _BETWEEN = 1.75, 0.235, 0.38  # inches of height

_BLACK, _GREY = "#000000", "#6b6b6b"
_BLUE, _ORANGE, _GREEN, _VERMILLION, _PURPLE, _SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
_RUNS = (  # colour and marker; circles are peaks
    (_BLUE, "s"), (_VERMILLION, "^"), (_GREEN, "D"), (_PURPLE, "v"), (_ORANGE, "P"), (_SKY, "X"), (_BLACK, "*"),
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
    "total": _BLUE, "added": _GREY, "look": _BLACK, "largest": _VERMILLION, "process": _GREY,
    "read": _GREEN, "written": _VERMILLION,
}  # fmt: skip
_DEATHS = ("signal", "oom")
_STARTS = ("exec", "fork")
_NARROW = 1 / 800  # of the axis: no bar is narrower
_CROSSES = 300  # places for crosses along the axis
_MOST_LINES = 20  # through all panels
_LETTER = 0.075  # inches, of small text
_AXES = {"cpu": "CPU", "memory": "memory", "io": "I/O"}
_SETTINGS: dict[Any, Any] = {
    "axes.formatter.limits": (-30, 30),  # `1e8` above an axis in bytes says nothing
    "axes.formatter.useoffset": False,
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "text.parse_math": False,  # commands may hold dollars
    "svg.fonttype": "none",
    "svg.hashsalt": "vestige",  # the same run makes the same file
    "pdf.fonttype": 42,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@dataclass(frozen=True, slots=True)
class Look:
    """How a picture is to be."""

    title: str | None = None  # None: made of the runs
    size: tuple[int, int] | None = None  # pixels, width and height; None: as large as there is something to show
    ratio: float | None = None  # con-duct's `--min-ratio`; None: units as they read best


@dataclass(frozen=True, slots=True)
class _Plan:
    """What all parts of one picture share."""

    picture: Picture
    charts: tuple[Chart, ...]
    scale: Scale
    ratio: float | None

    @property
    def end(self) -> float:
        return max(chart.end for chart in self.charts)

    @property
    def alone(self) -> Chart | None:
        """The one run; None where several are laid over each other."""
        return self.charts[0] if len(self.charts) == 1 else None


def check(path: str) -> str:
    """Return the type of image that a file name asks for by its suffix.

    Raises UsageError for one that can't be drawn, VestigeError where there is no matplotlib.
    """
    kinds = _canvas().get_supported_filetypes()
    suffix = os.path.splitext(path)[1].lstrip(".").lower()
    if suffix not in kinds:
        known = ", ".join(["png", "svg", "pdf", *sorted(set(kinds) - {"png", "svg", "pdf"})])
        what = f"`.{suffix}` is no type of image" if suffix else "the name has no suffix to tell the type of image by"
        raise UsageError(f"can't write {path}: {what}; known are {known}")
    return suffix


def write(charts: Sequence[Chart], path: str, look: Look) -> None:
    """Draw the charts into a file, its type by its suffix; an existing one is replaced.

    Raises UsageError for an unknown suffix; VestigeError where the file can't be written or there is no matplotlib.
    """
    content = image(charts, check(path), look)
    try:
        with open(path, "wb") as file:
            file.write(content)
    except OSError as error:
        raise VestigeError(f"can't write {path}: {error.strerror}") from error


def image(charts: Sequence[Chart], kind: str, look: Look) -> bytes:
    """Return the charts as an image of a type that `check` knows."""
    canvas = _canvas()
    from matplotlib.figure import Figure as Picture  # noqa: PLC0415 - half a second, and only here

    with _settings():
        picture = Picture(figsize=_inches(charts, look), dpi=_DOTS)
        canvas(picture)
        draw(picture, charts, look)
        dots = _DOTS if look.size else _DOTS * _FINE
        content = io.BytesIO()
        stamp = {"Date": None} if kind == "svg" else {"CreationDate": None} if kind == "pdf" else None
        picture.savefig(content, format=kind, dpi=dots, metadata=stamp)
    return content.getvalue()


def show(charts: Sequence[Chart], look: Look) -> None:
    """Open a window and return when it is closed.

    Raises VestigeError where there is no display, nothing to draw a window with, or no matplotlib.
    """
    _canvas()
    from matplotlib import pyplot as plt  # noqa: PLC0415 - only for a window

    if not _has_display() or plt.get_backend().lower() in ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template"):
        raise VestigeError("no window can be opened here: there is no display, or no toolkit to draw one with")
    with _settings():
        picture = plt.figure(figsize=_inches(charts, look), dpi=_DOTS)
        draw(picture, charts, look)
        plt.show()


def draw(picture: Picture, charts: Sequence[Chart], look: Look) -> None:
    """Draw one run, or several over each other, on a matplotlib figure."""
    longest = max(chart.end for chart in charts)
    plan = _Plan(picture, tuple(charts), time_scale(longest, look.ratio), look.ratio)
    heights = _heights(charts)
    all_axes: list[Axes] = list(
        picture.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    )
    for index in range(len(charts[0].panels)):
        _panel(plan, all_axes[index], index)
    if plan.alone is not None and _rows(plan.alone):
        _rows_below(plan, all_axes[len(charts[0].panels)], plan.alone)
        _deaths(plan, all_axes, plan.alone)
    if plan.alone is not None and plan.alone.bands:
        room = min(_LEFT, picture.get_size_inches()[0] * 0.3)
        field = plot_figure_bands.Field(plan.scale, plan.end, room)
        plot_figure_bands.draw(all_axes[-1], plan.alone.bands, field)
    _time_axis(plan, all_axes[-1])
    _head(plan, look.title, heights)


def _canvas() -> Any:  # noqa: ANN401 - matplotlib may be missing
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - half a second, and only here
    except ImportError as error:
        raise VestigeError(MISSING) from error
    return FigureCanvasAgg


def _settings() -> AbstractContextManager[None]:
    """Return a context in which matplotlib draws as we like it and says nothing of letters that its font lacks."""
    from contextlib import contextmanager  # noqa: PLC0415

    import matplotlib as mpl  # noqa: PLC0415

    @contextmanager
    def settings() -> Iterator[None]:
        with mpl.rc_context(), warnings.catch_warnings():
            mpl.rcdefaults()
            mpl.rcParams.update(_SETTINGS)
            warnings.filterwarnings("ignore", message=".*[Gg]lyph.*")
            yield

    return settings()


def _has_display() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")) or os.uname().sysname == "Darwin"


def _inches(charts: Sequence[Chart], look: Look) -> tuple[float, float]:
    if look.size is not None:
        return look.size[0] / _DOTS, look.size[1] / _DOTS
    heights = _heights(charts)
    return _WIDTH, _TOP + _BOTTOM + sum(heights) + _BETWEEN * (len(heights) - 1)


def _heights(charts: Sequence[Chart]) -> list[float]:
    """Return the height of each part: the panels, and for a run alone its processes and events, and its spans."""
    counts = [_rows(charts[0]), plot_figure_bands.rows(charts[0].bands)] if len(charts) == 1 else []
    return [_PANEL] * len(charts[0].panels) + [_ROW * (count + 0.4) for count in counts if count]


def _rows(chart: Chart) -> int:
    """Return how many rows there are below the panels: processes, and three of events."""
    events = (2 + any(mark.kind in _DEATHS for mark in chart.marks)) if chart.marks else 0
    return len(chart.lanes) + len(chart.groups) + events


def _head(plan: _Plan, title: str | None, heights: list[float]) -> None:
    """Write the title, and leave room for it and for what stands beside the axes."""
    width, height = plan.picture.get_size_inches()
    letters = int(width * 12)
    words = _title(plan, letters) if title is None else title
    plan.picture.suptitle(
        shortened(safe(words), letters), x=0.15 / width, y=1 - 0.12 / height, ha="left", va="top", fontsize=11
    )
    left = _LEFT if plan.alone is not None and (_rows(plan.alone) or plan.alone.bands) else 0.9
    top, bottom = 1 - min(_TOP / height, 0.3), min(_BOTTOM / height, 0.25)
    plan.picture.subplots_adjust(
        left=min(left / width, 0.3),
        right=1 - min(_RIGHT / width, 0.3),
        top=top,
        bottom=bottom,
        hspace=_BETWEEN / (sum(heights) / len(heights)),
    )


def _title(plan: _Plan, letters: int) -> str:
    """Return the runs in a line of so many letters; the commands are what is cut if need be."""
    alone = plan.alone
    if alone is not None:
        tail = f"  ·  {alone.ending}" if alone.ending else ""
        return f"{alone.name}  {shortened(alone.command, max(letters - len(alone.name) - len(tail) - 2, 10))}{tail}"
    room = max(letters // len(plan.charts) - 12, 10)
    return "   ".join(f"{chart.name} {shortened(chart.command, room)}" for chart in plan.charts)


def _panel(plan: _Plan, axes: Axes, index: int) -> None:
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


def _shown_curves(plan: _Plan, panel: Panel) -> list[Curve]:
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
    def of(cls, plan: _Plan, curve: Curve, place: int, number: int) -> _Pen:
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


def _peak(plan: _Plan, axes: Axes, peak: Peak, scale: Scale, *, place: int) -> None:
    """Draw a peak, solid if it is exact; a line shows between what it is for certain."""
    figure = peak.figure
    colour = _RUNS[place % len(_RUNS)][0] if plan.alone is None else _BLACK
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
            axes.axhline(limit.value / scale.factor, color=_BLACK, linestyle=dashes, linewidth=0.9, label=limit.label)
        else:
            axes.plot([], [], linestyle="none", label=f"{limit.label}, far above")


def _rows_below(plan: _Plan, axes: Axes, chart: Chart) -> None:
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


def _bar(plan: _Plan, axes: Axes, row: int, lane: Lane) -> None:
    grey = f"{0.95 - 0.75 * min(lane.cores or 0.0, 1.0):.3f}"
    width = max(lane.end - lane.start, plan.end * _NARROW)
    axes.barh(
        row, width / plan.scale.factor, left=min(lane.start, plan.end - width) / plan.scale.factor, height=0.62,
        color=grey, edgecolor=_BLACK, linewidth=0.7,
    )  # fmt: skip
    _figures(axes, row, lane.figures, lane.memory)
    if lane.ending.startswith("SIG"):
        _cross(axes, lane.end / plan.scale.factor, row)


def _hatched(plan: _Plan, axes: Axes, row: int, group: Group) -> None:
    factor = plan.scale.factor
    spans = [(start / factor, max(stop - start, plan.end * _NARROW) / factor) for start, stop in group.alive]
    axes.broken_barh(spans, (row - 0.22, 0.44), facecolor="white", edgecolor=_BLACK, hatch="/////", linewidth=0.5)
    _figures(axes, row, group.figures, group.largest)


def _figures(axes: Axes, row: int, words: str, memory: Figure) -> None:
    """Write what a process used at the right of its bar, after a sign for how its memory peak is known."""
    if memory.method != "unavailable":
        face = _BLACK if memory.method == "exact" else "white"
        axes.plot(
            [1.02], [row], marker="o", markersize=4.5, color=_BLACK, markerfacecolor=face, clip_on=False,
            transform=axes.get_yaxis_transform(),
        )  # fmt: skip
    axes.annotate(words, (1.02, row), (7, 0), ("axes fraction", "data"), "offset points", va="center", fontsize=8)


def _events(plan: _Plan, axes: Axes, chart: Chart, first: int) -> list[str]:
    """Draw when processes began and ended from row `first` on, name the signals, and return the names of the rows."""
    starts = [mark for mark in chart.marks if mark.kind in _STARTS]
    ends = [mark for mark in chart.marks if mark.kind not in _STARTS]
    deaths = [mark for mark in chart.marks if mark.kind in _DEATHS]
    for row, marks in enumerate((starts, ends), first):
        at = sorted({_pixel(mark.time, plan) for mark in marks})
        axes.vlines(at, row - 0.36, row + 0.36, color=_BLACK, linewidth=0.7)
    axes.axhline(first - 0.5, color=_GREY, linewidth=0.5)
    for moment in sorted({_pixel(mark.time, plan, _CROSSES) for mark in deaths}):
        _cross(axes, moment, first + 2)
    _name(plan, axes, deaths, first + 2)
    return ["started (exec)", "ended", *(["by a signal"] if deaths else [])]


def _cross(axes: Axes, x: float, row: int) -> None:
    axes.plot(
        [x], [row], marker="X", markersize=7, color=_VERMILLION, markeredgecolor=_BLACK, markeredgewidth=0.6,
        clip_on=False, zorder=5,
    )  # fmt: skip


def _name(plan: _Plan, axes: Axes, deaths: Sequence[Mark], row: int) -> None:
    """Name the signals, at the left or at the right of their crosses, those for which there is room."""
    width = (plan.picture.get_size_inches()[0] - _LEFT - _RIGHT) or 1.0
    times = [mark.time for mark in deaths]
    taken = 0.0
    for index, mark in enumerate(deaths):
        needs = (len(mark.label) + 3) * _LETTER / max(width, 1.0) * plan.end
        after = times[index + 1] if index + 1 < len(times) else plan.end
        right, left = mark.time + needs <= after, mark.time - needs >= taken
        if right or left:
            axes.annotate(
                mark.label, (_pixel(mark.time, plan, _CROSSES), row), (7 if right else -7, 0), va="center",
                textcoords="offset points", ha="left" if right else "right", fontsize=8,
            )  # fmt: skip
        taken = mark.time + (needs if right else 0.0)


def _pixel(time: float, plan: _Plan, places: int = 2000) -> float:
    """Return a time rounded so that marks at the same place are drawn once."""
    return round(time / plan.end * places) / places * plan.end / plan.scale.factor


def _deaths(plan: _Plan, all_axes: Sequence[Axes], chart: Chart) -> None:
    """Draw the moments at which signals ended a process through all panels; so many would hide the curves."""
    moments = sorted({_pixel(mark.time, plan, _CROSSES) for mark in chart.marks if mark.kind in _DEATHS})
    for at in moments if len(moments) <= _MOST_LINES else ():
        for axes in all_axes:
            axes.axvline(at, color=_VERMILLION, linestyle=(0, (2, 2)), linewidth=0.9)


def _time_axis(plan: _Plan, axes: Axes) -> None:
    end = plan.end / plan.scale.factor
    axes.set_xlim(0, end)
    axes.set_xticks([tick / plan.scale.factor for tick in ticks(plan.end, plan.scale, 10)])
    axes.set_xlabel(f"time since the start, {plan.scale.unit}")
