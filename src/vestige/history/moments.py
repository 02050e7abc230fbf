"""Moments as people write them: an age, a day, a date with a time."""

from __future__ import annotations

import datetime as dt
import re

_AGE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(s|min|m|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def moment(words: str, now: dt.datetime) -> dt.datetime:
    """Return an age before `now`, or an ISO date or time, local if it has no zone. Raises ValueError."""
    age = _AGE.fullmatch(words)
    try:
        if age:
            return now - dt.timedelta(seconds=float(age.group(1)) * _SECONDS[age.group(2)])
        return dt.datetime.fromisoformat(words.replace("Z", "+00:00")).astimezone()
    except OverflowError as error:
        raise ValueError(str(error)) from error


def moments(words: str, now: dt.datetime) -> tuple[str, str]:
    """Return the first and the last moment that are meant, as records write them: a day is all of it.

    Raises ValueError.
    """
    first = moment(words, now)
    last = first
    if _DAY.fullmatch(words):
        last = dt.datetime.fromisoformat(words + "T23:59:59.999999").astimezone()
    return utc(first), utc(last)


def utc(moment: dt.datetime) -> str:
    """Return a moment as records write it. Raises ValueError."""
    try:
        return moment.astimezone(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")
    except OverflowError as error:
        raise ValueError(str(error)) from error
