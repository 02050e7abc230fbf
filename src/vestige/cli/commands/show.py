"""`vestige show`: all that is known of one run."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import TYPE_CHECKING, Any

from vestige import api, exit_codes
from vestige.cli import leftovers, named, printing, stores
from vestige.errors import UsageError
from vestige.history.keeping import MARK
from vestige.pipelines.plan import has_plans
from vestige.quantity import LEGEND, number
from vestige.record import codec
from vestige.report import counts, details, files, listing, network, record_page, software
from vestige.store.kept import Loaded
from vestige.store.runs import RunFolder
from vestige.text import from_bytes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from vestige.record.model import FileUse, Point, Process, Record, Span
    from vestige.report.paint import Paint
    from vestige.store.kept import KeptRun
    from vestige.store.output import Piece

EXAMPLES = """\
examples:
  vestige show                   the last run
  vestige show 7f3a              by the start of its id
  vestige show last~1            the one before the last
  vestige show HEAD              the run that a commit records
  vestige show --processes       every process: CPU, memory peak, bytes, command line
  vestige show --files           files that went in and came out; `--all` all, `--class software` of one class
  vestige show --tree            processes with what each read and wrote; `--all` all files and processes
  vestige show --spans           its named parts, nodes of Kedro: time, memory, what waited; `--all` every one
  vestige show --software        packages that it used; `--requirements` what Python imported, for pip
  vestige show --network         whom it called, where it listened, and what came of it
  vestige show --usage           the series over time
  vestige show --output          what it printed, with times and streams in true order
  vestige show x_info.json       a log of con-duct; also by the start of its name or of its id
  vestige show --json            record.json and `folder`; also with --processes, --files, --tree, …
