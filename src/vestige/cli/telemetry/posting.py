"""`vestige telemetry send`, `count`."""

from __future__ import annotations

import datetime as dt
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from vestige import exit_codes
from vestige.cli import printing
from vestige.cli.telemetry import whose
from vestige.errors import TelemetryError, UsageError
from vestige.telemetry import sending, spool, timetable
from vestige.telemetry.forgetting import check_lock
from vestige.words import safe

if TYPE_CHECKING:
    import argparse

    from vestige.telemetry.schema import Field
    from vestige.telemetry.standing import Standing

_WAIT = 5.0  # s for another sender to be gone
_SECONDS = 10.0  # s in all: somebody is waiting and asked for it


def send(arguments: argparse.Namespace) -> int:
    """Send what waits, now."""
    if not timetable.HAS_SENDER:
        raise TelemetryError("this installation was built without what sends")
    counting = whose.counting(arguments)
    places = whose.kept(counting)
    with sending.holding(places, wait=_WAIT) as is_ours:
        check_lock(is_ours=is_ours)
        sending.close_weeks(places, dt.date.today())  # noqa: DTZ011 - the user's own week
        waiting = spool.read(places) if arguments.dry_run else []
        sent = [] if arguments.dry_run else sending.send_due(places, counting.around, at_once=True, seconds=_SECONDS)
    if not waiting and not sent:
        _tell_that_nothing_waits(counting.standing)
    _show(waiting)
    for one in sent:
        came = one.trouble or f"{one.status}"
        print(f"{one.what} {safe(one.report)} to {safe(one.collector)}: {safe(came)}")
    return exit_codes.OK if all(one.is_done for one in sent) else exit_codes.FAILED


def count(arguments: argparse.Namespace) -> int:
    """Count one event of the project's schema. What is wrong with the words is said; nothing else is any matter."""
    if not arguments.words:
        raise UsageError("count what? `vestige telemetry count EVENT KEY=VALUE`")
    counting = whose.counting(arguments, default=".")
    event = whose.found(counting.standing).schema.events.get(arguments.words[0])
    known = event.fields if event else {}
    fields = {name: _value(value, known.get(name)) for name, value in map(_pair, arguments.words[1:])}
    with suppress(OSError):
        counting.count(arguments.words[0], fields)
    return exit_codes.OK


def _pair(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        raise UsageError(f"`{word}` is no KEY=VALUE")
    return name, value


def _value(text: str, field: Field | None) -> object:
    """Return a number where the field is one."""
    if field is None or field.kind != "bucket":
        return text
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(f"`{field.name}` is a number, which `{text}` is not") from error


def _tell_that_nothing_waits(holds: Standing) -> None:
    when = ": a report is made of a week when it is over" if holds.mode == "on" else ""
    printing.say(f"nothing waits{when}; telemetry is {holds.mode}: {safe(holds.rules[0].why)}")


def _show(waiting: list[spool.Waiting]) -> None:
    if not waiting:
        return
    from vestige.telemetry import wire  # noqa: PLC0415 - an installation can be without it

    for one in waiting:
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), wire.report(one.collector, one.body.encode("ascii")).content + b"\n")
