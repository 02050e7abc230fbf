"""What an observation may have missed, in words."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from vestige.finalising import figures
from vestige.finalising.ending import of_process
from vestige.finalising.processes import base_name
from vestige.observe.touches import FOREIGN
from vestige.quantity import counted
from vestige.record.model import Completeness, Gap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vestige.finalising.processes import Family
    from vestige.observe.observation import Observation, Trace
    from vestige.record.model import Figure

_NAMED = 5  # processes named in one note
_DOCTOR = "`vestige doctor` says what would change it"
_OUTER = "look at the files of the run around this one"


def completeness(relations: Family, resources: Mapping[str, Figure], notes: tuple[str, ...]) -> Completeness:
    """Return what a later reader must know before trusting a gap; `notes` come first."""
    observation = relations.observation
    trace = observation.trace
    untraced = _untraced(observation)
    gaps = tuple(_gaps(observation))
    return Completeness(
        observer=observation.begin.observer if observation.begin is not None else "recorder",
        trace="unavailable" if trace is None else trace.state,
        trace_reason="the recorder did not get that far" if trace is None else trace.reason,
        events_dropped=(observation.end.dropped or 0) if observation.end is not None else 0,
        events_unreadable=observation.unreadable,
        notes=(*notes, *_notes(relations), *_deaths(observation, resources)),
        files="none" if untraced else "partial" if gaps else "complete",
        gaps=(untraced,) if untraced else gaps,
    )


def _untraced(observation: Observation) -> Gap | None:
    """Return why no file was watched, None where they were."""
    trace = observation.trace
    if observation.begin is not None and observation.begin.observer == "portable":
        return Gap("portable", "files and connections are seen by the recorder only, which was not there", _DOCTOR)
    if observation.from_outer:
        return None
    if trace is None:
        return Gap("trace", "the recorder did not get that far")
    if trace.state != "on":
        return _not_on(trace)
    watched = observation.end is None or observation.end.repeats is not None
    return None if watched else Gap("trace", "the recorder of that version did not watch files")


def _not_on(trace: Trace) -> Gap:
    if trace.state == "off":
        return Gap("trace", "tracing was turned off", "`--trace auto`")
    if trace.errno == errno.EBUSY:
        return Gap("nested", "another recorder or sandbox around this run has what it takes to see files", _OUTER)
    return Gap("trace", f"tracing was not possible{': ' + trace.reason if trace.reason else ''}", _DOCTOR)


def _gaps(observation: Observation) -> Iterator[Gap]:
    """Yield by what files or connections may have been missed in a run that was traced."""
    end = observation.end
    rings = observation.marks.get("io_uring")
    if rings is not None and rings.allowed:
        made = counted(rings.allowed, "ring of io_uring was", "rings of io_uring were")
        yield Gap("io_uring", f"{made} made, by which files are opened and read unseen", "`--io-uring deny`")
    if "handle" in observation.marks:
        yield Gap("handle", "files were opened by handle, without a name (open_by_handle_at)")
    if observation.takeover is not None:
        yield Gap("takeover", "the recorder died, and its guard sees no files")
    if end is None:
        yield Gap("interrupted", "the end of the run was not seen")
    if observation.unreadable:
        yield Gap("damaged", f"{counted(observation.unreadable, 'event')} could not be read")
    yield from _untold(observation)
    if any(touch.deeds & FOREIGN for touch in observation.touches.by_path.values()):
        yield Gap(
            "namespace",
            "processes ran in a mount namespace of their own, as in a container: its files could not be looked at",
        )
    survivors = sum(life.ending == "survived" for life in observation.lives)
    if survivors:
        yield Gap("late", f"{counted(survivors, 'process', 'processes')} went on after the run ended", "`--wait`")
    if observation.calls.left_out:
        yield Gap("network", f"{observation.calls.left_out} connections beyond the first 100 000 are not listed")


def _untold(observation: Observation) -> Iterator[Gap]:
    """Yield what the recorder itself counted as missing."""
    end = observation.end
    dropped, lost, unlisted = (end.dropped, end.lost, end.unlisted) if end is not None else (None, None, None)
    unread = max(lost or 0, observation.touches.unnamed)
    if dropped:
        yield Gap("dropped", f"{counted(dropped, 'event')} found no room in the recorder")
    if unread:
        yield Gap(
            "unreadable",
            f"{counted(unread, 'call')} could not be read: no memory of them, or a path cut off",
        )
    if unlisted:
        names = counted(unlisted, "name that the run may have changed was", "names that the run may have changed were")
        yield Gap("unlisted", f"{names} not looked at when it ended, there being too many")
    if observation.touches.uncarried:
        files = counted(observation.touches.uncarried, "file was", "files were")
        yield Gap("renames", f"folders were renamed so often that {files} not followed to the new name")


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
        yield f"{counted(end.lost, 'notification')} could not be read in detail"
    if end is not None and end.pss_skipped:
        skipped = counted(end.pss_skipped, "new memory peak was", "new memory peaks were")
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
    killed = counted(kills.value, "process", "processes")
    yield f"the kernel killed {killed} of {where} for lack of memory while the run lasted{who}"


def _named(names: list[str]) -> str:
    different = list(dict.fromkeys(names))
    more = f" and {len(different) - _NAMED} more" if len(different) > _NAMED else ""
    return ", ".join(different[:_NAMED]) + more
