"""`vestige init`: a store for runs in a folder of one's choice."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vestige import exit_codes
from vestige.record import place

if TYPE_CHECKING:
    import argparse

EXAMPLES = """\
examples:
  vestige init              runs made here and below are kept in ./.vestige
  vestige init ~/project    the same for another folder
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige init`."""
    parser.add_argument("folder", nargs="?", default=".", metavar="DIR", help="where to make `.vestige`; default: here")


def execute(arguments: argparse.Namespace) -> int:
    """Make the store."""
    path = os.path.join(os.path.abspath(arguments.folder), place.STORE_NAME)
    there = os.path.isdir(path)
    place.mark_store(place.Store(path, "option"))
    print(f"{'already there' if there else 'made'}: {path}")
    return exit_codes.OK
