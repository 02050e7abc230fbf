"""The pipelines of a run: nodes as they were planned and as they ran, what they waited for, where the time went."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vestige.pipelines.plan import plain_name
from vestige.report.stretches import joined
from vestige.spans.kinds import LOAD, NODE, RUN, SAVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vestige.pipelines.plan import Plan
    from vestige.record.model import Span
    from vestige.report.stretches import Stretch

Activity = Literal["start-up", "load", "compute", "save", "inside spans", "between", "end"]

_DEEPEST = 100
_WORTH_TELLING = 0.01  # of the run: shorter waits are nobody's matter


@dataclass(frozen=True, slots=True)
class Step:
    """A node: what it reads and writes, and how it ran."""

    name: str
    inputs: tuple[str, ...] = ()  # datasets, without parameters
    outputs: tuple[str, ...] = ()
    span: Span | None = None  # None: it did not run
    loads: tuple[Span, ...] = ()
    saves: tuple[Span, ...] = ()

    @property
    def wall(self) -> float:
        """How long it took, s; 0 where it did not run or nobody saw its end."""
        return 0.0 if self.span is None or self.span.end is None else self.span.end - self.span.start

    @property
    def load(self) -> float:
        """How much of it went into loading, s."""
        return _length(self.loads)

    @property
    def save(self) -> float:
        """How much of it went into saving, s."""
        return _length(self.saves)

    @property
    def compute(self) -> float:
        """What is left, s."""
        return max(self.wall - _length((*self.loads, *self.saves)), 0.0)


@dataclass(frozen=True, slots=True)
class Dataset:
    """What went between nodes."""

    name: str
    kept: bool = True  # False: in memory only
    rows: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One `kedro.run`."""

    name: str
    span: Span | None  # None: nobody told of it
    steps: tuple[Step, ...]  # in the order in which they were to run, or ran
    datasets: dict[str, Dataset]
    before: tuple[tuple[int, ...], ...]  # for each step the places of those whose outputs it reads
    critical: tuple[int, ...]  # places of the chain of steps that takes longest
    waits: tuple[tuple[Stretch, ...], ...]  # for each step: all it reads was there, and others ran

    def waited(self, place: int) -> float:
        """Return how long a step waited, s."""
        return sum(stop - start for start, stop in self.waits[place])

    @property
    def critical_wall(self) -> float:
        """How long the critical path takes, s."""
        return sum(self.steps[place].wall for place in self.critical)


def pipelines(spans: Sequence[Span], plans: Mapping[str, Plan]) -> tuple[Pipeline, ...]:
    """Return the pipelines of a run in the order in which they began."""
    by_id = {span.id: span for span in spans}
    nodes: defaultdict[str | None, list[Span]] = defaultdict(list)
    parts: defaultdict[str | None, list[Span]] = defaultdict(list)
    for span in spans:
        if span.kind == RUN:
            nodes[span.id] = nodes[span.id]
        elif span.kind == NODE:
            nodes[_around(span, by_id)].append(span)
        elif span.kind in (LOAD, SAVE):
            parts[span.parent].append(span)
    return tuple(_pipeline(by_id.get(run or ""), found, parts, plans.get(run or "")) for run, found in nodes.items())


def by_span(found: Iterable[Pipeline]) -> dict[str, tuple[Pipeline, int]]:
    """Return the steps that ran by the id of their span: the pipeline, and the place in it."""
    return {
        step.span.id: (pipeline, place)
        for pipeline in found
        for place, step in enumerate(pipeline.steps)
        if step.span is not None
    }


def spent(found: Iterable[Pipeline], spans: Sequence[Span], end: float) -> list[tuple[Activity, float]]:
    """Return where the time of a run went, s: parts that add up to `end`.

    Where several nodes ran at once, each counts for its share of that time. Without nodes it is what lies within spans.
    """
    steps = [step for pipeline in found for step in pipeline.steps]
    steps_that_ran = [(step.span, step.loads, step.saves) for step in steps if step.span is not None]
    if steps_that_ran:
        changes = sorted(change for step in enumerate(steps_that_ran) for change in _changes(step[0], *step[1], end))
        return _swept(changes, end)
    outer = sorted((max(span.start, 0.0), _end(span, end)) for span in spans)
    changes = sorted(
        change
        for start, stop in joined(outer, 0.0, end)
        for change in ((start, 1, 0, "inside spans"), (stop, 0, 0, "inside spans"))
    )
    return _swept(changes, end)


