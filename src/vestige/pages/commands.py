"""The processes of a run over time, a row for each command however often it was run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.pages import drawing
from vestige.quantity import duration, marked, number
from vestige.report.plot_lanes import label
from vestige.report.stretches import GAPS, joined
from vestige.report.together import of_each, total
from vestige.words import command, safe, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.record.model import Figure, Process

_MOST_ROWS = 40
_MOST_MEMBERS = 25  # processes that are listed of a row
_KNOWN = ("exact", "bound")  # bound: to the 10 ms of the kernel's clock
_LABEL = 70  # letters
_COMMAND = 500  # letters


@dataclass(frozen=True, slots=True)
class Member:
    """One process of a row."""

    pid: int
    start: str
    took: str
    cpu: str
    memory: str
    read: str
    written: str
    ending: str
    command: str


@dataclass(frozen=True, slots=True)
class Row:
    """A command, or all of a program, or all that is left."""

    label: str
    count: int
    figures: str  # in words
    path: str  # of its bars
    is_exact: bool  # when they began and ended is known and not only seen
    bad: str  # "3 failed"; empty: none
    members: tuple[Member, ...]  # the longest
    left_out: int


def rows(processes: Sequence[Process], end: float) -> list[Row]:
    """Return the commands in the order in which they were first run; the smallest are one row if there are many."""
    groups = _grouped(processes)
    return [_row(name, members, end) for name, members in sorted(groups, key=lambda group: _first(group[1]))]


def _grouped(processes: Sequence[Process]) -> list[tuple[str, list[Process]]]:
    """Return processes by command; if these are too many by fewer words of it, and then the smallest together."""
    for words in (None, 2, 1):
        groups = _by(processes, [_named(process, words) for process in processes])
        if len(groups) <= _MOST_ROWS:
            return groups
    groups.sort(key=lambda group: -sum(map(_length, group[1])))
    rest = [process for _, members in groups[_MOST_ROWS - 1 :] for process in members]
    return [*groups[: _MOST_ROWS - 1], ("other programs", rest)]


def _named(process: Process, words: int | None) -> str:
    """Return the first words of a command, None: all of them; a script's name is the second one."""
    if words == 1:
        return shortened(safe(process.name or "?"), _LABEL)
    return label(
        process.argv if words is None or process.argv is None else process.argv[:words], process.name, most=_LABEL
    )


def _by(processes: Sequence[Process], names: Sequence[str]) -> list[tuple[str, list[Process]]]:
    groups: dict[str, list[Process]] = {}
    for process, name in zip(processes, names, strict=True):
        groups.setdefault(name, []).append(process)
    return list(groups.items())


def _first(members: Sequence[Process]) -> float:
    return min(process.start for process in members)


def _row(name: str, members: Sequence[Process], end: float) -> Row:
    spans = sorted((max(process.start, 0.0), end if process.end is None else process.end) for process in members)
    bad = sum(1 for process in members if process.signal or process.exit_code)
    longest = sorted(members, key=lambda process: -_length(process))
    return Row(
        label=name,
        count=len(members),
        figures="  ·  ".join(_figures(members, end)),
        path=drawing.bars(joined(spans, end / GAPS, end), end),
        is_exact=all(process.start_method in _KNOWN for process in members),
        bad=_bad(members, bad),
        members=tuple(_member(process) for process in longest[:_MOST_MEMBERS]),
        left_out=max(len(members) - _MOST_MEMBERS, 0),
    )


def _bad(members: Sequence[Process], count: int) -> str:
    if not count:
        return ""
    return _ending(members[0]) if len(members) == 1 else f"{number(count)} failed"


def _figures(members: Sequence[Process], end: float) -> Iterator[str]:
    """Yield how long, how much CPU, and how much memory, as far as that is known."""
    lengths = [_length(process) for process in members if process.end is not None]
    if len(members) > 1 and lengths:
        yield f"{duration(sum(lengths))} in all, longest {duration(max(lengths))}"
    elif lengths:
        yield duration(lengths[0])
    else:
        yield f"to the end at {duration(end)}"
    yield from _used(members)


def _used(members: Sequence[Process]) -> Iterator[str]:
    cpu = total([process.cpu for process in members])
    if cpu is not None and cpu.value is not None:
        yield f"{marked(cpu)} CPU"
    yield from filter(None, [of_each([process.memory_peak for process in members])])


def _member(process: Process) -> Member:
    words = command(process.argv) if process.argv else f"({safe(process.name or 'no command seen')})"
    return Member(
        pid=process.pid,
        start=("" if process.start_method == "exact" else "~") + duration(max(process.start, 0.0)),
        took="" if process.end is None else duration(_length(process)),
        cpu=marked(process.cpu),
        memory=marked(process.memory_peak),
        read=marked(_known(process.read_chars, process.read_bytes)),
        written=marked(_known(process.written_chars, process.written_bytes)),
        ending=_ending(process),
        command=shortened(words, _COMMAND) + (" …" if process.argv_truncated else ""),
    )


def _known(through: Figure, storage: Figure) -> Figure:
    return through if through.method != "unavailable" else storage


def _ending(process: Process) -> str:
    if process.survived:
        return "alive"
    if process.signal:
        return safe(process.signal)
    return "" if process.exit_code is None else f"exit {process.exit_code}" if process.exit_code else "ok"


def _length(process: Process) -> float:
    return 0.0 if process.end is None else max(process.end - process.start, 0.0)
