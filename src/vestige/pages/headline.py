"""What stands at the top of a run's page: a few figures, each with how it was got, and one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from vestige.quantity import duration, how, number, shown, size
from vestige.record.outcome import failed, outcome
from vestige.report.plot_lanes import label
from vestige.spans.kinds import NODE
from vestige.words import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.record.model import Figure, Method, Process, Record

_LEAST = 0.001  # nobody needs to know how much less
_FEW = 0.1  # shares below it get a digit more
_TRUST: tuple[Method, ...] = ("exact", "sampled", "bound", "estimate", "unavailable")
_LABEL = 48  # letters of a command in the sentence


@dataclass(frozen=True, slots=True)
class Share:
    """A figure as a part of what was granted."""

    part: float  # 1: all of it
    words: str  # "12 % of 25.3 GB"


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure."""

    name: str
    value: str
    method: Method
    how: str  # the method in words, with what is certain
    note: str = ""
    share: Share | None = None
    more: str = ""  # a second value
    is_bad: bool = False


def tiles(record: Record) -> list[Tile]:
    """Return the figures that are looked at first."""
    return [*_outcome(record), *_wall(record), *_cpu(record), *_memory(record), *_traffic(record)]


def sentence(record: Record, processes: Sequence[Process]) -> Markup:
    """Return in one sentence how it went, what it used, and what stood out."""
    used = [*_cores_words(record.resources), *_memory_words(record, processes), *_slowest_words(record)]
    head = _ending(record, processes)
    return (head + ": " + Markup("; ").join(used) if used else head) + "."


def granted_memory(record: Record) -> tuple[str, float] | None:
    """Return what memory the run could have: a limit, else all of the machine; None where neither is known."""
    machine = record.machine
    if machine is None:
        return None
    if machine.memory_limit and (machine.memory is None or machine.memory_limit < machine.memory):
        return "limit", float(machine.memory_limit)
    return ("RAM", float(machine.memory)) if machine.memory else None


def percent(part: float) -> str:
    """Return a share as people write it: `38 %`, `0.4 %`."""
    if 0 < part < _LEAST:
        return f"under {100 * _LEAST:g} %"
    return f"{100 * part:.0f} %" if part >= _FEW or part == 0 else f"{100 * part:.2g} %"


def _outcome(record: Record) -> Iterator[Tile]:
    value = outcome(record).partition(":")[0]
    note = safe(record.exit.reason or "")
    if record.exit.code is not None:
        yield Tile("Outcome", value, "exact", "exact", note, is_bad=failed(record))
    else:
        how_known = "not over yet" if record.status == "running" else "nobody saw the end"
        yield Tile("Outcome", value, "unavailable", how_known, note, is_bad=failed(record))


def _wall(record: Record) -> Iterator[Tile]:
    figure = record.resources.get("wall")
    if figure is not None:
        yield Tile("Wall time", shown(figure), figure.method, how(figure))


def _cpu(record: Record) -> Iterator[Tile]:
    figure = record.resources.get("cpu")
    if figure is None:
        return
    used, allowed = record.resources.get("cores_used"), record.resources.get("cores_allowed")
    note, share = "", None
    if used is not None and used.value is not None:
        note = f"{shown(used)} cores on average"
        if allowed is not None and allowed.value:
            share = _share(float(used.value), float(allowed.value), f"{allowed.value:g} cores granted")
    yield Tile("CPU time", shown(figure), figure.method, how(figure, reasons=False), note, share)


def _memory(record: Record) -> Iterator[Tile]:
    figure = record.resources.get("memory_peak")
    if figure is None:
        return
    granted, share = granted_memory(record), None
    if granted is not None and figure.value is not None:
        share = _share(float(figure.value), granted[1], f"{size(granted[1])} {_kind(granted[0])}")
    largest = record.resources.get("memory_peak_process")
    note = "" if largest is None or largest.value is None else f"{shown(largest)} the largest process"
    yield Tile("Peak memory", shown(figure), figure.method, how(figure, reasons=False), note, share)


