"""What changed for a node since it last ran well: its code, parameters, inputs, the software, files past the catalog.

In doubt it changed: what can't be compared is a reason of its own.
"""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from vestige.errors import RecordError, StoreError
from vestige.pipelines.executed import pipelines
from vestige.pipelines.plan import plain_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vestige.pipelines.executed import Executed, PipelineRun
    from vestige.pipelines.plan import Parameter, Plan, PlannedNode
    from vestige.record.model import FileUse, Record
    from vestige.store.runs import RunFolder, Runs

_MOST = 50  # runs with pipelines that are looked into
_SHOWN = 3  # of a list of names


@dataclass(frozen=True, slots=True)
class NodeChanges:
    """A node beside its last execution."""

    node: str
    since: str | None  # short id of the run; None: it never ran well, as far as runs are kept
    reasons: tuple[str, ...]  # empty: nothing changed


class Content(NamedTuple):
    """What a dataset holds: name and hash of each of its files, names relative to what they have in common."""

    files: tuple[tuple[str, str], ...] = ()
    doubt: str | None = None  # why it can't be compared


@dataclass(slots=True)
class Facts:
    """A pipeline as it is to be compared with earlier ones: that of a run, or one that is about to run."""

    plan: Plan
    packages: Mapping[str, str | None]  # versions of Python packages by name
    contents: Mapping[tuple[str, str], Content]  # of inputs, by node and dataset; those without are not kept
    undeclared: Mapping[str, str | None] = field(default_factory=dict)  # hashes of files past the catalog, by path

    def differences(self, node: PlannedNode, then: Executed, changed: Mapping[str, str]) -> Iterator[str]:
        """Yield what differs, one reason each; `changed` are datasets that are made anew, with the node that does."""
        yield from _of_code(node, then.node)
        yield from _of_parameters(node, then.node)
        yield from _of_packages(self.packages, then.pipeline.record)
        for dataset in node.inputs:
            maker = changed.get(plain_name(dataset))
            if maker is not None:
                yield f"input `{dataset}` is made anew by `{maker}`"
            elif (node.name, dataset) in self.contents:
                yield from _of_content(dataset, self.contents[node.name, dataset], content_of(then.loaded, dataset))
        yield from self._of_undeclared(then)

    def _of_undeclared(self, then: Executed) -> Iterator[str]:
        names = [use.path for use in then.pipeline.undeclared if use.hash_read != self.undeclared.get(use.path)]
        if names:
            yield f"{listed(names)} changed, which no dataset names"


def changes(run: RunFolder, runs: Runs) -> list[NodeChanges]:
    """Return for every node that a run executed what differs from the last time that it ran well.

    Raises RecordError, StoreError.
    """
    found: list[NodeChanges] = []
    for pipeline in pipelines(run):
        found += _beside(pipeline, History(earlier_pipelines(pipeline.plan.project_path, runs, pipeline.run.name)))
    return found


def changes_between(then: RunFolder, now: RunFolder) -> list[NodeChanges]:
    """Return for every node that a run executed what differs from another run; raises as `changes` does."""
    before = list(pipelines(then))[::-1]
    return [each for pipeline in pipelines(now) for each in _beside(pipeline, History(iter(before)))]


def _beside(pipeline: PipelineRun, earlier: History) -> Iterator[NodeChanges]:
    facts = _facts(pipeline)
    changed: dict[str, str] = {}
    for node in pipeline.plan.nodes:
        if node.name not in pipeline.nodes:
            continue
        then = earlier.last(node.name)
        reasons = () if then is None else tuple(facts.differences(node, then, _unkept(changed, pipeline.plan)))
        yield NodeChanges(node.name, None if then is None else then.pipeline.run.short_id, reasons)
        if then is None or reasons:
            changed.update(dict.fromkeys(map(plain_name, node.outputs), node.name))


class History:
    """Pipelines that were run, newest first, read as far back as they are asked for."""

    def __init__(self, pipelines: Iterator[PipelineRun]) -> None:
        """Take them; nothing is read yet."""
        self._unread = pipelines
        self._read: list[PipelineRun] = []

    def last(self, node: str) -> Executed | None:
        """Return how a node ran the last time that it ran well; None: it never did, as far as runs are kept."""
        for pipeline in itertools.chain(self._read, self._reading()):
            if node in pipeline.nodes:
                return pipeline.nodes[node]
        return None

    def _reading(self) -> Iterator[PipelineRun]:
        for pipeline in self._unread:
            self._read.append(pipeline)
            yield pipeline


