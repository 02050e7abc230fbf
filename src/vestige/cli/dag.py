"""`vestige plot --dag`: what depends on what in a run, with what each took: as a picture, for Graphviz, as a tree."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from vestige import api, exit_codes
from vestige.cli import leftovers, printing, result_file
from vestige.errors import UsageError, VestigeError
from vestige.record.place import short_id
from vestige.report import dag, dag_svg, dag_text, plot_chart, plot_runs, span_view
from vestige.words import command, shortened

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from vestige.record.model import Record

_SUFFIXES = (".svg", ".dot", ".gv")
_TITLE = 120  # letters


def draw(arguments: argparse.Namespace) -> int:
    """Draw the graph of a run."""
    suffix = _check(arguments)
    leftovers.clear_up()
    word = arguments.run[0] if arguments.run else "last"
    run = plot_runs.folder_around(word) or api.all_kept(arguments.store).find(word)
    record = run.load()
    seen = span_view.view(run, record)
    if seen is None:
        raise VestigeError(f"no graph of {word}: it named no parts of itself, and no pipeline of Kedro ran in it")
    graphs = dag.dags(seen.branches, seen.pipelines, arguments.pipeline)
    title = arguments.title or _title(record)
    if suffix == ".svg":
        result_file.write(arguments.output, [dag_svg.svg(graphs, title)])
    elif suffix:
        result_file.write(arguments.output, (f"{line}\n" for line in dag_text.dot_lines(graphs, title)))
    elif sys.stdout.isatty():
        _print(line for graph in graphs for line in dag_text.tree_lines(graph, paint=printing.paint()))
    else:
        _print(dag_text.dot_lines(graphs, title))
    return exit_codes.OK


def _check(arguments: argparse.Namespace) -> str:
    """Return the suffix of the file to be written, empty for none. Raises UsageError."""
    if len(arguments.run) > 1:
        raise UsageError("`--dag` goes with one run")
    others = {
        "--metric": arguments.metric,
        "--by": arguments.by,
        "--size": arguments.size,
        "--window": arguments.window,
    }
    given = next((name for name, value in others.items() if value), None)
    if given is not None:
        raise UsageError(f"`{given}` goes without `--dag`")
    if arguments.output is None:
        return ""
    suffix: str = os.path.splitext(arguments.output)[1].lower()
    if suffix not in _SUFFIXES:
        raise UsageError(f"can't write {arguments.output}: a graph is `.svg`, or `.dot` for Graphviz")
    return suffix


def _title(record: Record) -> str:
    return f"{short_id(record.id)}  {shortened(command(record.argv), _TITLE)}  ·  {plot_chart.ending(record)}"


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(printing.fit(line))
