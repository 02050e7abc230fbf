"""When there is something to do: a week to add up, a report to send. Whoever counts then looks, and starts the worker.

The time of modification of one file says when; looking at it is one stat(2).
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vestige.telemetry.places import Places

DAY = 86_400.0  # s
SECONDS = 2.0  # for everything: resolving, connecting, sending, waiting for the answer
HAS_SENDER = os.path.exists(os.path.join(os.path.dirname(os.path.abspath(__file__)), "wire.py"))  # or built without
_JITTER = 6 * DAY  # reports of a week come in over the week after it
_AGAIN = 3600.0  # s until the next look, should the worker not live to say another
_SITE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_WORKER = f"import sys; sys.path.append({_SITE!r}); from vestige.telemetry.worker import main; main()"
_RUN_VARIABLE = "VESTIGE_RUN"


def look(places: Places, environ: Mapping[str, str], *, week_began: bool = False) -> None:
    """Start the worker if it is time. Inside of a run it would be taken for a part of it: that waits."""
    now = time.time()
    if week_began:
        set_due(places, now + chance() * _JITTER, at_latest=True)
    try:
        is_due = os.stat(places.due).st_mtime <= now
    except OSError:
        return
    if is_due and _RUN_VARIABLE not in environ:
        os.utime(places.due, (now, now + _AGAIN))
        start_worker(environ)


def chance() -> float:
    """Return a random number from 0 to 1; `random` takes longer to import than all else here."""
    return int.from_bytes(os.urandom(4), "big") / (1 << 32)


def set_due(places: Places, moment: float, *, at_latest: bool = False) -> None:
    """Say when to look next; `at_latest`: or earlier, if that was said before."""
    with suppress(OSError):
        if at_latest:
            moment = min(moment, os.stat(places.due).st_mtime)
    with suppress(OSError):
        places.make(places.state)
        os.close(os.open(places.due, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        os.utime(places.due, (moment, moment))


def start_worker(environ: Mapping[str, str]) -> None:
    """Start the worker so that it belongs to nobody: a shell forks it and is gone before this returns.

    Python's own fork is no way from inside a program that may have threads.
    """
    if not sys.executable or not HAS_SENDER:
        return
    detach = '"$@" </dev/null >/dev/null 2>&1 &'
    words = ["sh", "-c", detach, "sh", sys.executable, "-I", "-S", "-c", _WORKER]
    with suppress(OSError):
        os.waitpid(os.posix_spawn("/bin/sh", words, dict(environ)), 0)
