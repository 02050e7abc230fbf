"""`vestige verify`: repeat runs in a scratch work tree and compare what comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige import api, exit_codes
from vestige.cli import printing, stores
from vestige.contents.comparison import Tolerance
from vestige.errors import UsageError
from vestige.git.originals import Original, of_run
from vestige.git.verify import repeat
from vestige.report import verify as report

if TYPE_CHECKING:
    import argparse

    from vestige.git.verify import Repetition

EXAMPLES = """\
examples:
  vestige verify                     repeat the last run elsewhere: do its outputs come out again?
  vestige verify 7f3a                an earlier run
  vestige verify HEAD                the run whose record is in a commit
  vestige verify main~5..main        all runs of a range, each from the state before it
  vestige verify --times 5           what varies from one repetition to the next?
  vestige verify --tolerance 1e-6    numbers may be that far apart, relative to each other

Nothing in your work tree is touched: the commit before the run is checked out elsewhere. Outputs are compared byte for
byte, then by content: JSON, CSV, Parquet, PNG, NumPy, gzip, text. Exit code 0: all came out again; 3: not all.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige verify`."""
    parser.add_argument("target", nargs="?", default="last", metavar="RUN|REV|RANGE", help="default: `last`")
    parser.add_argument("--times", type=int, default=1, metavar="N", help="repeat it N times")
    parser.add_argument("--tolerance", type=float, default=Tolerance().relative, metavar="X", help="default: 1e-9")
    parser.add_argument("--keep", action="store_true", help="leave the scratch work trees, and say where they are")
    parser.add_argument("-y", "--yes", action="store_true", help="even if it writes outside of the repository")
    parser.add_argument("--json", action="store_true", help="as JSON")
    stores.add_option(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Repeat them, one after the other, and say what came of each."""
    if arguments.times < 1:
        raise UsageError("`--times` is 1 or more")
    found = [_repeated(original, arguments) for original in _originals(arguments)]
    if arguments.json:
        printing.print_json_list(report.as_json(repetitions) for repetitions in found)
    repeats = all(repetition.repeats for repetitions in found for repetition in repetitions)
    return exit_codes.OK if repeats else exit_codes.NOT_REPEATED


def _repeated(original: Original, arguments: argparse.Namespace) -> list[Repetition]:
    tolerance = Tolerance(relative=arguments.tolerance)
    repetitions = []
    for _ in range(arguments.times):
        repetition = repeat(
            original, tolerance=tolerance, store=arguments.store, keep=arguments.keep, outside=arguments.yes
        )
        repetitions.append(repetition)
        if arguments.keep:
            printing.say(f"kept: {repetition.tree}")
    if not arguments.json:
        for line in report.lines(repetitions, printing.paint()):
            print(line)
    return repetitions


def _originals(arguments: argparse.Namespace) -> list[Original]:
    run = api.kept(arguments.store).find(arguments.target)
    return [of_run(run, run.load())]
