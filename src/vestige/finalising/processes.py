"""From the lives that the recorder saw to the lines of `processes.jsonl`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from vestige.finalising import ending
from vestige.record.model import Figure, Process
from vestige.text import from_bytes, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.observe.lives import Life
    from vestige.observe.observation import Observation
    from vestige.record.model import Method

SECOND = 1_000_000_000
MAXRSS_SLACK = 256 << 10  # B: VmHWM stands 150 to 170 kB above ru_maxrss, which the kernel batches per CPU
UNSEEN = "it ended without a word: killed by a signal nobody saw"
_DEEPEST = 100  # generations to look upward; also ends a circle, which only a forged file can hold
_UNWATCHED = "nobody saw its end: the recorder was gone by then"
_NOT_READ = "it could not be read"


class Share(NamedTuple):
    """What one process moved itself, without the children that it waited for."""

    size: int | None  # B
    method: Method


@dataclass(frozen=True, slots=True)
class Family:
    """Who waited for whom: needed to tell a process's own figures from those of its children."""

    observation: Observation
    parents: dict[int, Life] = field(default_factory=dict)  # by id() of the child's life
    children: dict[int, list[Life]] = field(default_factory=dict)  # by id() of the parent's life
    traced: bool = False  # every process that executed or exited was seen
    blind_from: int | None = None  # ns, when the recorder died; None if it lived or all was over by then

    def of(self, life: Life) -> list[Life]:
        """Return the processes that this one waited for, as far as can be told."""
        return self.children.get(id(life), [])

    def reaped_above(self, life: Life) -> Life | None:
        """Return the nearest process, itself or above, that the recorder waited for."""
        current: Life | None = life
        for _ in range(_DEEPEST):
            if current is None or current.usage is not None:
                return current
            current = self.parents.get(id(current))
        return None


def family(observation: Observation) -> Family:
    """Find for every process who waited for it.

    The recorder waits for its own children and for orphans, and says so; all others end as children of the process
    that their last event names.
    """
    by_pid: dict[int, list[Life]] = {}
    for life in observation.lives:
        by_pid.setdefault(life.pid, []).append(life)
    trace = observation.trace
    blind = _blind_from(observation)
    traced = trace is not None and trace.state == "on" and blind is None
    found = Family(observation, traced=traced, blind_from=blind)
    for life in observation.lives:
        parent = _waiting_parent(life, by_pid)
        if parent is not None:
            found.parents[id(life)] = parent
            found.children.setdefault(id(parent), []).append(life)
    return found


def _blind_from(observation: Observation) -> int | None:
    takeover = observation.takeover
    if takeover is None:
        return None
    over = all(life.end is not None and life.end <= takeover.t for life in observation.lives)
    return None if over and observation.lives else takeover.t


def table(relations: Family) -> Iterator[Process]:
    """Yield every process of the run in the order in which they were first seen."""
    for life in relations.observation.lives:
        yield _process(life, relations)


def start_edge(life: Life, observation: Observation) -> int | None:
    """Return the earliest moment at which a process can have begun, ns since `begin`; None if its start is unknown.

    The kernel tells it in clock ticks of usually 10 ms since boot.
    """
    begin = observation.begin
    if life.forked is not None:
        return life.forked
    if life.start is None or begin is None or begin.clock_ticks is None or begin.boottime_ns is None:
        return None
    edge = life.start * SECOND // begin.clock_ticks - begin.boottime_ns
    return min(max(edge, 0), life.first)


def own_share(name: str, life: Life, relations: Family) -> Share:
    """Return what a process moved itself.

    /proc/PID/io holds the children that the process waited for as well (wait_task_zombie in the kernel's exit.c adds
    them up), so theirs are taken off.
    """
    whole: int | None = getattr(life.figures, name)
    if whole is None:
        return Share(None, "unavailable")
    children = relations.of(life)
    theirs = [getattr(child.figures, name) for child in children]
    certain = relations.traced and life.exited and all(child.exited for child in children) and None not in theirs
    rest = whole - sum(their for their in theirs if their is not None)
    return Share(max(rest, 0), "exact" if certain and rest >= 0 else "bound")


def memory_peak(life: Life, relations: Family) -> Figure:
    """Return the largest resident size that a process ever had."""
    seen = max(life.figures.hwm or 0, life.replaced_hwm)
    maxrss = life.usage.maxrss if life.usage is not None else None
    if life.exited and life.figures.hwm is not None:
        return Figure(seen, "B", "exact")
    if maxrss is not None and relations.traced and not relations.of(life) and _is_recorder(relations):
        return Figure(max(seen, maxrss), "B", "exact")
    covering = _waited_for_maxrss(life, relations)
    if seen:
        upper = _upper(seen, covering)
        return Figure(seen, "B", "bound", lower=seen, upper=upper, reason=_why_not_exact(life, relations))
    if covering is not None:
        return Figure(covering, "B", "bound", upper=covering + MAXRSS_SLACK, reason=_why_not_exact(life, relations))
    return Figure(None, "B", "unavailable", reason=_why_not_exact(life, relations))


