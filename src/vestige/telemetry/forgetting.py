"""To forget: counters, spool and log go at once, and whoever has a report that was sent is asked to delete it."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.errors import TelemetryError
from vestige.telemetry import counters, log, sending, spool

if TYPE_CHECKING:
    from vestige.telemetry.places import Places


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was removed here, and what is to be deleted elsewhere."""

    weeks: int
    waiting: int
    requests: int  # in the log
    deletions: tuple[sending.Deletion, ...]


def forget(places: Places, name: str | None = None, *, keep_counters: bool = False) -> Forgotten:
    """Remove all of one schema's, or of all, and write down what is to be deleted elsewhere. The caller holds the lock.

    Raises OSError, TelemetryError.
    """
    waiting = [one for one in spool.read(places) if name in (None, one.schema.split("/")[0])]
    entries = list(log.read(places))
    wanted = _sent(waiting, entries, name)
    kept = {one.report: one for one in (*sending.deletions(places), *wanted)}
    sending.keep_deletions(places, kept.values())
    spool.remove(places, waiting)
    weeks = 0
    for folder in () if keep_counters else counters.folders(places, name):
        weeks += len(counters.weeks(folder))
        counters.remove_folder(folder)
    _clear_log(places, {one.report for one in wanted}, name)
    for folder in (places.spool, places.counters):
        with suppress(OSError):  # not empty: somebody else's, or one that is counting just now
            os.rmdir(folder)
    return Forgotten(weeks, len(waiting), len(entries), tuple(kept.values()))


def _sent(waiting: list[spool.Waiting], entries: list[log.Entry], name: str | None) -> list[sending.Deletion]:
    """Return what a collector has, or may have: what was never answered may have arrived all the same."""
    now = time.time()
    tried = [sending.Deletion(one.collector, one.report, one.token, now) for one in waiting if one.attempts]
    deleted = {one.report for one in entries if one.what == "deletion" and (one.status or 0) // 100 == 2}  # noqa: PLR2004
    sent = (one for one in entries if one.what == "report" and one.report not in deleted)
    mine = (one for one in sent if name is None or f'"schema":"{name}/' in one.request)
    return [*tried, *(sending.Deletion(one.collector, one.report, one.token, now) for one in mine)]


def _clear_log(places: Places, reports: set[str], name: str | None) -> None:
    left = [one for one in log.read(places) if name is not None and one.report not in reports]
    with suppress(FileNotFoundError):
        os.unlink(places.log)
    for one in left:
        log.append(places, one)


def check_lock(*, is_ours: bool) -> None:
    """Raise TelemetryError where somebody else is at work."""
    if not is_ours:
        raise TelemetryError("a report is being sent just now; try again in some seconds")
