"""`vestige suggest`: what to ask Slurm for, from what earlier runs took."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from vestige import exit_codes
from vestige.cli import printing, searching, stores
from vestige.errors import RunNotFoundError, StoreError, UsageError
from vestige.history import advice, groups
from vestige.report import history
from vestige.text import from_os

if TYPE_CHECKING:
    from vestige.history.all_runs import AllRuns

EXAMPLES = """\
examples:
  vestige suggest                              for the command of the last run
  vestige suggest 7f3a                         for the command of a run
  vestige suggest python train.py --seed 3     for a command, whatever its numbers are
  vestige suggest --sbatch kedro run           lines for a batch script, nothing else
  vestige suggest --json kedro run             for programs

Memory and time are the 99th percentile of the runs that ended well, and 20 % more. A run that was killed for lack of
memory says only that it had too little. With fewer than five runs the room is wider, and it says so.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige suggest`."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--sbatch", action="store_true", help="as `#SBATCH` lines, nothing else on stdout")
    form.add_argument("--json", action="store_true", help="as JSON, with the evidence")
    stores.add_option(parser)
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="RUN | COMMAND ...", help="default: `last`")


def execute(arguments: argparse.Namespace) -> int:
    """Show it."""
    runs = searching.all_runs(arguments.store)
    group = _group(runs, [word for word in arguments.words if word != "--"] or ["last"])
    seen = searching.index(runs)
    found = advice.advice(seen, group)
    searching.finish(seen)
    if found is None:
        raise StoreError(f"no run of `{group}` has ended yet: there is nothing to tell from")
    if arguments.json:
        printing.print_json(history.advice_json(found))
    elif arguments.sbatch:
        for request in found.requests:
            print(f"#SBATCH {request.option}")
    else:
        for line in history.advice_lines(found):
            print(printing.fit(line))
    for caution in found.cautions:
        printing.say(caution)
    return exit_codes.OK


def _group(runs: AllRuns, words: list[str]) -> str:
    """Return the kind that a run is of, or that a command would be of."""
    if len(words) > 1:
        return groups.group([from_os(word) for word in words])
    try:
        return groups.group(runs.find(words[0]).load().argv)
    except (RunNotFoundError, UsageError):
        if words == ["last"]:
            raise
        return groups.group([from_os(words[0])])
