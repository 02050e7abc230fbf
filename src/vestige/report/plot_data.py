"""A run as curves, bars and marks: what a plot shows, before anybody draws it.

Everything is in seconds since the run's start, bytes, and cores. Nothing is invented: a curve goes through what was
looked at, a process of which only its start, end, CPU and memory peak are known is a bar and not a curve.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vestige.quantity import duration, how, marked, shown, size
from vestige.record.outcome import outcome
from vestige.record.place import short_id
from vestige.text import to_bytes
from vestige.words import command, safe, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vestige.record.model import Figure, Point, Process, Record
    from vestige.report.bands import Band

Metric = Literal["cpu", "memory", "io"]
Unit = Literal["cores", "%", "B", "B/s"]
Role = Literal["total", "added", "look", "largest", "process", "rest", "read", "written"]
MarkKind = Literal["exec", "fork", "exit", "signal", "oom"]

METRICS: tuple[Metric, ...] = ("cpu", "memory", "io")
DEFAULT_METRICS: tuple[Metric, ...] = ("cpu", "memory")
MOST_LANES = 8  # processes with a bar of their own
MOST_GROUPS = 5  # bars for the rest
MOST_RUNS = 7  # over each other
_STEPS = 150  # a rate is the mean over at least this part of the run: single ticks of 5 ms are mostly noise
_GAPS = 400  # gaps below this part of the run are not seen
_SAME = 1.02  # resident sizes added up beyond this times those with shared pages counted once are another curve
_FAIR = 0.05  # of all CPU: who used that much has a bar of its own
_WORTH_TELLING = 0.01  # of the total
_NEAR = 0.9  # a process of this part of the peak was there when it was reached
_ROOM = 1.06  # above the highest value
_REACH = 2.0  # a limit up to this times the highest value is worth the room that it takes
_SHORTEST = 1e-6  # s, of an axis
_LABEL = 32  # letters


@dataclass(frozen=True, slots=True)
class Curve:
    """The corners of a line; a value of None breaks it."""

    label: str  # what it is
    role: Role  # how it is drawn
    times: tuple[float, ...]  # s since the run's start
    values: tuple[float | None, ...]  # in the unit of its panel
    low: tuple[float, ...] = ()  # where looks were merged: the least of them; empty: nowhere


@dataclass(frozen=True, slots=True)
class Limit:
    """What a metric can't exceed."""

    label: str  # in words, with its value
    value: float  # in the unit of its panel


@dataclass(frozen=True, slots=True)
class Peak:
    """The largest value, and about when it was reached."""

    time: float  # s since the run's start
    figure: Figure  # how large, and how that is known

    @property
    def is_exact(self) -> bool:
        """Whether it is drawn solid."""
        return self.figure.method == "exact"


@dataclass(frozen=True, slots=True)
class Panel:
    """One metric over time."""

    metric: Metric
    unit: Unit  # of all values in it
    headline: str  # the totals in words, and how they were got
    curves: tuple[Curve, ...] = ()
    limits: tuple[Limit, ...] = ()
    peak: Peak | None = None
    layers: tuple[Curve, ...] = ()  # of memory: what single processes had at each look, to be stacked from the bottom

    @property
    def top(self) -> float:
        """Where its axis ends; a limit far above the values is not worth the room."""
        highest = max((value for curve in self.curves for value in curve.values if value is not None), default=0.0)
        if self.peak is not None:
            highest = max(highest, float(self.peak.figure.value or 0))
            upper = float(self.peak.figure.upper or 0)
            highest = upper if highest < upper <= highest * _REACH else highest
        near = [limit.value for limit in self.limits if limit.value <= highest * _REACH]
        return max([highest, *near]) * _ROOM or 1.0


@dataclass(frozen=True, slots=True)
class Lane:
    """A process from start to end."""

    label: str  # its command, short
    start: float  # s since the run's start
    end: float  # s since the run's start
    cores: float | None  # that it used on average; None: not known
    cpu: Figure  # s
    memory: Figure  # B, its peak
    ending: str = ""  # "SIGKILL", "exit 3", "alive"; empty: exit 0, or nobody saw

    @property
    def figures(self) -> str:
        """What it used, in words: `891 MB  21.3 s CPU`; nothing of what is not known."""
        memory = "" if self.memory.method == "unavailable" else marked(self.memory)
        cpu = "" if self.cpu.method == "unavailable" else f"{marked(self.cpu)} CPU"
        return "  ".join(word for word in (memory, cpu, self.ending) if word)


