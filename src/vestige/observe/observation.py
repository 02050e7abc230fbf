"""What a recorder saw, summed up: all that a record is made from.

Text stays in its written form (`vestige.text`); a figure that is absent, of a wrong type or out of range is None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from vestige.observe.calls import Calls
from vestige.observe.touches import Touches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vestige.observe.lives import Life, Usage
    from vestige.observe.series import Sample

_SECOND = 1_000_000_000  # ns


@dataclass(frozen=True, slots=True)
class StreamStart:
    """A stream as the command got it."""

    kind: Literal["pipe", "file", "terminal", "socket", "device", "closed"]
    captured: bool
    path: str | None
    offset: int | None


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """A stream after the command's end."""

    length: int | None  # B
    captured: bool | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Begin:
    """The recorder began; clocks as they stood at that moment."""

    format: int | None
    vestige: str | None
    id: str | None
    argv: tuple[str, ...]
    cwd: str | None
    realtime_ns: int | None
    monotonic_ns: int | None
    boottime_ns: int | None
    clock_ticks: int | None  # per second
    observer: Literal["recorder", "portable"]
    streams: Mapping[str, StreamStart]
    merged: bool


@dataclass(frozen=True, slots=True)
class Trace:
    """Whether processes were seen by notification."""

    state: Literal["on", "off", "unavailable"]
    reason: str | None
    errno: int | None
    no_new_privs: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """The command could not be started."""

    errno: int | None
    stage: str | None


@dataclass(frozen=True, slots=True)
class Takeover:
    """The guard carried on after the recorder's death."""

    t: int  # ns
    reason: str | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What recorder and guard used themselves."""

    user_us: int | None
    system_us: int | None
    maxrss: int | None  # B
    guard_maxrss: int | None  # B


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The control group of the run."""

    own: bool  # nothing but this run was in it
    memory_peak: int | None  # B
    oom_kills: int | None
    cpu_us: int | None


@dataclass(frozen=True, slots=True)
class End:
    """The run ended."""

    t: int  # ns
    status: int | None  # wait status
    usage: Usage  # totals over all that was reaped
    streams: Mapping[str, StreamEnd]
    pss_skipped: int | None
    dropped: int | None
    lost: int | None
    unlisted: int | None
    repeats: int | None  # None: a recorder that did not watch files
    cost: Cost | None
    pressure: Mapping[str, int]  # us, by `cpu`, `memory`, `io`
    cgroup: Cgroup | None
    oom_kills: int | None


@dataclass(frozen=True, slots=True)
class Mark:
    """Something was done by which files or calls can go unseen."""

    allowed: int = 0  # times
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Observation:
    """All that one `events.jsonl` says. Times are ns since `begin`."""

    begin: Begin | None = None
    trace: Trace | None = None
    started: int | None = None
    command: int | None = None  # pid
    failed: Failed | None = None
    takeover: Takeover | None = None
    end: End | None = None
    lives: tuple[Life, ...] = ()
    series: tuple[Sample, ...] = ()
    from_outer: bool = False  # processes and files were seen by the recorder of the run around this one
    last: int = 0  # t of the latest event
    unreadable: int = 0  # lines
    touches: Touches = field(default_factory=Touches)
    calls: Calls = field(default_factory=Calls)
    marks: Mapping[str, Mark] = field(default_factory=dict)  # by what was done

    def seconds(self, t: int) -> float:
        """Return a time of an event as seconds since the run's start."""
        return max(t - (self.started or 0), 0) / _SECOND
