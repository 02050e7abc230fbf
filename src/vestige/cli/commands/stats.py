"""`vestige stats`: what each command takes, over all its runs."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

from vestige import exit_codes
from vestige.cli import printing, searching, stores
from vestige.errors import UsageError
from vestige.history import where
from vestige.history.summaries import summaries
from vestige.report import history

if TYPE_CHECKING:
    import argparse

EXAMPLES = """\
examples:
  vestige stats                                     every command: runs, failures, median, spread, trend
  vestige stats --command '*train*'                 only such commands
  vestige stats --where "started > 30d"             only of the last 30 days
  vestige stats --where "host = 'node7'" --json     for programs, with all quantiles

Runs count together whose commands differ in numbers, ids and folders only. Figures are of runs that ended well.
"""
_SHOWN = 30


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige stats`."""
    parser.add_argument("--command", metavar="GLOB", help="only where the command line matches, as in '*train.py*'")
    searching.add_where(parser)
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--last", type=int, metavar="N", help=f"the N commands with the most runs; default: {_SHOWN}")
    amount.add_argument("--all", action="store_true", help="all commands; as `--json` does unless told")
    parser.add_argument("--json", action="store_true", help="a JSON list, a command each")
    stores.add_option(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Show them."""
    if arguments.last is not None and arguments.last < 1:
        raise UsageError("`--last` needs a number from 1 on")
    said = searching.condition(arguments)
    parts: list[where.Node] = [] if said is None else [said.root]
    if arguments.command:
        glob = re.compile(fnmatch.translate(arguments.command))
        parts.append(where.Comparison("command", lambda line: glob.match(line) is not None))
    seen = searching.index(searching.all_runs(arguments.store))
    found = summaries(seen, where.every(*parts))
    searching.finish(seen)
    shown = found[: arguments.last or (None if arguments.all or arguments.json else _SHOWN)]
    if arguments.json:
        printing.print_json_list(map(history.summary_json, shown))
    elif not shown:
        printing.say("no runs")
    else:
        printing.print_table(history.COLUMNS, [list(map(printing.fit, history.row(each))) for each in shown])
        if len(shown) < len(found) and not arguments.last:
            printing.say(f"the {_SHOWN} commands with the most runs; `--all` shows {len(found) - _SHOWN} more")
    return exit_codes.OK
