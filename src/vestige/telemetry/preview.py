"""What is going to be sent, byte for byte, before it is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.telemetry import counters, reports, sending, spool
from vestige.telemetry.weeks import week_of

if TYPE_CHECKING:
    import datetime as dt
    from collections import Counter

    from vestige.telemetry.counters import Kind
    from vestige.telemetry.places import Places
    from vestige.telemetry.standing import Standing


@dataclass(frozen=True, slots=True)
class Preview:
    """A report. `state`: it "waits" to be sent, is to be made of a week that is "over" or "now", or is an "example"."""

    week: str
    state: str
    collector: str | None
    body: bytes


def of(places: Places, holds: Standing, day: dt.date) -> list[Preview]:
    """Return the reports to come for the schema of `holds`, in the order in which they are made.

    Those of weeks that are over are as they will be sent; that of this week as it stands. Where nobody said yes it is
    an example: this week's, had it been counted under a yes. Raises OSError, TelemetryError.
    """
    assert holds.source is not None  # noqa: S101 - whoever asks has one
    schema = holds.source.schema
    found = [Preview(one.week, "waits", one.collector, one.body.encode("ascii"))
             for one in spool.read(places) if one.schema.partition("/")[0] == schema.name]  # fmt: skip
    seen = {preview.week for preview in found}
    for folder in counters.folders(places, schema.name):
        for week in counters.weeks(folder):
            is_open = os.path.exists(os.path.join(folder, f"{week}.jsonl"))
            waiting = sending.prepare(folder, week, holds.answers, day) if is_open and week not in seen else None
            if waiting is not None:
                state = "over" if week < week_of(day) else "now"
                found.append(Preview(week, state, waiting.collector, waiting.body.encode("ascii")))
    return found or [_example(places, holds, day)]


def _example(places: Places, holds: Standing, day: dt.date) -> Preview:
    assert holds.source is not None  # noqa: S101
    schema, week = holds.source.schema, week_of(day)
    folder = counters.folder_of(places, schema)
    counts: Counter[Kind] = counters.read(folder, week).total
    made = reports.make(schema, reports.drawn(), week=week, counts=counts, context={}, day=day)
    return Preview(week, "example", holds.source.collector, made.body)
