"""`vestige scenarios`: one `kedro run` under each tool that watches it, measured and compared."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vestige import exit_codes
from vestige.cli import printing
from vestige.errors import UsageError, VestigeError
from vestige.scenarios.cases import CASES, chosen

if TYPE_CHECKING:
    import argparse

EXAMPLES = f"""\
examples:
  vestige scenarios                            all of them, three rounds: some 15 minutes, 2 GB while it lasts
  vestige scenarios --only con-duct,vestige    two, and `kedro run` alone to compare them with
  vestige scenarios --times 10                 more rounds: the time that each adds is known better
  vestige scenarios --project ~/pipeline       with a Kedro project of your own, which is copied
  vestige scenarios --keep                     the environments stay in the cache, and are there the next time
  vestige scenarios --again                    only the pages, from the evidence of an earlier time

Scenarios: {", ".join(case.name for case in CASES)}.
The tools come by pip from wherever it is set up to take packages, into environments of their own; a tool that can't be
had is left out with the reason.
FOLDER gets comparison.md, comparison.html, and in comparison/ the evidence: every file that a figure was taken from.
Only pip uses the network: the runs are given a proxy on this machine that notes who is asked for and refuses.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige scenarios`."""
    parser.add_argument("-o", "--output", default="scenarios", metavar="FOLDER", help="default: ./scenarios")
    parser.add_argument("--only", metavar="NAMES", help="these scenarios, with commas between")
    parser.add_argument("--times", type=int, default=3, metavar="N", help="timed rounds; default: 3")
    parser.add_argument("--keep", action="store_true", help="leave environments and copies in the cache folder")
    parser.add_argument("--project", metavar="DIR", help="another Kedro project, with a requirements.txt")
    parser.add_argument("--installed", action="store_true", help="install nothing: take the programs of the PATH")
    parser.add_argument("--again", action="store_true", help="run nothing: make the pages from what is kept")


def execute(arguments: argparse.Namespace) -> int:
    """Compare, and say where the answer is."""
    if arguments.times < 1:
        raise UsageError("`--times` is 1 or more")
    cases = chosen(None if arguments.only is None else arguments.only.replace(",", " ").split())
    folder = os.path.abspath(arguments.output)
    try:
        from vestige.scenarios import comparison, document  # noqa: PLC0415 - templates, only for this command

        request = comparison.Request(
            folder, cases, arguments.times, arguments.keep, arguments.project, arguments.installed
        )
        paths = document.write(folder) if arguments.again else comparison.compare(request, printing.say)
    except OSError as error:
        raise VestigeError(f"can't write the comparison: {error}") from error
    for path in paths:
        print(path)
    return exit_codes.OK