"""

_SECOND = 1_000_000_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige show`."""
    parser.add_argument(
        "run", nargs="?", default="last", metavar="RUN", help="default: `last`; also a log of con-duct, or a commit"
    )
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--processes", action="store_true", help="its processes, children under their parents")
    part.add_argument("--files", action="store_true", help="its inputs and outputs: class, size, hash, path")
    part.add_argument("--tree", action="store_true", help="its processes, each with the files that it read and wrote")
    part.add_argument("--spans", action="store_true", help="its named parts: a table, a timeline, the critical path")
    part.add_argument("--software", action="store_true", help="packages of which it used files: Python, system, R, …")
    part.add_argument("--network", action="store_true", help="whom it called and where it listened")
    part.add_argument("--usage", action="store_true", help="the series: cores, memory, bytes over time")
    part.add_argument("--output", action="store_true", help="captured output with times and streams")
    parser.add_argument(
        "--all", action="store_true", help="with --files and --tree: files of every class; with --spans: every one"
    )
    parser.add_argument(
        "--class",
        dest="classes",
        action="append",
        choices=counts.CLASSES,
        metavar="NAME",
        help=f"with --files and --tree: only files of this class; may be repeated: {', '.join(counts.CLASSES)}",
    )
    parser.add_argument(
        "--requirements", action="store_true", help="with --software: what Python imported, as a requirements file"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    stores.add_option(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Show it."""
    _check(arguments)
    leftovers.clear_up()
    run = named.run(arguments.store, arguments.run)
    _show(run, run.load(), arguments)
    if run.log is None and os.path.lexists(os.path.join(run.path, MARK)):
        printing.say("it was thinned: output, events and series were removed by `vestige gc`")
    return exit_codes.OK


def _show(run: KeptRun, record: Record, arguments: argparse.Namespace) -> None:
    """Show what is asked for."""
    if arguments.processes:
        _processes(run, as_json=arguments.json)
    elif arguments.files:
        _files(run, record, arguments)
    elif arguments.tree:
        _tree(run, record, arguments)
    elif arguments.spans:
        _spans(run, record, arguments)
    elif arguments.software:
        _software(record, arguments)
    elif arguments.network:
        _network(run, record, as_json=arguments.json)
    elif arguments.usage:
        _usage(run, as_json=arguments.json)
    elif arguments.output:
        _output(run, record, as_json=arguments.json)
    elif arguments.json:
        printing.print_json(listing.as_json(Loaded(run, record)))
    else:
        print(record_page.page(record, folder=run.path, paint=printing.paint()))
        _advise(run, record)


def _advise(run: KeptRun, record: Record) -> None:
    """Say what to ask the scheduler for, where somebody set a limit and an index knows of enough like runs."""
    limited = record.machine is not None and record.machine.memory_limit is not None
    if run.log is not None or record.status == "running" or not (limited or record.job):
        return
    from vestige.history import advice  # noqa: PLC0415 - only where there is a limit

    said = advice.of_snapshot(run.path, record.argv)
    if said:
        print(f"{'history':<9} {printing.fit(said)}")


def _check(arguments: argparse.Namespace) -> None:
    """Raise UsageError where options stand without those that they go with."""
    if arguments.classes and not (arguments.files or arguments.tree):
        raise UsageError("`--class` goes with `--files` or `--tree`")
    if arguments.all and not (arguments.files or arguments.tree or arguments.spans):
        raise UsageError("`--all` goes with `--files`, `--tree` or `--spans`")
    if arguments.requirements and (arguments.json or not arguments.software):
        raise UsageError("`--requirements` goes with `--software` and without `--json`")


def _processes(run: KeptRun, *, as_json: bool) -> None:
    if as_json:
        printing.print_json_list(map(_as_written, run.processes()))
        return
    rows = details.process_rows(tuple(run.processes()))
    if rows:
        printing.print_table(details.PROCESS_COLUMNS, rows)
        printing.say(LEGEND)
    else:
        printing.say("no processes yet: the run goes on, or nobody saw any")


def _files(run: KeptRun, record: Record, arguments: argparse.Namespace) -> None:
    uses = (use for use in run.files() if _is_asked_for(use, arguments))
    if arguments.json:
        printing.print_json_list(map(_as_written, uses))
        return
    rows = files.rows(uses, record.cwd)
    if rows:
        printing.print_table(files.COLUMNS, rows)
    else:
        printing.say(_no_files(record))
    rest = counts.others(record)
    if rest and not arguments.all and not arguments.classes:
        printing.say(f"and {rest}: `--all` lists them, `--class NAME` those of one class")


def _tree(run: KeptRun, record: Record, arguments: argparse.Namespace) -> None:
    processes = tuple(run.processes())
    uses = [use for use in run.files() if _is_asked_for(use, arguments)]
    if arguments.json:
        printing.print_json_list(files.tree_json(processes, uses))
        return
    for line in files.tree_lines(processes, uses, record.cwd, width=printing.width(), whole=arguments.all):
        print(line)
    if not uses:
        printing.say(_no_files(record))


def _spans(run: KeptRun, record: Record, arguments: argparse.Namespace) -> None:
    if arguments.json:
        printing.print_json_list(map(_as_written, run.spans()))
        return
    from vestige.cli.commands import plot  # noqa: PLC0415 - all that draws
    from vestige.report import span_view, spans  # noqa: PLC0415 - the same

    seen = span_view.view(run, record, whole=arguments.all)
    if seen is None:
        printing.say("no spans yet: the run goes on" if record.completeness is None else "it named no parts of itself")
        return
    look = plot.text_look("timeline", None, plain=False)
    shown = spans.table(seen.branches, seen.pipelines, width=printing.width())
    printing.print_table(shown.columns, [list(map(printing.fit, row)) for row in shown.rows])
    if shown.left_out:
        printing.say(f"and {number(shown.left_out)} more: `--json` has all")
    lines = [
        "",
        *span_view.timeline(seen, look),
        "",
        look.paint.bold("where the time went"),
        *spans.spent_lines(seen.pipelines, seen.spans, seen.end, look.signs.levels[-1]),
        *spans.notes(seen.branches, seen.pipelines, seen.spans, paint=look.paint),
        *_changes(run, arguments, look.paint),
    ]
    for line in lines:
        print(printing.fit(line))
    printing.say(LEGEND)


def _changes(run: KeptRun, arguments: argparse.Namespace, paint: Paint) -> Iterator[str]:
    """Yield what changed for nodes of Kedro since they last ran."""
    if run.log is not None or not has_plans(run.path):
        return
    from vestige.pipelines.changed import changes  # noqa: PLC0415 - only for such runs
    from vestige.report.node_changes import lines  # noqa: PLC0415

    yield from lines(changes(RunFolder(run.path), api.kept(arguments.store)), paint=paint)


def _software(record: Record, arguments: argparse.Namespace) -> None:
    if arguments.json:
        printing.print_json_list(map(dataclasses.asdict, record.software))
    elif arguments.requirements:
        lines = software.requirements(record.software)
        for line in lines:
            print(line)
        if record.software and not lines:
            printing.say("Python imported no packages")
    elif record.software:
        printing.print_table(software.COLUMNS, software.rows(record.software))
    if not record.software:
        printing.say(_unseen(record, "no packages"))


def _network(run: KeptRun, record: Record, *, as_json: bool) -> None:
    if as_json:
        printing.print_json_list(map(dataclasses.asdict, record.network))
    elif record.network:
        printing.print_table(network.COLUMNS, network.rows(record.network, tuple(run.processes())))
    else:
        printing.say(_unseen(record, "it called nobody and listened nowhere"))


def _unseen(record: Record, none: str) -> str:
    """Return what an empty list means."""
    state = record.completeness
    if state is None:
        return "nothing yet: the run goes on"
    if state.files == "none":
        return f"nobody watched: {'; '.join(gap.reason for gap in state.gaps) or 'the record does not say why'}"
    return none if state.files == "complete" else f"{none} that was seen; `vestige show` says what may be missing"


def _is_asked_for(use: FileUse, arguments: argparse.Namespace) -> bool:
    if arguments.classes:
        return use.kind in arguments.classes
    return arguments.all or files.is_shown(use)


def _no_files(record: Record) -> str:
    state = record.completeness
    if state is None:
        return "no files yet: the run goes on"
    if state.files == "none":
        why = f": {state.trace_reason}" if state.trace_reason else ""
        return f"nobody watched the files of this run{why}"
    return "no such files"


def _usage(run: KeptRun, *, as_json: bool) -> None:
    if as_json:
        printing.print_json_list(map(_as_written, run.points()))
        return
    rows = details.point_rows(run.points())
    if rows:
        printing.print_table(details.POINT_COLUMNS, rows)
    else:
        printing.say("no series: the run goes on, or was over before the first look")


def _as_written(entry: Process | Point | FileUse | Span) -> Any:  # noqa: ANN401 - JSON goes out
    return json.loads(codec.line(entry))


def _output(run: KeptRun, record: Record, *, as_json: bool) -> None:
    pieces = run.output()
    if as_json:
        printing.print_json_list(map(_piece_json, pieces))
        return
    for line in details.output_lines(pieces):
        print(line)
    for name, stream in record.streams.items():
        if not stream.captured and not stream.merged:
            why = f": {stream.reason}" if stream.reason else f", it went to a {stream.kind}"
            printing.say(f"{name} was not captured{why}")
    if not record.streams:
        printing.say("no output is kept")


def _piece_json(piece: Piece) -> dict[str, Any]:
    return {"time": piece.time, "stream": piece.stream, "text": from_bytes(piece.content)}
