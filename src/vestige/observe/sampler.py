"""Looks at the processes of a run from time to time, with psutil: what any system can tell."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from vestige.text import from_bytes

if TYPE_CHECKING:
    from vestige.observe.journal import Journal

_FIRST = 0.004  # s until the first look
_SHORTEST = 0.02  # s between looks
_LONGEST = 2.0
_BUDGET = 0.01  # of one core that looking may cost, after
_ALLOWANCE = 0.1  # s of CPU, for short runs
_POINTS = 150  # a point of the series lasts at least this fraction of the run: below 2,000 points in a week
_SECOND_NS = 1_000_000_000
_BYTES = ("read_bytes", "write_bytes", "read_chars", "write_chars")


@dataclass
class _Seen:
    """A process as of the last look."""

    process: psutil.Process
    first_t: int
    figures: dict[str, int] = field(default_factory=dict)
    argv: list[str] | None = None
    comm: str | None = None
    ppid: int | None = None


@dataclass
class _Group:
    """Looks that become one point of the series; the counts are those of its largest moment."""

    since: int
    rss: list[int] = field(default_factory=list)
    processes: int = 0
    threads: int = 0
    top: dict[str, int] | None = None


class Sampler:
    """Samples this process's descendants in a thread and writes `exec`, `sample`, `gone` and `survivor` events."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._self = psutil.Process()
        self._alive: dict[psutil.Process, _Seen] = {}
        self._ended_totals: dict[str, int] = {}
        self._group: _Group | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def finish(self) -> None:
        """Stop, and write down what still lives."""
        self._stop.set()
        self._thread.join()
        self._look()
        self._close_group()
        for seen in self._alive.values():
            self._journal.write("survivor", pid=seen.process.pid, ppid=seen.ppid, comm=seen.comm, **seen.figures)

    def _sample(self) -> None:
        pause = _FIRST
        try:
            while not self._stop.wait(pause):
                self._look()
                over_budget = time.thread_time() - _ALLOWANCE - _BUDGET * self._journal.now() / _SECOND_NS
                pause = min(max(_SHORTEST, over_budget / _BUDGET), _LONGEST)
        except Exception as error:  # noqa: BLE001 - the edge of the thread: the command goes on, the record says so
            self._journal.write("trouble", reason=f"sampling ended: {error!r}")

    def _look(self) -> None:
        now = self._journal.now()
        present = self._descendants()
        for process in present:
            if process not in self._alive:
                self._alive[process] = _Seen(process, first_t=now)
        for process, seen in list(self._alive.items()):
            if process not in present or not self._read(seen):
                self._bury(self._alive.pop(process))
        self._note(now)

    def _descendants(self) -> set[psutil.Process]:
        """Return all that descend from here, and known ones that lost their parent."""
        try:
            present = set(self._self.children(recursive=True))
        except psutil.Error:
            present = set()
        orphans = {known for known in self._alive if known not in present and known.is_running()}
        return present | orphans

    def _read(self, seen: _Seen) -> bool:
        """Take the figures of a process; False: it has ended."""
        try:
            with seen.process.oneshot():
                if seen.process.status() == psutil.STATUS_ZOMBIE:
                    return False
                _take_figures(seen)
                self._take_words(seen)
        except psutil.AccessDenied:
            return True
        except psutil.Error:
            return False
        return True

    def _take_words(self, seen: _Seen) -> None:
        """Note what the process executes, when that is new."""
        words = seen.process.cmdline()
        seen.comm = _text(seen.process.name())
        seen.ppid = seen.process.ppid()
        if not words or words == seen.argv:
            return
        seen.argv = words
        argv = [_text(word) for word in words]
        self._journal.write("exec", pid=seen.process.pid, ppid=seen.ppid, path=argv[0], argv=argv, argc=len(argv))

    def _bury(self, seen: _Seen) -> None:
        for name in ("cpu_ns", *_BYTES):
            if name in seen.figures:
                self._ended_totals[name] = self._ended_totals.get(name, 0) + seen.figures[name]
        if seen.figures:
            self._journal.write(
                "gone", pid=seen.process.pid, ppid=seen.ppid, comm=seen.comm, first_t=seen.first_t, **seen.figures
            )

    def _note(self, now: int) -> None:
        """Add this look to the point of the series that is open, and close that when it lasted long enough."""
        if not self._alive:
            return
        group = self._group = self._group or _Group(now)
        rss = self._sum("rss")
        if not group.rss or rss >= max(group.rss):
            group.processes = len(self._alive)
            group.threads = self._sum("threads")
            group.top = max(
                ({"pid": seen.process.pid, "rss": seen.figures.get("rss", 0)} for seen in self._alive.values()),
                key=lambda top: top["rss"],
            )
        group.rss.append(rss)
        if now - group.since >= max(_SHORTEST * _SECOND_NS, now / _POINTS):
            self._close_group()

    def _close_group(self) -> None:
        group, self._group = self._group, None
        if group is None:
            return
        self._journal.write(
            "sample",
            since=group.since,
            count=len(group.rss),
            processes=group.processes,
            threads=group.threads,
            rss=[min(group.rss), sum(group.rss) // len(group.rss), max(group.rss)],
            top=group.top,
            **{name: self._total(name) for name in ("cpu_ns", *_BYTES)},
        )

    def _sum(self, name: str) -> int:
        return sum(seen.figures.get(name, 0) for seen in self._alive.values())

    def _total(self, name: str) -> int | None:
        """Return a figure over living and ended processes, None where the system does not tell it."""
        if name not in self._ended_totals and not any(name in seen.figures for seen in self._alive.values()):
            return None
        return self._ended_totals.get(name, 0) + self._sum(name)


def _take_figures(seen: _Seen) -> None:
    process = seen.process
    times = process.cpu_times()
    figures = seen.figures
    figures["cpu_ns"] = round((times.user + times.system) * _SECOND_NS)
    figures["rss"] = process.memory_info().rss
    figures["hwm"] = max(figures.get("hwm", 0), figures["rss"])
    figures["threads"] = process.num_threads()
    switches = process.num_ctx_switches()
    figures["voluntary_switches"] = switches.voluntary
    figures["involuntary_switches"] = switches.involuntary
    _take_io(process, figures)


def _take_io(process: psutil.Process, figures: dict[str, int]) -> None:
    if not hasattr(process, "io_counters"):
        return  # macOS does not tell
    try:
        io = process.io_counters()
    except psutil.AccessDenied:
        return  # a process of another user
    figures["read_bytes"] = io.read_bytes
    figures["write_bytes"] = io.write_bytes
    if hasattr(io, "read_chars"):
        figures["read_chars"] = io.read_chars
        figures["write_chars"] = io.write_chars


def _text(word: str) -> str:
    return from_bytes(os.fsencode(word))
