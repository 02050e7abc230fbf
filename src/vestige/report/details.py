"""The lists of one run: its processes, its series, its output as it came."""

from __future__ import annotations

import bisect
import dataclasses
from typing import TYPE_CHECKING

from vestige.quantity import amount, duration, marked, size
from vestige.report.tables import Column
from vestige.words import command, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vestige.record.model import Figure, Point, Process
    from vestige.store.output import Piece

PROCESS_COLUMNS = (
    Column("pid", right=True),
    Column("start", right=True),
    Column("took", right=True),
    Column("exit"),
    Column("cpu", right=True),
    Column("memory", right=True),
    Column("read", right=True),
    Column("written", right=True),
    Column("command"),
)
POINT_COLUMNS = (
    Column("from", right=True),
    Column("to", right=True),
    Column("processes", right=True),
    Column("cores", right=True),
    Column("resident", right=True),
    Column("shared once", right=True),
    Column("read", right=True),
    Column("written", right=True),
)
_NONE = "–"  # noqa: RUF001 - a dash on purpose
_DEEPEST = 12  # levels of the tree that are indented
_TICK = 0.01  # s: how finely the kernel tells when a process began
_LONGEST = 1 << 20  # B of a line of output that stand in one line


def process_rows(processes: Sequence[Process]) -> list[list[str]]:
    """Return the cells of each process for `PROCESS_COLUMNS`, children under their parents."""
    return [_process_row(processes[index], depth) for index, depth in process_tree(processes)]


def process_tree(processes: Sequence[Process]) -> Iterator[tuple[int, int]]:
    """Yield the place in the list and the depth of every process, each after its parent, siblings by start.

    Whoever has no parent is a root.
    """
    children = _children(processes)
    reached: set[int] = set()
    for root in (*children.get(None, ()), *range(len(processes))):  # a foreign list may hold a circle without a root
        todo = [(root, 0)]
        while todo:
            index, depth = todo.pop()
            if index not in reached:
                reached.add(index)
                yield index, depth
                todo += [(child, depth + 1) for child in reversed(children.get(index, ()))]


def point_rows(points: Iterable[Point]) -> list[list[str]]:
    """Return the cells of each point for `POINT_COLUMNS`; bytes are those since the run's start."""
    rows = []
    cpu = at = 0.0
    for point in points:
        cores = (point.cpu - cpu) / (point.end - at) if point.end > at else 0.0
        cpu, at = point.cpu, point.end
        rows.append(_point_row(point, cores))
    return rows


def output_lines(pieces: Iterable[Piece]) -> Iterator[str]:
    """Yield the output line by line, each with the time of its first byte and its stream.

    A line that is cut off by the other stream, or for being endless, ends with a backslash.
    """
    open_piece: Piece | None = None
    for piece in pieces:
        for part in piece.content.splitlines(keepends=True):
            if open_piece and (open_piece.stream != piece.stream or len(open_piece.content) > _LONGEST):
                yield _output_line(open_piece) + "\\"
                open_piece = None
            began = open_piece or dataclasses.replace(piece, content=b"")
            open_piece = dataclasses.replace(began, content=began.content + part)
            if part.endswith(b"\n"):
                yield _output_line(open_piece)
                open_piece = None
    if open_piece:
        yield _output_line(open_piece)


def _output_line(piece: Piece) -> str:
    text = piece.content.rstrip(b"\r\n").decode("utf-8", "backslashreplace").expandtabs()
    time = _NONE if piece.time is None else f"{piece.time:.3f}"
    return f"{time:>10} {piece.stream}  {safe(text)}"


def _children(processes: Sequence[Process]) -> dict[int | None, list[int]]:
    """Return the children of each process by its place in the list, siblings by start; None: those without a parent."""
    by_pid: dict[int, list[int]] = {}
    children: dict[int | None, list[int]] = {}
    order = sorted(range(len(processes)), key=lambda index: processes[index].start)
    for index in order:
        by_pid.setdefault(processes[index].pid, []).append(index)
    for index in order:
        had = by_pid.get(processes[index].parent or 0, [])
        children.setdefault(_parent(processes, index, had), []).append(index)
    return children


def _parent(processes: Sequence[Process], index: int, had: Sequence[int]) -> int | None:
    """Return the parent's place: of all that `had` its number, by start, the latest that began before its child."""
    began = processes[index].start + _TICK
    place = bisect.bisect_right(had, began, key=lambda other: processes[other].start) - 1
    if place >= 0 and had[place] == index:  # no process is its own parent
        place -= 1
    if place >= 0:
        return had[place]
    return next((other for other in had if other != index), None)


def _process_row(process: Process, depth: int) -> list[str]:
    words = command(process.argv) if process.argv else f"({safe(process.name or 'no command seen')})"
    if process.argv_truncated:
        words += " …"
    return [
        str(process.pid),
        ("" if process.start_method == "exact" else "~") + duration(max(0, process.start)),
        _NONE if process.end is None else duration(max(0, process.end - process.start)),
        _process_end(process),
        marked(process.cpu),
        marked(process.memory_peak),
        _through(process.read_chars, process.read_bytes),
        _through(process.written_chars, process.written_bytes),
        "  " * min(depth, _DEEPEST) + words,
    ]


def _process_end(process: Process) -> str:
    if process.survived:
        return "alive"
    if process.signal:
        return process.signal
    return _NONE if process.exit_code is None else str(process.exit_code)


def _through(through: Figure, storage: Figure) -> str:
    return marked(through if through.method != "unavailable" else storage)


def _point_row(point: Point, cores: float) -> list[str]:
    read = point.read_chars if point.read_chars is not None else point.read_bytes
    written = point.written_chars if point.written_chars is not None else point.written_bytes
    return [
        amount(point.start, "s"),
        amount(point.end, "s"),
        str(point.processes),
        f"{cores:.2f}",
        size(point.rss_max),
        *(_NONE if count is None else size(count) for count in (point.pss, read, written)),
    ]
