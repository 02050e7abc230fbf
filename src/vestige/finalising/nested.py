"""A run inside a run: the kernel allows one listener, so the outer recorder saw the inner run's processes."""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.lines import open_regular
from vestige.observe.events import observe, uses_of
from vestige.record.place import EVENTS_NAME
from vestige.text import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from vestige.observe.lives import Life
    from vestige.observe.observation import Observation


_WRITING = 0.15  # s: three times what the recorder waits between two writes


@dataclass(frozen=True, slots=True)
class Joined:
    """An observation with what the outer run adds to it, and what is to be said about that."""

    observation: Observation
    note: str | None


def joined(observation: Observation, outer_folder: str | None) -> Joined:
    """Fill in the processes of a run that could not be traced, since the run around it is.

    `outer_folder` is text. Events of the outer run are brought to this run's clock: both are CLOCK_MONOTONIC.
    """
    trace = observation.trace
    if trace is None or trace.errno != errno.EBUSY or trace.state == "on" or outer_folder is None:
        return Joined(observation, None)
    path = os.path.join(os.fsdecode(to_bytes(outer_folder)), EVENTS_NAME)
    _await_writing(path)
    outer = observe(path)
    shift = _shift(outer, observation)
    if shift is None or observation.command is None:
        return Joined(observation, "the run around this one sees its processes, but its events can't be read")
    descendants = _descendants(outer, observation.command, observation, shift)
    done = uses_of(path, is_meant=_membership(descendants, (observation.started or 0) - shift), shift=shift)
    lives = _united(list(observation.lives), [_moved(life, shift) for life in descendants])
    complete = dataclasses.replace(
        observation,
        lives=tuple(lives),
        touches=done.touches,
        calls=done.calls,
        marks=done.marks,
        from_outer=outer.trace is not None and outer.trace.state == "on",
    )
    return Joined(complete, "processes and files were seen by the recorder of the run around this one")


def _await_writing(path: str) -> None:
    """Give a recorder that is still at work the moment that it takes to write down what it has seen."""
    try:
        with open_regular(path) as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(_WRITING)
    except OSError:
        return


def _membership(lives: list[Life], since: int) -> Callable[[int, int | None, int], bool]:
    """Return what tells whether an event of the outer run is of one of these processes, and not before ours began."""
    starts: dict[int, set[int | None]] = {}
    for life in lives:
        starts.setdefault(life.pid, set()).add(life.start)

    def is_meant(pid: int, start: int | None, t: int) -> bool:
        known = starts.get(pid)
        return known is not None and t >= since and (start is None or start in known or None in known)

    return is_meant


def _shift(outer: Observation, inner: Observation) -> int | None:
    """Return what to add to a time of the outer run to have it in the inner run's."""
    if outer.begin is None or inner.begin is None:
        return None
    if outer.begin.monotonic_ns is None or inner.begin.monotonic_ns is None:
        return None
    return outer.begin.monotonic_ns - inner.begin.monotonic_ns


def _descendants(outer: Observation, command: int, inner: Observation, shift: int) -> list[Life]:
    """Return the command and all below it that were seen while the inner run lasted."""
    last = inner.last if inner.end is None else inner.end.t
    during = [
        life for life in outer.lives if _seen_last(life) + shift >= (inner.started or 0) and life.first + shift <= last
    ]
    ours = {command}
    found: list[Life] = []
    waiting = during
    while True:
        more = [life for life in waiting if life.pid in ours or life.parent in ours]
        if not more:
            return sorted(found, key=lambda life: life.first)
        found += more
        ours.update(life.pid for life in more)
        taken = {id(life) for life in more}
        waiting = [life for life in waiting if id(life) not in taken]


def _seen_last(life: Life) -> int:
    return life.first if life.end is None else life.end


def _moved(life: Life, shift: int) -> Life:
    return dataclasses.replace(
        life,
        first=max(life.first + shift, 0),
        executed=None if life.executed is None else max(life.executed + shift, 0),
        end=None if life.end is None else max(life.end + shift, 0),
        killed=None if life.killed is None else life.killed._replace(t=max(life.killed.t + shift, 0)),
        usage=None,  # whoever waited for it, it was not this run's recorder
    )


def _united(ours: list[Life], theirs: list[Life]) -> list[Life]:
    """Return all processes once: as the outer run saw them, with what only we know."""
    by_pid: dict[int, list[Life]] = {}
    for life in theirs:
        by_pid.setdefault(life.pid, []).append(life)
    rest = []
    for life in ours:
        same = [
            their
            for their in by_pid.get(life.pid, ())
            if None in (life.start, their.start) or life.start == their.start
        ]
        if same:
            _fill(same[0], life)
        else:
            rest.append(life)
    return sorted([*theirs, *rest], key=lambda life: life.first)


def _fill(their: Life, life: Life) -> None:
    their.forked = life.forked
    their.usage = life.usage
    their.wait_status = life.wait_status if their.wait_status is None else their.wait_status
    their.first = min(their.first, life.first)
    their.name = their.name or life.name
    their.figures = their.figures.or_more(life.figures)
    if life.ending == "survived" or (their.end is None and life.end is not None):
        their.end, their.ending = life.end, life.ending
