"""`vestige ls`: the runs that are kept, newest first."""

from __future__ import annotations

import datetime as dt
import fnmatch
import itertools
import os
import re
from typing import TYPE_CHECKING

from vestige import api, exit_codes
from vestige.cli import leftovers, printing, stores
from vestige.errors import StoreError, UsageError
from vestige.history import all_runs
from vestige.record.kept import Problem
from vestige.report import commit, listing
from vestige.report.quantity import LEGEND
from vestige.report.terminal import failed
from vestige.report.words import command, safe

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from vestige.record.kept import KeptRun, Loaded

EXAMPLES = """\
examples:
  vestige ls                              the newest 50 runs
  vestige ls --all                        every one, newest first
  vestige ls --last 5 --failed            the last five that went wrong
  vestige ls --since 2h                   of the last two hours (m, h, d, w)
  vestige ls --since 2026-07-01           since a day, local time
  vestige ls --command '*train.py*'       by command line
  vestige ls --tag forest --csv           for a spreadsheet
  vestige ls --json                       for programs
  vestige ls --tag con-duct               logs of con-duct, in `.duct/logs` of this folder, or imported
  vestige ls /data/study/.duct/logs       those of another folder; also a file, or what the names begin with
"""

_SHOWN = 50  # a screenful or two: who wants more says so, and a store may hold a hundred thousand
_AGE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_NAMED = 10  # that can't be read; of the rest the number is told
_SLACK = dt.timedelta(seconds=2)  # a folder's name is cut to the second, and made before the command starts


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige ls`."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="logs of con-duct: a folder, files, or what their names begin with"
    )
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--last", type=int, metavar="N", help=f"the newest N of those that match; default: {_SHOWN}")
    amount.add_argument("--all", action="store_true", help="all that match; as `--json` and `--csv` do unless told")
    parser.add_argument("--failed", action="store_true", help="only those that did not end with exit code 0")
    parser.add_argument("--tag", action="append", default=[], metavar="TAG", help="only with this tag; repeated: all")
    parser.add_argument("--command", metavar="GLOB", help="only where the command line matches, as in '*train.py*'")
    parser.add_argument("--since", metavar="WHEN", help="only started since: 2h, 3d, or an ISO date, local time")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a JSON list of records, each with its `folder`")
    form.add_argument("--csv", action="store_true", help="CSV with a header")
    stores.add_option(parser)


def execute(arguments: argparse.Namespace) -> int:
    """List them."""
    if arguments.last is not None and arguments.last < 1:
        raise UsageError("`--last` needs a number from 1 on")
    if arguments.paths and arguments.store:
        raise UsageError("`--store` goes without paths: these name logs of con-duct")
    if arguments.store and not os.path.isdir(arguments.store):
        raise StoreError(f"no store at {arguments.store}; `vestige init` makes one, as does a first run")
    leftovers.clear_up()
    matching = _matching(arguments)
    if arguments.json:
        printing.print_json_list(map(listing.as_json, itertools.islice(matching, arguments.last)))
    elif arguments.csv:
        print(listing.as_csv(itertools.islice(matching, arguments.last)), end="")
    else:
        _print_newest(matching, None if arguments.all else arguments.last or _SHOWN)
        if not arguments.all and arguments.last is None and next(matching, None) is not None:
            printing.say(f"the newest {_SHOWN}; `--all` lists the rest too")
    return exit_codes.OK


def since(words: str, now: dt.datetime) -> dt.datetime:
    """Return the moment that `--since` means: an age before `now`, or an ISO date or time, local if it has no zone.

    Raises UsageError.
    """
    age = _AGE.fullmatch(words)
    try:
        if age:
            return now - dt.timedelta(seconds=float(age.group(1)) * _SECONDS[age.group(2)])
        return dt.datetime.fromisoformat(words.replace("Z", "+00:00")).astimezone()
    except (ValueError, OverflowError) as error:
        raise UsageError(f"`--since` can't be `{words}`; write 2h, 3d, or a date as in 2026-07-01T12:00") from error


def _print_newest(matching: Iterator[Loaded[KeptRun]], most: int | None) -> None:
    shown = list(itertools.islice(matching, most))
    if not shown:
        printing.say("no runs")
        return
    printing.print_table(listing.COLUMNS, list(map(listing.row, shown)))
    waiting = commit.waiting(entry.record for entry in shown)
    if waiting:
        printing.say(waiting)
    if printing.colours():
        printing.say(LEGEND)


def _matching(arguments: argparse.Namespace) -> Iterator[Loaded[KeptRun]]:
    """Yield the runs that are asked for; those that can't be read are named on stderr."""
    moment = since(arguments.since, dt.datetime.now().astimezone()) if arguments.since else None
    unreadable = 0
    for entry in _entries(arguments, moment):
        if not isinstance(entry, Problem):
            if _matches(entry, arguments, moment):
                yield entry
            continue
        unreadable += 1
        if unreadable <= _NAMED:
            printing.say(f"{safe(entry.folder.name)} can't be read: {safe(entry.reason)}")
    if unreadable > _NAMED:
        printing.say(f"{unreadable - _NAMED} more can't be read")


def _entries(arguments: argparse.Namespace, moment: dt.datetime | None) -> Iterator[Loaded[KeptRun] | Problem[KeptRun]]:
    """Return runs, newest first, without those whose names tell that they are too old."""
    if arguments.paths:
        return all_runs.of_logs(arguments.paths)
    oldest = (moment - _SLACK).astimezone(dt.timezone.utc).strftime("%Y%m%dT%H%M%SZ") if moment else ""
    return api.all_kept(arguments.store).records(oldest)


def _matches(entry: Loaded[KeptRun], arguments: argparse.Namespace, moment: dt.datetime | None) -> bool:
    record = entry.record
    if arguments.failed and not failed(record):
        return False
    if not set(arguments.tag) <= set(record.tags):
        return False
    if arguments.command and not fnmatch.fnmatchcase(command(record.argv), arguments.command):
        return False
    return moment is None or dt.datetime.fromisoformat(record.started.replace("Z", "+00:00")) >= moment
