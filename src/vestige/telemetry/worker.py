"""The worker: a process of nobody's, with nothing open, that does what is due and is gone within seconds."""

from __future__ import annotations

import datetime as dt
import os
import signal
import time
from contextlib import suppress

from vestige.errors import TelemetryError
from vestige.telemetry import sending, surroundings, timetable
from vestige.telemetry.places import Places, of_user

_LONGEST = 10  # s for all, though what takes time has 2 of its own
_MOST_DESCRIPTORS = 1 << 16


def main() -> None:
    """Do what is due. Nothing is printed, nothing raised: nobody is there."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_LONGEST)
    os.closerange(3, _MOST_DESCRIPTORS)
    with suppress(OSError):
        os.setsid()
    os.umask(0o077)
    os.chdir("/")
    places = of_user(os.environ)
    if places is not None:
        with suppress(OSError, TelemetryError):
            work(places)


def work(places: Places) -> None:
    """Add up, send, and say when to come again. Raises OSError, TelemetryError."""
    around = surroundings.of_process("/")
    with sending.holding(places) as is_ours:
        if not is_ours:
            return
        today = dt.date.today()  # noqa: DTZ011 - weeks are those of the user's calendar
        try:
            sending.close_weeks(places, today)
            sending.send_due(places, around)
        finally:
            timetable.set_due(places, sending.next_due(places, time.time()))
