"""A run as it happens: what its recorder has written, read on from where the last look ended.

Lines of files that were opened are most of it and are passed over unread; what is kept does not grow with the run.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vestige.finalising import points
from vestige.lines import LONGEST_LINE, open_regular, parse
from vestige.observe.events import sample
from vestige.observe.fields import Fields
from vestige.observe.observation import Observation
from vestige.observe.series import Series
from vestige.record.place import EVENTS_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from vestige.record.model import Point

_AT_ONCE = 16 << 20  # bytes that one look reads: a long run is caught up with look by look
_LEAST = 0.5  # s between two looks at a run, however many pages show it
_FOLLOWED = 32  # runs at a time
_ALIVE = 10_000  # processes that are remembered
_EVENT = b'"event":"'
_WANTED = frozenset({b"start", b"exec", b"exit", b"gone", b"reap", b"sample", b"end"})
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Alive:
    """A process that runs now."""

    argv: tuple[str, ...]  # text; empty: it has executed nothing yet
    since: float  # s since the run's start


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of a run so far."""

    points: tuple[Point, ...] = ()  # as they will be in `usage.jsonl`, but for the last
    alive: tuple[Alive, ...] = ()  # the oldest first
    programs: int = 0  # executed so far
    files: int = 0  # times that a file was opened
    last: float = 0.0  # s since the run's start, of the latest event
    behind: int = 0  # bytes that are still to be read


@dataclass(slots=True)
class Follower:
    """What was read of one `events.jsonl`."""

    path: str
    _offset: int = 0
    _rest: bytes = b""  # of a line that is not whole yet
    _started: int | None = None  # ns since `begin`
    _last: int = 0
    _programs: int = 0
    _files: int = 0
    _series: Series = field(default_factory=Series)
    _alive: dict[int, tuple[tuple[str, ...], int]] = field(default_factory=dict)

    def look(self) -> Look:
        """Read on, a bounded amount, and return what is known. Raises OSError."""
        behind = self._read_on()
        observation = Observation(started=self._started, series=self._series.samples())
        return Look(
            points=tuple(points.points(observation)),
            alive=tuple(Alive(argv, self._seconds(t)) for argv, t in self._alive.values()),
            programs=self._programs,
            files=self._files,
            last=self._seconds(self._last),
            behind=behind,
        )

    def _read_on(self) -> int:
        with open_regular(self.path) as file:
            file.seek(self._offset)
            read = file.read(_AT_ONCE)
            self._offset += len(read)
            behind = os.fstat(file.fileno()).st_size - self._offset
        *lines, rest = (self._rest + read).split(b"\n")
        self._rest = rest if len(rest) <= LONGEST_LINE else b""
        for line in lines:
            self._take(line)
        return max(behind, 0)

    def _take(self, line: bytes) -> None:
        at = line.find(_EVENT) + len(_EVENT)
        kind = line[at : line.find(b'"', at)] if at >= len(_EVENT) else b""
        self._files += kind == b"open"
        event = parse(line) if kind in _WANTED else None
        if event is not None:
            self._note(Fields(event))

    def _note(self, event: Fields) -> None:
        t, pid, kind = event.count("t") or 0, event.count("pid"), event.word("event")
        self._last = max(self._last, t)
        if kind == "sample":
            seen = sample(event, t)
            if seen is not None:
                self._series.add(seen)
        elif pid is None:
            return
        elif kind in ("start", "exec"):
            self._began(pid, t, event)
        else:
            self._alive.pop(pid, None)

    def _began(self, pid: int, t: int, event: Fields) -> None:
        is_exec = event.word("event") == "exec"
        self._programs += is_exec
        if not is_exec and self._started is None:
            self._started = t
        if pid in self._alive or len(self._alive) < _ALIVE:
            began = self._alive.get(pid, ((), t))[1]
            self._alive[pid] = (event.texts("argv") or (), began)

    def _seconds(self, t: int) -> float:
        return max(t - (self._started or 0), 0) / _SECOND


@dataclass(slots=True)
class _Followed:
    follower: Follower
    lock: threading.Lock = field(default_factory=threading.Lock)
    when: float = float("-inf")
    look: Look = field(default_factory=Look)


class Following:
    """The runs that somebody looks at while they go on: many pages of one run cost no more than one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, _Followed] = OrderedDict()

    def look(self, folder: str) -> Look:
        """Return what is known of the run in a folder. A run without events is known nothing of."""
        followed = self._of(folder)
        with followed.lock:
            if self._clock() - followed.when >= _LEAST:
                with contextlib.suppress(OSError):  # not begun, or not ours to read: what is known stands
                    followed.look = followed.follower.look()
                followed.when = self._clock()
            return followed.look

    def _of(self, folder: str) -> _Followed:
        with self._lock:
            if folder not in self._runs:
                self._runs[folder] = _Followed(Follower(os.path.join(folder, EVENTS_NAME)))
            self._runs.move_to_end(folder)
            if len(self._runs) > _FOLLOWED:
                self._runs.popitem(last=False)
            return self._runs[folder]
