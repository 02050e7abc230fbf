"""How a run stands: whether it is over, and the record that there is by now. Nothing is made or observed here."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING

from vestige.errors import RecordError, StoreError
from vestige.lines import open_regular, parse
from vestige.record import codec, place

if TYPE_CHECKING:
    from vestige.record.model import Record

_TAIL = 256 << 10  # bytes: `end` is among the last events
_SILENT = 900.0  # s without a word after which a run without a lock is taken for over
_GRACE = 60.0  # s between the first record and the recorder's first event, on the busiest of machines


def stands(first: Record, folder: str) -> bool:
    """Say whether a record stays as it is: the run goes on, or nothing came since it was made. Raises StoreError."""
    if first.status == "ended" or is_running(folder):
        return True
    return first.status == "interrupted" and not _has_news(folder)


def is_running(folder: str) -> bool:
    """Say whether a recorder is at work: it holds a lock on its events for as long as it lives.

    flock(2) lets go when the last holder dies, however it dies. The file has its name when the lock is held. The guard
    may live on for processes that outlast the run; then `end` is written already. Raises StoreError.
    """
    path = os.path.join(folder, place.EVENTS_NAME)
    try:
        with open_regular(path) as events:
            return _is_locked(events.fileno()) and not _ended(path)
    except FileNotFoundError:
        return _is_young(folder) and not _is_over(folder)
    except OSError as error:
        raise StoreError(f"can't read {path}: {error.strerror}") from error


def first_record(folder: str) -> tuple[Record | None, str | None]:
    """Return the record as it stands, or None and what to say where it is lost or cut."""
    path = os.path.join(folder, place.RECORD_NAME)
    try:
        content = codec.read_object(path)
    except FileNotFoundError:
        return None, "the first record was lost; this one is made from the recorder's events alone"
    except RecordError:
        if not _has_begun(folder):
            raise
        return None, "the first record was damaged; this one is made from the recorder's events alone"
    return codec.record_from_json(content, path), None


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks: all there is to go by is when it was last written
        return time.time() - os.fstat(descriptor).st_mtime < _SILENT
    return False


def _is_young(folder: str) -> bool:
    """Say whether the recorder may still be about to begin."""
    try:
        return abs(time.time() - os.stat(folder).st_mtime) < _GRACE
    except OSError:
        return False


def _is_over(folder: str) -> bool:
    """Say whether the record is final already, though there are no events: an imported run has none."""
    try:
        record, _ = first_record(folder)
    except RecordError:
        return False
    return record is not None and record.status != "running"


def _ended(path: str) -> bool:
    """Say whether `end` is written."""
    with open_regular(path) as file:
        file.seek(max(os.fstat(file.fileno()).st_size - _TAIL, 0))
        events = (parse(line) for line in file.read(_TAIL).splitlines() if b'"end"' in line)
        return any(event is not None and event.get("event") == "end" for event in events)


def _has_begun(folder: str) -> bool:
    path = os.path.join(folder, place.EVENTS_NAME)
    try:
        return os.path.getsize(path) > 0
    except OSError:
        return False


def _has_news(folder: str) -> bool:
    """Say whether events were written after the run was taken for interrupted."""
    try:
        record = os.stat(os.path.join(folder, place.RECORD_NAME))
        return os.stat(os.path.join(folder, place.EVENTS_NAME)).st_mtime_ns > record.st_mtime_ns
    except OSError:
        return False
