"""Where a file comes from, run by run, and what came of it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vestige.errors import RecordError, StoreError
from vestige.history.origin import Origin, Search, Version, as_left, as_read, is_same, size
from vestige.history.present import Present
from vestige.history.uses import REMOVED, WRITTEN, Sighting, path_token
from vestige.pipelines.plan import has_plans
from vestige.record.known_as import known_as
from vestige.store.kept import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vestige.pipelines.passage import Passage
    from vestige.pipelines.plan import PlannedNode
    from vestige.record.model import FileClass, FileUse, Record
    from vestige.store.runs import RunFolder, Runs

Direction = Literal["back", "forward"]
Relation = Literal["read", "wrote", "copied", "changed", "perhaps", "other"]
Standing = Literal["same", "changed", "gone", "unknown"]


@dataclass(frozen=True, slots=True)
class FileVersion:
    """A file with the content that it had at one time."""

    id: str  # within this lineage: "file1"
    path: str  # text, canonical
    hash: str | None  # of the content; None: not known
    size: int | None  # B
    kind: FileClass | None = None  # how the run used it that wrote it, or else the first that read it
    names: tuple[str, ...] = ()  # the links by which it was read, or asked about

    @property
    def shown(self) -> str:
        """The path that people know it by."""
        return known_as(self.path, self.names)


@dataclass(frozen=True, slots=True)
class Step:
    """A run on the way."""

    id: str  # within this lineage: "run1"
    folder: str  # of the run
    record: Record
    nodes: tuple[PlannedNode, ...] = ()  # of Kedro, that it was made by: the last first, then what that needs, …


@dataclass(frozen=True, slots=True)
class Link:
    """How one thing follows from another, in the direction of time.

    `read`: the run `target` read the file `source`. `wrote`: the run `source` wrote the file `target`. Between files:
    `copied`: `target` has the content of `source` under another path. `changed`: `target` is `source` with another
    content, and no run that is kept changed it. `perhaps`: there is nothing to compare their contents by. `other`:
    the same path with another content, earlier or later.
    """

    source: str  # id of a file or run
    target: str  # likewise
    relation: Relation


@dataclass(frozen=True, slots=True)
class Lineage:
    """Files and runs that hang together with one file."""

    direction: Direction  # back: `why`; forward: `used_by`
    start: str  # id of the file that was asked about
    standing: Standing  # that file now, beside what the run left that it comes from; unknown: it comes from none
    files: tuple[FileVersion, ...]
    runs: tuple[Step, ...]
    links: tuple[Link, ...]
    others: tuple[str, ...] = ()  # short ids of further runs that wrote the path asked about, newest first
    remover: str | None = None  # short id of the run that removed it
    cut: bool = False  # there is more beyond `depth`
    problems: tuple[Problem[RunFolder], ...] = ()  # runs that can't be read, and are missing here


def why(runs: Runs, path: str, *, depth: int | None = None, everything: bool = False) -> Lineage:
    """Return what a file was made from, back through the runs.

    Args:
        runs: where to look.
        path: as Python's `os` takes it; it may be relative, a symbolic link, or gone.
        depth: how many runs to go back; None: to the beginning.
        everything: follow software, config and caches too, not only inputs.

    Raises:
        StoreError: the runs can't be listed.
    """
    search = Search(list(runs.newest_first()), everything=everything, forward=False)
    return _Back(search, _Graph(search, Bounds(depth))).of(path)


def used_by(runs: Runs, path: str, *, depth: int | None = None, everything: bool = False) -> Lineage:
    """Return what came of a file, forward through the runs. Arguments and errors as for `why`."""
    search = Search(list(runs.newest_first()), everything=everything, forward=True)
    return _Forward(search, _Graph(search, Bounds(depth))).of(path)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a lineage goes. None: to its end."""

    depth: int | None = None  # runs from the start
    runs: int | None = None  # in all
    files: int | None = None  # of one run


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A run, what it was made from and what came of it."""

    start: str  # id of the run
    files: tuple[FileVersion, ...]
    runs: tuple[Step, ...]
    links: tuple[Link, ...]
    cut: bool  # there is more beyond the bounds


def around(search: Search, run: int, bounds: Bounds) -> Surroundings | None:
    """Return where a run stands among the others, None where its record can't be read.

    `search` must be able to go forward; `run` is its place there, counted from the newest, 0.
    """
    graph = _Graph(search, bounds)
    start = graph.reach(run, 0)
    if start is None:
        return None
    _Back(search, graph).all()
    graph.todo.append((run, 0))
    _Forward(search, graph).all()
    return Surroundings(
        start.id, tuple(graph.files.values()), tuple(graph.steps.values()), tuple(graph.links), graph.cut
    )


class _Graph:
    """The lineage in the making: nodes and links by what they stand for, and the runs still to be looked into."""

    def __init__(self, search: Search, bounds: Bounds) -> None:
        self.search = search
        self.bounds = bounds
        self.files: dict[object, FileVersion] = {}
        self.steps: dict[int, Step] = {}
        self.links: dict[Link, None] = {}
        self.todo: deque[tuple[int, int]] = deque()  # run, and how many runs from the start it is
        self.nodes: dict[int, dict[str, PlannedNode]] = {}  # by run and name, those on the way
        self.cut = False

    def reach(self, run: int, depth: int) -> Step | None:
        """Return the node of a run, to be looked into if it is new; None: too far, or its record can't be read."""
        many = _beyond(len(self.steps) + 1, self.bounds.runs)
        if run not in self.steps and (many or _beyond(depth, self.bounds.depth)):
            self.cut = True
            return None
        record = self.search.uses.record(run)
        if record is None:
            return None
        if run not in self.steps:
            self.steps[run] = Step(f"run{len(self.steps) + 1}", self.search.uses.runs[run].path, record)
            self.todo.append((run, depth))
        return self.steps[run]

    def link(self, source: FileVersion | Step, target: FileVersion | Step, relation: Relation) -> None:
        """Note a link once."""
        self.links.setdefault(Link(source.id, target.id, relation))

    def few(self, uses: Iterable[FileUse]) -> Iterator[FileUse]:
        """Yield as many files of one run as there may be."""
        for count, use in enumerate(uses, 1):
            if _beyond(count, self.bounds.files):
                self.cut = True
                return
            yield use

    def written(self, sighting: Sighting) -> FileVersion:
        """Return the node of what an origin wrote."""
        return self.left(sighting.run, sighting.use)

    def left(self, run: int, use: FileUse) -> FileVersion:
        """Return the node of a file as a run left it."""
        return self._file((use.path, run), as_left(use), use.kind)

    def version(self, version: Version, kind: FileClass | None, origin: Origin | None) -> FileVersion:
        """Return the node of a version, linked to what its origin wrote where it is not the same."""
        if origin is not None and origin.relation == "same":
            return self.written(origin.written)
        state = version.state
        content = version.hash or (state and (state.size, state.mtime_ns))
        node = self._file((version.path, content), version, kind)
        if origin is not None and origin.relation != "same":
            self.link(self.written(origin.written), node, origin.relation)
        return node

    def _file(self, key: object, version: Version, kind: FileClass | None) -> FileVersion:
        if key not in self.files:
            name = f"file{len(self.files) + 1}"
            self.files[key] = FileVersion(name, version.path, version.hash, size(version.state), kind, version.names)
        return self.files[key]

    def finished(self, direction: Direction, start: FileVersion, present: Present) -> Lineage:
        """Return the lineage."""
        uses = self.search.uses
        return Lineage(
            direction=direction,
            start=start.id,
            standing=_standing(present),
            files=tuple(self.files.values()),
            runs=tuple(
                dataclasses.replace(step, nodes=tuple(self.nodes.get(run, {}).values()))
                for run, step in self.steps.items()
            ),
            links=tuple(self.links),
            others=tuple(present.others),
            remover=present.remover,
            cut=self.cut,
            problems=tuple(Problem(uses.runs[run], reason) for run, reason in sorted(uses.problems.items())),
        )