_Change = tuple[float, int, int, "Activity"]  # when, 1: begins, the place of the step, what


def _changes(place: int, node: Span, loads: Iterable[Span], saves: Iterable[Span], end: float) -> Iterator[_Change]:
    first, last = min(max(node.start, 0.0), end), _end(node, end)
    parts: tuple[tuple[Activity, Iterable[Span]], ...] = (("compute", (node,)), ("load", loads), ("save", saves))
    for what, spans in parts:
        for span in spans:
            start, stop = min(max(span.start, first), last), min(max(_end(span, end), first), last)
            if stop > start:
                yield start, 1, place, what
                yield stop, 0, place, what


def _swept(changes: Sequence[_Change], end: float) -> list[tuple[Activity, float]]:
    """Return the time of each activity; `doing` counts the steps by what they do right now."""
    spent: defaultdict[Activity, float] = defaultdict(float)
    open_parts: defaultdict[int, Counter[Activity]] = defaultdict(Counter)
    doing: Counter[Activity] = Counter()
    at = 0.0
    for number, (moment, begins, place, what) in enumerate(changes):
        active = doing.total()
        for activity, count in doing.items():
            spent[activity] += (moment - at) * count / max(active, 1)
        if not active:
            spent["between" if number else "start-up"] += moment - at
        before = _activity(open_parts[place])
        open_parts[place][what] += 1 if begins else -1
        after = _activity(open_parts[place])
        if before is not None:
            doing[before] -= 1
        if after is not None:
            doing[after] += 1
        at = moment
    spent["end"] += max(end - at, 0.0)
    order: tuple[Activity, ...] = ("start-up", "load", "compute", "save", "inside spans", "between", "end")
    return [(activity, spent[activity]) for activity in order if spent[activity] > 0]


def _activity(parts: Counter[Activity]) -> Activity | None:
    order: tuple[Activity, ...] = ("load", "save", "compute", "inside spans")
    return next((activity for activity in order if parts[activity] > 0), None)


def _around(span: Span, by_id: Mapping[str, Span]) -> str | None:
    """Return the id of the `kedro.run` around a node."""
    above = by_id.get(span.parent or "")
    for _ in range(_DEEPEST):
        if above is None:
            return None
        if above.kind == RUN:
            return above.id
        above = by_id.get(above.parent or "")
    return None


def _pipeline(
    run: Span | None, nodes: Sequence[Span], parts: Mapping[str | None, list[Span]], plan: Plan | None
) -> Pipeline:
    steps = tuple(_steps(nodes, parts, plan))
    before = _before(steps)
    return Pipeline(
        name="" if run is None else run.name,
        span=run,
        steps=steps,
        datasets=_datasets(steps, plan),
        before=before,
        critical=_critical(steps, before),
        waits=_waits(steps, before, run),
    )


def _steps(nodes: Sequence[Span], parts: Mapping[str | None, list[Span]], plan: Plan | None) -> Iterator[Step]:
    """Yield the planned nodes, and those that ran unplanned."""
    ran: dict[str, list[Span]] = {}
    for span in nodes:
        ran.setdefault(span.name, []).append(span)
    for node in () if plan is None else plan.nodes:
        spans: list[Span | None] = [*ran.pop(node.name, [])] or [None]
        for found in spans:
            yield _step(node.name, found, parts, (node.inputs, node.outputs))
    for name, unplanned in ran.items():
        for span in unplanned:
            yield _step(name, span, parts, ((), ()))


def _step(
    name: str, span: Span | None, parts: Mapping[str | None, list[Span]], named: tuple[Sequence[str], Sequence[str]]
) -> Step:
    inside = [] if span is None else parts.get(span.id, [])
    loads = tuple(part for part in inside if part.kind == LOAD)
    saves = tuple(part for part in inside if part.kind == SAVE)
    inputs = dict.fromkeys([*filter(_is_dataset, named[0]), *(part.name for part in loads)])
    outputs = dict.fromkeys([*filter(_is_dataset, named[1]), *(part.name for part in saves)])
    return Step(name, tuple(inputs), tuple(outputs), span, loads, saves)


def _is_dataset(name: str) -> bool:
    return name != "parameters" and not name.startswith("params:")


