"""Stretches of time, and what several of them cover together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GAPS = 400  # gaps below this part of a run are not seen
Stretch = tuple[float, float]  # s since the run's start


def joined(spans: Iterable[Stretch], gap: float, end: float) -> Iterator[Stretch]:
    """Yield spans in order of their start as their union up to `end`; gaps up to `gap` are closed."""
    current: Stretch | None = None
    for start, stop in ((min(start, end), min(max(start, stop), end)) for start, stop in spans):
        if current is None:
            current = (start, stop)
        elif start <= current[1] + gap:
            current = (current[0], max(current[1], stop))
        else:
            yield current
            current = (start, stop)
    if current is not None:
        yield current
