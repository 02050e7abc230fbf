"""A record on a terminal: the summary after a run, its one-line form, and the page of `vestige show`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.quantity import duration, how, how_all, number, shown, size
from vestige.record.outcome import failed, outcome
from vestige.record.place import short_id
from vestige.report import commit
from vestige.report.counts import calls, class_rows, counts
from vestige.spans.kinds import NODE
from vestige.words import command, safe, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.record.model import Figure, Gap, Process, Record, Stream

_WIDEST = 50  # columns of a figure with its words
_SEPARATOR = "  ·  "
_LONG = (
    "files",
    "network",
    "slowest",
    "commit",
    "left out",
    "dirty",
    "missing",
)  # rows that the right column does not stand back for


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours, or none: everything reads the same without."""

    colours: bool = False

    def bold(self, text: str) -> str:
        """Return text for a headline."""
        return self._in("1", text)

    def dim(self, text: str) -> str:
        """Return text that stands back."""
        return self._in("2", text)

    def bad(self, text: str) -> str:
        """Return text that tells of a failure."""
        return self._in("31", text)

    def _in(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours and text else text


PLAIN = Paint()


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


def page(record: Record, *, folder: str, paint: Paint = PLAIN) -> str:
    """Return all that the record says, except its lists of processes and points."""
    blocks = [
        _identity(record, folder, paint),
        _figures(record, paint),
        _streams(record, paint),
        _files(record, paint),
        _spans(record, paint),
        _commit(record, paint),
        _remarks(record, paint),
    ]
    return "\n\n".join(block for block in blocks if block)


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
    slowest = _slowest(record)
    if slowest is not None:
        yield "slowest", slowest, ""
    yield from commit.rows(record)
    gaps = _gaps(record)
    if gaps:
        more = f" (`vestige show` has {number(len(gaps) - 1)} more)" if len(gaps) > 1 else ""
        yield "missing", _gap(gaps[0]) + more, ""


def _slowest(record: Record) -> str | None:
    """Return the named part that took longest: `train_model 6.1 s of 9 nodes`."""
    counted = record.spans
    if counted is None or counted.slowest is None:
        return None
    slowest = counted.slowest
    kind = "node" if slowest.kind == NODE else "span"
    failed = f", {number(counted.failed)} failed" if counted.failed else ""
    of = f"of {number(slowest.of)} {kind}{'s' * (slowest.of != 1)}"
    return f"{shortened(safe(slowest.name), _WIDEST)} {duration(slowest.wall)} {of}{failed}"


def _gaps(record: Record) -> tuple[Gap, ...]:
    """Return why files may be missing; where none were watched at all, that there was no tracing says it."""
    state = record.completeness
    return state.gaps if state is not None and state.files == "partial" else ()


def _gap(gap: Gap) -> str:
    return safe(f"{gap.reason} (to change it: {gap.remedy})" if gap.remedy else gap.reason)


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


def identity(record: Record, folder: str) -> list[tuple[str, str]]:
    """Return what tells a run from others: name and value, as far as they are known."""
    rows = [
        ("run", f"{short_id(record.id)}  ({record.id})"),
        ("command", command(record.argv)),
        ("outcome", outcome(record)),
        ("message", safe(record.message or "")),
        ("tags", safe(", ".join(record.tags))),
        ("started", record.started),
        ("ended", record.ended or ""),
        ("in", safe(record.cwd)),
        ("code", commit.checked_out(record.code) if record.code else ""),
        ("on", _machine(record)),
        ("job", safe(" ".join(f"{name}={value}" for name, value in record.job.items()))),
        ("parent", record.parent or ""),
        ("kept in", safe(folder)),
    ]
    return [(name, value) for name, value in rows if value]


def stream_rows(record: Record) -> list[tuple[str, str]]:
    """Return each output stream, and what became of it."""
    return [(name, _stream(stream)) for name, stream in record.streams.items()]


def remarks(record: Record) -> Iterator[str]:
    """Yield what a reader must know before trusting a gap."""
    for survivor in record.survivors:
        words = command(survivor.argv) if survivor.argv else survivor.name or ""
        yield safe(f"still alive when the run ended: {survivor.pid} {words}")
    yield from map(safe, _doubts(record))


def _identity(record: Record, folder: str, paint: Paint) -> str:
    rows = identity(record, folder)
    bad = failed(record)
    marked = ((name, paint.bad(value) if bad and name == "outcome" else value) for name, value in rows)
    return "\n".join(f"{name:<9} {value}" for name, value in marked)


def _machine(record: Record) -> str:
    machine = record.machine
    if machine is None:
        return ""
    cores = f"{machine.cpus} cores"
    if machine.cpus_allowed not in (None, machine.cpus):
        cores += f" ({machine.cpus_allowed} allowed)"
    if machine.cpu_quota is not None:
        cores += f" (quota {machine.cpu_quota:g})"
    memory = f", {size(machine.memory)} of memory" if machine.memory else ""
    limit = f" (limit {size(machine.memory_limit)})" if machine.memory_limit else ""
    return safe(f"{machine.host}: {machine.system} {machine.release} {machine.architecture}, {cores}{memory}{limit}")


def _figures(record: Record, paint: Paint) -> str:
    """Return all figures; a reason stands once below them, however many it is the reason of."""
    reasons: dict[str, int] = {}
    rows = []
    for name, figure in record.resources.items():
        mark = how(figure, reasons=False) if figure.method != "unavailable" else "unavailable"
        if figure.reason:
            mark += f" [{reasons.setdefault(figure.reason, len(reasons) + 1)}]"
        rows.append(f"  {_title(name):<28} {shown(figure):>14}  {paint.dim(mark)}")
    rows += [paint.dim(f"  [{index}] {safe(reason)}") for reason, index in reasons.items()]
    return "\n".join([paint.bold("figures"), *rows]) if rows else ""


def _title(name: str) -> str:
    return name.replace("_", " ")


def _streams(record: Record, paint: Paint) -> str:
    rows = [f"  {name:<7} {words}" for name, words in stream_rows(record)]
    return "\n".join([paint.bold("output"), *rows]) if rows else ""


def _stream(stream: Stream) -> str:
    words = [stream.kind, "captured" if stream.captured else "not captured"]
    if stream.merged:
        words = ["the same as stdout"]
    if stream.length is not None:
        words.append(size(stream.length))
    if stream.path is not None:
        words.append(safe(stream.path) + (f" from byte {stream.offset}" if stream.offset else ""))
    if stream.reason:
        words.append(safe(stream.reason))
    return ", ".join(words)


def _files(record: Record, paint: Paint) -> str:
    """Return how many files there are of each class, and whom the run called."""
    rows = [f"  {name:<10} {count:>7}  {total}".rstrip() for name, count, total in class_rows(record)]
    called = calls(record)
    blocks = ["\n".join([paint.bold("files"), *rows])] if rows else []
    if called is not None:
        blocks.append(f"{paint.bold('network')}\n  {'; '.join(filter(None, called))}")
    return "\n\n".join(blocks)


def _spans(record: Record, paint: Paint) -> str:
    """Return how many named parts there are, and which took longest."""
    counted = record.spans
    if counted is None:
        return ""
    rows = [("named", number(counted.count)), ("slowest", _slowest(record))]
    rows += [
        (name, number(count))
        for name, count in (
            ("failed", counted.failed),
            ("unfinished", counted.unfinished),
            ("lost lines", counted.lost),
        )
        if count
    ]
    lines = [f"  {name:<10} {words}" for name, words in rows if words is not None]
    return "\n".join([paint.bold("spans"), *lines, paint.dim("  `vestige show --spans` has all")])


def _commit(record: Record, paint: Paint) -> str:
    rows = [f"  {line}" for line in commit.page(record)]
    return "\n".join([paint.bold("commit"), *rows]) if rows else ""


def _remarks(record: Record, paint: Paint) -> str:
    rows = [f"  {words}" for words in remarks(record)]
    return "\n".join([paint.bold("to know"), *rows]) if rows else ""


def _doubts(record: Record) -> Iterator[str]:
    state = record.completeness
    if state is None:
        return
    if state.trace != "on":
        yield f"not traced{f': {state.trace_reason}' if state.trace_reason else ''}"
    if state.events_dropped:
        yield f"{number(state.events_dropped)} events were dropped"
    yield from (f"files may be missing: {_gap(gap)}" for gap in _gaps(record))
    if state.events_unreadable:
        yield f"{number(state.events_unreadable)} lines of events.jsonl are unreadable"
    yield from state.notes
