"""What `vestige why` and `vestige used-by` have in common: their arguments and how a lineage is printed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vestige.cli import printing, stores
from vestige.errors import UsageError
from vestige.report import lineage as report
from vestige.report.files import here
from vestige.words import safe

if TYPE_CHECKING:
    import argparse

    from vestige.history.lineage import Lineage

_FOLDER = "this is a folder; name a file in it"
_DEPTH = 10  # runs: more is no page for people any more


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("path", metavar="PATH", help="a file; it may be gone by now, or a symbolic link")
    parser.add_argument("--depth", type=int, metavar="N", help=f"how many runs far; default: {_DEPTH}, else all")
    parser.add_argument("--all", action="store_true", help="follow software, config and caches too")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--dot", action="store_true", help="as Graphviz text")
    form.add_argument("--json", action="store_true", help="as JSON, nodes and edges")
    stores.add_option(parser)


def depth(arguments: argparse.Namespace) -> int | None:
    """Return how far to go: to the end where a program reads it. Raises UsageError."""
    if arguments.depth is not None and arguments.depth < 1:
        raise UsageError("`--depth` needs a number from 1 on")
    return arguments.depth or (None if arguments.dot or arguments.json else _DEPTH)


def show(lineage: Lineage, arguments: argparse.Namespace, *, nothing: str) -> None:
    """Print it; `nothing` is said where no run has to do with the file."""
    for problem in lineage.problems:
        printing.say(f"{safe(problem.folder.name)} can't be read: {safe(problem.reason)}")
    if arguments.json:
        printing.print_json(report.as_json(lineage))
        return
    lines = (
        report.dot_lines(lineage, here())
        if arguments.dot
        else report.tree_lines(lineage, here(), paint=printing.paint())
    )
    for line in lines:
        print(line)
    if not lineage.runs:
        printing.say(_FOLDER if os.path.isdir(arguments.path) else nothing)
    if lineage.cut and arguments.depth is None:
        printing.say(f"it goes on beyond {_DEPTH} runs; `--depth` shows more")
