"""con-duct's logs as charts: here every process has samples, so each has a curve of its own."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from vestige.con_duct.logs import amount, inner, moment, samples, text
from vestige.con_duct.reading import began_at, points_of, record_of, starts_of, used_by
from vestige.finalising.points import bounded
from vestige.report import plot_chart
from vestige.report.plot_data import Chart, Curve, Panel
from vestige.words import safe, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vestige.con_duct.logs import Log
    from vestige.report.plot_data import Metric

Cpu = Literal["ps-pcpu", "ps-cpu-timepoint"]

MOST_CURVES = 5  # processes with a curve of their own
_MOST_PIDS = 200_000  # of which the largest sample is kept
_MOST_LOOKS = 2_000  # per curve; neighbours are merged beyond
_LABEL = 30  # letters
_SUM = "sum, an upper bound"


@dataclass(slots=True)
class Track:
    """The samples of one process, or of several added up."""

    label: str
    times: list[float] = field(default_factory=list)  # s since the start
    rss: list[float] = field(default_factory=list)  # B
    share: list[float] = field(default_factory=list)  # %, over its life so far
    used: list[float] = field(default_factory=list)  # s of CPU so far, an estimate

    def add(self, time: float, rss: float, share: float, used: float) -> None:
        """Take one more look."""
        self.times.append(time)
        self.rss.append(rss)
        self.share.append(share)
        self.used.append(max(used, self.used[-1] if self.used else 0.0))

    def rates(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return times and cores used between one look and the next."""
        steps = zip(
            zip(self.times, self.used, strict=True), zip(self.times[1:], self.used[1:], strict=True), strict=False
        )
        times: list[float] = []
        values: list[float] = []
        for (begin, had), (end, has) in steps:
            if end > begin:
                times += (begin, end)
                values += ((has - had) / (end - begin),) * 2
        return tuple(times), tuple(values)


class Figures(NamedTuple):
    """What one process, or several together, had at a look."""

    rss: float = 0.0  # B
    share: float = 0.0  # %, over its life so far
    used: float = 0.0  # s of CPU so far, an estimate

    def plus(self, other: Figures) -> Figures:
        """Return both added up."""
        return Figures(self.rss + other.rss, self.share + other.share, self.used + other.used)

    def or_more(self, other: Figures) -> Figures:
        """Return the larger of each."""
        return Figures(*map(max, self, other))


@dataclass(frozen=True, slots=True)
class Look:
    """One report, or several merged."""

    time: float  # s since the start
    whole: Figures  # as con-duct sums them up; `used` of all so far
    largest: Figures  # of any one process
    chosen: dict[str, Figures]  # by pid, those that have a curve
    others: Figures | None  # all the rest; None: nobody else was there

    def merged(self, later: Look) -> Look:
        """Return this and the next one as one, with the larger of each."""
        both = self.chosen.keys() & later.chosen.keys()
        chosen = {**self.chosen, **later.chosen, **{pid: self.chosen[pid].or_more(later.chosen[pid]) for pid in both}}
        rests = [rest for rest in (self.others, later.others) if rest is not None]
        return Look(
            later.time,
            self.whole.or_more(later.whole),
            self.largest.or_more(later.largest),
            chosen,
            rests[0].or_more(rests[-1]) if rests else None,
        )


@dataclass(frozen=True, slots=True)
class Samples:
    """All that is drawn of a log: bounded, however long it is."""

    looks: tuple[Look, ...]
    labels: dict[str, str]  # by pid, of those that have a curve

    def tracks(self) -> tuple[Track, ...]:
        """Return the samples of the largest processes, and of all others added up."""
        found = {pid: Track(label) for pid, label in self.labels.items()}
        others = Track("others")
        for look in self.looks:
            for pid, figures in look.chosen.items():
                found[pid].add(look.time, *figures)
            if look.others is not None:
                others.add(look.time, *look.others)
        return tuple(track for track in (*found.values(), others) if track.times)

    def whole(self) -> Track:
        """Return the samples of all processes together."""
        track = Track("all together")
        for look in self.looks:
            track.add(look.time, *look.whole)
        return track


