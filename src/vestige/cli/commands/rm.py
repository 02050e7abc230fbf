"""`vestige rm`: runs are gone for good."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from vestige import api, exit_codes
from vestige.cli import printing, stores
from vestige.errors import RecordError, UsageError
from vestige.record.outcome import outcome
from vestige.words import command, safe

if TYPE_CHECKING:
    import argparse

    from vestige.store.runs import RunFolder

EXAMPLES = """\
examples:
  vestige rm 7f3a                asks, then removes the run with its output
  vestige rm --yes last last~1   the last two, without asking
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige rm`."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help="`last`, `last~1`, the start of an id, a run folder")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--force", action="store_true", help="also one that is still running")
    stores.add_option(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Find all first, so that a wrong name removes nothing; then ask and remove."""
    runs = api.kept(arguments.store)
    folders = list({folder.path: folder for folder in map(runs.find, arguments.runs)}.values())
    if not arguments.yes and not _agreed(folders):
        printing.say("nothing removed")
        return exit_codes.FAILED
    for folder in folders:
        runs.remove(folder, force=arguments.force)
        print(f"removed {safe(folder.name)}")
    return exit_codes.OK


def _agreed(folders: list[RunFolder]) -> bool:
    if sys.stdin is None or not sys.stdin.isatty():  # None: it was closed
        raise UsageError("nobody to ask, since stdin is no terminal; `vestige rm --yes` removes without asking")
    for folder in folders:
        print(f"  {_words(folder)}", file=sys.stderr)
    print(f"vestige: remove {'this run' if len(folders) == 1 else f'these {len(folders)} runs'}? [y/N] ",
          end="", file=sys.stderr, flush=True)  # fmt: skip
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _words(folder: RunFolder) -> str:
    try:
        record = folder.load()
    except RecordError:
        return f"{safe(folder.name)}  can't be read"
    return f"{safe(folder.name)}  {command(record.argv)}  {outcome(record)}"
