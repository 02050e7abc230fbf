"""What commands that search all runs have in common: the index, `--where`, and words on what can't be read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vestige import api
from vestige.cli import printing
from vestige.cli.progress import Progress
from vestige.errors import StoreError
from vestige.history import where
from vestige.history.index import Index, open_index
from vestige.quantity import number
from vestige.words import safe

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from vestige.history.all_runs import AllRuns, Entry, GivenLogs
    from vestige.history.where import Expression
    from vestige.store.kept import KeptRun, Loaded

_NAMED = 10  # that can't be read; of the rest the number is told


def add_where(parser: argparse.ArgumentParser) -> None:
    """Add `--where`."""
    parser.add_argument(
        "--where", metavar="TEXT", help="only where this holds, as in \"peak_memory > 2GB and command ~ 'kedro'\""
    )


def condition(arguments: argparse.Namespace) -> Expression | None:
    """Return what `--where` says. Raises UsageError."""
    return None if arguments.where is None else where.parse(arguments.where)


def index(runs: AllRuns | GivenLogs) -> Index:
    """Return an index of runs that tells of its progress."""
    progress = Progress(hint="", doing="reading records", amount=lambda count: f"{number(int(count))} runs")
    seen = open_index(runs, progress)
    seen.when_read = progress.clear
    return seen


def all_runs(store: str | None) -> AllRuns:
    """Return all runs. Raises StoreError where the store that is named is none."""
    if store and not os.path.isdir(store):
        raise StoreError(f"no store at {store}; `vestige init` makes one, as does a first run")
    return api.all_kept(store)


def readable(entries: Iterable[Entry]) -> Iterator[Loaded[KeptRun]]:
    """Yield what can be read; the others are named on stderr."""
    from vestige.store.kept import Problem  # noqa: PLC0415 - beside its use

    unreadable = 0
    for entry in entries:
        if not isinstance(entry, Problem):
            yield entry
            continue
        unreadable += 1
        if unreadable <= _NAMED:
            printing.say(f"{safe(entry.folder.name)} can't be read: {safe(entry.reason)}")
    if unreadable > _NAMED:
        printing.say(f"{unreadable - _NAMED} more can't be read")


def finish(seen: Index) -> None:
    """Leave the index fit for the next, and name on stderr what can't be read."""
    seen.renew()
    for _ in readable(seen.problems):
        raise AssertionError("problems only")