def _kind(name: str) -> str:
    return "granted" if name == "limit" else "of RAM"


def _traffic(record: Record) -> Iterator[Tile]:
    known = record.resources
    through = [known.get(f"{way}_chars") for way in ("read", "written")]
    storage = [known.get(f"{way}_bytes") for way in ("read", "written")]
    pair = through if any(figure is not None and figure.value is not None for figure in through) else storage
    if all(figure is None for figure in pair):
        return
    worst = max((figure for figure in pair if figure is not None), key=lambda figure: _TRUST.index(figure.method))
    words = [shown(figure) for figure in storage]
    note = f"storage: {words[0]} read, {words[1]} written" if pair is through and all(storage) else ""
    read, written = f"{shown(pair[0])} read", f"{shown(pair[1])} written"
    yield Tile("I/O", read, worst.method, how(worst, reasons=False), note, more=written)


def _share(value: float, granted: float, words: str) -> Share:
    part = value / granted
    return Share(part, f"{percent(part)} of {words}")


def _ending(record: Record, processes: Sequence[Process]) -> Markup:
    wall = record.resources.get("wall")
    took = "" if wall is None or wall.value is None else f" after {shown(wall)}"
    if record.status == "running":
        return Markup("It is still running")
    if record.exit.code is None and record.exit.signal is None:
        return Markup("Nobody saw how it ended")
    if not failed(record):
        return escape(f"It ended well{took}")
    return escape(f"It failed{took} with {outcome(record)}") + _culprit(record, processes)


def _culprit(record: Record, processes: Sequence[Process]) -> Markup:
    """Name the process that ended so first, where it is not the command itself."""
    same = [
        process
        for process in processes
        if process.end is not None and (process.exit_code, process.signal) == (record.exit.code, record.exit.signal)
    ]
    if len(same) < 2:  # noqa: PLR2004 - the command itself is one of them
        return Markup()
    return Markup(", which {} was the first to end with").format(_code(min(same, key=lambda each: each.end or 0.0)))


def _cores_words(known: dict[str, Figure]) -> Iterator[Markup]:
    used, allowed = known.get("cores_used"), known.get("cores_allowed")
    if used is not None and used.value is not None:
        of = f" of {allowed.value:g}" if allowed is not None and allowed.value else ""
        yield escape(f"{shown(used)}{of} cores used on average")


def _memory_words(record: Record, processes: Sequence[Process]) -> Iterator[Markup]:
    peak, granted = record.resources.get("memory_peak"), granted_memory(record)
    if peak is None or not peak.value:
        return
    words = f"{shown(peak)} of memory at the peak"
    if granted is not None:
        words += (
            f" ({percent(float(peak.value) / granted[1])} of {'its limit' if granted[0] == 'limit' else 'the RAM'})"
        )
    yield escape(words) + _holder(float(peak.value), processes)


def _holder(peak: float, processes: Sequence[Process]) -> Markup:
    """Name who held most of the memory, if it was one of several processes."""
    if len(processes) < 2:  # noqa: PLR2004
        return Markup()
    largest = max(processes, key=lambda process: process.memory_peak.value or 0)
    if (largest.memory_peak.value or 0) * 2 <= peak:
        return Markup()
    return Markup(", most of it in {}").format(_code(largest))


def _slowest_words(record: Record) -> Iterator[Markup]:
    spans = record.spans
    if spans is not None and spans.slowest is not None and spans.slowest.of > 1:
        slowest = spans.slowest
        kind = "nodes" if slowest.kind == NODE else "parts"
        words = Markup(" took longest of {} {}, {}").format(number(slowest.of), kind, duration(slowest.wall))
        yield Markup("<code>{}</code>").format(safe(slowest.name)) + words


def _code(process: Process) -> Markup:
    return Markup("<code>{}</code>").format(label(process.argv, process.name, most=_LABEL))
