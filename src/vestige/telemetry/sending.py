"""What is done when a week is over: it is added up, its report waits in the spool, what is due is sent, all is logged.

One at a time: whoever works here holds a lock, which ends with its holder, however that ends.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vestige.errors import TelemetryError
from vestige.telemetry import answers as said
from vestige.telemetry import counters, log, reports, spool, standing, timetable
from vestige.telemetry.weeks import week_of, week_start

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vestige.telemetry.answers import Answers
    from vestige.telemetry.places import Places
    from vestige.telemetry.surroundings import Surroundings
    from vestige.telemetry.wire import Request

DELETIONS_KEPT = 35 * timetable.DAY  # s: collectors keep raw reports for 30 days
_WAIT = 5.0  # s for another to let go of the lock
_ACCEPTED = range(200, 300)
_LATER = (408, 425, 429)  # of the 4xx: the same may be taken another time
_REFUSED = range(400, 500)
_GONE = 404


@dataclass(frozen=True, slots=True)
class Deletion:
    """A report that a collector is to be asked to delete."""

    collector: str
    report: str
    token: str
    since: float  # s since 1970


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one request."""

    what: str  # "report", "deletion"
    report: str
    collector: str
    status: int | None
    trouble: str | None

    @property
    def is_done(self) -> bool:
        """Say whether the collector did what it was asked for."""
        return self.status in _ACCEPTED or (self.what == "deletion" and self.status == _GONE)


