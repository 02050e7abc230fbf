"""`vestige show`: all that is known of one run."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from vestige import api, exit_codes
from vestige.cli import printing, stores
from vestige.errors import StoreError
from vestige.observe import events
from vestige.record import codec
from vestige.report import details, terminal
from vestige.report.quantity import LEGEND
from vestige.text import from_bytes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from vestige.record.model import Point, Process, Record
    from vestige.record.store import RunFolder

EXAMPLES = """\
examples:
  vestige show                   the last run
  vestige show 7f3a              by the start of its id
  vestige show last~1            the one before the last
  vestige show --processes       every process: CPU, memory peak, bytes, command line
  vestige show --usage           the series over time
  vestige show --output          what it printed, with times and streams in true order
  vestige show --json            record.json and `folder`; also with --processes, --usage and --output
"""

_SECOND = 1_000_000_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige show`."""
    parser.add_argument("run", nargs="?", default="last", metavar="RUN", help="default: `last`")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--processes", action="store_true", help="its processes, children under their parents")
    part.add_argument("--usage", action="store_true", help="the series: cores, memory, bytes over time")
    part.add_argument("--output", action="store_true", help="captured output with times and streams")
    parser.add_argument("--json", action="store_true", help="as JSON")
    stores.add_option(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Show it."""
    folder = api.kept(arguments.store).find(arguments.run)
    record = folder.load()
    if arguments.processes:
        _processes(folder, as_json=arguments.json)
    elif arguments.usage:
        _usage(folder, as_json=arguments.json)
    elif arguments.output:
        _output(folder, record, as_json=arguments.json)
    elif arguments.json:
        printing.print_json({**codec.record_to_json(record), "folder": folder.path})
    else:
        print(terminal.page(record, folder=folder.path, paint=printing.paint()))
    return exit_codes.OK


def _processes(folder: RunFolder, *, as_json: bool) -> None:
    if as_json:
        printing.print_json_list(map(_as_written, folder.processes()))
        return
    rows = details.process_rows(tuple(folder.processes()))
    if rows:
        printing.print_table(details.PROCESS_COLUMNS, rows)
        printing.say(LEGEND)
    else:
        printing.say("no processes yet: the run goes on, or nobody saw any")


def _usage(folder: RunFolder, *, as_json: bool) -> None:
    if as_json:
        printing.print_json_list(map(_as_written, folder.points()))
        return
    rows = details.point_rows(folder.points())
    if rows:
        printing.print_table(details.POINT_COLUMNS, rows)
    else:
        printing.say("no series: the run goes on, or was over before the first look")


def _as_written(entry: Process | Point) -> Any:  # noqa: ANN401 - JSON goes out
    return json.loads(codec.line(entry))


def _output(folder: RunFolder, record: Record, *, as_json: bool) -> None:
    pieces = _pieces(folder)
    if as_json:
        printing.print_json_list(map(_piece_json, pieces))
        return
    for line in details.output_lines(pieces):
        print(line)
    for name, stream in record.streams.items():
        if not stream.captured and not stream.merged:
            why = f": {stream.reason}" if stream.reason else f", it went to a {stream.kind}"
            printing.say(f"{name} was not captured{why}")


def _piece_json(piece: details.Piece) -> dict[str, Any]:
    return {"time": piece.time, "stream": piece.stream, "text": from_bytes(piece.content)}


def _pieces(folder: RunFolder) -> Iterator[details.Piece]:
    """Yield the captured output in the order in which it came. Raises StoreError."""
    noted = sorted(events.output(os.path.join(folder.path, events.EVENTS_NAME)), key=lambda piece: piece.seq)
    files = {name: _copy(folder, name) for name in {piece.stream for piece in noted}}
    try:
        for piece in noted:
            content = os.pread(files[piece.stream], piece.length, piece.offset) if files[piece.stream] >= 0 else b""
            yield details.Piece(piece.since / _SECOND, piece.stream, content)
    finally:
        for descriptor in files.values():
            if descriptor >= 0:
                os.close(descriptor)


def _copy(folder: RunFolder, name: str) -> int:
    if name not in ("stdout", "stderr"):  # the events are somebody else's words
        return -1
    path = os.path.join(folder.path, name)
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return -1
    except OSError as error:
        raise StoreError(f"can't read {path}: {error.strerror}") from error
