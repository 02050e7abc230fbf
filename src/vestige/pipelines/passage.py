"""The nodes that a file came through within a run, back from the one that wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.pipelines.executed import pipelines
from vestige.pipelines.plan import plain_name

if TYPE_CHECKING:
    from vestige.pipelines.executed import Executed, PipelineRun
    from vestige.pipelines.plan import PlannedNode
    from vestige.store.runs import RunFolder


@dataclass(frozen=True, slots=True)
class Passage:
    """What a file came through."""

    nodes: tuple[PlannedNode, ...]  # that which wrote it first, then what that needs, and so on
    paths: frozenset[str]  # text: what they read of files that none of them made


def passage(run: RunFolder, path: str) -> Passage | None:
    """Return what a file (text) came through; None where no node of the run saved it.

    Raises RecordError, StoreError.
    """
    for pipeline in pipelines(run):
        writer = next((each for each in pipeline.nodes.values() if _wrote(each, path)), None)
        if writer is not None:
            return _through(writer, pipeline)
    return None


def _wrote(executed: Executed, path: str) -> bool:
    return any(use.path == path for uses in executed.saved.values() for use in uses)


def _through(writer: Executed, pipeline: PipelineRun) -> Passage:
    makers = {plain_name(output): each for each in pipeline.nodes.values() for output in each.node.outputs}
    found: dict[str, Executed] = {}
    paths = {use.path for use in pipeline.undeclared}
    todo = [writer]
    while todo:
        executed = todo.pop(0)
        if executed.node.name in found:
            continue
        found[executed.node.name] = executed
        for dataset in executed.node.inputs:
            maker = makers.get(plain_name(dataset))
            if maker is not None:
                todo.append(maker)
            else:
                paths |= {use.path for use in executed.loaded.get(dataset, ())}
    return Passage(tuple(each.node for each in found.values()), frozenset(paths))
