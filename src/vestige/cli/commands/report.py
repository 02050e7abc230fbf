"""`vestige report`: a run as a page, one file that needs no other host."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vestige import exit_codes
from vestige.cli import leftovers, named, printing, result_file, stores
from vestige.pages.report import page

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from vestige.store.kept import KeptRun

EXAMPLES = """\
examples:
  vestige report                          the last run, as vestige-7f3a91c2.html
  vestige report 7f3a -o run.html         one run, by the start of its id, into this file
  vestige report --open                   and show it in the browser
  vestige report 7f3a 81bc -o two.html    runs over each other, and their figures side by side
  vestige report x_info.json              a log of con-duct
  vestige report -o -                     to stdout
"""

_STDOUT = "-"
_LETTERS = 60  # of the name of a log in that of a file


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige report`."""
    parser.add_argument("run", nargs="*", metavar="RUN", help="default: `last`; also the path of a log of con-duct")
    parser.add_argument("-o", "--output", metavar="FILE", help="default: named after the run; `-`: to stdout")
    parser.add_argument("--open", action="store_true", help="show it in the browser")
    stores.add_option(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Write it."""
    leftovers.clear_up()
    runs = [named.run(arguments.store, word) for word in arguments.run or ["last"]]
    pieces = page(runs)
    if arguments.output == _STDOUT:
        for piece in pieces:
            print(piece, end="")
        return exit_codes.OK
    path = arguments.output or _named_after(runs)
    result_file.write(path, pieces)
    if arguments.open:
        _open(path)
    return exit_codes.OK


def _named_after(runs: Sequence[KeptRun]) -> str:
    names = "-".join(run.short_id if run.log is None else run.name.removesuffix("_info.json") for run in runs)
    plain = "".join(letter if letter.isalnum() or letter in "-_.," else "_" for letter in names)
    return f"vestige-{plain[:_LETTERS]}.html"


def _open(path: str) -> None:
    import webbrowser  # noqa: PLC0415 - only when it is asked for

    if not webbrowser.open(f"file://{os.path.abspath(path)}"):
        printing.say(f"no browser was found; open {path} yourself")
