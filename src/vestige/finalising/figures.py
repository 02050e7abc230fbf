"""The figures of a run (`model.FIGURES`), each with how it was got: one function a figure or family of figures."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from vestige.finalising import processes
from vestige.finalising.peak import most_held, tree_peak
from vestige.finalising.processes import SECOND
from vestige.observe.lives import Usage
from vestige.quantity import counted
from vestige.record.model import FIGURES, Figure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vestige.finalising.processes import Family
    from vestige.observe.lives import Life
    from vestige.observe.observation import Observation
    from vestige.record.model import Machine, Method

_MICRO = 1_000_000
_CPU_TOLERANCE = 1.02  # own clocks against wait4: beyond this some children were never waited for
_CPU_TOLERANCE_NS = 10_000_000
NO_END = "nobody saw the end of the run"
_NOT_READ = "it could not be read"
NOT_TRACED = "processes were not seen by notification: children whose parent did not wait for them are not in it"
NOT_WAITED = "some processes were never waited for; what they used before their end is counted"


def resources(relations: Family, machine: Machine | None) -> dict[str, Figure]:
    """Return every figure of the register, in its order."""
    found = {
        "wall": _wall(relations.observation),
        **_cpu(relations),
        "cores_allowed": _cores_allowed(machine),
        "memory_peak": tree_peak(relations),
        "memory_peak_process": _memory_peak_process(relations),
        "processes": _processes(relations),
        **_moved(relations),
        **_counted(relations),
        "run_queue_wait": _run_queue_wait(relations),
        **_surroundings(relations.observation),
        **_recorder(relations.observation),
    }
    found["cores_used"] = _cores_used(found["cpu"], found["wall"])
    return {name: _after_takeover(name, found[name], relations) for name in FIGURES}


def has_unwaited(relations: Family) -> bool:
    """Say whether some process was never waited for, so that the kernel's totals lack it.

    A parent that ignores SIGCHLD waits for nobody; then the clocks of the single processes add up to more than wait4's
    total.
    """
    totals = _totals(relations.observation)
    if totals is None or totals.user_us is None or totals.system_us is None:
        return False
    waited = (totals.user_us + totals.system_us) * 1000
    ended = (life.figures.cpu_ns or 0 for life in relations.observation.lives if life.ending != "survived")
    return sum(ended) > waited * _CPU_TOLERANCE + _CPU_TOLERANCE_NS


def _wall(observation: Observation) -> Figure:
    if observation.started is None:
        over = observation.failed is not None or observation.end is not None
        return _unavailable("wall", "the command was never started" if over else "nobody saw the start of the run")
    if observation.end is not None:
        return Figure((observation.end.t - observation.started) / SECOND, "s", "exact")
    return _at_least("wall", observation.seconds(observation.last), NO_END)


def _cpu(relations: Family) -> dict[str, Figure]:
    """Return user, system and both together: wait4's totals, and where these lack somebody, at least what is known."""
    totals = _totals(relations.observation)
    method, reason = _grade(relations)
    user, system = (None, None) if totals is None else (totals.user_us, totals.system_us)
    figures = {
        "cpu_user": _total("cpu_user", user, 1 / _MICRO, method, reason),
        "cpu_system": _total("cpu_system", system, 1 / _MICRO, method, reason),
    }
    return {**figures, "cpu": _cpu_together(relations, user, system)}


def _cpu_together(relations: Family, user: int | None, system: int | None) -> Figure:
    observation = relations.observation
    group = observation.end.cgroup if observation.end is not None else None
    if group is not None and group.own and group.cpu_us is not None:
        return Figure(group.cpu_us / _MICRO, "s", "exact")
    survivors = sum(life.figures.cpu_ns or 0 for life in observation.lives if life.ending == "survived")
    waited = None if user is None or system is None else (user + system) * 1000 + survivors
    known = sum(life.figures.cpu_ns or 0 for life in observation.lives)
    known = max([known, *(sample.cpu_ns for sample in observation.series)])
    method, reason = _grade(relations)
    if waited is None:
        why = reason or _NOT_READ
        return _at_least("cpu", known / SECOND, why) if known else _unavailable("cpu", why)
    if method == "exact":
        return Figure(waited / SECOND, "s", "exact")
    return _at_least("cpu", max(waited, known) / SECOND, reason)


def _grade(relations: Family) -> tuple[Method, str | None]:
    """Return how good totals over all that was waited for are."""
    observation = relations.observation
    alive = sum(life.ending == "survived" for life in observation.lives)
    reasons = (
        (observation.end is None, NO_END),
        (relations.blind_from is not None, _blind_reason(relations)),
        (not relations.traced, NOT_TRACED),
        (alive > 0, f"{counted(alive, 'process was', 'processes were')} still alive when the run ended"),
        (has_unwaited(relations), NOT_WAITED),
    )
    for applies, reason in reasons:
        if applies:
            return "bound", reason
    return "exact", None


