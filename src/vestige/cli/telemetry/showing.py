"""`vestige telemetry status`, `stats`, `preview`, `log`: all that there is to see."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from vestige import exit_codes
from vestige.cli import printing
from vestige.cli.telemetry import whose
from vestige.cli.telemetry.tables import tables
from vestige.telemetry import log as sent
from vestige.telemetry import preview as previews
from vestige.telemetry import sending, spool
from vestige.telemetry import stats as statistics
from vestige.words import safe

if TYPE_CHECKING:
    import argparse

    from vestige.telemetry.counting import Counting
    from vestige.telemetry.standing import Standing

_MEANINGS = {
    "off": "nothing is counted",
    "local": "counted and kept here; nothing is sent",
    "on": "counted here; a report a week is sent",
}


def status(arguments: argparse.Namespace) -> int:
    """Say what holds, which rule decides, and where everything lies."""
    counting = whose.counting(arguments)
    holds = counting.standing
    if arguments.json:
        printing.print_json(_status_json(counting, holds))
        return exit_codes.OK
    print(f"telemetry is {holds.mode}: {_MEANINGS[holds.mode]}")
    print(f"  because {safe(holds.rules[0].why)}")
    for rule in holds.rules[1:]:
        print(f"  {'also' if rule.mode != 'on' else 'while'} {safe(rule.why)} ({rule.mode})")
    print()
    for title, text in _facts(counting, holds):
        print(f"  {title:<10} {safe(text)}")
    return exit_codes.OK


def stats(arguments: argparse.Namespace) -> int:
    """Show what was counted."""
    counting = whose.counting(arguments)
    found = statistics.of_user(
        whose.kept(counting), name=whose.name(arguments, counting), weeks=max(arguments.weeks or 0, 0) or None
    )
    if arguments.json:
        printing.print_json([_usage_json(usage) for usage in found])
        return exit_codes.OK
    if not found:
        printing.say(
            f"nothing was counted yet; telemetry is {counting.standing.mode}: {counting.standing.rules[0].why}"
        )
    for usage in found:
        print(tables(usage, printing.paint()))
    return exit_codes.OK


def preview(arguments: argparse.Namespace) -> int:
    """Print the next reports, a line each, as they are sent; what they are goes to stderr."""
    counting = whose.counting(arguments)
    holds = counting.standing
    whose.found(holds)
    for report in previews.of(whose.kept(counting), holds, dt.date.today()):  # noqa: DTZ011 - the user's own week
        printing.say(safe(_state(report, holds)))
        print(report.body.decode("ascii"))
    return exit_codes.OK


def log(arguments: argparse.Namespace) -> int:
    """Print every request, and what came back."""
    counting = whose.counting(arguments)
    entries = list(sent.read(whose.kept(counting)))
    if arguments.json:
        printing.print_json_list(entry.as_json() for entry in entries)
        return exit_codes.OK
    if not entries:
        printing.say("nothing was ever sent")
    for entry in entries:
        came = entry.trouble or f"{entry.status} {entry.answer}"
        print(f"{entry.time}  {entry.what} to {safe(entry.collector)}")
        print("\n".join(f"  > {safe(line)}" for line in entry.request.splitlines()))
        print(f"  < {safe(came)}\n")
    return exit_codes.OK


def _facts(counting: Counting, holds: Standing) -> list[tuple[str, str]]:
    places, source = counting.places, holds.source
    facts = []
    if source is not None:
        facts += [("schema", f"{source.schema.id}: {source.path}")]
        facts += [("collector", f"{source.collector} (named in {source.named_in})" if source.collector else "none")]
    if places is not None:
        waiting, deletions = spool.read(places), sending.deletions(places)
        facts += [
            ("answers", places.answers),
            ("counters", places.counters),
            ("spool", f"{places.spool}: {len(waiting)} waiting"),
            ("log", f"{places.log}: {sum(1 for _ in sent.read(places))} sent"),
        ]
        facts += [("to delete", f"{len(deletions)} reports, asked for again every day")] if deletions else []
    return [*facts, ("admin", counting.around.admin_file)]


def _status_json(counting: Counting, holds: Standing) -> dict[str, object]:
    places, source = counting.places, holds.source
    return {
        "mode": holds.mode,
        "rules": [{"mode": rule.mode, "why": rule.why, "kind": rule.kind or None} for rule in holds.rules],
        "schema": source.schema.id if source else None,
        "schema_hash": source.schema.hash if source else None,
        "collector": source.collector if source else None,
        "collector_named_in": source.named_in if source else None,
        "answers": places.answers if places else None,
        "state": places.state if places else None,
        "waiting": [one.report for one in spool.read(places)] if places else [],
        "to_delete": [one.report for one in sending.deletions(places)] if places else [],
    }


def _usage_json(usage: statistics.Usage) -> dict[str, object]:
    counts = [
        {"event": event, "fields": dict(labels), "count": times}
        for event, kinds in usage.by_event().items()
        for labels, times in sorted(kinds.items())
    ]
    return {"schema": usage.name, "weeks": usage.weeks, "full": usage.is_full, "unreadable": usage.unreadable,
            "counts": counts}  # fmt: skip


def _state(report: previews.Preview, holds: Standing) -> str:
    to = f"to {report.collector}" if report.collector else "to nobody: no collector is named"
    return {
        "waits": f"{report.week}, waits to be sent {to}",
        "over": f"{report.week}, to be sent {to}",
        "now": f"{report.week}, as it stands, to be sent {to} after Sunday",
        "example": f"{report.week}, an example, since {_no_report(holds)}: this week, had you said yes before it",
    }[report.state]


def _no_report(holds: Standing) -> str:
    return "nothing was counted after you said yes" if holds.mode == "on" else f"telemetry is {holds.mode}"
