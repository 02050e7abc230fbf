"""vestige's own use, counted: its commands when they are over, its runs when their records are final."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from vestige.errors import VestigeError
from vestige.telemetry import places, surroundings
from vestige.telemetry.counting import Counting

if TYPE_CHECKING:
    from vestige.record.model import Record

_OUTCOMES = {0: "ok", 1: "fault", 130: "interrupted", 141: "ok"}
_FAILED_TO_START = (126, 127)


def here(folder: str | None = None) -> Counting:
    """Return what counts vestige's own use, for who works in `folder`."""
    return Counting(places.of_user(os.environ), surroundings.of_process(folder))


def count_command(counting: Counting, name: str, code: int, error: type[BaseException] | None) -> None:
    """Count a command that is over, and the class of what it failed with."""
    with suppress(OSError, VestigeError, ValueError):
        counting.count("command", {"name": name, "outcome": _OUTCOMES.get(code, "failed")})
        if error is not None and _OUTCOMES.get(code) not in ("ok", "interrupted"):
            counting.count("error", {"kind": error.__name__})


def count_run(record: Record) -> None:
    """Count a run whose record is final."""
    with suppress(OSError, VestigeError, ValueError):
        counting = here(record.cwd if os.path.isdir(record.cwd) else "/")
        figures = {name: figure.value for name, figure in record.resources.items()}
        counting.count("run", {"outcome": _outcome(record), "seconds": figures.get("wall")})
        if figures.get("memory_peak") is not None:
            counting.count("run_memory", {"bytes": figures["memory_peak"]})
        seen = record.completeness
        if seen is not None:
            counting.count("run_trace", {"trace": seen.trace, "observer": seen.observer})


def _outcome(record: Record) -> str:
    ended = record.exit
    if ended.signal is not None:
        return "killed"
    if ended.code is None:
        return "unknown"
    if ended.code in _FAILED_TO_START and ended.reason:
        return "not-started"
    return "failed" if ended.code else "ok"
