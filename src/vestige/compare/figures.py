"""Figures side by side: the median of each side, its ratio to that of the first, and what noise leaves of it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vestige.compare.bootstrap import FEWEST, Band, band
from vestige.record.model import FIGURES, Figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vestige.compare.sides import Group
    from vestige.record.model import Method, Record

Verdict = Literal["alike", "noise", "more", "less", "unknown"]

# What is not told apart, whatever the band: parts of the whole, and amounts by unit below which nothing is a difference
_ALIKE = 0.01  # several runs: less than this is of no interest
_ALIKE_ALONE = 0.10  # one run each: how far apart equal ones lie is not known
_SMALL = {"s": 0.005, "B": 200_000, "1": 0.0}
_SMALL_BY_NAME = {"context_switches_voluntary": 100, "context_switches_involuntary": 50, "page_faults_minor": 1_000,
                  "page_faults_major": 5, "cores_used": 0.05, "inputs": 0, "outputs": 0}  # fmt: skip
_WORST: tuple[Method, ...] = ("exact", "sampled", "bound", "estimate", "unavailable")  # the better ones first
OWN = ("recorder_cpu", "recorder_memory")  # vestige's, not the command's
# Beyond those of a record: sums over the lists of files
EXTRA: dict[str, tuple[str, str]] = {
    "inputs": ("1", "files that went in"),
    "input_bytes": ("B", "their size together"),
    "outputs": ("1", "files that came out"),
    "output_bytes": ("B", "their size together"),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A figure of one side."""

    figure: (
        Figure | None
    )  # of one run its own; of several the median, by the worst of their methods; None: no run has it
    values: tuple[float, ...]  # of the runs that know it
    methods: tuple[Method, ...]  # all that occur, the better ones first


@dataclass(frozen=True, slots=True)
class Against:
    """A side's figure beside that of the first side."""

    ratio: float | None  # None: one is not known, or the first is 0
    band: Band | None  # 95 %; None: how much is noise is not known
    verdict: Verdict  # alike: too small a difference to matter; noise: the band holds 1


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of all sides."""

    name: str
    unit: str
    samples: tuple[Sample, ...]  # by side
    against: tuple[Against | None, ...]  # by side; None for the first

    @property
    def mixed(self) -> bool:
        """Whether sides got it in different ways: then the ratio is one of unlike things."""
        return len({sample.methods for sample in self.samples if sample.values}) > 1

    @property
    def differs(self) -> bool:
        """Whether any side differs from the first by more than noise."""
        return any(each is not None and each.verdict in ("more", "less") for each in self.against)


def rows(groups: Sequence[Group]) -> Iterator[Row]:
    """Yield the figures that any run knows, in the order of the register."""
    read = [[_figures(seen.record) for seen in group.runs] for group in groups]
    for name, (unit, _) in {**FIGURES, **EXTRA}.items():
        found = row(name, unit, [[known.get(name) for known in runs] for runs in read])
        if name not in OWN and any(sample.values for sample in found.samples):
            yield found


def row(name: str, unit: str, sides: Sequence[Sequence[Figure | None]]) -> Row:
    """Return one figure of all sides, from that of each run."""
    samples = tuple(map(_sample, sides))
    return Row(name, unit, samples, (None, *(_against(name, unit, samples[0], each) for each in samples[1:])))


def _figures(record: Record) -> Mapping[str, Figure]:
    counts = {}
    for what, kinds in (("input", ("input", "modified")), ("output", ("output", "modified"))):
        known = [record.files[kind] for kind in kinds if kind in record.files]
        if record.completeness is not None and record.completeness.files != "none":
            method: Method = "exact" if record.completeness.files == "complete" else "bound"
            counts[f"{what}s"] = Figure(sum(each.count for each in known), "1", method)
            counts[f"{what}_bytes"] = Figure(sum(each.size for each in known), "B", method)
    return {**record.resources, **counts}


def _sample(figures: Sequence[Figure | None]) -> Sample:
    known = [figure for figure in figures if figure is not None and figure.value is not None]
    methods = tuple(sorted({figure.method for figure in known}, key=_WORST.index))
    values = tuple(figure.value for figure in known if figure.value is not None)
    if len(figures) == 1 or not known:
        return Sample(figures[0] if figures else None, values, methods)
    middle = statistics.median(values)
    whole = int(middle) if known[0].unit != "s" and float(middle).is_integer() else middle  # of two it is a mean
    return Sample(Figure(whole, known[0].unit, methods[-1]), values, methods)


def _against(name: str, unit: str, first: Sample, other: Sample) -> Against:
    if not first.values or not other.values:
        return Against(None, None, "unknown")
    then, now = statistics.median(first.values), statistics.median(other.values)
    found = band(first.values, other.values)
    return Against(now / then if then > 0 else None, found, _verdict(name, unit, (first, then), (other, now), found))


def _verdict(
    name: str, unit: str, first: tuple[Sample, float], other: tuple[Sample, float], found: Band | None
) -> Verdict:
    (one, then), (two, now) = first, other
    several = min(len(one.values), len(two.values)) >= FEWEST
    part = _ALIKE if several else _ALIKE_ALONE
    if abs(now - then) <= max(part * then, _SMALL_BY_NAME.get(name, _SMALL[unit])):
        return "alike"
    if found is not None and found.lower <= 1 <= found.upper:
        return "noise"
    if several and found is None and min(two.values) <= max(one.values):  # the first is 0 now and then
        return "noise"
    return "more" if now > then else "less"
