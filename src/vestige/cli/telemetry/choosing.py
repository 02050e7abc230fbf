"""`vestige telemetry on`, `local`, `off`, `forget`: the user's own say."""

from __future__ import annotations

import dataclasses
import shlex
import time
from typing import TYPE_CHECKING

from vestige import exit_codes
from vestige.cli import printing
from vestige.cli.telemetry import whose
from vestige.errors import TelemetryError, UsageError
from vestige.quantity import counted
from vestige.telemetry import answers as said
from vestige.telemetry import asking, forgetting, sending, source, standing, timetable
from vestige.words import safe

if TYPE_CHECKING:
    import argparse

    from vestige.telemetry.answers import Answers

_WAIT = 5.0  # s for a sender to be gone


def on(arguments: argparse.Namespace) -> int:
    """Say yes, to the collector and the schema that are shown."""
    if not asking.is_terminal():
        raise UsageError("only somebody at a terminal can say yes")
    counting = whose.counting(arguments)
    places = whose.kept(counting)
    hurdle = counting.standing.hurdle
    agreed = dataclasses.replace(said.load(places.answers), mode="on")
    if arguments.collector:
        name = whose.found(counting.standing).schema.name
        agreed.collectors[name] = source.check_collector(arguments.collector)
    found = (counting.find or (lambda chosen: source.own(chosen, counting.around)))(agreed.collectors)
    if found.collector is None:
        raise TelemetryError("there is no collector to send to; `--collector URL` names one")
    if hurdle is not None and hurdle.why != standing.NOBODY:
        raise TelemetryError(f"telemetry stays {hurdle.mode}: {hurdle.why}")
    said.store(places.answers, agreed.saying(found, "yes", asking.words(found)))
    holds = counting.again()
    print(f"telemetry is {holds.mode}\n{asking.words(found)}")
    whom = f" --project {shlex.quote(arguments.project)}" if arguments.project else ""
    print(safe(f"`vestige telemetry preview{whom}` shows the next report, `vestige telemetry off{whom}` ends it"))
    return exit_codes.OK


def local(arguments: argparse.Namespace) -> int:
    """Count here, send nothing, and have deleted what was sent."""
    return _say_no(arguments, "local")


def off(arguments: argparse.Namespace) -> int:
    """Count nothing, remove everything, and have deleted what was sent."""
    return _say_no(arguments, "off")


def forget(arguments: argparse.Namespace) -> int:
    """Remove counts, spool and log, and have what was sent deleted, now."""
    counting = whose.counting(arguments)
    places = whose.kept(counting)
    name = whose.name(arguments, counting)
    with sending.holding(places, wait=_WAIT) as is_ours:
        forgetting.check_lock(is_ours=is_ours)
        _tell(forgetting.forget(places, name))
        wanted = sending.deletions(places)
        done = sending.send_deletions(places, counting.around)
    for sent in done:
        print(
            f"{safe(sent.report)}: " + ("deleted" if sent.is_done else safe(sent.trouble or f"refused ({sent.status})"))
        )
    left = len(wanted) - sum(sent.is_done for sent in done)
    if left:
        timetable.set_due(places, time.time() + timetable.DAY)
        printing.say(f"{left} could not be deleted; it is tried again every day")
    return exit_codes.FAILED if left else exit_codes.OK


def _say_no(arguments: argparse.Namespace, mode: str) -> int:
    """Withdraw every yes, or a project's, and remove what came of it; collectors are asked by the detached sender."""
    counting = whose.counting(arguments)
    places = whose.kept(counting)
    name = whose.name(arguments, counting)
    agreed = _readable(places.answers).withdrawn(name)
    found = counting.standing.source
    if name and found:  # so that it is not asked either
        agreed = agreed.saying(found, "no", asking.words(found))
    said.store(places.answers, agreed if name else dataclasses.replace(agreed, mode=mode))
    with sending.holding(places, wait=_WAIT) as is_ours:
        forgetting.check_lock(is_ours=is_ours)
        gone = forgetting.forget(places, name, keep_counters=mode == "local")
    _tell(gone)
    if gone.deletions:
        sent = counted(len(gone.deletions), "sent report")
        print(f"asked to delete {sent}: `vestige telemetry` says how many are left")
        timetable.set_due(places, time.time())
        timetable.start_worker(counting.around.environ)
    print(f"telemetry is {counting.again().mode}")
    return exit_codes.OK


def _readable(path: str) -> Answers:
    """Return the answers; a file that can't be read is no reason not to say no."""
    try:
        return said.load(path)
    except TelemetryError:
        return said.Answers()


def _tell(gone: forgetting.Forgotten) -> None:
    print(
        f"removed here: {counted(gone.weeks, 'week')} of counts, {counted(gone.waiting, 'waiting report')}, "
        f"{counted(gone.requests, 'logged request')}"
    )
