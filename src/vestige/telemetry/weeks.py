"""ISO weeks by name, as `2026-W47`: nothing in telemetry has a finer time."""

from __future__ import annotations

import datetime as dt
import re

from vestige.errors import TelemetryError

WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")


def week_of(day: dt.date) -> str:
    """Return the ISO week of a day, as `2026-W47`."""
    year, week, _ = day.isocalendar()
    return f"{year:04}-W{week:02}"


def week_start(week: str) -> dt.date:
    """Return the Monday of a week. Raises TelemetryError."""
    found = WEEK.fullmatch(week)
    try:
        if found:
            return dt.date.fromisocalendar(int(found[1]), int(found[2]), 1)
    except ValueError:
        pass
    raise TelemetryError(f"`{week}` is no week")