def chart(log: Log, *, metrics: Sequence[Metric], by_process: bool = True) -> Chart:
    """Return a log as `vestige plot` shows it: cores and bytes of the whole, and a curve for each of the largest.

    Raises RecordError.
    """
    record = record_of(log)
    points = bounded(points_of(log))
    whole = plot_chart.chart(record, points, (), metrics=metrics, by_process=False)
    # what was used before the first look is not in the samples: a step from 0 would be invented
    panels = tuple(_without_first(panel) if panel.metric == "cpu" else panel for panel in whole.panels)
    if by_process:
        found = read(log).tracks()
        panels = tuple(_with_processes(panel, found) for panel in panels)
    return dataclasses.replace(whole, name=name_of(log), command=_command(log), panels=panels)


def ps_chart(log: Log, cpu: Cpu) -> Chart:
    """Return a log as con-duct's own plot shows it: per cents of a core, and bounds from sums and single processes.

    Raises RecordError.
    """
    record = record_of(log)
    points = bounded(points_of(log))
    plain = plot_chart.chart(record, points, (), metrics=("memory",), by_process=False)
    found = read(log)
    memory = dataclasses.replace(plain.panels[0], curves=(*_bounds(found, "rss"), *_curves(found.tracks(), "memory")))
    if cpu == "ps-pcpu":
        shares = (*_bounds(found, "share", _sum_of_shares(log)), *_curves(found.tracks(), "%"))
        panel = Panel("cpu", "%", "CPU as ps tells it: the share of each life so far", shares)
    else:
        panel = Panel("cpu", "%", "CPU between one look and the next", tuple(_between_looks(found)))
    return dataclasses.replace(plain, name=name_of(log), command=_command(log), panels=(panel, memory))


def layers(log: Log) -> tuple[Curve, ...]:
    """Return what the largest processes and all others had at each look, to be stacked. Raises RecordError."""
    found = read(log)
    times = tuple(look.time for look in found.looks)
    named = [
        Curve(name, "process", times, tuple(look.chosen.get(pid, Figures()).rss for look in found.looks))
        for pid, name in found.labels.items()
    ]
    if not any(look.others for look in found.looks):
        return tuple(named)
    rest = tuple(look.others.rss if look.others else 0.0 for look in found.looks)
    return (*named, Curve("all others", "rest", times, rest))


def name_of(log: Log) -> str:
    """Return what a log is called: the last part of its prefix."""
    return safe(os.path.basename(log.prefix.rstrip("/_-.")) or log.prefix)


def _command(log: Log) -> str:
    """Return the command as con-duct wrote it, or what took the samples where nothing says so."""
    words = text(log.info.get("command")) or text(inner(log.info, "execution_summary").get("command"))
    return safe(words or "samples without an info.json")


def read(log: Log, most: int = MOST_CURVES) -> Samples:
    """Return the samples of a log, with curves for so many of its processes. Raises RecordError."""
    labels = _chosen(log, most)
    return Samples(tuple(_bounded(_looks(log, labels))), labels)


def _chosen(log: Log, most: int) -> dict[str, str]:
    """Return pid and label of the processes with the most memory and the most CPU."""
    rss: dict[str, float] = {}
    share: dict[str, float] = {}
    labels: dict[str, str] = {}
    for line in samples(log.usage) if log.usage is not None else ():
        for pid, process in inner(line, "processes").items():
            if not isinstance(process, dict) or (pid not in rss and len(rss) >= _MOST_PIDS):
                continue
            rss[pid] = max(amount(process.get("rss")) or 0.0, rss.get(pid, 0.0))
            share[pid] = max(amount(process.get("pcpu")) or 0.0, share.get(pid, 0.0))
            labels[pid] = _label(pid, process.get("cmd"))
    largest, busiest = (max(values.values(), default=0.0) or 1.0 for values in (rss, share))
    order = sorted(rss, key=lambda pid: -(rss[pid] / largest + share[pid] / busiest))
    return {pid: labels[pid] for pid in order[:most]}


