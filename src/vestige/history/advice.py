"""What to ask a scheduler for, from what runs of the same kind took: memory, time, CPUs, each with its evidence."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from vestige.history import groups, where
from vestige.history.index import Source
from vestige.history.quantiles import quantile
from vestige.quantity import counted
from vestige.record.place import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vestige.history.index import Index

_ROOM = 1.2  # on top of the 99th percentile
_ENOUGH = 5  # runs that ended well: with fewer, the room is wider
_WIDER = {1: 2.0, 2: 1.75, 3: 1.5, 4: 1.5}
_AFTER_KILL = 1.5  # times what a run had when it was stopped: it would have taken more
_NEAR_LIMIT = 0.9  # of the memory that it was granted: who is killed there was killed for it
_NEWEST = 500  # runs that are looked at
_MEBIBYTE = 1 << 20
_LEAST = 100  # MiB: the shell of a batch script wants its share
_BUSY = 0.9  # of the cores that it was allowed
_STOPPED = ("SIGTERM", "SIGXCPU", "SIGKILL")  # how schedulers end what takes too long
_ASKED = ("template", "started", "status", "failed", "signal", "wall", "peak_memory", "cores_used", "cores_allowed",
          "oom_kills", "memory_limit")  # fmt: skip


class Seen(NamedTuple):
    """What counts of one run."""

    template: str
    started: str
    status: str
    failed: bool
    signal: str | None
    wall: float | None
    peak_memory: float | None
    cores_used: float | None
    cores_allowed: float | None
    oom_kills: float | None
    memory_limit: float | None

    @property
    def was_out_of_memory(self) -> bool:
        """Whether it was killed for lack of memory: its peak is less than it needed."""
        if not self.failed:
            return False
        limit, peak = self.memory_limit, self.peak_memory
        at_limit = limit is not None and peak is not None and peak >= _NEAR_LIMIT * limit
        return bool(self.oom_kills) or (self.signal == "SIGKILL" and at_limit)


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to ask for, and why that much."""

    option: str  # "--mem=700M"
    value: int  # B, s, or CPUs
    runs: int  # that ended well and tell of it
    p99: float  # that 99 % of these did not exceed; of CPUs: 90 %
    largest: float
    room: float  # by which the quantile was multiplied
    why: tuple[str, ...] = ()  # what else moved it, one sentence each


@dataclass(frozen=True, slots=True)
class Advice:
    """What to ask for, for commands of one kind."""

    template: str
    runs: int  # that were looked at
    failed: int  # of them
    out_of_memory: int  # of them
    since: str  # when the oldest began
    requests: tuple[Request, ...]
    cautions: tuple[str, ...] = ()  # one sentence each


def advice(index: Index, template: str) -> Advice | None:
    """Return what to ask for, None where no run of this kind has ended. Raises StoreError."""
    same = where.every(where.Comparison("template", template.__eq__))
    return of(Seen(*found) for found in index.values(_ASKED, same))  # type: ignore[arg-type]


def of(newest_first: Iterable[Seen]) -> Advice | None:
    """Return the same from runs of one kind."""
    runs = [run for run in newest_first if run.status != "running"][:_NEWEST]
    if not runs:
        return None
    good = [run for run in runs if not run.failed]
    killed = [run for run in runs if run.was_out_of_memory]
    requests = (_memory(good, runs, killed), _time(good, runs, killed), _cpus(good))
    return Advice(
        template=runs[0].template,
        runs=len(runs),
        failed=len(runs) - len(good),
        out_of_memory=len(killed),
        since=runs[-1].started,
        requests=tuple(request for request in requests if request is not None),
        cautions=tuple(_cautions(good, runs)),
    )


def of_snapshot(folder: str, argv: Sequence[str]) -> str:
    """Return what to ask for in one line, from the snapshot beside a run and nothing else.

    Empty where there is none, where it lacks many runs, or where too few of its runs are like this one.
    """
    store = Store(os.path.dirname(os.path.dirname(folder)), "option")
    source = Source(store)
    if not source.is_fresh():
        return ""
    template = groups.group(argv)
    columns = [source.column(name) for name in _ASKED]
    same = [at for at, other in enumerate(columns[0]) if other == template]
    same.sort(key=source.column("started").__getitem__, reverse=True)
    return line(of(Seen(*(column[at] for column in columns)) for at in same))


