"""What a plot shows of a run: curves, bars and marks, before anybody draws them.

Everything is in seconds since the run's start, bytes, and cores. Nothing is invented: a curve goes through what was
looked at, a process of which only its start, end, CPU and memory peak are known is a bar and not a curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vestige.quantity import marked

if TYPE_CHECKING:
    from vestige.record.model import Figure
    from vestige.report.bands import Band

Metric = Literal["cpu", "memory", "io"]
Unit = Literal["cores", "%", "B", "B/s"]
Role = Literal["total", "added", "look", "largest", "process", "rest", "read", "written"]
MarkKind = Literal["exec", "fork", "exit", "signal", "oom"]

METRICS: tuple[Metric, ...] = ("cpu", "memory", "io")
DEFAULT_METRICS: tuple[Metric, ...] = ("cpu", "memory")
MOST_RUNS = 7  # over each other
_ROOM = 1.06  # above the highest value
_REACH = 2.0  # a limit up to this times the highest value is worth the room that it takes


@dataclass(frozen=True, slots=True)
class Curve:
    """The corners of a line; a value of None breaks it."""

    label: str  # what it is
    role: Role  # how it is drawn
    times: tuple[float, ...]  # s since the run's start
    values: tuple[float | None, ...]  # in the unit of its panel
    low: tuple[float, ...] = ()  # where looks were merged: the least of them; empty: nowhere


@dataclass(frozen=True, slots=True)
class Limit:
    """What a metric can't exceed."""

    label: str  # in words, with its value
    value: float  # in the unit of its panel


@dataclass(frozen=True, slots=True)
class Peak:
    """The largest value, and about when it was reached."""

    time: float  # s since the run's start
    figure: Figure  # how large, and how that is known

    @property
    def is_exact(self) -> bool:
        """Whether it is drawn solid."""
        return self.figure.method == "exact"


@dataclass(frozen=True, slots=True)
class Panel:
    """One metric over time."""

    metric: Metric
    unit: Unit  # of all values in it
    headline: str  # the totals in words, and how they were got
    curves: tuple[Curve, ...] = ()
    limits: tuple[Limit, ...] = ()
    peak: Peak | None = None
    layers: tuple[Curve, ...] = ()  # of memory: what single processes had at each look, to be stacked from the bottom

    @property
    def top(self) -> float:
        """Where its axis ends; a limit far above the values is not worth the room."""
        highest = max((value for curve in self.curves for value in curve.values if value is not None), default=0.0)
        if self.peak is not None:
            highest = max(highest, float(self.peak.figure.value or 0))
            upper = float(self.peak.figure.upper or 0)
            highest = upper if highest < upper <= highest * _REACH else highest
        near = [limit.value for limit in self.limits if limit.value <= highest * _REACH]
        return max([highest, *near]) * _ROOM or 1.0


@dataclass(frozen=True, slots=True)
class Lane:
    """A process from start to end."""

    label: str  # its command, short
    start: float  # s since the run's start
    end: float  # s since the run's start
    cores: float | None  # that it used on average; None: not known
    cpu: Figure  # s
    memory: Figure  # B, its peak
    ending: str = ""  # "SIGKILL", "exit 3", "alive"; empty: exit 0, or nobody saw

    @property
    def figures(self) -> str:
        """What it used, in words: `891 MB  21.3 s CPU`; nothing of what is not known."""
        memory = "" if self.memory.method == "unavailable" else marked(self.memory)
        cpu = "" if self.cpu.method == "unavailable" else f"{marked(self.cpu)} CPU"
        return "  ".join(word for word in (memory, cpu, self.ending) if word)


@dataclass(frozen=True, slots=True)
class Group:
    """Processes that share a bar: those of one program, or all others."""

    label: str  # `cc1 x40`, `17 others`
    count: int
    cpu: Figure  # s, of all together
    largest: Figure  # B, the largest memory peak of any of them
    peaks: str  # the same in words; empty: not known
    alive: tuple[tuple[float, float], ...]  # when at least one of them was there

    @property
    def figures(self) -> str:
        """What they used, in words."""
        cpu = "" if self.cpu.value is None else f"{marked(self.cpu)} CPU"
        return "  ".join(filter(None, (self.peaks, cpu)))


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at one moment."""

    time: float  # s since the run's start
    kind: MarkKind
    label: str = ""  # in words, for signals


@dataclass(frozen=True, slots=True)
class Chart:
    """One run, ready to be drawn."""

    name: str  # short id, or the file's name
    command: str  # as it could be typed
    ending: str  # how it ended, how long it took
    end: float  # s, where the time axis ends
    panels: tuple[Panel, ...]
    lanes: tuple[Lane, ...] = ()
    groups: tuple[Group, ...] = ()
    marks: tuple[Mark, ...] = ()
    bands: tuple[Band, ...] = ()  # its spans

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.lanes and not self.bands and not any(panel.curves or panel.peak for panel in self.panels)
