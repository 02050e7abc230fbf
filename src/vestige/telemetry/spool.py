"""Reports that wait to be sent, a file each: few, small, none of them old, and none that nobody said yes to."""

from __future__ import annotations

import datetime as dt
import json
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vestige.errors import TelemetryError
from vestige.telemetry import payload
from vestige.telemetry.counters import write_whole
from vestige.telemetry.timetable import DAY, chance
from vestige.telemetry.weeks import week_of, week_start

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vestige.telemetry.places import Places

MOST_REPORTS = 4  # of one schema
LARGEST = 64 << 10  # B, of all
WEEKS_KEPT = 5  # that of the report, and four to send it in
_PAUSES = (1.0, 2.0, 4.0, 7.0)  # days
_END_OF_TIME = 1e11  # s since 1970; a foreign hand may have written more


@dataclass(frozen=True, slots=True)
class Waiting:
    """A report in the spool: its exact bytes, and the yes under which it was counted."""

    report: str
    token: str
    week: str
    schema: str  # name/version
    hash: str  # of the schema
    mark: str  # of the yes
    collector: str
    body: str
    attempts: int = 0
    next: float = 0.0  # s since 1970: not before

    @property
    def name(self) -> str:
        """The file's, the oldest first."""
        return f"{self.week}-{self.report}.json"

    def later(self, now: float) -> Waiting:
        """Return the same for after an attempt: the next one comes after a day, then two, four, a week."""
        pause = _PAUSES[min(self.attempts, len(_PAUSES) - 1)] * (0.7 + 0.6 * chance())
        return replace(self, attempts=self.attempts + 1, next=now + pause * DAY)


def read(places: Places) -> list[Waiting]:
    """Return what waits, oldest first; what can't be read is not there."""
    try:
        names = sorted(os.listdir(places.spool))
    except OSError:
        return []
    found = (_read(os.path.join(places.spool, name)) for name in names if name.endswith(".json"))
    return [waiting for waiting in found if waiting is not None]


def put(places: Places, waiting: Waiting) -> None:
    """Write one. Raises OSError."""
    places.make(places.spool)
    write_whole(
        os.path.join(places.spool, waiting.name),
        json.dumps({name: getattr(waiting, name) for name in Waiting.__slots__}),
    )


def remove(places: Places, gone: Iterable[Waiting]) -> None:
    """Remove some."""
    for waiting in gone:
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(places.spool, waiting.name))


def prune(places: Places, today: dt.date) -> None:
    """Keep to the limits: of age, of number, of size; the oldest go first."""
    oldest = week_start(week_of(today)) - dt.timedelta(weeks=WEEKS_KEPT)
    there = read(places)
    gone = [waiting for waiting in there if week_start(waiting.week) < oldest]
    for schema in {waiting.schema for waiting in there}:
        gone += [waiting for waiting in there if waiting.schema == schema][:-MOST_REPORTS]
    kept, size = [waiting for waiting in there if waiting not in gone], 0
    for waiting in reversed(kept):
        size += len(waiting.body)
        if size > LARGEST:
            gone.append(waiting)
    remove(places, gone)


def _read(path: str) -> Waiting | None:
    try:
        with open(path, encoding="ascii") as file:
            content = json.loads(file.read(payload.LARGEST * 4))
        waiting = Waiting(**content)
        week_start(waiting.week)
        return waiting if _is_sound(waiting) else None
    except (OSError, ValueError, TypeError, RecursionError, TelemetryError):
        return None


def _is_sound(waiting: Waiting) -> bool:
    words = (getattr(waiting, name) for name in Waiting.__slots__ if name not in ("attempts", "next"))
    return (
        all(isinstance(word, str) for word in words)
        and type(waiting.attempts) is int
        and waiting.attempts >= 0
        and 0 <= waiting.next < _END_OF_TIME
    )
