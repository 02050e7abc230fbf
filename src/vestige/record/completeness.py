"""What an observation may have missed, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.record import figures
from vestige.record.ending import of_process
from vestige.record.model import Completeness
from vestige.record.processes import base_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vestige.observe.events import Observation
    from vestige.record.model import Figure
    from vestige.record.processes import Family

_NAMED = 5  # processes named in one note


def completeness(relations: Family, resources: Mapping[str, Figure], notes: tuple[str, ...]) -> Completeness:
    """Return what a later reader must know before trusting a gap; `notes` come first."""
    observation = relations.observation
    trace = observation.trace
    return Completeness(
        observer=observation.begin.observer if observation.begin is not None else "recorder",
        trace="unavailable" if trace is None else trace.state,
        trace_reason="the recorder did not get that far" if trace is None else trace.reason,
        events_dropped=(observation.end.dropped or 0) if observation.end is not None else 0,
        events_unreadable=observation.unreadable,
        notes=(*notes, *_notes(relations), *_deaths(observation, resources)),
    )


def _notes(relations: Family) -> Iterator[str]:
    observation = relations.observation
    end = observation.end
    if observation.takeover is not None:
        why = f" ({observation.takeover.reason})" if observation.takeover.reason else ""
        yield f"the recorder died{why} and its guard carried on: from then on only the command itself was watched"
    if observation.begin is not None and end is None:
        yield "the recorder's own last word is missing: the machine or the recorder stopped before the end"
    privileged = [life.path or "?" for life in observation.lives if life.setuid]
    if privileged and observation.trace is not None and observation.trace.no_new_privs:
        yield f"set-user-id programs ran without their privilege, use `--trace off` for them: {_named(privileged)}"
    if figures.has_unwaited(relations):
        yield "some processes were never waited for: a parent ignores SIGCHLD"
    if end is not None and end.lost:
        yield f"{figures.counted(end.lost, 'notification', 'notifications')} could not be read in detail"
    if end is not None and end.pss_skipped:
        skipped = figures.counted(end.pss_skipped, "new memory peak was", "new memory peaks were")
        yield f"{skipped} not looked into, to bound the recorder's cost"


def _deaths(observation: Observation, resources: Mapping[str, Figure]) -> Iterator[str]:
    """Name who may have been killed for lack of memory."""
    kills = resources["oom_kills"]
    if not kills.value:
        return
    dead = [life for life in observation.lives if of_process(life)[1] == "SIGKILL"]
    names = _named([f"{life.pid} ({base_name(life) or life.name or '?'})" for life in dead])
    where = (kills.reason or "").removeprefix("of ")
    who = f"; of this run died of SIGKILL: {names}" if dead else "; no process of this run died of SIGKILL"
    killed = figures.counted(kills.value, "process", "processes")
    yield f"the kernel killed {killed} of {where} for lack of memory while the run lasted{who}"


def _named(names: list[str]) -> str:
    different = list(dict.fromkeys(names))
    more = f" and {len(different) - _NAMED} more" if len(different) > _NAMED else ""
    return ", ".join(different[:_NAMED]) + more
