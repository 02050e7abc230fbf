"""What depends on what in a run: the nodes of a pipeline and the datasets between them, with what each took.

A run without pipelines has its spans in place of them, each with those within it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from vestige.errors import UsageError
from vestige.pipelines.plan import plain_name
from vestige.quantity import duration, marked, number
from vestige.report import span_tree, spans
from vestige.words import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.report.pipelines import Pipeline, Step
    from vestige.report.span_tree import Branch

Kind = Literal["node", "dataset"]
Status = Literal["ok", "failed", "unfinished", "not run"]


@dataclass(frozen=True, slots=True)
class Vertex:
    """A node, or a dataset."""

    kind: Kind
    name: str  # safe
    figures: str  # what it took, or how large it is; safe
    words: str  # all that is to be said of it; safe
    share: float = 0.0  # of the time of the longest node
    critical: bool = False  # it is of the chain that takes longest
    status: Status = "ok"
    kept: bool = True  # a dataset: it is somewhere when the run is over


@dataclass(frozen=True, slots=True)
class Dag:
    """A graph without circles, unless somebody forged one."""

    title: str  # safe
    words: str  # how large, how long; safe
    vertices: tuple[Vertex, ...]
    arrows: tuple[tuple[int, int], ...]  # from place to place in `vertices`

    def before(self) -> list[list[int]]:
        """Return for each vertex those that an arrow comes from."""
        found: list[list[int]] = [[] for _ in self.vertices]
        for source, target in self.arrows:
            found[target].append(source)
        return found

    def is_critical(self, arrow: tuple[int, int]) -> bool:
        """Say whether an arrow is of the chain that takes longest."""
        return all(self.vertices[place].critical for place in arrow)


def dags(branches: Sequence[Branch], pipelines: Sequence[Pipeline], wanted: str | None = None) -> list[Dag]:
    """Return a graph for each pipeline that is `wanted`, by its number from 1 or its name; all of them by default.

    Raises UsageError where there is none such.
    """
    if not pipelines:
        if wanted is not None:
            raise UsageError("`--pipeline` goes with runs of Kedro, and this is none")
        return [_of_spans(branches)]
    chosen = [
        pipeline
        for place, pipeline in enumerate(pipelines, 1)
        if wanted is None or wanted in (str(place), pipeline.name)
    ]
    if not chosen:
        named = ", ".join(f"{place} `{pipeline.name}`" for place, pipeline in enumerate(pipelines, 1))
        raise UsageError(f"no pipeline `{wanted}` in this run: there are {named}")
    return [_of_pipeline(pipeline) for pipeline in chosen]


def _of_pipeline(pipeline: Pipeline) -> Dag:
    """Return nodes and datasets, in the order in which they were to be needed."""
    longest = max((step.wall for step in pipeline.steps), default=0.0) or 1.0
    critical = _critical_datasets(pipeline)
    places: dict[str, int] = {}
    vertices: list[Vertex] = []
    arrows: list[tuple[int, int]] = []
    nodes = []
    for place, step in enumerate(pipeline.steps):
        for name in step.inputs:
            if places.setdefault(name, len(vertices)) == len(vertices):
                vertices.append(_dataset(pipeline, name, critical=name in critical))
        nodes.append(len(vertices))
        vertices.append(_node(pipeline, step, longest, critical=place in pipeline.critical))
        for name in step.outputs:
            if places.setdefault(name, len(vertices)) == len(vertices):
                vertices.append(_dataset(pipeline, name, critical=name in critical))
    for step, node in zip(pipeline.steps, nodes, strict=True):
        arrows += [(places[name], node) for name in step.inputs]
        arrows += [(node, places[name]) for name in step.outputs]
    arrows += _other_views(places)
    return Dag(safe(pipeline.name or "pipeline"), _summary(pipeline), tuple(vertices), tuple(dict.fromkeys(arrows)))


def _other_views(places: dict[str, int]) -> Iterator[tuple[int, int]]:
    """Yield arrows between what is the same data under two types: `flights@spark` and `flights@pandas`."""
    first: dict[str, int] = {}
    for name, place in places.items():
        other = first.setdefault(plain_name(name), place)
        if other != place:
            yield other, place


def _critical_datasets(pipeline: Pipeline) -> set[str]:
    """Return the datasets between one node of the critical path and the next."""
    found: set[str] = set()
    for one, other in pairwise(pipeline.critical):
        outputs, inputs = pipeline.steps[one].outputs, pipeline.steps[other].inputs
        shared = set(map(plain_name, outputs)) & set(map(plain_name, inputs))
        found.update(name for name in (*outputs, *inputs) if plain_name(name) in shared)
    return found


def _summary(pipeline: Pipeline) -> str:
    ran = sum(step.span is not None for step in pipeline.steps)
    words = [f"{number(ran)} of {number(len(pipeline.steps))} nodes ran"]
    if pipeline.span is not None and pipeline.span.end is not None:
        words.append(f"{duration(pipeline.span.end - pipeline.span.start)} in all")
    if pipeline.critical:
        words.append(f"critical path {duration(pipeline.critical_wall)}")
    return ", ".join(words)


def _node(pipeline: Pipeline, step: Step, longest: float, *, critical: bool) -> Vertex:
    span = step.span
    if span is None:
        return Vertex("node", safe(step.name), "did not run", f"{safe(step.name)}: did not run", status="not run")
    status: Status = "failed" if span.status == "error" else "ok" if span.status == "ok" else "unfinished"
    parts = [f"of it {name} {duration(took)}" for name, took in (("load", step.load), ("save", step.save)) if took]
    words = [
        f"{safe(step.name)}: {status}, {', '.join([duration(step.wall), *parts])}",
        "" if span.cpu is None else f"CPU {marked(span.cpu)}",
        "" if span.memory_peak is None else f"memory {marked(span.memory_peak)}",
        spans.in_and_out(pipeline, step),
        "" if span.error is None else f"{safe(span.error.type)}: {safe(span.error.message)}",
    ]
    return Vertex(
        kind="node",
        name=safe(step.name),
        figures=_figures("" if span.end is None else duration(step.wall), span_tree.memory_of(span), status),
        words="; ".join(filter(None, words)),
        share=step.wall / longest,
        critical=critical,
        status=status,
    )


def _figures(wall: str, memory: str, status: Status) -> str:
    return "  ".join(word for word in (wall, memory, "" if status == "ok" else status) if word)


def _dataset(pipeline: Pipeline, name: str, *, critical: bool) -> Vertex:
    figures = "  ".join(spans.dataset_figures(pipeline, name))
    kept = name not in pipeline.datasets or pipeline.datasets[name].kept
    words = spans.dataset_words(pipeline, name) + ("" if kept else ", in memory only")
    return Vertex("dataset", safe(name), figures, words, critical=critical, kept=kept)


def _of_spans(branches: Sequence[Branch]) -> Dag:
    """Return spans with an arrow to each of those within them."""
    chain = {id(branch) for branch in span_tree.longest_chain(branches)}
    longest = max((branch.wall or 0.0 for branch in branches), default=0.0) or 1.0
    arrows: list[tuple[int, int]] = []
    above: list[int] = []
    for place, branch in enumerate(branches):
        del above[branch.depth :]
        arrows += [(above[-1], place)] if above else []
        above.append(place)
    vertices = tuple(_span(branch, longest, critical=id(branch) in chain) for branch in branches)
    return Dag("spans", f"{number(sum(len(branch.spans) for branch in branches))} spans", vertices, tuple(arrows))


def _span(branch: Branch, longest: float, *, critical: bool) -> Vertex:
    failed = sum(span.status == "error" for span in branch.spans)
    open_ones = any(span.status == "unfinished" for span in branch.spans)
    status: Status = "failed" if failed else "unfinished" if open_ones else "ok"
    peak = span_tree.memory(branch)
    wall = "" if branch.wall is None else duration(branch.wall)
    figures = _figures(wall, "" if peak is None else marked(peak), status)
    name = spans.name_of(branch)
    return Vertex("node", name, figures, f"{name}: {figures}", (branch.wall or 0.0) / longest, critical, status)
