"""What the recorder knows of a run, in con-duct's terms: figures of the whole, and of any stretch of it.

Times are seconds since the command's start.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.finalising import figures, nested, processes
from vestige.observe.events import observe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.finalising.processes import Family
    from vestige.observe.lives import Life
    from vestige.observe.observation import Observation
    from vestige.record.model import Figure, Process

_SECOND = processes.SECOND


@dataclass(frozen=True, slots=True)
class Level:
    """The memory of all processes at the looks since the level before."""

    t: float  # s
    looks: int
    most: float  # B, shared pages counted once as far as that is known
    mean: float  # B


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was used between two moments; None: nobody looked."""

    looks: int
    rss: float | None  # B, the most
    mean_rss: float | None  # B
    pcpu: float  # %, the most over a sample interval
    mean_pcpu: float  # %


class Recording:
    """A run that is over, as its `events.jsonl` tells it."""

    def __init__(self, relations: Family, resources: dict[str, Figure]) -> None:
        self.observation: Observation = relations.observation
        self.resources = resources
        self._relations = relations
        self._levels = list(_levels(self.observation, self.value("memory_peak")))
        self._cpu = _curve(self.observation, self.wall, self.value("cpu"))

    @property
    def started(self) -> float | None:
        """Seconds since 1970 at which the command was started, None if it never was."""
        begin = self.observation.begin
        if begin is None or begin.realtime_ns is None or self.observation.started is None:
            return None
        return (begin.realtime_ns + self.observation.started) / _SECOND

    @property
    def wall(self) -> float:
        """Seconds from the command's start to its end."""
        return self.value("wall") or 0.0

    def code(self) -> int | None:
        """Return the command's exit code, None where nobody saw its end."""
        from vestige.finalising import ending  # noqa: PLC0415 - hardly ever: it imports `signal`

        return ending.of_command(self.observation).code

    def value(self, name: str) -> float | None:
        """Return a figure of the whole run, None where it is not known."""
        return self.resources[name].value

    def processes(self) -> Iterator[tuple[Process, Life]]:
        """Yield every process in the order in which they were first seen."""
        return zip(processes.table(self._relations), self.observation.lives, strict=True)

    def peak_moment(self) -> float:
        """Return when the most memory was held: at the largest look, or when the largest process ended."""
        largest = max(self._levels, key=lambda level: level.most, default=None)
        peak = self.value("memory_peak") or 0
        if largest is not None and largest.most >= peak * _CLOSE:
            return largest.t
        ended = [(life.figures.hwm or 0, life.end) for life in self.observation.lives if life.end is not None]
        return self.observation.seconds(max(ended)[1]) if ended else self.wall

    def stretch(self, begin: float, end: float, *, window: float) -> Stretch:
        """Return what was used after `begin` and up to `end`; `window`: s over which CPU is averaged for its peak."""
        first = bisect.bisect_right(self._levels, begin, key=lambda level: level.t)
        last = bisect.bisect_right(self._levels, end, key=lambda level: level.t)
        levels = self._levels[first:last]
        mean = self._rate(begin, end)
        return Stretch(
            looks=sum(level.looks for level in levels),
            rss=max((level.most for level in levels), default=None),
            mean_rss=_mean(levels, begin),
            pcpu=max(mean, self._busiest(begin, end, window)),
            mean_pcpu=mean,
        )

    def _rate(self, begin: float, end: float) -> float:
        """Return per cent of one core between two moments."""
        return 100 * max(self._cpu_at(end) - self._cpu_at(begin), 0.0) / (end - begin) if end > begin else 0.0

    def _busiest(self, begin: float, end: float, window: float) -> float:
        """Return the largest rate over a window that ends within the stretch; early on it is what there is."""
        ends = [t for t, _ in self._cpu if max(begin, min(window, self.wall)) <= t <= end]
        return max((self._rate(max(t - window, 0.0), t) for t in ends), default=0.0)

    def _cpu_at(self, t: float) -> float:
        """Return the CPU seconds used up to a moment, a straight line between two looks."""
        at = bisect.bisect_left(self._cpu, (t, 0.0))
        if at == 0:
            return self._cpu[0][1]
        if at == len(self._cpu):
            return self._cpu[-1][1]
        (before, low), (after, high) = self._cpu[at - 1], self._cpu[at]
        return low + (high - low) * (t - before) / (after - before) if after > before else high


_CLOSE = 0.99  # a look this near to the peak is where it was


def read(events: str, outer_folder: str | None) -> Recording:
    """Return what an `events.jsonl` says; `outer_folder`: the run around this one, as text.

    Raises StoreError where it can't be read.
    """
    relations = processes.family(nested.joined(observe(events), outer_folder).observation)
    return Recording(relations, figures.resources(relations, None))


def _levels(observation: Observation, peak: float | None) -> Iterator[Level]:
    """Yield the series; sums that count shared pages many times are cut at the peak, which does not.

    PSS shares pages with strangers, too, so it may be less than the largest process holds.
    """
    for sample in observation.series:
        once = sample.shared_once()
        most = min(sample.rss_max, peak or sample.rss_max) if once is None else max(once, sample.top_rss or 0)
        yield Level(observation.seconds(sample.t), sample.looks, most, min(sample.rss_mean, most))


def _curve(observation: Observation, wall: float, total: float | None) -> list[tuple[float, float]]:
    """Return moments and CPU seconds used up to them, from nothing at the start to everything at the end."""
    points = [(0.0, 0.0)]
    for sample in observation.series:
        t, used = observation.seconds(sample.t), sample.cpu_ns / _SECOND
        if t < wall:
            points.append((t, max(used, points[-1][1])))
    return [*points, (max(wall, points[-1][0]), max(total or 0.0, points[-1][1]))]


def _mean(levels: Sequence[Level], begin: float) -> float | None:
    """Return the mean of levels, each for as long as it lasted."""
    total = weight = 0.0
    for level in levels:
        lasted = max(level.t - begin, 1e-6)
        total += level.mean * lasted
        weight += lasted
        begin = level.t
    return total / weight if weight else None