@dataclass(frozen=True, slots=True)
class Group:
    """Processes that share a bar: those of one program, or all others."""

    label: str  # `cc1 x40`, `17 others`
    count: int
    cpu: float  # s, of those of which it is known
    largest: Figure  # B, the largest memory peak of any of them
    alive: tuple[tuple[float, float], ...]  # when at least one of them was there

    @property
    def figures(self) -> str:
        """What they used, in words."""
        peak = self.largest
        each = marked(peak) if self.count == 1 else f"≤ {size(peak.value or 0)} each"
        return f"{each}  {duration(self.cpu)} CPU".strip()


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at one moment."""

    time: float  # s since the run's start
    kind: MarkKind
    label: str = ""  # in words, for signals


@dataclass(frozen=True, slots=True)
class Chart:
    """One run, ready to be drawn."""

    name: str  # short id, or the file's name
    command: str  # as it could be typed
    ending: str  # how it ended, how long it took
    end: float  # s, where the time axis ends
    panels: tuple[Panel, ...]
    lanes: tuple[Lane, ...] = ()
    groups: tuple[Group, ...] = ()
    marks: tuple[Mark, ...] = ()
    bands: tuple[Band, ...] = ()  # its spans

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.lanes and not self.bands and not any(panel.curves or panel.peak for panel in self.panels)


def chart(
    record: Record,
    points: Sequence[Point],
    processes: Sequence[Process],
    *,
    metrics: Sequence[Metric] = DEFAULT_METRICS,
    by_process: bool = True,
) -> Chart:
    """Return what there is to draw of a run.

    `metrics` are the panels in their order; without `by_process` there are no bars of processes, only the tree as a
    whole and its marks.
    """
    end = _end(record, points, processes)
    panels = {"cpu": _cpu, "memory": _memory, "io": _io}
    lanes, groups = _lanes(processes, end) if by_process else ((), ())
    return Chart(
        name=short_id(record.id),
        command=command(record.argv),
        ending=ending(record),
        end=end,
        panels=tuple(panels[metric](record, points, processes, end) for metric in metrics),
        lanes=lanes,
        groups=groups,
        marks=tuple(_marks(record, processes)),
    )


def ending(record: Record) -> str:
    """Return how a run ended and how long it took."""
    took = record.resources.get("wall")
    return "  ·  ".join([outcome(record), *([shown(took)] if took is not None and took.value else [])])


def rate(totals: Iterable[tuple[float, float]], least: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return times and values of the steps by which a total grew per second, from 0 at the run's start.

    `totals` are moments and the total by then, `least` is the shortest span that a step may have; a total that falls
    (processes were lost sight of) counts as one that stands still.
    """
    times: list[float] = []
    values: list[float] = []
    began, had = 0.0, 0.0
    latest = (0.0, 0.0)
    for moment, total in totals:
        latest = (max(moment, latest[0]), max(total, latest[1]))
        if latest[0] - began >= least:
            _step(times, values, (began, latest[0]), (latest[1] - had) / (latest[0] - began))
            began, had = latest
    rest = latest[0] - began
    if rest > 0 and (not times or rest > least / 2):
        _step(times, values, (began, latest[0]), (latest[1] - had) / rest)
    elif times and latest[1] + rest > had:  # too short a rest for a step of its own: the last one takes it in
        first = times[-2]
        whole = values[-1] * (times[-1] - first) + latest[1] - had
        times[-1] = latest[0]
        values[-2:] = [whole / (latest[0] - first)] * 2
    return tuple(times), tuple(values)


def _step(times: list[float], values: list[float], span: tuple[float, float], value: float) -> None:
    times += span
    values += (value, value)


def _end(record: Record, points: Sequence[Point], processes: Sequence[Process]) -> float:
    wall = record.resources.get("wall")
    seen = [point.end for point in points[-1:]] + [process.end for process in processes if process.end is not None]
    known = [float(wall.value)] if wall is not None and wall.value else seen
    return max([_SHORTEST, *known])


