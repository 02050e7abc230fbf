"""Curves and bars as paths of an SVG: across the whole run is `WIDTH`, from 0 to the top of an axis is `HEIGHT`.

A page stretches such a drawing to the width that it has, and zooms by looking at a part of it: nothing is drawn anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vestige.report.plot_data import Curve

WIDTH = 10_000
HEIGHT = 1_000
_COLUMNS = 2_000  # ticks that can be told apart


def across(time: float, end: float) -> float:
    """Return where a moment stands."""
    return round(min(max(time / end, 0.0), 1.0) * WIDTH, 1)


def up(value: float, top: float) -> int:
    """Return how far from the upper edge a value stands."""
    return HEIGHT - round(min(max(value / top, 0.0), 1.0) * HEIGHT)


def line(times: Sequence[float], values: Sequence[float | None], end: float, top: float) -> str:
    """Return a line through the values; it breaks at None."""
    words = []
    pen = "M"
    for time, value in zip(times, values, strict=True):
        if value is None:
            pen = "M"
            continue
        words.append(f"{pen}{_text(across(time, end))} {up(value, top)}")
        pen = "L"
    return "".join(words)


def area(times: Sequence[float], values: Sequence[float | None], end: float, top: float) -> str:
    """Return the area below a line that is nowhere broken; empty where it is."""
    if not times or None in values:
        return ""
    first, last = _text(across(times[0], end)), _text(across(times[-1], end))
    return f"M{first} {HEIGHT}L{line(times, values, end, top)[1:]}L{last} {HEIGHT}Z"


def stacked(layers: Sequence[Curve], end: float, top: float) -> list[str]:
    """Return the area of each layer on those below it; all have the same times."""
    if not layers:
        return []
    times = layers[0].times
    below = [0.0] * len(times)
    found = []
    for layer in layers:
        above = [low + (value or 0.0) for low, value in zip(below, layer.values, strict=True)]
        back = line(times[::-1], below[::-1], end, top)
        found.append(f"{line(times, above, end, top)}L{back[1:]}Z")
        below = above
    return found


def bars(spans: Iterable[tuple[float, float]], end: float) -> str:
    """Return a bar for each stretch of time."""
    return "".join(
        f"M{_text(left)} 0H{_text(across(stop, end))}V{HEIGHT}H{_text(left)}Z"
        for left, stop in ((across(start, end), stop) for start, stop in spans)
    )


def moments(times: Iterable[float], end: float) -> str:
    """Return a tick for each moment; those that can't be told apart are one."""
    columns = sorted({round(min(max(time / end, 0.0), 1.0) * _COLUMNS) for time in times})
    return "".join(f"M{_text(column * WIDTH / _COLUMNS)} 0V{HEIGHT}" for column in columns)


def dot(time: float, value: float, end: float, top: float) -> str:
    """Return a line without length: drawn with round ends it is a dot, however the drawing is stretched."""
    return f"M{_text(across(time, end))} {up(value, top)}h.01"


def _text(value: float) -> str:
    return f"{value:g}" if value < WIDTH else str(WIDTH)
