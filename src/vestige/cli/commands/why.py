"""`vestige why`: which run wrote a file, and from what, back through the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige import api, exit_codes
from vestige.cli import lineage

if TYPE_CHECKING:
    import argparse

EXAMPLES = """\
examples:
  vestige why report.pdf                    the run that wrote it, what that run read, who wrote that, and so on
  vestige why --depth 1 report.pdf          the run that wrote it and what it read, no further
  vestige why --all report.pdf              through software, config and caches too
  vestige why --dot report.pdf > why.dot    for Graphviz
  vestige why --json report.pdf             nodes and edges, for programs
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige why`."""
    lineage.configure(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Show it."""
    depth = lineage.depth(arguments)
    found = api.why(arguments.path, depth=depth, everything=arguments.all, store=arguments.store)
    lineage.show(found, arguments, nothing="no run that is kept wrote this file, or one with this content")
    return exit_codes.OK
