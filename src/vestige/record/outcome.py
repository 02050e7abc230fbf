"""How a run stands, as its record says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.words import safe

if TYPE_CHECKING:
    from vestige.record.model import Record


def outcome(record: Record) -> str:
    """Return in a word or two how the run ended: `ok`, `exit 3`, `SIGKILL`, `not found`."""
    end = record.exit
    if record.status == "running":
        return "running"
    if end.signal:
        return end.signal
    if end.code is None:
        return "interrupted"
    if end.code == 0:
        return "ok"
    return f"exit {end.code}: {safe(end.reason)}" if end.reason else f"exit {end.code}"


def failed(record: Record) -> bool:
    """Say whether the run ended, and not well."""
    return record.status != "running" and record.exit.code != 0


def is_waiting(record: Record) -> bool:
    """Say whether a commit was asked for that nobody got as far as: whoever was to make it has died."""
    return record.options.commit is not None and record.commit is None and record.status != "running"
