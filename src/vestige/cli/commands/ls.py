"""`vestige ls`: the runs that are kept, newest first."""

from __future__ import annotations

import datetime as dt
import fnmatch
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from vestige import exit_codes
from vestige.cli import leftovers, printing, searching, stores
from vestige.errors import UsageError
from vestige.history import all_runs, moments, where
from vestige.quantity import LEGEND
from vestige.record.outcome import is_waiting
from vestige.report import commit, listing
from vestige.store.kept import Problem, loaded

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from vestige.history.index import Index
    from vestige.history.row import Row
    from vestige.store.kept import KeptRun, Loaded

EXAMPLES = """\
examples:
  vestige ls                              the newest 50 runs
  vestige ls --all                        every one, newest first
  vestige ls --last 5 --failed            the last five that went wrong
  vestige ls --since 2h                   of the last two hours (m, h, d, w)
  vestige ls --since 2026-07-01           since a day, local time
  vestige ls --command '*train.py*'       by command line
  vestige ls --tag forest --csv           for a spreadsheet
  vestige ls --where "peak_memory > 2GB and command ~ 'kedro'"       by what they took and were
  vestige ls --where "failed and started > 2d and not tags = 'try'"  of the last two days
  vestige ls --sort peak_memory --last 5  the five largest
  vestige ls --json                       for programs
  vestige ls --tag con-duct               logs of con-duct, in `.duct/logs` of this folder, or imported
  vestige ls /data/study/.duct/logs       those of another folder; also a file, or what the names begin with

Fields and operators of `--where`, and fields of `--sort`: docs/reference/fields.md, or `vestige query --schema`.
"""

_SHOWN = 50  # a screenful or two: who wants more says so, and a store may hold a hundred thousand
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
    searching.add_where(parser)
    parser.add_argument("--sort", metavar="FIELD", help="by a field: the largest, or newest, first; text from A to Z")
    parser.add_argument("--reverse", action="store_true", help="the other way round")
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
    condition = _condition(arguments)
    leftovers.clear_up()
    runs = all_runs.of_logs(arguments.paths) if arguments.paths else searching.all_runs(arguments.store)
    if condition is None and not (arguments.sort or arguments.reverse or (arguments.all and _is_table(arguments))):
        _print(arguments, map(_Read, searching.readable(runs.records())))
        return exit_codes.OK
    seen = searching.index(runs)
    _print(arguments, _found(seen, condition, arguments))
    searching.finish(seen)
    return exit_codes.OK


class _Listed(Protocol):
    """A run of the list."""

    @property
    def cells(self) -> list[str]:
        """What the table shows of it."""

    @property
    def waiting(self) -> str | None:
        """Its id, if it waits for its commit."""

    def loaded(self) -> Loaded[KeptRun] | None:
        """Return it with its record; None: it was removed meanwhile."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A run of the list whose record is read."""

    entry: Loaded[KeptRun]

    @property
    def cells(self) -> list[str]:
        return listing.row(self.entry)

    @property
    def waiting(self) -> str | None:
        return self.entry.record.id if is_waiting(self.entry.record) else None

    def loaded(self) -> Loaded[KeptRun] | None:
        return self.entry


@dataclass(frozen=True, slots=True)
class _Found:
    """A run of the list that an index has found."""

    run: KeptRun
    row: Row

    @property
    def cells(self) -> list[str]:
        cells = listing.glance(self.row)
        entry = self.loaded() if cells is None else None
        return cells or (listing.row(entry) if entry else [self.row.id, *[""] * (len(listing.COLUMNS) - 1)])

    @property
    def waiting(self) -> str | None:
        return self.row.id if self.row.waits_for_commit else None

    def loaded(self) -> Loaded[KeptRun] | None:
        entry = loaded(self.run)
        return None if isinstance(entry, Problem) else entry


def _print(arguments: argparse.Namespace, runs: Iterator[_Listed]) -> None:
    if _is_table(arguments):
        _print_table(arguments, runs)
        return
    chosen = (entry for run in itertools.islice(runs, arguments.last) if (entry := run.loaded()) is not None)
    if arguments.json:
        printing.print_json_list(map(listing.as_json, chosen))
    else:
        print(listing.as_csv(chosen), end="")


def _print_table(arguments: argparse.Namespace, runs: Iterator[_Listed]) -> None:
    shown = list(itertools.islice(runs, None if arguments.all else arguments.last or _SHOWN))
    if not shown:
        printing.say("no runs")
        return
    printing.print_table(listing.COLUMNS, [run.cells for run in shown])
    waiting = commit.waiting_ids(run.waiting for run in shown if run.waiting is not None)
    if waiting:
        printing.say(waiting)
    if printing.colours():
        printing.say(LEGEND)
    if not arguments.all and arguments.last is None and next(runs, None) is not None:
        printing.say(f"the {'first' if arguments.sort else 'newest'} {_SHOWN}; `--all` lists the rest too")


def _found(seen: Index, condition: where.Expression | None, arguments: argparse.Namespace) -> Iterator[_Found]:
    """Yield what matches; without an order of its own nothing is read beyond what is listed."""
    oldest = ""
    if arguments.since:
        moment = since(arguments.since, dt.datetime.now().astimezone())
        oldest = (moment - _SLACK).astimezone(dt.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    most = None if arguments.all or not _is_table(arguments) else (arguments.last or _SHOWN) + 1
    rows = seen.rows(condition, arguments.sort or "", most, reverse=arguments.reverse, since=oldest)
    return (_Found(seen.run(row), row) for row in rows)


def _condition(arguments: argparse.Namespace) -> where.Expression | None:
    """Return what all the options ask for, None where that is everything. Raises UsageError."""
    said = searching.condition(arguments)
    parts: list[where.Node] = [] if said is None else [said.root]
    if arguments.failed:
        parts.append(where.Comparison("failed", bool))
    if arguments.tag:
        parts.append(where.Comparison("tags", set(arguments.tag).issubset))
    if arguments.command:
        glob = re.compile(fnmatch.translate(arguments.command))
        parts.append(where.Comparison("command", lambda line: glob.match(line) is not None))
    if arguments.since:
        first = moments.utc(since(arguments.since, dt.datetime.now().astimezone()))
        parts.append(where.Comparison("started", lambda started: started >= first))
    return where.every(*parts)


def _is_table(arguments: argparse.Namespace) -> bool:
    return not (arguments.json or arguments.csv)


def since(words: str, now: dt.datetime) -> dt.datetime:
    """Return the moment that `--since` means: an age before `now`, or an ISO date or time, local if it has no zone.

    Raises UsageError.
    """
    try:
        return moments.moment(words, now)
    except ValueError as error:
        raise UsageError(f"`--since` can't be `{words}`; write 2h, 3d, or a date as in 2026-07-01T12:00") from error
