"""The log: every byte that was sent, to whom, when, and what came back. It is the user's own, and bounded."""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from vestige.telemetry.counters import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.telemetry.places import Places

LARGEST = 1 << 20  # B; then the older half goes
NOT_KNOWN = "the sender was ended before it knew"  # stands until the answer does


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. `status` is None where no answer came; `trouble` says why."""

    time: str  # RFC 3339, UTC
    collector: str
    what: str  # "report", "deletion"
    report: str
    token: str
    request: str  # the bytes as Latin-1
    status: int | None
    answer: str
    trouble: str | None

    def as_json(self) -> dict[str, object]:
        """Return it as a line of the log."""
        return {name: getattr(self, name) for name in Entry.__slots__}


def now() -> str:
    """Return the time as the log has it."""
    return dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def append(places: Places, entry: Entry) -> None:
    """Write one down. The caller holds the lock. Raises OSError."""
    places.make(places.state)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    with open(os.open(places.log, flags, 0o600), "a", encoding="ascii") as file:
        file.write(json.dumps(entry.as_json()) + "\n")
        is_large = file.tell() > LARGEST
    if is_large:
        entries = list(read(places))
        newer = entries[len(entries) // 2 :]
        write_whole(places.log, "".join(json.dumps(one.as_json()) + "\n" for one in newer))


def read(places: Places) -> Iterator[Entry]:
    """Yield the entries, oldest first; lines that are none are passed over."""
    try:
        with open(places.log, encoding="ascii", errors="replace") as file:
            lines = file.read(LARGEST * 2).splitlines()
    except OSError:
        return
    entries = [entry for entry in map(_entry, lines) if entry is not None]
    for entry, after in zip_longest(entries, entries[1:]):
        is_answered = after is not None and (after.time, after.request) == (entry.time, entry.request)
        if not (is_answered and entry.trouble == NOT_KNOWN):
            yield entry


def _entry(line: str) -> Entry | None:
    try:
        content: dict[str, Any] = json.loads(line)
        entry = Entry(**content)
    except (ValueError, TypeError, RecursionError):
        return None
    words = (entry.time, entry.collector, entry.what, entry.report, entry.token, entry.request, entry.answer)
    is_whole = all(isinstance(word, str) for word in words) and isinstance(entry.status, int | None)
    return entry if is_whole and isinstance(entry.trouble, str | None) else None
