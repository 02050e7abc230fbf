"""The nodes that a run executed: what they were, what they read and wrote, from its plans, spans and files."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vestige.pipelines.plan import has_plans, plans
from vestige.spans.kinds import LOAD, NODE, RUN, SAVE
from vestige.text import from_os

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vestige.pipelines.plan import Plan, PlannedNode
    from vestige.record.model import FileUse, Record, Span
    from vestige.store.runs import RunFolder

_READ = ("input", "modified")
_LISTED = ("conf", ".telemetry", "pyproject.toml")  # of a project: what they say is in the plan
_HOOKED = ("settings.py", "hooks.py")  # code of a project that is in no node
_METADATA = (".git", ".vestige", ".egg-info", ".dist-info")  # ends of the names of folders

_OURS = from_os(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
Files = dict[str, tuple["FileUse", ...]]  # by dataset


@dataclass(frozen=True, slots=True)
class Executed:
    """A node that came to its end without an error."""

    pipeline: PipelineRun
    node: PlannedNode
    loaded: Files
    saved: Files


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """One pipeline of a run."""

    run: RunFolder
    record: Record
    plan: Plan
    nodes: dict[str, Executed] = field(default_factory=dict)  # by name
    undeclared: tuple[FileUse, ...] = ()  # what was read of files that belong to no dataset


def pipelines(run: RunFolder) -> Iterator[PipelineRun]:
    """Yield the pipelines of a run in the order in which they began. Raises RecordError, StoreError."""
    if not has_plans(run.path):
        return
    known = plans(run.path)
    spans = list(run.spans())
    if not any(span.id in known for span in spans):
        return
    record, uses = run.load(), list(run.files())
    children: defaultdict[str | None, list[Span]] = defaultdict(list)
    for span in spans:
        children[span.parent].append(span)
    undeclared = tuple(_undeclared(uses, spans, known))
    for span in spans:
        if span.kind == RUN and span.id in known:
            pipeline = PipelineRun(run, record, known[span.id], undeclared=undeclared)
            pipeline.nodes.update(_nodes(pipeline, children, span, uses))
            yield pipeline


def _nodes(
    pipeline: PipelineRun, children: Mapping[str | None, list[Span]], around: Span, uses: list[FileUse]
) -> Iterator[tuple[str, Executed]]:
    planned = {node.name: node for node in pipeline.plan.nodes}
    for span in children.get(around.id, ()):
        if span.kind == NODE and span.status == "ok" and span.name in planned:
            inner = children.get(span.id, [])
            loaded, saved = (_files(inner, kind, uses) for kind in (LOAD, SAVE))
            yield span.name, Executed(pipeline, planned[span.name], loaded, saved)


def _files(spans: list[Span], kind: str, uses: list[FileUse]) -> Files:
    known = range(len(uses))  # a foreign list may name others
    return {span.name: tuple(uses[line] for line in span.files if line in known) for span in spans if span.kind == kind}


def _undeclared(uses: list[FileUse], spans: list[Span], known: Mapping[str, Plan]) -> Iterator[FileUse]:
    """Yield data that was read past the catalog; the project's own settings are told by the plan."""
    declared = {line for span in spans if span.kind in (LOAD, SAVE) for line in span.files}
    tops = [from_os(os.path.realpath(plan.project_path)) for plan in known.values() if plan.project_path]
    told = [os.path.join(top, name) for top in tops for name in _LISTED] + [_OURS]
    for line, use in enumerate(uses):
        if use.kind in _READ and line not in declared and not _is_below(use.path, told):
            is_code = use.path.endswith(".py") and os.path.basename(use.path) not in _HOOKED
            if not (is_code and _is_below(use.path, tops)) and not _is_metadata(use.path):
                yield use


def _is_below(path: str, places: list[str]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)


def _is_metadata(path: str) -> bool:
    *folders, name = path.split("/")
    return name == ".gitignore" or any(folder.endswith(_METADATA) for folder in folders)