def _label(pid: str, command: object) -> str:
    words = text(command) or ""
    program, _, rest = words.partition(" ")
    short = f"{os.path.basename(program)} {rest}".strip()
    return shortened(safe(f"{shortened(pid, 10)} {short}"), _LABEL)


def _looks(log: Log, labels: dict[str, str]) -> Iterator[Look]:
    begun = began_at(log)
    if log.usage is None or begun is None:
        return
    starts = starts_of(log)
    used: dict[str, float] = {}
    last = total = 0.0
    for line in samples(log.usage):
        totals, now = inner(line, "totals"), moment(line.get("timestamp"))
        rss = amount(totals.get("rss"))
        if now is None or rss is None:
            continue
        largest, others, chosen = Figures(), None, {}
        for pid, figures in _processes(line, starts):
            if figures.used > used.get(pid, 0.0):
                total += figures.used - used.get(pid, 0.0)
                used[pid] = figures.used
            largest = largest.or_more(figures)
            if pid in labels:
                chosen[pid] = figures
            else:
                others = figures if others is None else others.plus(figures)
        last = max(now - begun, last)
        yield Look(last, Figures(rss, amount(totals.get("pcpu")) or 0.0, total), largest, chosen, others)


def _processes(line: dict[str, object], starts: dict[str, float]) -> Iterator[tuple[str, Figures]]:
    for pid, process in inner(line, "processes").items():
        if isinstance(process, dict):
            rss, share = amount(process.get("rss")) or 0.0, amount(process.get("pcpu")) or 0.0
            yield pid, Figures(rss, share, used_by(process, starts.get(pid)))


def _bounded(looks: Iterable[Look]) -> Iterator[Look]:
    """Yield at most some thousand looks: neighbours are merged."""
    kept: list[Look] = []
    for look in looks:
        kept.append(look)
        if len(kept) > 2 * _MOST_LOOKS:
            pairs = zip(kept[::2], kept[1::2], strict=False)
            kept = [one.merged(other) for one, other in pairs] + kept[len(kept) // 2 * 2 :]
    yield from kept


def _without_first(panel: Panel) -> Panel:
    curves = tuple(dataclasses.replace(curve, times=curve.times[2:], values=curve.values[2:]) for curve in panel.curves)
    return dataclasses.replace(panel, curves=tuple(curve for curve in curves if curve.times))


def _with_processes(panel: Panel, found: Sequence[Track]) -> Panel:
    """Return a panel with curves of single processes; one alone would only repeat the whole."""
    kind: Literal["cores", "memory"] = "cores" if panel.metric == "cpu" else "memory"
    if panel.metric == "io" or len(found) < 2:  # noqa: PLR2004
        return panel
    return dataclasses.replace(panel, curves=panel.curves + tuple(_curves(found, kind)))


def _curves(found: Sequence[Track], kind: Literal["cores", "memory", "%"]) -> Iterator[Curve]:
    for track in found:
        times, values = tuple(track.times), tuple(track.share if kind == "%" else track.rss)
        if kind == "cores":
            times, values = track.rates()
        if times:
            yield Curve(track.label, "process", times, values)


def _sum_of_shares(log: Log) -> str:
    """Return what the totals of CPU are: vestige writes a rate there, as ps's shares can't be added up."""
    return "all together, a rate" if isinstance(log.info.get("vestige"), dict) else _SUM


def _bounds(found: Samples, which: Literal["rss", "share"], total: str = _SUM) -> Iterator[Curve]:
    """Yield the sum over all processes and the largest one: the truth lies between them."""
    times = tuple(look.time for look in found.looks)
    if not times:
        return
    yield Curve(total, "total", times, tuple(getattr(look.whole, which) for look in found.looks))
    largest = tuple(getattr(look.largest, which) for look in found.looks)
    yield Curve("largest, a lower bound", "largest", times, largest)


def _between_looks(found: Samples) -> Iterator[Curve]:
    """Yield per cents of a core between looks: of all processes, and of each."""
    for number, track in enumerate((found.whole(), *found.tracks())):
        times, values = track.rates()
        if times:
            yield Curve(track.label, "process" if number else "total", times, tuple(100 * value for value in values))