def _counted(relations: Family) -> dict[str, Figure]:
    names = {
        "context_switches_voluntary": "voluntary_switches",
        "context_switches_involuntary": "involuntary_switches",
        "page_faults_minor": "minor_faults",
        "page_faults_major": "major_faults",
    }
    totals = _totals(relations.observation) or Usage()
    method, reason = _grade(relations)
    return {figure: _total(figure, getattr(totals, name), 1, method, reason) for figure, name in names.items()}


def _cores_used(cpu: Figure, wall: Figure) -> Figure:
    if cpu.value is None or not wall.value:
        return _unavailable("cores_used", "it needs both CPU and wall time")
    share = round(cpu.value / wall.value, 6)
    if cpu.method == wall.method == "exact":
        return Figure(share, "1", "exact")
    if wall.method == "exact":
        return _at_least("cores_used", share, cpu.reason)
    return Figure(share, "1", "estimate", reason=wall.reason)


def _cores_allowed(machine: Machine | None) -> Figure:
    limits = [] if machine is None else [machine.cpus_allowed, machine.cpu_quota]
    known = [limit for limit in limits if limit is not None]
    if not known:
        return _unavailable("cores_allowed", "neither affinity nor quota could be read")
    return Figure(min(known), "1", "exact")


def _memory_peak_process(relations: Family) -> Figure:
    observation = relations.observation
    peaks = [processes.memory_peak(life, relations) for life in observation.lives]
    largest = max((peak.value for peak in peaks if peak.value is not None and peak.lower == peak.value), default=0)
    largest = max([largest, *(peak.value for peak in peaks if peak.value is not None and peak.method == "exact")])
    recorded = observation.begin is not None and observation.begin.observer == "recorder"
    maxrss = (_totals(observation) or Usage()).maxrss or 0
    is_unseen = recorded and maxrss > largest  # somebody whom nobody looked at was larger
    largest = maxrss if is_unseen else largest
    if not largest:
        return _unavailable("memory_peak_process", "no process could be looked at")
    if observation.end is None:
        return _at_least("memory_peak_process", largest, NO_END)
    limits = (most_held(life, relations) for life in observation.lives)
    if is_unseen or all(limit is not None and limit <= largest + processes.MAXRSS_SLACK for limit in limits):
        return Figure(largest, "B", "exact")
    return _at_least("memory_peak_process", largest, "some processes could not be looked at when they ended")


def _processes(relations: Family) -> Figure:
    count = len(relations.observation.lives)
    if relations.traced and relations.observation.end is not None:
        return Figure(count, "1", "exact")
    return _at_least("processes", count, "processes between two looks were not seen")


def _moved(relations: Family) -> dict[str, Figure]:
    names = {
        "read_bytes": "read_bytes",
        "written_bytes": "write_bytes",
        "read_chars": "read_chars",
        "written_chars": "write_chars",
    }
    return {figure: _moved_one(figure, name, relations) for figure, name in names.items()}


def _moved_one(figure: str, name: str, relations: Family) -> Figure:
    """Add up what every process moved itself."""
    observation = relations.observation
    shares = [processes.own_share(name, life, relations) for life in observation.lives]
    if all(share.size is None for share in shares):
        return _unavailable(figure, "it could not be read of any process")
    total = sum(share.size or 0 for share in shares)
    if _all_accounted(name, relations):
        return Figure(total, "B", "exact")
    return _at_least(figure, total, "some processes could not be looked at when they ended")


def _all_accounted(name: str, relations: Family) -> bool:
    """Say whether every process was read at its exit, or its parent was, which waited for it."""
    observation = relations.observation
    if not relations.traced or observation.end is None or has_unwaited(relations):
        return False
    return all(_accounted(life, name, relations) for life in observation.lives)


def _accounted(life: Life, name: str, relations: Family) -> bool:
    if life.exited and getattr(life.figures, name) is not None:
        children = relations.of(life)
        theirs = sum(getattr(child.figures, name) or 0 for child in children)
        return bool(getattr(life.figures, name) >= theirs)
    parent = relations.parents.get(id(life))
    return parent is not None and parent.exited and getattr(parent.figures, name) is not None


def _run_queue_wait(relations: Family) -> Figure:
    waits = [life.figures.wait_ns for life in relations.observation.lives if life.figures.wait_ns is not None]
    if not waits:
        return _unavailable("run_queue_wait", "it could not be read of any process")
    return _at_least("run_queue_wait", sum(waits) / SECOND, "first thread of each process only")