class _Back:
    """`why`: from a version to the run that wrote it, to what that run read, and so on."""

    def __init__(self, search: Search, graph: _Graph) -> None:
        self.search = search
        self.graph = graph
        self.paths: dict[int, set[str] | None] = {}  # by run, what its nodes read; None: all that it read is meant

    def of(self, path: str) -> Lineage:
        present = Present(self.search, path)
        start = self.graph.version(present.version, None, present.origin)
        self._wrote(present.origin, 1)
        self.all()
        return self.graph.finished("back", start, present)

    def all(self) -> None:
        """Look into all that is to be looked into."""
        while self.graph.todo:
            self._inputs(*self.graph.todo.popleft())

    def _wrote(self, origin: Origin | None, depth: int) -> None:
        step = None if origin is None else self.graph.reach(origin.written.run, depth)
        if origin is not None and step is not None:
            self._pass(origin.written, depth)
            self.graph.link(step, self.graph.written(origin.written), "wrote")

    def _pass(self, written: Sighting, depth: int) -> None:
        """Note which nodes of a pipeline wrote a file, and what these read; a run that has none read it all."""
        run = written.run
        found = _passage(self.search.uses.runs[run], written.use.path)
        before = self.paths.get(run, set())
        self.paths[run] = None if found is None or before is None else before | found.paths
        if found is not None:
            self.graph.nodes.setdefault(run, {}).update({node.name: node for node in found.nodes})
        if self.paths[run] != before and (run, depth) not in self.graph.todo:
            self.graph.todo.append((run, depth))

    def _inputs(self, run: int, depth: int) -> None:
        paths = self.paths.get(run)
        for use in self.graph.few(_sources(self.search, run)):
            if paths is not None and use.path not in paths:
                continue
            version = as_read(use)
            origin = self.search.origin(version, run)
            self.graph.link(self.graph.version(version, use.kind, origin), self.graph.steps[run], "read")
            self._wrote(origin, depth + 1)


