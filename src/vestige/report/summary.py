"""The summary of a record after its run, and its one-line form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.quantity import how, how_all, number, shown, size
from vestige.record.outcome import failed, outcome
from vestige.record.place import short_id
from vestige.report import commit
from vestige.report.counts import calls, counts, gaps, slowest
from vestige.report.paint import PLAIN, Paint
from vestige.words import command, safe, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.record.model import Figure, Process, Record, Stream

_WIDEST = 50  # columns of a figure with its words
_SEPARATOR = "  ·  "
_LONG = ("files", "network", "slowest", "commit", "left out", "dirty", "missing")
"""Rows that the right column does not stand back for."""


def line(record: Record, *, width: int = 100, paint: Paint = PLAIN) -> str:
    """Return a run in one line."""
    parts = [outcome(record), shown(record.resources.get("wall"))]
    parts += [f"cpu {_with_mark(record.resources.get('cpu'))}"]
    parts += [f"memory {_with_mark(record.resources.get('memory_peak'))}"]
    return _headline(record, parts, width, paint)


def summary(record: Record, *, processes: Sequence[Process] = (), width: int = 100, paint: Paint = PLAIN) -> str:
    """Return the few lines that are printed after a run; `processes` lets it name the largest one."""
    rows = list(_summary_rows(record, processes))
    left = max((len(figures) for name, figures, _ in rows if name not in _LONG), default=0)
    lines = [_headline(record, [outcome(record), shown(record.resources.get("wall"))], width, paint)]
    for name, figures, mark in rows:
        lines.append(f"  {name:<9}  {figures:<{left}}  {paint.dim(mark)}".rstrip())
    return "\n".join([*lines, paint.dim(f"  vestige show {short_id(record.id)}")])


def _headline(record: Record, parts: list[str], width: int, paint: Paint) -> str:
    tail = _SEPARATOR + _SEPARATOR.join(parts)
    head = f"vestige {short_id(record.id)}  "
    words = shortened(command(record.argv), max(20, width - len(head) - len(tail)))
    mark = paint.bad if failed(record) else paint.bold
    return paint.bold(head + words) + mark(tail)


def _with_mark(figure: Figure | None) -> str:
    if figure is None or figure.method == "exact":
        return shown(figure)
    return f"{shown(figure)} ({figure.method})"


def _summary_rows(record: Record, processes: Sequence[Process]) -> Iterator[tuple[str, str, str]]:
    """Yield name, figures, and how they were got, for what this record knows."""
    known = record.resources
    if "cpu" in known:
        yield "cpu", _cpu(known), how(known["cpu"], reasons=False)
    if "memory_peak" in known:
        peak = known["memory_peak"]
        yield (
            "memory",
            f"{shown(peak)} at the peak" if peak.value is not None else shown(peak),
            how(peak, reasons=False),
        )
    if "memory_peak_process" in known:
        largest = known["memory_peak_process"]
        yield "largest", _largest(largest, processes), how(largest, reasons=False)
    if "processes" in known:
        yield "processes", shown(known["processes"]), how(known["processes"], reasons=False)
    if "read_chars" in known or "read_bytes" in known:
        yield "I/O", *_traffic(known)
    if record.streams:
        yield "output", _output(record.streams), ""
    yield from _touched(record)


def _touched(record: Record) -> Iterator[tuple[str, str, str]]:
    """Yield what is known of files and connections, and in one line why that may not be all."""
    counted = counts(record)
    if counted is not None:
        yield "files", counted, ""
    called = calls(record)
    if called is not None:
        yield "network", *called
    longest = slowest(record)
    if longest is not None:
        yield "slowest", longest, ""
    yield from commit.rows(record)
    reasons = gaps(record)
    if reasons:
        more = f" (`vestige show` has {number(len(reasons) - 1)} more)" if len(reasons) > 1 else ""
        yield "missing", reasons[0] + more, ""


def _cpu(known: dict[str, Figure]) -> str:
    used, allowed = known.get("cores_used"), known.get("cores_allowed")
    cores = f", {shown(used)} of {_count(allowed)} cores" if used and used.value is not None and allowed else ""
    return shown(known["cpu"]) + cores


def _count(figure: Figure) -> str:
    value = figure.value
    return number(int(value)) if value is not None and float(value).is_integer() else shown(figure)


def _largest(figure: Figure, processes: Sequence[Process]) -> str:
    measured = [process for process in processes if process.memory_peak.value is not None]
    if not measured or figure.value is None:
        return shown(figure)
    largest = max(measured, key=lambda process: process.memory_peak.value or 0)
    words = command(largest.argv) if largest.argv else safe(largest.name or f"pid {largest.pid}")
    return f"{shown(figure)}, {shortened(words, _WIDEST - 2 - len(shown(figure)))}"


def _traffic(known: dict[str, Figure]) -> tuple[str, str]:
    """Return what went through read and write, and of that from and to storage."""
    through = [("read", known.get("read_chars")), ("written", known.get("written_chars"))]
    storage = [("read", known.get("read_bytes")), ("written", known.get("written_bytes"))]
    through = [(name, figure) for name, figure in through if figure and figure.value is not None] or storage
    left = ", ".join(f"{shown(figure)} {name}" for name, figure in through)
    return left, how_all(through)


def _output(streams: dict[str, Stream]) -> str:
    return ", ".join(f"{name} {_stream_short(stream)}" for name, stream in streams.items())


def _stream_short(stream: Stream) -> str:
    if stream.merged:
        return "with it"
    length = "" if stream.length is None else f"{size(stream.length)} "
    return f"{length}captured" if stream.captured else f"{length}to a {stream.kind}"