def _cpu(record: Record, points: Sequence[Point], _: Sequence[Process], end: float) -> Panel:
    """Return the cores used.

    What processes use at their very end is in the total and in no look: the last step would be taller than the machine
    is wide. Such a rest is told and not drawn.
    """
    total, allowed = (record.resources.get(name) for name in ("cpu", "cores_allowed"))
    totals = [(point.end, point.cpu) for point in points]
    seen = max((cpu for _, cpu in totals), default=0.0)
    words = _cpu_words(record)
    if total is not None and total.value is not None:
        rest = float(total.value) - seen
        at_most = float(allowed.value) if allowed is not None and allowed.value else float("inf")
        if not totals or rest <= at_most * (end - totals[-1][0]):
            totals.append((end, float(total.value)))
        elif rest >= float(total.value) * _WORTH_TELLING:
            words += f"; {duration(rest)} of it between looks, not in the curve"
    times, values = rate(totals, end / _STEPS)
    curves = (Curve("cores used", "total", times, values),) if times else ()
    return Panel("cpu", "cores", words, curves, tuple(_cpu_limits(record, allowed)))


def _cpu_limits(record: Record, allowed: Figure | None) -> Iterator[Limit]:
    if allowed is not None and allowed.value is not None:
        yield Limit(f"{allowed.value:g} {'core' if allowed.value == 1 else 'cores'} allowed", float(allowed.value))
    elif record.machine is not None and record.machine.cpus:
        cpus = record.machine.cpus
        yield Limit(f"{cpus} {'core' if cpus == 1 else 'cores'}", float(cpus))


def _cpu_words(record: Record) -> str:
    total, cores = record.resources.get("cpu"), record.resources.get("cores_used")
    average = f"{shown(cores)} cores on average" if cores is not None and cores.value is not None else ""
    if total is None or (total.value is None and total.lower is None):
        return f"CPU {average} ({how(cores, reasons=False)})" if average else "CPU"
    return f"CPU {shown(total)}{average and ', '}{average} ({how(total, reasons=False)})"


def _memory(record: Record, points: Sequence[Point], processes: Sequence[Process], end: float) -> Panel:
    figure = record.resources.get("memory_peak")
    words = "memory" if figure is None else f"memory {shown(figure)} at the peak ({how(figure, reasons=False)})"
    peak = None
    if figure is not None and figure.value:
        peak = Peak(_peak_time(float(figure.value), points, processes, end), figure)
    return Panel("memory", "B", words, tuple(_memory_curves(points)), tuple(_memory_limits(record)), peak)


def _memory_curves(points: Sequence[Point]) -> Iterator[Curve]:
    """Yield memory with shared pages counted once, and resident sizes added up where that is something else.

    Where the former was not always looked at, the latter is the curve, and the looks are dots.
    """
    looks = [(point, moment) for point in points for moment in dict.fromkeys((_from(point), point.end))]
    times = tuple(moment for _, moment in looks)
    once = tuple(point.pss for point, _ in looks)
    added = tuple(float(point.rss_max) for point, _ in looks)
    low = tuple(float(point.rss_min) for point, _ in looks) if any(point.samples > 1 for point in points) else ()
    shares = [place for place, value in enumerate(once) if value is None or added[place] > value * _SAME]
    if once and None not in once:
        yield Curve("memory", "total", times, once)
        if shares:
            yield Curve("resident sizes added up", "added", times, added, low)
    elif once:
        yield Curve("resident sizes added up", "total", times, added, low)
        dots = [(times[place], value) for place in shares if (value := once[place]) is not None]
        if dots:
            yield Curve(
                "shared pages counted once", "look", tuple(dot[0] for dot in dots), tuple(dot[1] for dot in dots)
            )


def _from(point: Point) -> float:
    """Return where the span of a point begins; a single look is a moment."""
    return point.start if point.samples > 1 else point.end


def _memory_limits(record: Record) -> Iterator[Limit]:
    machine = record.machine
    if machine is None:
        return
    if machine.memory_limit and (machine.memory is None or machine.memory_limit < machine.memory):
        yield Limit(f"limit {size(machine.memory_limit)}", machine.memory_limit)
    if machine.memory:
        yield Limit(f"RAM {size(machine.memory)}", machine.memory)


