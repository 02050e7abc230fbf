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
from vestige.report import plot_figure_bands, plot_figure_panels, plot_figure_rows
from vestige.report.plot_figure_plan import LEFT, RIGHT, Plan
from vestige.report.plot_scale import ticks, time_scale
from vestige.words import safe, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

    from vestige.report.plot_data import Chart

MISSING = "images are drawn by matplotlib, which is not installed: `pip install 'vestige[plot]'`"
_DOTS = 100  # pixels an inch: `--size` is in pixels
_FINE = 1.5  # an image whose size nobody asked for has so many pixels for one of these
_WIDTH = 11.0  # inches
_TOP, _BOTTOM = 0.72, 0.5  # inches above and below the axes
_PANEL, _ROW, _BETWEEN = 1.75, 0.235, 0.38  # inches of height

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
    plan = Plan(picture, tuple(charts), time_scale(longest, look.ratio), look.ratio)
    heights = _heights(charts)
    all_axes: list[Axes] = list(
        picture.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    )
    for index in range(len(charts[0].panels)):
        plot_figure_panels.draw(plan, all_axes[index], index)
    if plan.alone is not None and plot_figure_rows.count(plan.alone):
        plot_figure_rows.draw(plan, all_axes[len(charts[0].panels)], plan.alone)
        plot_figure_rows.deaths(plan, all_axes, plan.alone)
    if plan.alone is not None and plan.alone.bands:
        room = min(LEFT, picture.get_size_inches()[0] * 0.3)
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
    counts = [plot_figure_rows.count(charts[0]), plot_figure_bands.rows(charts[0].bands)] if len(charts) == 1 else []
    return [_PANEL] * len(charts[0].panels) + [_ROW * (count + 0.4) for count in counts if count]


def _head(plan: Plan, title: str | None, heights: list[float]) -> None:
    """Write the title, and leave room for it and for what stands beside the axes."""
    width, height = plan.picture.get_size_inches()
    letters = int(width * 12)
    words = _title(plan, letters) if title is None else title
    plan.picture.suptitle(
        shortened(safe(words), letters), x=0.15 / width, y=1 - 0.12 / height, ha="left", va="top", fontsize=11
    )
    left = LEFT if plan.alone is not None and (plot_figure_rows.count(plan.alone) or plan.alone.bands) else 0.9
    top, bottom = 1 - min(_TOP / height, 0.3), min(_BOTTOM / height, 0.25)
    plan.picture.subplots_adjust(
        left=min(left / width, 0.3),
        right=1 - min(RIGHT / width, 0.3),
        top=top,
        bottom=bottom,
        hspace=_BETWEEN / (sum(heights) / len(heights)),
    )


def _title(plan: Plan, letters: int) -> str:
    """Return the runs in a line of so many letters; the commands are what is cut if need be."""
    alone = plan.alone
    if alone is not None:
        tail = f"  ·  {alone.ending}" if alone.ending else ""
        return f"{alone.name}  {shortened(alone.command, max(letters - len(alone.name) - len(tail) - 2, 10))}{tail}"
    room = max(letters // len(plan.charts) - 12, 10)
    return "   ".join(f"{chart.name} {shortened(chart.command, room)}" for chart in plan.charts)


def _time_axis(plan: Plan, axes: Axes) -> None:
    end = plan.end / plan.scale.factor
    axes.set_xlim(0, end)
    axes.set_xticks([tick / plan.scale.factor for tick in ticks(plan.end, plan.scale, 10)])
    axes.set_xlabel(f"time since the start, {plan.scale.unit}")