def earlier_pipelines(project: str | None, runs: Runs, before: str | None = None) -> Iterator[PipelineRun]:
    """Yield the pipelines of a project, by its folder, newest first; of runs older than the one named `before`."""
    count = 0
    for folder in runs.newest_first():
        if before is not None and folder.name >= before:
            continue
        try:
            found = [each for each in pipelines(folder) if each.plan.project_path == project]
        except (RecordError, StoreError):
            continue  # what can't be read tells nothing
        yield from reversed(found)
        count += bool(found)
        if count >= _MOST:
            return


def content_of(files: Mapping[str, Sequence[FileUse]], dataset: str) -> Content:
    """Return what a dataset held when a node read it, from the files that the recorder saw."""
    uses = files.get(dataset, ())
    if not uses:
        return Content(doubt="no file of it was seen")
    unhashed = [use.path for use in uses if use.hash_read is None]
    if unhashed:
        return Content(doubt=f"there is no hash of {listed(unhashed)}")
    return content([(use.path, use.hash_read or "") for use in uses])


def content(pairs: Sequence[tuple[str, str]]) -> Content:
    """Return the content of files by path and hash; that of a single one has no name: a version may be in its path."""
    if len(pairs) == 1:
        return Content((("", pairs[0][1]),))
    if not all(os.path.isabs(path) for path, _ in pairs):
        return Content(doubt="the path of one of its files is none")
    top = os.path.commonpath([path for path, _ in pairs])
    return Content(tuple(sorted((os.path.relpath(path, top), value) for path, value in pairs)))


def listed(paths: Sequence[str]) -> str:
    """Return the base names of a few files."""
    names = [f"`{os.path.basename(path)}`" for path in paths[:_SHOWN]]
    return ", ".join([*names, f"{len(paths) - _SHOWN} more"] if len(paths) > _SHOWN else names)


def _facts(pipeline: PipelineRun) -> Facts:
    contents = {
        (name, dataset): content_of(executed.loaded, dataset)
        for name, executed in pipeline.nodes.items()
        for dataset in executed.loaded
        if executed.loaded[dataset] or _is_kept(pipeline.plan, dataset)
    }
    undeclared = {use.path: use.hash_read for use in pipeline.undeclared}
    return Facts(pipeline.plan, _packages(pipeline.record), contents, undeclared)


def _is_kept(plan: Plan, dataset: str) -> bool:
    known = plan.datasets.get(dataset)
    return known is not None and known.kept


def _unkept(changed: Mapping[str, str], plan: Plan) -> dict[str, str]:
    """Return what is made anew of datasets without files: the content of the others speaks for itself."""
    kept = {plain_name(dataset) for dataset, known in plan.datasets.items() if known.kept}
    return {dataset: node for dataset, node in changed.items() if dataset not in kept}


def _of_code(now: PlannedNode, then: PlannedNode) -> Iterator[str]:
    if now.code is None or then.code is None or now.code.hash is None or then.code.hash is None:
        yield "its code can't be told"
    elif now.code.hash != then.code.hash:
        yield f"its code: `{now.code.function}`, or what that calls"


def _of_parameters(now: PlannedNode, then: PlannedNode) -> Iterator[str]:
    for name in sorted({*now.parameters, *then.parameters}):
        one, other = now.parameters.get(name), then.parameters.get(name)
        if one is None or other is None or one.hash is None or one.hash != other.hash:
            yield f"`{name}`{_values(one, other)}"


def _values(now: Parameter | None, then: Parameter | None) -> str:
    """Return what a parameter was and is; of a table only what differs."""
    if now is None or then is None or now.text is None or then.text is None:
        return ""
    one, other = json.loads(now.text), json.loads(then.text)
    if not isinstance(one, dict) or not isinstance(other, dict):
        return f": {then.text} then, {now.text} now"
    names = [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]
    differ = [f"`{name}` {json.dumps(other.get(name))} then, {json.dumps(one.get(name))} now" for name in names]
    return ": " + ", ".join(differ[:_SHOWN]) if differ else ""


def _packages(record: Record) -> dict[str, str | None]:
    return {package.name: package.version for package in record.software if package.kind == "python"}


def _of_packages(now: Mapping[str, str | None], then: Record) -> Iterator[str]:
    """Compare the packages that the earlier run used; whatever else is installed now does not matter."""
    differ = [
        f"{package.name} {package.version} then, {now.get(package.name) or 'none'} now"
        for package in then.software
        if package.kind == "python" and package.imported and now.get(package.name) != package.version
    ]
    if differ:
        more = f", {len(differ) - _SHOWN} more" if len(differ) > _SHOWN else ""
        yield f"software: {', '.join(differ[:_SHOWN])}{more}"


def _of_content(dataset: str, now: Content, then: Content) -> Iterator[str]:
    doubt = now.doubt or then.doubt
    if doubt is not None:
        yield f"input `{dataset}` can't be compared: {doubt}"
    elif now.files != then.files:
        yield f"input `{dataset}` has another content"
