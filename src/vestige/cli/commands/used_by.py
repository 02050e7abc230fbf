"""`vestige used-by`: which runs read a file, and what came of it, forward through the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige import api, exit_codes
from vestige.cli import lineage

if TYPE_CHECKING:
    import argparse

EXAMPLES = """\
examples:
  vestige used-by data/raw.csv                  the runs that read it, what these wrote, who read that, and so on
  vestige used-by --depth 1 data/raw.csv        the runs that read it and what they wrote, no further
  vestige used-by --all lib/model.so            runs that used it as software or config too
  vestige used-by --dot raw.csv > used.dot      for Graphviz
  vestige used-by --json data/raw.csv           nodes and edges, for programs
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige used-by`."""
    lineage.configure(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Show it."""
    depth = lineage.depth(arguments)
    found = api.used_by(arguments.path, depth=depth, everything=arguments.all, store=arguments.store)
    more = "" if arguments.all else "; `--all` looks among software and config too"
    lineage.show(found, arguments, nothing=f"no run that is kept read this file as an input{more}")
    return exit_codes.OK
