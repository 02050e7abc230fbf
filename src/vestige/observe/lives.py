"""The processes of a run, told apart: pids are used again, and each process is spoken of in several events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Ending = Literal["exit", "gone", "reap", "survived", "unseen"]


class Figures(NamedTuple):
    """What a process had used when it was last looked at; a tuple, since a run may have 100,000 processes."""

    cpu_ns: int | None = None  # its own threads only
    hwm: int | None = None  # B, VmHWM
    read_chars: int | None = None  # B, and so on: with the children that it waited for, as /proc/PID/io has it
    write_chars: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    wait_ns: int | None = None  # first thread only
    vm_peak: int | None = None  # B, VmPeak: the largest address space, which need not be memory

    def or_more(self, other: Figures) -> Figures:
        """Return the larger of each: all of them only grow while a process lives."""
        return Figures(*map(_larger, self, other))


class Usage(NamedTuple):
    """What wait4 says of a reaped process: with the children that it waited for itself."""

    user_us: int | None = None
    system_us: int | None = None
    maxrss: int | None = None  # B, the largest of them
    minor_faults: int | None = None
    major_faults: int | None = None
    voluntary_switches: int | None = None
    involuntary_switches: int | None = None


class Killed(NamedTuple):
    """A signal that one process sent to another."""

    t: int  # ns
    signal: int | None


@dataclass(slots=True)
class Life:
    """One process from first to last sight. Times are ns since `begin`."""

    pid: int
    first: int  # when it was first seen
    start: int | None = None  # clock ticks since boot
    parent: int | None = None  # the first one known
    last_parent: int | None = None  # after its parent's death it has another
    forked: int | None = None  # when it was forked, where that was seen: the command itself
    executed: int | None = None  # its first exec
    path: str | None = None
    argv: tuple[str, ...] | None = None
    argv_truncated: bool = False
    setuid: bool = False
    name: str | None = None
    end: int | None = None
    ending: Ending = "unseen"
    exited: bool = False  # its figures are those of its exit
    exit_argument: int | None = None
    wait_status: int | None = None
    killed: Killed | None = None
    usage: Usage | None = None  # we reaped it ourselves
    figures: Figures = field(default_factory=Figures)
    replaced_hwm: int = 0  # B, the largest of the images it executed before the last

    def born_to(self, parent: int | None) -> None:
        """Note whose child it is now."""
        if parent is not None:
            self.parent = parent if self.parent is None else self.parent
            self.last_parent = parent


@dataclass(slots=True)
class Lives:
    """All processes so far; every method takes one event and returns the process that it is about.

    Events come in order of `seq`. A process is told from an earlier one of the same pid by its start, which an exit
    leaves out where the exec has given it. Where no start is known, an event after an end begins another process.
    """

    _all: list[Life] = field(default_factory=list)
    _current: dict[int, Life] = field(default_factory=dict)

    def all(self) -> tuple[Life, ...]:
        """Return every process in the order in which they were first seen."""
        return tuple(self._all)

    def __iter__(self) -> Iterator[Life]:
        return iter(self._all)

    def forked(self, pid: int, t: int) -> Life:
        """The command itself was forked."""
        life = self._alive(pid, None, t)
        life.forked = t
        return life

    def executing(self, pid: int, start: int | None, parent: int | None, t: int) -> Life:
        """It is about to execute a file."""
        life = self._alive(pid, start, t)
        life.born_to(parent)
        life.executed = t if life.executed is None else life.executed
        return life

    def exiting(self, pid: int, start: int | None, parent: int | None, t: int) -> Life:
        """It asked to exit. A second such event of one process comes of two threads that asked at once."""
        life = self._known(pid, start)
        if life is None or (life.end is not None and start is None and (life.start is None or life.usage is not None)):
            life = self._new(pid, start, t)
        return self._ended(life, parent, t, "exit")

    def missing(self, pid: int, start: int | None, parent: int | None, t: int, first: int | None) -> Life:
        """It is no longer there. After its exit or its reaping this is no news."""
        life = self._known(pid, start)
        if life is None or (life.ending == "gone" and start is None):
            life = self._new(pid, start, t)
        life.first = life.first if first is None else min(life.first, first)
        return life if life.end is not None else self._ended(life, parent, t, "gone")

    def surviving(self, pid: int, start: int | None, parent: int | None, t: int) -> Life:
        """It was still alive when the run ended."""
        life = self._alive(pid, start, t)
        life.born_to(parent)
        life.ending = "survived"
        return life

    def killing(self, pid: int, killed: Killed, figures: Figures) -> None:
        """It was sent a signal; only of a process already known can it be said that it is one of ours."""
        life = self._current.get(pid)
        if life is not None and life.end is None:
            life.killed = killed
            life.figures = life.figures.or_more(figures)

    def reaped(self, pid: int, t: int, status: int | None, usage: Usage) -> Life:
        """The recorder waited for it."""
        life = self._current.get(pid)
        if life is None or life.usage is not None:
            life = self._new(pid, None, t)
        life.usage = usage
        life.wait_status = life.wait_status if status is None else status
        if life.end is None:
            self._ended(life, None, t, "reap")
        return life

    def _ended(self, life: Life, parent: int | None, t: int, ending: Ending) -> Life:
        life.born_to(parent)
        life.end = t
        life.ending = ending
        life.exited = ending == "exit"
        return life

    def _alive(self, pid: int, start: int | None, t: int) -> Life:
        life = self._known(pid, start)
        if life is None or (life.end is not None and (start is None or life.start is None)):
            return self._new(pid, start, t)
        if life.ending != "survived":  # a child that had not executed anything may do so while survivors are named
            life.end, life.ending, life.exited = (
                None,
                "unseen",
                False,
            )  # the same start: it was taken for gone too early
        return life

    def _known(self, pid: int, start: int | None) -> Life | None:
        """Return the last process of this pid unless its start shows that it is another one."""
        life = self._current.get(pid)
        if life is None or (start is not None and life.start is not None and start != life.start):
            return None
        if life.start is None and life.end is None:
            life.start = start
        return life

    def _new(self, pid: int, start: int | None, t: int) -> Life:
        life = Life(pid, t, start)
        self._all.append(life)
        self._current[pid] = life
        return life


def _larger(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)
