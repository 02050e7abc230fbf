"""Looks gathered into reports: the lines of con-duct's usage.jsonl."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vestige.duct.looks import elapsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vestige.duct.looks import Look

_PLACES = 2  # of per cents


@dataclass(slots=True)
class Totals:
    """Sums over all processes of one look, or the largest or the mean of several."""

    rss: float = 0  # B
    vsz: float = 0  # B
    pmem: float = 0.0  # % of the machine's memory
    pcpu: float = 0.0  # % of one core

    def raise_to(self, other: Totals) -> None:
        """Take the larger of each."""
        self.rss, self.vsz = max(self.rss, other.rss), max(self.vsz, other.vsz)
        self.pmem, self.pcpu = max(self.pmem, other.pmem), max(self.pcpu, other.pcpu)

    def move_towards(self, other: Totals, count: int) -> None:
        """Become the mean of `count` looks, of which this is the mean of all but the last and `other` the last."""
        for name in ("rss", "vsz", "pmem", "pcpu"):
            mine = getattr(self, name)
            setattr(self, name, mine + (getattr(other, name) - mine) / count)


@dataclass(slots=True)
class Summed:
    """Totals of several looks: the largest of each figure, and the mean."""

    peak: Totals = field(default_factory=Totals)
    mean: Totals = field(default_factory=Totals)
    looks: int = 0

    def add(self, totals: Totals) -> None:
        """Take one more look."""
        self.looks += 1
        self.peak.raise_to(totals)
        self.mean.move_towards(totals, self.looks)

    def totals_json(self) -> dict[str, Any]:
        """Return the key `totals` of a report."""
        return rounded(self.peak)

    def averages_json(self) -> dict[str, Any]:
        """Return the key `averages` of a report."""
        return {**rounded(self.mean), "num_samples": self.looks}


def rounded(totals: Totals) -> dict[str, Any]:
    """Return totals as JSON: bytes whole where they are, per cents to two places."""
    return {
        "pmem": round(totals.pmem, _PLACES),
        "pcpu": round(totals.pcpu, _PLACES),
        "rss": _whole(totals.rss),
        "vsz": _whole(totals.vsz),
    }


def percent(size: float, memory: int) -> float:
    """Return bytes as per cent of the machine's memory."""
    return round(100 * size / memory, _PLACES) if memory else 0.0


@dataclass(slots=True)
class Report:
    """Everything seen since the last line."""

    memory: int  # B of the machine
    timestamp: str = ""
    processes: dict[int, dict[str, Any]] = field(default_factory=dict)
    summed: Summed = field(default_factory=Summed)

    def add(self, looks: Sequence[Look]) -> Totals:
        """Take one look at all processes and return its sums."""
        totals = Totals(
            rss=sum(look.rss for look in looks),
            vsz=sum(look.vsz for look in looks),
            pmem=percent(sum(look.rss for look in looks), self.memory),
            pcpu=sum(look.share for look in looks),
        )
        self.summed.add(totals)
        for look in looks:
            self._add(look)
        return totals

    def line(self) -> dict[str, Any]:
        """Return the report as a line of usage.jsonl."""
        return {
            "timestamp": self.timestamp,
            "num_samples": self.summed.looks,
            "processes": {str(pid): process for pid, process in self.processes.items()},
            "totals": self.summed.totals_json(),
            "averages": self.summed.averages_json(),
        }

    def _add(self, look: Look) -> None:
        """Note a process: the most memory, the latest of all else. A plot needs CPU and age of the same moment."""
        self.timestamp = max(self.timestamp, look.moment)
        before = self.processes.get(look.pid)
        stat = {} if before is None else before["stat"]
        stat[look.state] = stat.get(look.state, 0) + 1
        self.processes[look.pid] = {
            "pcpu": look.share,
            "pmem": max(round(percent(look.rss, self.memory), 1), 0.0 if before is None else before["pmem"]),
            "rss": look.rss if before is None else max(look.rss, before["rss"]),
            "vsz": look.vsz if before is None else max(look.vsz, before["vsz"]),
            "timestamp": look.moment,
            "etime": elapsed(look.age),
            "stat": stat,
            "cmd": look.command if before is None or not look.state.startswith("Z") else before["cmd"],
        }


def _whole(size: float) -> float | int:
    return int(size) if size == int(size) else size
