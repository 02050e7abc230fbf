"""CPU, memory and I/O of a run over time: a panel each, with curves through what was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.quantity import duration, how, shown, size
from vestige.report.plot_data import Curve, Limit, Panel, Peak

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from vestige.record.model import Figure, Point, Process, Record
    from vestige.report.plot_data import Metric, Role
    from vestige.report.stretches import Stretch

    Making = Callable[[Record, Sequence[Point], Sequence[Process], float], Panel]

_STEPS = 150  # a rate is the mean over at least this part of the run: single ticks of 5 ms are mostly noise
_SAME = 1.02  # resident sizes added up beyond this times those with shared pages counted once are another curve
_WORTH_TELLING = 0.01  # of the total
_NEAR = 0.9  # a process of this part of the peak was there when it was reached


def cpu(record: Record, points: Sequence[Point], _: Sequence[Process], end: float) -> Panel:
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


def memory(record: Record, points: Sequence[Point], processes: Sequence[Process], end: float) -> Panel:
    """Return what was resident, with the peak where it is known."""
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


def io(record: Record, points: Sequence[Point], _: Sequence[Process], end: float) -> Panel:
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


PANELS: dict[Metric, Making] = {"cpu": cpu, "memory": memory, "io": io}


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


def _step(times: list[float], values: list[float], span: Stretch, value: float) -> None:
    times += span
    values += (value, value)
