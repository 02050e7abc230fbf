"""`vestige gc`: old runs go, by rules; a dry run unless told otherwise."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING, TypeVar

from vestige import api, exit_codes, invocation, settings
from vestige.cli import printing, searching, stores
from vestige.errors import ConfigError, UsageError
from vestige.history import clearing, keeping, moments
from vestige.nearest import nearest
from vestige.quantity import counted, number, size
from vestige.report.tables import Column
from vestige.words import safe

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from vestige.history.keeping import Plan, Rules
    from vestige.store.runs import Runs

Read = TypeVar("Read")

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
_TABLE = {"keep_last": "a whole number from 0 on", "keep_within": "an age as 12h, 30d, 8w, or a date",
          "keep_tags": "a list of text", "max_size": "a size as 500M or 10GB"}  # fmt: skip


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
    total = f"{counted(len(plan.doomed), 'run')}, {size(sum(each.size for each in plan.doomed))}"
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
    printing.say(f"{counted(done, 'run')}, {size(freed)} {what}; {number(plan.kept + troubles)} stay")
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
    given = {name: (value, "") for name, value in asked.items() if value is not None}
    configured = _configured()
    chosen = given or {name: placed for name, placed in configured.items() if name in asked}
    if not chosen:
        raise UsageError("say what stays: `--keep-last N`, `--keep-within 30d` or `--max-size 10GB`")
    tags = {"keep_tags": (arguments.keep_tag, "")} if arguments.keep_tag else configured
    return keeping.Rules(
        last=_read("keep_last", chosen, _last),
        since=_read("keep_within", chosen, _since),
        tags=_read("keep_tags", tags, _tags) or (),
        largest=_read("max_size", chosen, _largest),
        thin=arguments.thin,
    )


def _configured() -> dict[str, tuple[object, str]]:
    """Return what the config says, and which file of it. Raises ConfigError."""
    configured = settings.table("gc", os.environ, invocation.cwd())
    for name, (_, path) in configured.items():
        if name not in _TABLE:
            near = nearest(name, _TABLE)
            hint = f": did you mean `{near}`?" if near else f"; allowed are {', '.join(_TABLE)}"
            raise ConfigError(f"`{path}`: unknown key `{name}` in the table `gc`{hint}")
    return configured


def _read(name: str, chosen: Mapping[str, tuple[object, str]], reader: Callable[[object], Read]) -> Read | None:
    """Return what `reader` makes of a rule, None where there is no such rule. Raises UsageError, ConfigError."""
    value, path = chosen.get(name, (None, ""))
    if value is None:
        return None
    try:
        return reader(value)
    except ValueError as error:
        if path:
            raise ConfigError(
                f"`{path}`: `{name}` of the table `gc` can't be `{value}`; it takes {_TABLE[name]}"
            ) from error
        raise UsageError(f"`--{name.replace('_', '-')}` can't be `{value}`; it takes {_TABLE[name]}") from error


def _last(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(value)
    return value


def _since(value: object) -> str:
    return moments.utc(moments.moment(str(value), dt.datetime.now().astimezone()))


def _largest(value: object) -> int:
    return settings.size(str(value))


def _tags(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
        raise ValueError(value)
    return tuple(value)
