"""`vestige gc`: old runs go, by rules; a dry run unless told otherwise."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING

from vestige import api, exit_codes, invocation, settings
from vestige.cli import printing, searching, stores
from vestige.errors import ConfigError, UsageError
from vestige.history import clearing, keeping, moments
from vestige.quantity import number, size
from vestige.report.tables import Column
from vestige.words import safe

if TYPE_CHECKING:
    import argparse

    from vestige.history.keeping import Plan, Rules
    from vestige.store.runs import Runs

EXAMPLES = """\
examples:
  vestige gc --keep-last 1000                      what would go if the newest 1,000 stayed; nothing is done
  vestige gc --keep-last 1000 --yes                and now it goes
  vestige gc --keep-within 30d --max-size 10GB     nothing of the last 30 days, else the oldest until 10 GB are left
  vestige gc --keep-within 90d --keep-tag paper    tags keep a run; here only this one does
  vestige gc --keep-within 30d --thin              older runs lose output, events and series, and stay in all lists

Kept in any case: runs that are not over, those of commits, with a tag, in renamed folders, and runs around kept ones.
In the config: a table `gc` with `keep_last`, `keep_within`, `keep_tags`, `max_size`.
"""
_COLUMNS = (Column("run"), Column("started"), Column("size", right=True), Column("command"))
_SHOWN = 20
_TABLE = {"keep_last": "a number", "keep_within": "an age as `30d`", "keep_tags": "a list of text",
          "max_size": "a size as `10GB`"}  # fmt: skip


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige gc`."""
    parser.add_argument("--keep-last", type=int, metavar="N", help="keep the newest N of those that could go")
    parser.add_argument("--keep-within", metavar="AGE", help="keep those of this time: 12h, 30d, 8w, or since a date")
    parser.add_argument("--keep-tag", action="append", metavar="TAG", help="only this tag keeps a run; may be repeated")
    parser.add_argument("--max-size", metavar="SIZE", help="no more than needed to get below, oldest first: 10GB")
    parser.add_argument("--thin", action="store_true", help="keep the records, remove output, events and series")
    parser.add_argument("--yes", action="store_true", help="do it; without it, it is only said what would be done")
    parser.add_argument("--all", action="store_true", help="list every run that goes")
    parser.add_argument("--json", action="store_true", help="the plan as JSON")
    stores.add_option(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Say what goes, and with `--yes` do it."""
    rules = _rules(arguments)
    runs = searching.all_runs(arguments.store)
    seen = searching.index(runs)
    plan = keeping.plan(seen, rules)
    searching.finish(seen)
    if arguments.json:
        printing.print_json(_as_json(plan))
    else:
        _show(plan, every=arguments.all)
    what = "thinned" if rules.thin else "removed"
    total = f"{_runs(len(plan.doomed))}, {size(sum(each.size for each in plan.doomed))}"
    if not arguments.yes:
        printing.say(f"{total} would be {what}; {number(plan.kept)} stay; `--yes` does it")
        return exit_codes.OK
    return _clear(api.kept(arguments.store), plan, rules, what)


def _clear(runs: Runs, plan: Plan, rules: Rules, what: str) -> int:
    done, freed, troubles = 0, 0, 0
    clearing.sweep(runs)
    for cleared in clearing.clear(runs, plan, rules):
        if cleared.trouble is None:
            done, freed = done + 1, freed + cleared.doomed.size
        else:
            troubles += 1
            printing.say(f"{safe(cleared.doomed.row.name)} stays: {safe(cleared.trouble)}")
    printing.say(f"{_runs(done)}, {size(freed)} {what}; {number(plan.kept + troubles)} stay")
    return exit_codes.FAILED if troubles else exit_codes.OK


def _show(plan: Plan, *, every: bool) -> None:
    shown = plan.doomed if every else plan.doomed[:_SHOWN]
    if shown:
        cells = [[each.row.id[-8:], each.row.started[:10], size(each.size), each.row.command] for each in shown]
        printing.print_table(_COLUMNS, cells)
    if len(shown) < len(plan.doomed):
        printing.say(f"and {number(len(plan.doomed) - len(shown))} newer ones; `--all` lists them")
    if plan.reasons:
        said = ", ".join(f"{number(count)} {reason}" for reason, count in sorted(plan.reasons.items()))
        printing.say(f"kept whatever their age: {said}")
    if plan.beyond:
        printing.say(f"what stays is {size(plan.beyond)} more than `--max-size`: no other run may go")


def _as_json(plan: Plan) -> dict[str, object]:
    runs = [{"run": each.row.id, "folder": each.row.folder, "size": each.size} for each in plan.doomed]
    return {"runs": runs, "kept": plan.kept, "reasons": plan.reasons, "beyond": plan.beyond}


def _rules(arguments: argparse.Namespace) -> Rules:
    """Return the rules of the command line, and of the config where it names none. Raises UsageError, ConfigError."""
    asked = {
        "keep_last": arguments.keep_last,
        "keep_within": arguments.keep_within,
        "max_size": arguments.max_size,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    configured = settings.table("gc", os.environ, invocation.cwd())
    wrong = sorted(set(configured) - set(_TABLE))
    if wrong:
        raise ConfigError(f"unknown key `{wrong[0]}` in the table `gc`; allowed are {', '.join(_TABLE)}")
    chosen = given or {name: value for name, value in configured.items() if name in asked}
    if not chosen:
        raise UsageError("say what stays: `--keep-last N`, `--keep-within 30d` or `--max-size 10GB`")
    return keeping.Rules(
        last=_last(chosen.get("keep_last")),
        since=_since(chosen.get("keep_within")),
        tags=_tags(arguments.keep_tag or configured.get("keep_tags", [])),
        largest=_largest(chosen.get("max_size")),
        thin=arguments.thin,
    )


def _last(value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UsageError("`--keep-last` needs a number from 0 on")
    return value


def _since(value: object) -> str | None:
    try:
        return None if value is None else moments.utc(moments.moment(str(value), dt.datetime.now().astimezone()))
    except ValueError as error:
        raise UsageError(f"`--keep-within` can't be `{value}`; write 12h, 30d, 8w, or a date") from error


def _largest(value: object) -> int | None:
    try:
        return None if value is None else settings.size(str(value))
    except ValueError as error:
        raise UsageError(f"`--max-size` can't be `{value}`; write 500M, or 10GB") from error


def _tags(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
        raise ConfigError("`keep_tags` in the table `gc` must be a list of text")
    return tuple(value)


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{number(count)} runs"