def _peak_time(value: float, points: Sequence[Point], processes: Sequence[Process], end: float) -> float:
    """Return about when the peak was: at the largest look, while the process that makes most of it was alive."""
    large = [process for process in processes if (process.memory_peak.value or 0) >= value * _NEAR]
    start, stop = 0.0, end
    if large:
        largest = max(large, key=lambda process: process.memory_peak.value or 0)
        start, stop = largest.start, end if largest.end is None else min(largest.end, end)
    looks = [point for point in points if start <= point.end <= stop]
    if not looks:
        return (start + stop) / 2
    return max(looks, key=lambda point: (point.pss or 0, point.rss_max)).end


def _io(record: Record, points: Sequence[Point], _: Sequence[Process], end: float) -> Panel:
    """Return what went through read and write; where the kernel doesn't tell, what storage had to do."""
    kind = "chars" if any(point.read_chars is not None for point in points) else "bytes"
    curves = []
    roles: tuple[Role, Role] = ("read", "written")
    for role in roles:
        counts = [(point.end, getattr(point, f"{role}_{kind}")) for point in points]
        totals = [(moment, float(count)) for moment, count in counts if count is not None]
        total = record.resources.get(f"{role}_{kind}")
        if total is not None and total.value is not None:
            totals.append((end, float(total.value)))
        times, values = rate(totals, end / _STEPS)
        if times:
            curves.append(Curve(role, role, times, values))
    return Panel("io", "B/s", _io_words(record, kind), tuple(curves))


def _io_words(record: Record, kind: str) -> str:
    figures = [(word, record.resources.get(f"{word}_{kind}")) for word in ("read", "written")]
    known = [f"{shown(figure)} {word} ({how(figure, reasons=False)})" for word, figure in figures if figure is not None]
    return ", ".join([f"{'I/O' if kind == 'chars' else 'storage'} {known[0]}", *known[1:]]) if known else "I/O"


def _lanes(processes: Sequence[Process], end: float) -> tuple[tuple[Lane, ...], tuple[Group, ...]]:
    """Return the largest processes in order of their start, the rest by program, and what is left of these together."""
    chosen = _chosen(processes)
    lanes = [_lane(processes[index], end) for index in sorted(chosen, key=lambda index: processes[index].start)]
    rest = [process for index, process in enumerate(processes) if index not in chosen]
    by_program: dict[str, list[Process]] = {}
    for process in rest:
        by_program.setdefault(safe(process.name or "?"), []).append(process)
    largest = sorted(by_program, key=lambda name: (-sum(_value(each.cpu) for each in by_program[name]), name))
    if len(largest) > MOST_GROUPS:
        largest = [name for name in largest if len(by_program[name]) > 1][: MOST_GROUPS - 1]
    groups = [_group(_times(name, len(by_program[name])), by_program.pop(name), end) for name in largest]
    left = [process for members in by_program.values() for process in members]
    groups += [_group(f"{len(left)} other{'s' * (len(left) > 1)}", left, end)] if left else []
    return tuple(lanes), tuple(groups)


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
    largest = max(range(len(processes)), key=lambda index: _value(processes[index].memory_peak))
    killed = [index for index, process in enumerate(processes) if process.signal]
    busy = [index for index, process in enumerate(processes) if _value(process.cpu) >= cpu * _FAIR]
    busy.sort(key=lambda index: (-_value(processes[index].cpu), index))
    return set(list(dict.fromkeys((0, largest, *killed[: MOST_LANES // 2], *busy)))[:MOST_LANES])


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
    return Group(
        label=words,
        count=len(processes),
        cpu=sum(_value(process.cpu) for process in processes),
        largest=max((process.memory_peak for process in processes), key=_value),
        alive=tuple(joined(spans, end / _GAPS, end)),
    )


def joined(spans: Iterable[tuple[float, float]], gap: float, end: float) -> Iterator[tuple[float, float]]:
    """Yield spans in order of their start as their union up to `end`; gaps up to `gap` are closed."""
    current: tuple[float, float] | None = None
    for start, stop in ((min(start, end), min(max(start, stop), end)) for start, stop in spans):
        if current is None:
            current = (start, stop)
        elif start <= current[1] + gap:
            current = (current[0], max(current[1], stop))
        else:
            yield current
            current = (start, stop)
    if current is not None:
        yield current


def _marks(record: Record, processes: Sequence[Process]) -> Iterator[Mark]:
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