def _surroundings(observation: Observation) -> dict[str, Figure]:
    """Return what the kernel says of the control group and the machine while the run lasted."""
    end = observation.end
    pressure = end.pressure if end is not None else {}
    missing = _why_missing(observation, "the kernel does not tell: no /proc/pressure")
    figures = {
        f"pressure_{name}": (
            Figure(pressure[name] / _MICRO, "s", "exact", reason="of the whole machine")
            if name in pressure
            else _unavailable(f"pressure_{name}", missing)
        )
        for name in ("cpu", "memory", "io")
    }
    figures["oom_kills"] = _oom_kills(observation)
    figures["memory_peak_cgroup"] = _memory_peak_cgroup(observation)
    return figures


def _why_missing(observation: Observation, otherwise: str = _NOT_READ) -> str:
    if observation.end is None:
        return NO_END
    return otherwise if observation.takeover is None else "the recorder, which would have told, died before the end"


def _oom_kills(observation: Observation) -> Figure:
    end = observation.end
    if end is None:
        return _unavailable("oom_kills", NO_END)
    if end.cgroup is not None and end.cgroup.own and end.cgroup.oom_kills is not None:
        return Figure(end.cgroup.oom_kills, "1", "exact", reason="of the run's own control group")
    if end.oom_kills is not None:
        return Figure(end.oom_kills, "1", "exact", reason="of the whole machine")
    return _unavailable("oom_kills", _why_missing(observation, "the kernel does not tell"))


def _memory_peak_cgroup(observation: Observation) -> Figure:
    group = observation.end.cgroup if observation.end is not None else None
    if observation.end is None:
        return _unavailable("memory_peak_cgroup", NO_END)
    if group is None or not group.own:
        return _unavailable("memory_peak_cgroup", "the run had no control group of its own")
    if group.memory_peak is None:
        return _unavailable("memory_peak_cgroup", "the kernel does not tell")
    return Figure(group.memory_peak, "B", "exact")


def _recorder(observation: Observation) -> dict[str, Figure]:
    cost = observation.end.cost if observation.end is not None else None
    missing = _why_missing(observation)
    if cost is None:
        return {name: _unavailable(name, missing) for name in ("recorder_cpu", "recorder_memory")}
    cpu = None if cost.user_us is None or cost.system_us is None else cost.user_us + cost.system_us
    memory = max(cost.maxrss or 0, cost.guard_maxrss or 0) or None
    return {
        "recorder_cpu": _total("recorder_cpu", cpu, 1 / _MICRO, "exact", missing),
        "recorder_memory": _total("recorder_memory", memory, 1, "exact", missing),
    }


def _totals(observation: Observation) -> Usage | None:
    """Return wait4's totals: as `end` has them, or added up from what was reaped, whichever knows more."""
    reaped = [life.usage for life in observation.lives if life.usage is not None]
    known = [observation.end.usage] if observation.end is not None else []
    if reaped:
        known.append(_added(reaped))
    if not known:
        return None
    return Usage(
        *(max((value for value in values if value is not None), default=None) for values in zip(*known, strict=True))
    )


def _added(usages: Iterable[Usage]) -> Usage:
    columns = list(zip(*usages, strict=True))
    sums = [None if None in column else sum(value for value in column if value is not None) for column in columns]
    largest = max((value for value in columns[Usage._fields.index("maxrss")] if value is not None), default=None)
    return Usage(*sums)._replace(maxrss=largest)


def _total(name: str, count: int | None, scale: float, method: Method, reason: str | None) -> Figure:
    if count is None:
        return _unavailable(name, reason or _NOT_READ)
    value = count if scale == 1 else round(count * scale, 6)
    if method == "bound":
        return _at_least(name, value, reason)
    return Figure(value, FIGURES[name][0], method)


def _at_least(name: str, value: float, reason: str | None) -> Figure:
    return Figure(value, FIGURES[name][0], "bound", lower=value, reason=reason)


def _unavailable(name: str, reason: str) -> Figure:
    return Figure(None, FIGURES[name][0], "unavailable", reason=reason)


_UNTOUCHED = (
    "wall",
    "cores_allowed",
    "pressure_cpu",
    "pressure_memory",
    "pressure_io",
    "oom_kills",
    "memory_peak_cgroup",
)


def _after_takeover(name: str, figure: Figure, relations: Family) -> Figure:
    """Return a figure as it may be believed after the recorder's death: at least, with that reason."""
    if relations.blind_from is None or name in _UNTOUCHED or figure.value is None:
        return figure
    lower = figure.value if figure.lower is None else figure.lower
    method: Method = "sampled" if figure.method == "sampled" else "bound"
    return dataclasses.replace(figure, method=method, lower=lower, upper=None, reason=_blind_reason(relations))


def _blind_reason(relations: Family) -> str:
    at = relations.observation.seconds(relations.blind_from or 0)
    return f"the recorder died {at:.1f} s after the start; what came after it was not seen"
