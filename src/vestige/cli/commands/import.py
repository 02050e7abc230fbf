"""`vestige import`: con-duct's logs become runs of the store."""  # noqa: N999 - the command's own name, by which it is loaded

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from typing import TYPE_CHECKING

from vestige import exit_codes, invocation
from vestige.cli import printing, stores
from vestige.cli.progress import Progress
from vestige.con_duct import kept
from vestige.duct.importing import Import
from vestige.record.place import short_id, stores_to_read
from vestige.store.runs import Runs
from vestige.text import from_os
from vestige.words import command, safe

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from vestige.duct.importing import Outcome

EXAMPLES = """\
examples:
  vestige import .duct/logs             every log of con-duct in a folder
  vestige import -r ~/studies           and in all folders below
  vestige import run1_                  one by what its names begin with; also its info.json
  vestige import --dry-run .duct/logs   only say what would become of each
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige import`."""
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="logs of con-duct: a folder, files, or what their names begin with"
    )
    parser.add_argument("-r", "--recursive", action="store_true", help="also the folders below, hidden ones included")
    parser.add_argument("--dry-run", action="store_true", help="import nothing, only say what would be done")
    parser.add_argument("--json", action="store_true", help="as JSON: what came of each log")
    stores.add_option(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Import them; whatever can't be read is named, and the rest imported."""
    paths = [log for path in arguments.paths for log in kept.at(path, deep=arguments.recursive)]
    folder = invocation.cwd()
    store = invocation.store(arguments.store, invocation.load_settings(folder), os.environ, folder)
    progress = Progress(hint="; Ctrl-C keeps what is imported", doing="importing logs")
    importing = Import(store, Runs(tuple(stores_to_read(store, os.environ))), arguments.dry_run, progress)
    counted: Counter[str] = Counter()
    outcomes = _counted(importing.take(paths), counted, progress)
    if arguments.json:
        printing.print_json_list(map(_as_json, outcomes))
    else:
        for outcome in outcomes:
            if outcome.state == "imported":
                print(_line(outcome))
    _say_sum(counted, dry_run=arguments.dry_run)
    return exit_codes.FAILED if counted["skipped"] else exit_codes.OK


def _counted(outcomes: Iterator[Outcome], counted: Counter[str], progress: Progress) -> Iterator[Outcome]:
    """Yield what came of each log, counted by state; those that are skipped are named on stderr."""
    try:
        for outcome in outcomes:
            progress.clear()
            counted[outcome.state] += 1
            if outcome.state == "skipped":
                printing.say(f"skipped: {safe(outcome.reason or '')}")
            yield outcome
    finally:
        progress.clear()


def _line(outcome: Outcome) -> str:
    return f"{short_id(outcome.run or '')}  {safe(outcome.log)}  {command(outcome.argv)}"


def _as_json(outcome: Outcome) -> dict[str, object]:
    plain = dataclasses.asdict(outcome)
    return {**plain, "log": from_os(outcome.log), "folder": outcome.folder and from_os(outcome.folder)}


def _say_sum(counted: Counter[str], *, dry_run: bool) -> None:
    """Say how many came to what."""
    words = {"imported": "would be imported" if dry_run else "imported", "kept": "there already", "skipped": "skipped"}
    printing.say(
        ", ".join(f"{counted[state]} {words[state]}" for state in words if counted[state] or state == "imported")
    )
