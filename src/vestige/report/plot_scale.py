"""The numbers along an axis: which unit, and where the ticks stand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vestige.report.plot_data import Unit

_TIMES = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))
_SECOND = (1.0, "s")
_SHORT = ((1e-3, "ms"), (1e-6, "µs"))
_BYTES = ((1e18, "EB"), (1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_TIME_RATIO = 3.0  # 2 minutes read better as 120 s


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis: what is shown is the value divided by `factor`."""

    factor: float
    unit: str  # "" for plain numbers

    def text(self, value: float) -> str:
        """Return a tick in words, without its unit."""
        return f"{value / self.factor:.10g}"


def time_scale(end: float, ratio: float | None = None) -> Scale:
    """Return the unit for a time axis up to `end` seconds.

    `ratio`: the largest unit of which there are at least so many on the axis, -1 for seconds always; None: as reads
    best, milliseconds included.
    """
    if ratio is not None:
        return _largest((*_TIMES, _SECOND), end, ratio)
    if end < 1:
        return _largest((*_SHORT, _SECOND), end, 1.0, least=_SHORT[-1])
    return _largest((*_TIMES, _SECOND), end, _TIME_RATIO)


def value_scale(unit: Unit, top: float, ratio: float | None = None) -> Scale:
    """Return the unit for a value axis up to `top`; `ratio` as for `time_scale`."""
    if unit in ("cores", "%"):
        return Scale(1.0, unit)
    found = _largest((*_BYTES, (1.0, "B")), top, 1.0 if ratio is None else ratio)
    return Scale(found.factor, found.unit + unit.removeprefix("B"))


def ticks(top: float, scale: Scale, most: int) -> tuple[float, ...]:
    """Return at most `most` + 1 round values from 0 up to `top`."""
    shown = top / scale.factor
    if not (shown > 0 and math.isfinite(shown)):
        return (0.0,)
    step = _round_up(shown / max(most, 1))
    count = int(shown / step + 1e-9)
    return tuple(index * step * scale.factor for index in range(count + 1))


def _round_up(step: float) -> float:
    """Return the next larger round number: 1, 2, 2.5, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next((nice * power for nice in _STEPS if nice * power >= step * (1 - 1e-9)), 10 * power)


def _largest(
    units: tuple[tuple[float, str], ...], top: float, ratio: float, *, least: tuple[float, str] | None = None
) -> Scale:
    """Return the largest unit of which `top` holds at least `ratio`, else the smallest."""
    last = units[-1] if least is None else least
    if ratio < 0:
        return Scale(*last)
    return Scale(*next((unit for unit in units if top / unit[0] >= ratio), last))