def _before(steps: Sequence[Step]) -> tuple[tuple[int, ...], ...]:
    makers: defaultdict[str, list[int]] = defaultdict(list)
    for place, step in enumerate(steps):
        for name in dict.fromkeys(map(plain_name, step.outputs)):
            makers[name].append(place)
    return tuple(
        tuple(dict.fromkeys(maker for name in step.inputs for maker in makers[plain_name(name)] if maker != place))
        for place, step in enumerate(steps)
    )


def in_order(before: Sequence[Sequence[int]]) -> list[int]:
    """Return the places so that each comes after those before it; circles, which only a forged plan has, at the end."""
    missing = [len(set(places)) for places in before]
    after: defaultdict[int, list[int]] = defaultdict(list)
    for place, places in enumerate(before):
        for one in set(places):
            after[one].append(place)
    order = [place for place, count in enumerate(missing) if not count]
    for place in order:
        for one in after[place]:
            missing[one] -= 1
            if not missing[one]:
                order.append(one)
    return order + [place for place, count in enumerate(missing) if count]


def _critical(steps: Sequence[Step], before: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Return the chain of steps, each made possible by the one before, that takes longest."""
    until: dict[int, float] = {}
    through: dict[int, int] = {}
    for place in in_order(before):
        known = [one for one in before[place] if one in until]
        longest = max(known, key=lambda one: until[one], default=None)
        until[place] = steps[place].wall + (0.0 if longest is None else until[longest])
        if longest is not None:
            through[place] = longest
    if not any(until.values()):
        return ()
    chain = [max(until, key=lambda place: until[place])]
    while chain[-1] in through:
        chain.append(through[chain[-1]])
    return tuple(place for place in reversed(chain) if steps[place].wall)


def _waits(steps: Sequence[Step], before: Sequence[Sequence[int]], run: Span | None) -> tuple[tuple[Stretch, ...], ...]:
    """Return when each step was ready and others ran: it waited for a free worker."""
    ran = [step.span for step in steps if step.span is not None]
    first = min((span.start for span in ran), default=0.0)
    last = max((span.end or span.start for span in ran), default=0.0)
    least = (last - (first if run is None else run.start)) * _WORTH_TELLING
    busy = list(joined(sorted((span.start, span.end or span.start) for span in ran), least, last))
    return tuple(tuple(_wait(steps, place, before[place], busy, (first, least))) for place in range(len(steps)))


def _wait(
    steps: Sequence[Step], place: int, before: Sequence[int], busy: Sequence[Stretch], bounds: tuple[float, float]
) -> Iterator[Stretch]:
    span = steps[place].span
    if span is None:
        return
    first, least = bounds
    ends = [above.end for one in before if (above := steps[one].span) is not None and above.end is not None]
    ready = max([first, *ends])
    found = [(max(start, ready), min(stop, span.start)) for start, stop in busy if start < span.start and stop > ready]
    if sum(stop - start for start, stop in found) >= max(least, 1e-9):
        yield from found


def _datasets(steps: Sequence[Step], plan: Plan | None) -> dict[str, Dataset]:
    """Return the datasets by name, as they were last loaded or saved."""
    told: dict[str, Span] = {}
    for step in steps:
        for part in sorted((*step.loads, *step.saves), key=lambda part: part.start):
            if part.attributes.get("rows") is not None or part.attributes.get("bytes") is not None:
                told[part.name] = part
    found = {}
    for name in dict.fromkeys(name for step in steps for name in (*step.inputs, *step.outputs)):
        planned = None if plan is None else plan.datasets.get(name)
        attributes = told[name].attributes if name in told else {}
        kept = True if planned is None else planned.kept
        found[name] = Dataset(name, kept, count(attributes.get("rows")), count(attributes.get("bytes")))
    return found


def count(value: object) -> int | None:
    """Return what a program said as a number of things; None for anything else."""
    return value if type(value) is int and value >= 0 else None


def _end(span: Span, end: float) -> float:
    """Return when a span ended within the run; one whose end nobody saw, with it."""
    return end if span.end is None else min(max(span.end, span.start, 0.0), end)


def _length(spans: Sequence[Span]) -> float:
    stretches = sorted((span.start, span.end) for span in spans if span.end is not None)
    last = max((stop for _, stop in stretches), default=0.0)
    return sum(stop - start for start, stop in joined(stretches, 0.0, last))
