"""The user's own statistics, from their own counters: every event and how often it was counted."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vestige.errors import TelemetryError
from vestige.telemetry import counters, reports

if TYPE_CHECKING:
    from vestige.telemetry.counters import Kind
    from vestige.telemetry.places import Places
    from vestige.telemetry.schema import Schema


@dataclass(slots=True)
class Usage:
    """What was counted under one name. `schema` is the newest, None where none can be read."""

    name: str
    weeks: list[str] = field(default_factory=list)
    counts: Counter[Kind] = field(default_factory=Counter)
    schema: Schema | None = None
    unreadable: int = 0
    is_full: bool = False  # some week had more than is counted

    def by_event(self) -> dict[str, Counter[tuple[tuple[str, str], ...]]]:
        """Return the counts by event and labels, in the order of the schema."""
        found: dict[str, Counter[tuple[tuple[str, str], ...]]] = {}
        order = list(self.schema.events) if self.schema else []
        for event, labels in self.counts:
            found.setdefault(event, Counter())[labels] += self.counts[event, labels]
        return dict(sorted(found.items(), key=lambda item: (order.index(item[0]) if item[0] in order else 99, item[0])))


def of_user(places: Places, *, name: str | None = None, weeks: int | None = None) -> list[Usage]:
    """Return what was counted, by name; `weeks`: only the last so many. Raises OSError."""
    found: dict[str, Usage] = {}
    for folder in counters.folders(places, name):
        usage = found.setdefault(os.path.basename(folder).rsplit("-", 2)[0], Usage(""))
        _add(usage, folder, weeks)
    for key, usage in found.items():
        usage.name = key
        usage.weeks = sorted(set(usage.weeks))
    return [usage for _, usage in sorted(found.items()) if usage.counts]


def _add(usage: Usage, folder: str, weeks: int | None) -> None:
    there = counters.weeks(folder)
    for week in there[-weeks:] if weeks else there:
        found = counters.read(folder, week)
        usage.counts.update(found.total)
        usage.weeks.append(week)
        usage.unreadable += found.unreadable
        usage.is_full = usage.is_full or found.is_full
    try:
        schema = reports.load_schema(folder)
    except TelemetryError:
        return
    if usage.schema is None or schema.version >= usage.schema.version:
        usage.schema = schema