def line(found: Advice | None) -> str:
    """Return it in one line, `--mem=700M would do: 37 runs, p99 + 20 %`; empty where too few runs ended well."""
    if found is None or found.runs - found.failed < _ENOUGH:
        return ""
    request = next((each for each in found.requests if each.option.startswith("--mem")), None)
    return "" if request is None else f"{request.option} would do: {basis(request)}"


def basis(request: Request) -> str:
    """Return what a request rests on, in few words."""
    runs = counted(request.runs, "run")
    share = "p90" if request.option.startswith("--cpus") else "p99"
    return f"{runs}, {share} + {round((request.room - 1) * 100)} %" if request.room > 1 else f"{runs}, {share}"


def _memory(good: Sequence[Seen], runs: Sequence[Seen], killed: Sequence[Seen]) -> Request | None:
    bounds = [max(run.peak_memory or 0, run.memory_limit or 0) * _AFTER_KILL for run in killed]
    why = []
    if killed:
        why.append(f"{counted(len(killed), 'run')} killed for lack of memory: what they had was not enough")
    rest = [run.peak_memory for run in runs if run.failed and not run.was_out_of_memory and run.peak_memory is not None]
    values = _known(good, "peak_memory")
    if rest and max(rest) > max(values, default=0):
        why.append(
            "a run that failed used more than those that ended well" if values else "what a run that failed used"
        )
        bounds.append(max(rest) * _ROOM)
    return _request(values, bounds, why, _mem)


def _time(good: Sequence[Seen], runs: Sequence[Seen], killed: Sequence[Seen]) -> Request | None:
    values = _known(good, "wall")
    stopped = [run.wall for run in runs
               if run.failed and run.signal in _STOPPED and run not in killed and run.wall is not None]  # fmt: skip
    longer = [wall for wall in stopped if wall >= max(values, default=0)]
    why = [f"{counted(len(longer), 'run')} stopped after longer than any that ended well"] if longer else []
    return _request(values, [wall * _AFTER_KILL for wall in longer], why, _clock)


def _cpus(good: Sequence[Seen]) -> Request | None:
    values = sorted(_known(good, "cores_used"))
    if not values:
        return None
    used = quantile(values, 0.9)
    allowed = max(_known(good, "cores_allowed"), default=None)
    count = max(1, math.ceil(used - 0.1))  # 1.05 cores on average are one
    why: tuple[str, ...] = ()
    if allowed is not None and used >= _BUSY * allowed:
        why = (f"it used all of the {allowed:g} cores that it had: with more it may be faster",)
    return Request(f"--cpus-per-task={count}", count, len(values), used, values[-1], 1.0, why)


def _request(
    values: Sequence[float], bounds: Sequence[float], why: Sequence[str], written: Callable[[float], tuple[str, int]]
) -> Request | None:
    """Return what covers the values and is no less than the bounds, None where nothing is known."""
    ordered = sorted(values)
    if not ordered and not bounds:
        return None
    room = _WIDER.get(len(ordered), _ROOM)
    p99 = quantile(ordered, 0.99) if ordered else 0.0
    largest = ordered[-1] if ordered else 0.0
    option, value = written(max(p99 * room, largest, *bounds))
    return Request(option, value, len(ordered), p99, largest, room, tuple(why))


def _mem(size: float) -> tuple[str, int]:
    """Return the option for memory, to two digits upward; Slurm's M is a mebibyte."""
    mebibytes = max(_LEAST, math.ceil(size / _MEBIBYTE))
    step = 10 ** (len(str(mebibytes)) - 2)
    rounded = -(-mebibytes // step) * step
    return f"--mem={rounded}M", rounded * _MEBIBYTE


def _clock(seconds: float) -> tuple[str, int]:
    """Return the option for time, in whole minutes upward."""
    minutes = max(1, math.ceil(seconds / 60))
    days, rest = divmod(minutes, 24 * 60)
    clock = f"{rest // 60:02d}:{rest % 60:02d}:00"
    return f"--time={days}-{clock}" if days else f"--time={clock}", minutes * 60


def _cautions(good: Sequence[Seen], runs: Sequence[Seen]) -> list[str]:
    said = []
    if not good:
        said.append("none of these runs ended well: what they took is a lower bound")
    elif len(good) < _ENOUGH:
        said.append(f"only {counted(len(good), 'run')} that ended well: the room is wider, look again after {_ENOUGH}")
    unknown = sum(run.peak_memory is None for run in runs)
    if unknown:
        said.append(f"the memory of {counted(unknown, 'run')} is not known")
    return said


def _known(runs: Sequence[Seen], name: str) -> list[float]:
    return [value for run in runs if (value := getattr(run, name)) is not None]
