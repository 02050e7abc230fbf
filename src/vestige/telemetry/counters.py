"""Counters: a folder for each schema, a file for each week, a line for each count.

A count is one write(2) to a file opened for appending: no lock, no reading. A week that is over is added up into a
small file by whoever holds the lock. Nothing here grows without a bound.
"""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vestige.errors import TelemetryError
from vestige.telemetry.weeks import week_of, week_start

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

    from vestige.telemetry.places import Places
    from vestige.telemetry.schema import Schema

Labels = tuple[tuple[str, str], ...]
Kind = tuple[str, Labels]  # an event and its labels
LOCAL = "-"  # the mark of what was counted without a yes
CONTEXT = ""  # the event of a line that says what holds for all of the report
SCHEMA_NAME = "schema.json"
LARGEST_WEEK = 2 << 20  # B: some 30,000 counts
WEEKS_KEPT = 53
FOLDERS_KEPT = 64
_LARGEST_LINE = 4096
_SHORT_HASH = 8
_ENCODER = json.JSONEncoder(separators=(",", ":"))


@dataclass(slots=True)
class Week:
    """The counts of one week, by the mark under which they were counted; LOCAL is a mark too."""

    counts: dict[str, Counter[Kind]] = field(default_factory=dict)
    context: dict[str, dict[str, str]] = field(default_factory=dict)
    unreadable: int = 0  # lines
    is_full: bool = False

    def add(self, mark: str, event: str, labels: Labels, times: int) -> None:
        """Add what was counted."""
        self.counts.setdefault(mark, Counter())[(event, labels)] += times

    @property
    def total(self) -> Counter[Kind]:
        """All together, whoever may see it."""
        total: Counter[Kind] = Counter()
        for counts in self.counts.values():
            total.update(counts)
        return total


def folder_of(places: Places, schema: Schema) -> str:
    """Return the folder of a schema's counters; another text under the same name is another schema."""
    return os.path.join(places.counters, f"{schema.name}-{schema.version}-{schema.hash[:_SHORT_HASH]}")


def append(folder: str, lines: bytes, day: dt.date) -> bool:
    """Append lines to the week of `day`, and say whether they began it. Raises OSError."""
    path = os.path.join(folder, f"{week_of(day)}.jsonl")
    descriptor = os.open(
        path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600
    )
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size + len(lines) > LARGEST_WEEK:
            return False
        os.write(descriptor, lines)
        return status.st_size == 0
    finally:
        os.close(descriptor)


def line(mark: str, event: str, labels: Mapping[str, str]) -> bytes:
    """Return one count as it is appended."""
    return _ENCODER.encode([mark or LOCAL, event, labels]).encode("ascii") + b"\n"


def weeks(folder: str) -> list[str]:
    """Return the weeks that there are counts of, oldest first."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return sorted({name.partition(".")[0] for name in names if name.endswith((".jsonl", ".json")) and _is_week(name)})


def read(folder: str, week: str) -> Week:
    """Return the counts of a week: those added up and those that are still lines. Raises OSError."""
    found = _read_totals(os.path.join(folder, f"{week}.json"))
    _read_lines(os.path.join(folder, f"{week}.jsonl"), found)
    return found


def close(folder: str, week: str) -> None:
    """Add up the lines of a week that is over. The caller holds the lock. Raises OSError."""
    lines, totals = (os.path.join(folder, f"{week}.{ending}") for ending in ("jsonl", "json"))
    if not os.path.exists(lines):
        return
    if os.path.exists(totals):  # added up before; who came later than a week is not counted
        os.unlink(lines)
        return
    found = read(folder, week)
    content = {
        "counts": [[mark, event, dict(labels), times] for mark, counts in sorted(found.counts.items())
                   for (event, labels), times in sorted(counts.items())],
        "context": found.context,
        "unreadable": found.unreadable,
        "full": found.is_full,
    }  # fmt: skip
    write_whole(totals, json.dumps(content))
    os.unlink(lines)


def prune(places: Places) -> None:
    """Remove the oldest weeks, and the folders of schemas that nothing was counted of for longest. Raises OSError."""
    folders = list(_folders(places))
    for folder in folders:
        for week in weeks(folder)[:-WEEKS_KEPT]:
            for ending in ("jsonl", "json", "draft"):
                _remove(os.path.join(folder, f"{week}.{ending}"))
    for folder in sorted(folders, key=lambda path: os.stat(path).st_mtime)[:-FOLDERS_KEPT]:
        remove_folder(folder)


def folders(places: Places, name: str | None = None) -> list[str]:
    """Return the folders of all schemas, or of all versions of one, by name."""
    return sorted(folder for folder in _folders(places) if name in (None, os.path.basename(folder).rsplit("-", 2)[0]))


def remove_folder(folder: str) -> None:
    """Remove a folder of counters with all in it. Raises OSError."""
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    os.rmdir(folder)


def write_whole(path: str, text: str) -> None:
    """Write a file in one piece, for the user alone. Raises OSError."""
    temporary = f"{path}.{os.getpid()}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(text)
    os.replace(temporary, path)


def _folders(places: Places) -> Iterator[str]:
    try:
        with os.scandir(places.counters) as entries:
            yield from [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return


def _is_week(name: str) -> bool:
    try:
        week_start(name.partition(".")[0])
    except TelemetryError:
        return False
    return True


def _read_totals(path: str) -> Week:
    found = Week()
    try:
        content = json.loads(_read(path, LARGEST_WEEK))
        for mark, event, labels, times in content["counts"]:
            found.add(str(mark), str(event), _labels(labels), int(times))
        found.context = {str(mark): dict(_labels(labels)) for mark, labels in content["context"].items()}
        found.unreadable, found.is_full = int(content["unreadable"]), bool(content["full"])
    except FileNotFoundError:
        return found
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        found.unreadable += 1
    return found


def _read_lines(path: str, found: Week) -> None:
    try:
        raw = _read(path, LARGEST_WEEK)
    except FileNotFoundError:
        return
    found.is_full = found.is_full or len(raw) > LARGEST_WEEK - _LARGEST_LINE
    for text in raw.splitlines():
        _read_line(text, found)


def _read_line(text: bytes, found: Week) -> None:
    try:
        mark, event, labels = json.loads(text)
        if event == CONTEXT:
            found.context[str(mark)] = dict(_labels(labels))
        else:
            found.add(str(mark), str(event), _labels(labels), 1)
    except (ValueError, TypeError, AttributeError, RecursionError):  # cut by a full disk, or by a foreign hand
        found.unreadable += 1


def _labels(content: Any) -> Labels:  # noqa: ANN401 - JSON comes in
    return tuple(sorted((str(name), str(label)) for name, label in content.items()))


def _read(path: str, most: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    with open(descriptor, "rb") as file:
        return file.read(most)


def _remove(path: str) -> None:
    if os.path.lexists(path):
        os.unlink(path)
