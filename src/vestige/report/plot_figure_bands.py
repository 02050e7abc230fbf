"""Spans over time on a matplotlib figure: told apart by shades and hatches, so that they read the same in print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestige.report.plot_figure_plan import BLACK, LETTER, NARROW, VERMILLION
from vestige.words import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes

    from vestige.report.bands import Band, Part
    from vestige.report.plot_scale import Scale

_SHAPES: dict[str, dict[str, Any]] = {
    "span": {"facecolor": "#9a9a9a", "height": 0.62},
    "around": {"facecolor": "#ececec", "height": 0.3},
    "load": {"facecolor": "white", "hatch": "....", "height": 0.62},
    "save": {"facecolor": "white", "hatch": "\\\\\\\\\\", "height": 0.62},
    "several": {"facecolor": "white", "hatch": "/////", "height": 0.44},
}
_WORDS = {
    "span": "grey: one span",
    "load": "dots: load",
    "save": "\\\\ save",
    "several": "/// several spans",
    "around": "thin: others are within",
}


@dataclass(frozen=True, slots=True)
class Field:
    """Where bands are drawn."""

    scale: Scale  # of time
    end: float  # s, of the axis
    room: float  # inches at its left, for names

    @property
    def letters(self) -> int:
        """How many letters a name has room for."""
        return max(int(self.room / LETTER), 4)


def rows(bands: Sequence[Band]) -> int:
    """Return how many rows the bands take."""
    return sum(1 for _ in _rows(bands, 1))


def draw(axes: Axes, bands: Sequence[Band], field: Field) -> None:
    """Draw a bar for each band, before those of each worker its name."""
    names = []
    for row, (name, band) in enumerate(_rows(bands, field.letters)):
        names.append(name)
        if band is not None:
            _band(axes, row, band, field)
    axes.set_yticks(range(len(names)), names, fontsize=8, ha="left")
    axes.tick_params(axis="y", length=0, pad=field.room * 72 - 4)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.spines["left"].set_visible(False)
    axes.set_title(_legend(bands), loc="left", pad=4)


def _rows(bands: Sequence[Band], letters: int) -> Iterator[tuple[str, Band | None]]:
    worker = ""
    has_critical = any(band.critical for band in bands)
    for band in bands:
        if band.worker != worker:
            worker = band.worker
            yield f"{worker}:" if worker else "", None
        mark = "" if not has_critical else "* " if band.critical else "   "
        yield shortened(mark + band.label, letters), band


def _band(axes: Axes, row: int, band: Band, field: Field) -> None:
    factor = field.scale.factor
    for start, stop in band.waits:
        axes.plot([start / factor, stop / factor], [row, row], color=BLACK, linestyle=":", linewidth=1.2)
    for part in band.parts:
        left, width = _placed(part, field.end)
        shape = dict(_SHAPES[part.what])
        axes.barh(row, width / factor, left=left / factor, edgecolor=BLACK, linewidth=0.5, **shape)
    words = "  ".join(filter(None, (band.figures, band.ending)))
    axes.annotate(words, (1.02, row), (0, 0), ("axes fraction", "data"), "offset points", va="center", fontsize=8)
    if band.ending:
        axes.plot(
            [band.stop / factor], [row], marker="X", markersize=7, color=VERMILLION, markeredgecolor=BLACK,
            markeredgewidth=0.6, clip_on=False, zorder=5,
        )  # fmt: skip


def _placed(part: Part, end: float) -> tuple[float, float]:
    """Return where a part begins and how wide it is, so that it is seen; loads and saves are as short as they are."""
    least = 0.0 if part.what in ("load", "save") else end * NARROW
    width = max(part.stop - part.start, least)
    return min(part.start, end - width), width


def _legend(bands: Sequence[Band]) -> str:
    seen = {part.what for band in bands for part in band.parts}
    words = [word for what, word in _WORDS.items() if what in seen]
    words += ["dotted line: waits for a worker"] if any(band.waits for band in bands) else []
    words += ["* critical path"] if any(band.critical for band in bands) else []
    return "spans: " + ", ".join(words)
