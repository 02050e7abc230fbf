"""The page of `vestige show`: all that a record says, except its lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.quantity import how, number, shown, size
from vestige.record.outcome import failed, outcome
from vestige.record.place import short_id
from vestige.report import commit
from vestige.report.counts import calls, class_rows, gaps, slowest
from vestige.report.paint import PLAIN, Paint
from vestige.words import command, safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.record.model import Record, Stream


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
    rows = [("named", number(counted.count)), ("slowest", slowest(record))]
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
    yield from (f"files may be missing: {reason}" for reason in gaps(record))
    if state.events_unreadable:
        yield f"{number(state.events_unreadable)} lines of events.jsonl are unreadable"
    yield from state.notes
