"""The processes of a run as bars from start to end, and the moments at which they began and ended."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vestige.quantity import counted
from vestige.report.plot_data import Group, Lane, Mark
from vestige.report.stretches import GAPS, joined
from vestige.report.together import largest, of_each, total
from vestige.text import to_bytes
from vestige.words import command, safe, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.record.model import Figure, Process, Record

MOST_LANES = 8  # processes with a bar of their own
MOST_GROUPS = 5  # bars for the rest
_FAIR = 0.05  # of all CPU: who used that much has a bar of its own
_SHORTEST = 1e-6  # s, of a bar
_LABEL = 32  # letters


def lanes(processes: Sequence[Process], end: float) -> tuple[tuple[Lane, ...], tuple[Group, ...]]:
    """Return the largest processes in order of their start, the rest by program, and what is left of these together."""
    chosen = _chosen(processes)
    bars = [_lane(processes[index], end) for index in sorted(chosen, key=lambda index: processes[index].start)]
    rest = [process for index, process in enumerate(processes) if index not in chosen]
    by_program: dict[str, list[Process]] = {}
    for process in rest:
        by_program.setdefault(safe(process.name or "?"), []).append(process)
    busiest = sorted(by_program, key=lambda name: (-sum(_value(each.cpu) for each in by_program[name]), name))
    if len(busiest) > MOST_GROUPS:
        busiest = [name for name in busiest if len(by_program[name]) > 1][: MOST_GROUPS - 1]
    groups = [_group(_times(name, len(by_program[name])), by_program.pop(name), end) for name in busiest]
    left = [process for members in by_program.values() for process in members]
    groups += [_group(counted(len(left), "other"), left, end)] if left else []
    return tuple(bars), tuple(groups)


def _times(name: str, count: int) -> str:
    return f"{shortened(name, _LABEL - 8)} ×{count}" if count > 1 else shortened(name, _LABEL)  # noqa: RUF001


def _chosen(processes: Sequence[Process]) -> set[int]:
    """Return the places of those that get a bar of their own.

    All if they are few. Else the command itself, whoever a signal ended, the one with the largest memory, and those
    with a fair part of the CPU: of forty compilers alike none is worth more than the others.
    """
    if len(processes) <= MOST_LANES + 1:
        return set(range(len(processes)))
    cpu = sum(_value(process.cpu) for process in processes) or 1.0
    heaviest = max(range(len(processes)), key=lambda index: _value(processes[index].memory_peak))
    killed = [index for index, process in enumerate(processes) if process.signal]
    busy = [index for index, process in enumerate(processes) if _value(process.cpu) >= cpu * _FAIR]
    busy.sort(key=lambda index: (-_value(processes[index].cpu), index))
    return set(list(dict.fromkeys((0, heaviest, *killed[: MOST_LANES // 2], *busy)))[:MOST_LANES])


def _lane(process: Process, end: float) -> Lane:
    start = min(max(process.start, 0.0), end)
    stop = end if process.end is None else min(max(process.end, start), end)
    took = max(stop - start, _SHORTEST)
    return Lane(
        label=label(process.argv, process.name),
        start=start,
        end=stop,
        cores=None if process.cpu.value is None else float(process.cpu.value) / took,
        cpu=process.cpu,
        memory=process.memory_peak,
        ending=_ending(process),
    )


def _ending(process: Process) -> str:
    if process.survived:
        return "alive"
    if process.signal:
        return safe(process.signal)
    return f"exit {process.exit_code}" if process.exit_code else ""


def _group(words: str, processes: Sequence[Process], end: float) -> Group:
    spans = sorted((max(process.start, 0.0), end if process.end is None else process.end) for process in processes)
    peaks = [process.memory_peak for process in processes]
    return Group(
        label=words,
        count=len(processes),
        cpu=total([process.cpu for process in processes]) or processes[0].cpu,
        largest=largest(peaks),
        peaks=of_each(peaks),
        alive=tuple(joined(spans, end / GAPS, end)),
    )


def marks(record: Record, processes: Sequence[Process]) -> Iterator[Mark]:
    """Yield what happened in order of time."""
    kills = record.resources.get("oom_kills")
    found = [mark for process in processes for mark in _marks_of(process, kills)]
    yield from sorted(found, key=lambda mark: mark.time)


def _marks_of(process: Process, kills: Figure | None) -> Iterator[Mark]:
    yield Mark(process.start, "exec" if process.argv is not None else "fork")
    if process.end is None:
        return
    if process.signal is None:
        yield Mark(process.end, "exit")
        return
    name = label(process.argv, process.name, most=20)
    if process.signal == "SIGKILL" and kills is not None and kills.value:
        sure = "" if kills.reason is None or "own" in kills.reason else "?"  # others of the machine may be meant
        yield Mark(process.end, "oom", f"out of memory{sure}  {name}")
    else:
        yield Mark(process.end, "signal", f"{safe(process.signal)}  {name}")


def label(argv: Sequence[str] | None, name: str | None, *, most: int = _LABEL) -> str:
    """Return a command so short that it fits beside a bar: no folders before its name, the middle left out."""
    if not argv:
        return shortened(f"({safe(name or 'no command seen')})", most)
    program = os.path.basename(os.fsdecode(to_bytes(argv[0])).rstrip("/")) or argv[0]
    words = command((safe(program), *argv[1:]))
    words = words.replace("\\n", " ")
    return words if len(words) <= most else f"{words[: most - most // 3 - 1]}…{words[-(most // 3) :]}"


def _value(figure: Figure) -> float:
    return float(figure.value or 0)