@contextmanager
def holding(places: Places, *, wait: float = 0.0) -> Iterator[bool]:
    """Hold the lock; False: somebody else does. Raises OSError where there are no locks: then nothing is sent."""
    places.make(places.state)
    descriptor = os.open(places.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        yield _locked(descriptor, time.monotonic() + wait)
    finally:
        os.close(descriptor)


def close_weeks(places: Places, today: dt.date) -> None:
    """Add up the weeks that are over, and put the reports of those that somebody said yes to into the spool.

    The caller holds the lock. Raises OSError, TelemetryError.
    """
    agreed = said.load(places.answers)
    for folder in counters.folders(places):
        for week in counters.weeks(folder):
            if week < week_of(today):
                _close(places, folder, week, agreed, today)
    counters.prune(places)
    spool.prune(places, today)


def prepare(folder: str, week: str, agreed: Answers, day: dt.date) -> spool.Waiting | None:
    """Return the report of a week as it would wait in the spool, None where there is no yes or nothing to say.

    Raises OSError, TelemetryError.
    """
    schema = reports.load_schema(folder)
    found = counters.read(folder, week)
    marks = ((mark, agreed.yes(schema.hash, mark)) for mark in found.counts)
    mark, answer = next(((mark, answer) for mark, answer in marks if answer is not None), ("", None))
    if answer is None:
        return None
    drawn = reports.draft(folder, week)
    context = found.context.get(mark, {})
    made = reports.make(schema, drawn, week=week, counts=found.counts[mark], context=context, day=day)
    body = made.body.decode("ascii")
    return spool.Waiting(drawn.report, drawn.token, week, schema.id, schema.hash, mark, answer.collector, body)


def send_due(
    places: Places, around: Surroundings, *, at_once: bool = False, seconds: float = timetable.SECONDS
) -> list[Sent]:
    """Send what is due, or all at once, in so many seconds in all. The caller holds the lock.

    Raises OSError, TelemetryError.
    """
    end = time.monotonic() + seconds
    agreed = said.load(places.answers)
    sent = list(_delete(places, around, end))
    if standing.allows_sending(around, agreed):
        for waiting in spool.read(places):
            if agreed.yes(waiting.hash, waiting.mark) is None:
                spool.remove(places, [waiting])
            elif (at_once or waiting.next <= time.time()) and time.monotonic() < end:
                sent.append(_report(places, around, waiting, end))
    return sent


def send_deletions(places: Places, around: Surroundings) -> list[Sent]:
    """Ask for what is to be deleted. The caller holds the lock. Raises OSError."""
    return list(_delete(places, around, time.monotonic() + timetable.SECONDS))


def next_due(places: Places, now: float) -> float:
    """Return when there is something to do again, s since 1970: a week at the latest."""
    moments = [waiting.next for waiting in spool.read(places)]
    moments += [now + timetable.DAY] if deletions(places) else []
    return max(min([*moments, now + 7 * timetable.DAY]), now + 3600)


def deletions(places: Places) -> list[Deletion]:
    """Return what is still to be deleted."""
    try:
        with open(places.deletions, encoding="ascii") as file:
            content = json.loads(file.read(1 << 20))
        return [
            Deletion(str(one["collector"]), str(one["report"]), str(one["token"]), float(one["since"]))
            for one in content
        ]
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return []


def keep_deletions(places: Places, wanted: Iterable[Deletion]) -> None:
    """Write down what is still to be deleted. Raises OSError."""
    content = [{name: getattr(one, name) for name in Deletion.__slots__} for one in wanted]
    if content:
        places.make(places.state)
        counters.write_whole(places.deletions, json.dumps(content))
    elif os.path.lexists(places.deletions):
        os.unlink(places.deletions)


def _locked(descriptor: int, end: float) -> bool:
    while not _try_lock(descriptor):
        if time.monotonic() >= end:
            return False
        time.sleep(0.05)
    return True


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _close(places: Places, folder: str, week: str, agreed: Answers, today: dt.date) -> None:
    if not os.path.exists(os.path.join(folder, f"{week}.jsonl")):
        return
    waiting = None
    if week_start(week) >= today - dt.timedelta(weeks=spool.WEEKS_KEPT):
        try:
            waiting = prepare(folder, week, agreed, today)
        except TelemetryError:
            waiting = None  # its schema can't be read any more: the counts stay, and stay here
    if waiting is not None:
        spool.put(places, waiting)
    counters.close(folder, week)


def _report(places: Places, around: Surroundings, waiting: spool.Waiting, end: float) -> Sent:
    from vestige.telemetry import wire  # noqa: PLC0415 - an installation can be without it

    request = wire.report(waiting.collector, waiting.body.encode("ascii"))
    tried = waiting.later(time.time())
    spool.put(places, tried)  # before: whoever is killed meanwhile has tried
    sent = _sent(places, around, request, "report", waiting.report, waiting.token, end)
    is_refused = sent.status in _REFUSED and sent.status not in _LATER
    if sent.is_done or is_refused:
        spool.remove(places, [waiting])
    return sent


def _delete(places: Places, around: Surroundings, end: float) -> Iterator[Sent]:
    wanted = [one for one in deletions(places) if one.since > time.time() - DELETIONS_KEPT]
    left = list(wanted)
    for one in wanted if timetable.HAS_SENDER else ():
        if time.monotonic() >= end:
            break
        sent = _deletion(places, around, one, end)
        yield sent
        if sent.is_done:
            left.remove(one)
    keep_deletions(places, left)


def _deletion(places: Places, around: Surroundings, wanted: Deletion, end: float) -> Sent:
    from vestige.telemetry import wire  # noqa: PLC0415 - as above

    request = wire.deletion(wanted.collector, wanted.report, wanted.token)
    return _sent(places, around, request, "deletion", wanted.report, wanted.token, end)


def _sent(  # noqa: PLR0913, PLR0917 - one request
    places: Places, around: Surroundings, request: Request, what: str, report: str, token: str, end: float
) -> Sent:
    """Send one request; it is in the log before it leaves, and its answer after."""
    from vestige.telemetry import wire  # noqa: PLC0415 - as above

    content = request.content.decode("latin-1")
    entry = log.Entry(log.now(), request.collector, what, report, token, content, None, "", log.NOT_KNOWN)
    log.append(places, entry)
    answer = wire.send(request, around.environ, min(end - time.monotonic(), timetable.SECONDS))
    log.append(places, replace(entry, status=answer.status, answer=answer.body, trouble=answer.trouble))
    return Sent(what, report, request.collector, answer.status, answer.trouble)