def _process(life: Life, relations: Family) -> Process:
    observation = relations.observation
    edge = start_edge(life, observation)
    code, signal = ending.of_process(life)
    end = life.end if life.end is not None or life.killed is None or life.ending == "survived" else life.killed.t
    return Process(
        pid=life.pid,
        parent=life.parent,
        argv=life.argv,
        argv_truncated=life.argv_truncated,
        name=base_name(life) or life.name,
        start=observation.seconds(life.first if edge is None else edge),
        start_method="bound" if life.forked is None else "exact",
        end=None if end is None else observation.seconds(end),
        exit_code=code,
        signal=signal,
        cpu=_cpu(life, relations),
        memory_peak=memory_peak(life, relations),
        read_bytes=_moved("read_bytes", life, relations),
        written_bytes=_moved("write_bytes", life, relations),
        read_chars=_moved("read_chars", life, relations),
        written_chars=_moved("write_chars", life, relations),
        run_queue_wait=_run_queue_wait(life, relations),
        setuid=life.setuid,
        survived=life.ending == "survived",
    )


def _cpu(life: Life, relations: Family) -> Figure:
    """Return the CPU of a process's own threads: exact only where we waited for it and it for nobody."""
    clock = life.figures.cpu_ns
    waited = None
    if life.usage is not None and life.usage.user_us is not None and life.usage.system_us is not None:
        waited = (life.usage.user_us + life.usage.system_us) * 1000
    if waited is not None and relations.traced and not relations.of(life):
        return Figure(waited / SECOND, "s", "exact")
    upper = None if waited is None else max(waited, clock or 0) / SECOND
    if clock is not None:
        reason = "the end of a process comes after its last reading" if life.exited else _why_not_exact(life, relations)
        return Figure(clock / SECOND, "s", "bound", lower=clock / SECOND, upper=upper, reason=reason)
    if upper is not None:
        return Figure(upper, "s", "bound", upper=upper, reason="the children that it waited for are in it")
    return Figure(None, "s", "unavailable", reason=_why_not_exact(life, relations))


def _moved(name: str, life: Life, relations: Family) -> Figure:
    share = own_share(name, life, relations)
    if share.size is None:
        return Figure(None, "B", "unavailable", reason=_why_not_exact(life, relations))
    if share.method == "exact":
        return Figure(share.size, "B", "exact")
    if life.exited:
        return Figure(share.size, "B", "bound", upper=getattr(life.figures, name), reason="children may be in it")
    return Figure(share.size, "B", "bound", lower=share.size, reason=_why_not_exact(life, relations))


def _run_queue_wait(life: Life, relations: Family) -> Figure:
    wait = life.figures.wait_ns
    if wait is None:
        return Figure(None, "s", "unavailable", reason=_why_not_exact(life, relations))
    return Figure(wait / SECOND, "s", "bound", lower=wait / SECOND, reason="first thread only")


def _why_not_exact(life: Life, relations: Family) -> str:
    if life.exited:
        return _NOT_READ
    if life.ending == "survived":
        return "it was still alive when the run ended"
    if life.ending == "unseen" and life.killed is None:
        watched = relations.blind_from is None and relations.observation.end is not None
        return UNSEEN if watched else _UNWATCHED
    return "it was last looked at before its end"


def _upper(seen: int, covering: int | None) -> int | None:
    """Return what a process can have held at most, if the `ru_maxrss` covers it, which a smaller one shows not to."""
    if covering is None or covering + MAXRSS_SLACK < seen:
        return None
    return max(covering, seen) + MAXRSS_SLACK


def _waited_for_maxrss(life: Life, relations: Family) -> int | None:
    """Return the `ru_maxrss` of the nearest process above that was reaped; it covers all that were waited for below."""
    above = relations.reaped_above(life)
    return None if above is None or above.usage is None else above.usage.maxrss


def _is_recorder(relations: Family) -> bool:
    """Say whether a small recorder forked the command: a child of a large parent inherits its `ru_maxrss`."""
    begin = relations.observation.begin
    return begin is not None and begin.observer == "recorder"


def _waiting_parent(life: Life, by_pid: dict[int, list[Life]]) -> Life | None:
    """Return the process that waited for this one; of several with the same pid, the one that was there at its end."""
    if life.usage is not None or life.last_parent is None or life.ending == "survived":
        return None
    moment = life.end if life.exited and life.end is not None else life.first
    for parent in by_pid.get(life.last_parent, ()):
        if parent is not life and (parent.end is None or parent.end >= moment):
            return parent
    return None


def base_name(life: Life) -> str | None:
    """Return what the kernel calls a process after its last exec; a look at it may be older than that."""
    text = life.path or (life.argv[0] if life.argv else None)
    return None if text is None else from_bytes(to_bytes(text).rpartition(b"/")[2])
