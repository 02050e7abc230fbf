"""Which nodes of a pipeline have to run: all but those of which nothing changed, and what they made is still there.

Strict on purpose, as `vestige run --if-changed` is: whatever was not seen, or can't be compared, is a reason to run.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from vestige.history.same_files import look
from vestige.history.unchanged import of_network, of_sight
from vestige.pipelines.changed import Content, Facts, History, content, earlier_pipelines, listed
from vestige.pipelines.plan import plain_name
from vestige.provenance import hashing
from vestige.record.model import FileUse, Options
from vestige.text import from_os

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vestige.pipelines.executed import Executed, PipelineRun
    from vestige.pipelines.plan import Plan, PlannedDataset, PlannedNode
    from vestige.store.runs import Runs

TELEMETRY = "heapanalytics.com"  # what kedro-telemetry calls at every run: it gives nothing to a node
_NAME_SERVER = 53  # port: an address is no data to who does not go on to connect to it
_MOST_FILES = 100_000  # of one dataset


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a node has to run, and why."""

    node: str
    since: str | None  # short id of the run in which it ran last; None: it never ran well, as far as runs are kept
    reasons: tuple[str, ...]  # empty: it need not

    @property
    def is_stale(self) -> bool:
        """Say whether it has to run."""
        return bool(self.reasons)


def verdicts(plan: Plan, runs: Runs) -> list[Verdict]:
    """Return for every node of a pipeline that is about to run whether it has to."""
    earlier = History(earlier_pipelines(plan.project_path, runs))
    last = {node.name: earlier.last(node.name) for node in plan.nodes}
    present = _Present(plan, [then for then in last.values() if then is not None])
    anew: dict[str, str] = {}  # datasets that are made anew, and the node that does
    found: dict[str, list[str]] = {}
    for node in plan.nodes:
        then = last[node.name]
        found[node.name] = ["it never ran well, as far as runs are kept"] if then is None else (
            list(present.doubts(node, then, anew)))  # fmt: skip
        if found[node.name]:
            anew.update(dict.fromkeys(map(plain_name, node.outputs), node.name))
    _need_unkept(plan, found)
    since = {name: None if then is None else then.pipeline.run.short_id for name, then in last.items()}
    return [Verdict(node.name, since[node.name], tuple(found[node.name])) for node in plan.nodes]


def _need_unkept(plan: Plan, found: dict[str, list[str]]) -> None:
    """Let nodes run whose outputs are not kept, where one that has to run needs them."""
    makers = {plain_name(output): node for node in plan.nodes for output in node.outputs}
    for node in reversed(plan.nodes):  # consumers come before those who make what they need
        for dataset in node.inputs if found[node.name] else ():
            maker, known = makers.get(plain_name(dataset)), plan.datasets.get(dataset)
            if maker is not None and not found[maker.name] and (known is None or not known.kept):
                found[maker.name].append(f"`{node.name}` needs its output `{dataset}`, which is not kept")


class _Present:
    """What is there now: files of datasets, packages, files past the catalog."""

    def __init__(self, plan: Plan, last: Sequence[Executed]) -> None:
        self._plan = plan
        used = [use for then in last for use in then.pipeline.undeclared]
        paths = {dataset: list(_files(known)) for dataset, known in plan.datasets.items()}
        made = [use for then in last for uses in then.saved.values() for use in uses]
        wanted = {path for each in paths.values() for path in each} | {use.path for use in (*used, *made)}
        self._hashes = _hashes(wanted)
        packages = {
            package.name for then in last for package in then.pipeline.record.software if package.kind == "python"
        }
        contents = {
            (node.name, dataset): self._content(plan.datasets[dataset], paths[dataset])
            for node in plan.nodes
            for dataset in node.inputs
            if dataset in plan.datasets and plan.datasets[dataset].kept
        }
        undeclared = {use.path: self._hashes.get(use.path) for use in used}
        self._facts = Facts(plan, {name: _version(name) for name in packages}, contents, undeclared)

    def doubts(self, node: PlannedNode, then: Executed, anew: Mapping[str, str]) -> Iterator[str]:
        """Yield why a node has to run."""
        yield from of_run(then.pipeline)
        yield from _of_definitions(node, self._plan, then.pipeline.plan)
        yield from self._facts.differences(node, then, anew)
        yield from self._of_outputs(node, then)

    def _content(self, known: PlannedDataset, paths: list[str]) -> Content:
        if known.uri is not None:
            return Content(doubt="it is not on this machine")
        unknown = [path for path in paths if self._hashes.get(path) is None]
        if not paths or unknown:
            return Content(doubt=f"{listed(unknown)} can't be read" if unknown else "no file of it is there")
        return content([(path, self._hashes[path] or "") for path in paths])

    def _of_outputs(self, node: PlannedNode, then: Executed) -> Iterator[str]:
        if not node.outputs:
            yield "it has no outputs: what it does is not known"
        for dataset in node.outputs:
            known = self._plan.datasets.get(dataset)
            if known is not None and known.kept:
                yield from self._of_output(dataset, then.saved.get(dataset, ()))

    def _of_output(self, dataset: str, saved: Sequence[FileUse]) -> Iterator[str]:
        if not saved:
            yield f"output `{dataset}` can't be compared: no file of it was seen"
        for use in saved:
            if use.after is None or use.hash is None:
                yield f"output `{dataset}` can't be compared: there is no hash of it"
            elif look(use.path) is None:
                yield f"output `{dataset}` is gone"
            elif self._hashes.get(use.path) != use.hash:
                yield f"output `{dataset}` was changed since"


def of_run(pipeline: PipelineRun) -> Iterator[str]:
    """Doubt a run that was not seen whole, or asked other machines."""
    run = f"run {pipeline.run.short_id}"
    yield from of_sight(pipeline.record, run)
    calls = (call for call in pipeline.record.network if call.host != TELEMETRY and call.port != _NAME_SERVER)
    yield from of_network(tuple(calls), run)


def _of_definitions(node: PlannedNode, now: Plan, then: Plan) -> Iterator[str]:
    """Doubt datasets that the catalog defines otherwise."""
    for dataset in (*node.inputs, *node.outputs):
        one, other = now.datasets.get(dataset), then.datasets.get(dataset)
        if one is not None and other is not None and _definition(one) != _definition(other):
            yield f"the catalog defines `{dataset}` otherwise"


def _definition(dataset: PlannedDataset) -> tuple[object, ...]:
    return dataset.type, dataset.uri, dataset.versioned, dataset.kept, dataset.definition


def _files(dataset: PlannedDataset) -> Iterator[str]:
    """Yield the files of a dataset that are there, as text."""
    count = 0
    for path in dataset.paths:
        if not os.path.isdir(path):
            yield from_os(os.path.realpath(path))
            continue
        for folder, _, names in os.walk(path):
            for name in names:
                count += 1
                if count > _MOST_FILES:
                    return
                yield from_os(os.path.realpath(os.path.join(folder, name)))


def _hashes(paths: Iterable[str]) -> dict[str, str | None]:
    """Return the hashes of files as they are now; None of what is not there or can't be read."""
    states = {path: look(path) for path in paths}
    uses = [FileUse(path, "output", after=state) for path, state in states.items() if state is not None]
    return {use.path: use.hash for use in hashing.hashed(uses, Options())}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