class _Forward:
    """`used_by`: from a version to the runs that read it, to what these wrote, and so on."""

    def __init__(self, search: Search, graph: _Graph) -> None:
        self.search = search
        self.graph = graph
        self.readers: dict[tuple[int, str], set[int]] = {}  # places that read what a run left at a path
        self.looked: set[bytes] = set()  # paths and hashes of which all readers are in there

    def of(self, path: str) -> Lineage:
        present = Present(self.search, path)
        start = self.graph.version(present.version, None, present.origin)
        for reader in self._sightings(sorted(self._places(present.version), reverse=True)):
            self._first(reader, present.version, start)
        self.all()
        return self.graph.finished("forward", start, present)

    def all(self) -> None:
        """Look into all that is to be looked into."""
        while self.graph.todo:
            self._outputs(*self.graph.todo.popleft())

    def _places(self, version: Version) -> set[int]:
        """Return the places where this path was read, or this content under another, unless looked at before."""
        read = self.search.read
        keys = [(path_token(version.path), read.by_path)]
        if version.hash is not None and size(version.state) != 0:
            keys.append((version.hash.encode(), read.by_hash))
        fresh = [(key, index) for key, index in keys if key not in self.looked]
        return {place for key, index in fresh for place in index.get(key, ())}

    def _readers(self, run: int, use: FileUse) -> list[int]:
        """Return the places that read what a run left at a path, the oldest first."""
        version = as_left(use)
        for reader in self._sightings(self._places(version)):
            origin = self.search.origin(as_read(reader.use), reader.run)
            if origin is not None:
                self.readers.setdefault((origin.written.run, origin.written.use.path), set()).add(reader.place)
        self.looked.update([path_token(version.path), *([version.hash.encode()] if version.hash else [])])
        return sorted(self.readers.get((run, use.path), ()), reverse=True)

    def _sightings(self, places: Iterable[int]) -> Iterator[Sighting]:
        return (sighting for sighting in self.search.uses.sightings(places) if _is_content(sighting.use))

    def _first(self, reader: Sighting, asked: Version, start: FileVersion) -> None:
        """Link a reader of the file that was asked about, whatever content it had then."""
        version = as_read(reader.use)
        if version.path == asked.path and is_same(version, asked):
            self._reads(start, reader, 1)
            return
        origin = self.search.origin(version, reader.run)
        if version.path != asked.path and origin is not None and origin.relation == "same":
            return  # a run wrote the same content there: it is reached through that run, if it has to do with this
        node = self.graph.version(version, reader.use.kind, origin)
        if node is not start:
            self.graph.link(start, node, "other" if version.path == asked.path else "copied")
        self._reads(node, reader, 1)

    def _reads(self, node: FileVersion, reader: Sighting, depth: int) -> None:
        step = self.graph.reach(reader.run, depth)
        if step is not None:
            self.graph.link(node, step, "read")

    def _outputs(self, run: int, depth: int) -> None:
        for use in self.graph.few(filter(_is_content, self.search.uses.of_run(run, WRITTEN))):
            self.graph.link(self.graph.steps[run], self.graph.left(run, use), "wrote")
            for reader in self._sightings(self._readers(run, use)):
                version = as_read(reader.use)
                origin = self.search.origin(version, reader.run)
                self._reads(self.graph.version(version, reader.use.kind, origin), reader, depth + 1)


def _beyond(count: int, most: int | None) -> bool:
    return most is not None and count > most


def _passage(run: RunFolder, path: str) -> Passage | None:
    """Return the nodes that a file came through, where the run is one of a pipeline."""
    if not has_plans(run.path):
        return None
    from vestige.pipelines.passage import passage  # noqa: PLC0415 - only for such runs

    with contextlib.suppress(RecordError, StoreError):
        return passage(run, path)
    return None


def _standing(present: Present) -> Standing:
    if present.now is None:
        return "gone"
    if present.origin is None or present.origin.relation == "perhaps":
        return "unknown"
    return "changed" if present.origin.relation == "changed" else "same"


def _sources(search: Search, run: int) -> Iterator[FileUse]:
    """Yield what a run's outputs may come from: what it read, and what it moved to where its outputs are."""
    used = search.uses.of_run(run, (*search.read_classes, *REMOVED))
    yield from (use for use in used if use.kind not in REMOVED and _is_content(use))
    removed = [use for use in used if use.kind in REMOVED]
    if removed:
        names = {name for use in search.uses.of_run(run, WRITTEN) for name in use.names}
        yield from (use for use in removed if use.path in names)


def _is_content(use: FileUse) -> bool:
    state = use.after or use.before
    return state is None or state.type != "directory"
