"""Where a run stands among the others: what it was made from and what came of it, as a graph to walk."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.history.lineage import Bounds, FileVersion, Step, around
from vestige.history.origin import Search
from vestige.quantity import size
from vestige.record.outcome import failed, outcome
from vestige.record.place import short_id
from vestige.report.dag_layout import Box, layout
from vestige.report.files import hash_start, relative
from vestige.words import command, shortened

if TYPE_CHECKING:
    from vestige.history.index import Index
    from vestige.history.lineage import Link, Surroundings
    from vestige.serve.catalogue import Catalogue
    from vestige.store.kept import KeptRun

DEPTHS = (1, 2, 4, 8)
USUAL = 2
_RUNS, _FILES = 60, 12  # in one picture; files of one run
_WIDE = 36  # letters in a box
_LETTER, _LINE, _MARGIN = 7.4, 16.0, 10.0  # px
_GAP, _BETWEEN = 14.0, 56.0  # px
_PATIENCE = 3.0  # s that a page waits for all runs to be read
_REST = 10.0  # times as long as reading all runs took, they are not read again for one more
_PAD = 6.0  # px around the picture


@dataclass(frozen=True, slots=True)
class Vertex:
    """A file or a run, and where it stands."""

    x: float  # its upper left corner
    y: float
    width: float
    height: float
    lines: tuple[str, ...]
    told: str  # all of it
    run: str | None  # id of the run; None: a file
    is_here: bool = False
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """How one follows from another."""

    path: str  # as an SVG has it
    relation: str
    is_sure: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """The graph, laid out, and the same in words."""

    vertices: tuple[Vertex, ...]
    arrows: tuple[Arrow, ...]
    width: float
    height: float
    sentences: tuple[tuple[str, str, str], ...]  # run, what it did, file
    cut: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """Who wrote and read what in all runs, as they were at one time."""

    index: Index  # of that time
    search: Search
    places: dict[str, int]  # of runs, by their folders
    made: float  # when, s
    cost: float  # how long it took, s


class Descent:
    """Who wrote and read what in all runs, kept in memory until a run has come, gone, or ended.

    Reading that may take longer than anybody waits for a page: it is done aside, and goes on when nobody waits.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._lock = threading.Lock()
        self._known: _Known | None = None
        self._reading: threading.Thread | None = None
        self._problem: Exception | None = None

    def knows(self, run: KeptRun) -> bool:
        """Say whether the runs around this one are read; if not they are being read. Raises what went wrong there."""
        if run.log is not None:
            return True  # con-duct looks at no files: there is nothing to read
        with self._lock:
            if self._is_old(run.path) and (self._reading is None or not self._reading.is_alive()):
                self._problem = None
                self._reading = threading.Thread(target=self._read, name="descent", daemon=True)
                self._reading.start()
            reading = self._reading
        if reading is not None:
            reading.join(_PATIENCE)
        if self._problem is not None:
            raise self._problem
        return self._known is not None and run.path in self._known.places

    def picture(self, run: KeptRun, depth: int) -> Picture | None:
        """Return the graph around a run that is known, None where there is nothing to be known."""
        with self._lock:  # one at a time: what one has read the next one finds in memory
            known = self._known
            place = None if known is None else known.places.get(run.path)
            if known is None or place is None:
                return None
            found = around(known.search, place, Bounds(depth, _RUNS, _FILES))
        return None if found is None else drawn(found)

    def _is_old(self, path: str) -> bool:
        """Say whether there is something new; where finding that out takes long, not more often than is bearable."""
        known, index = self._known, self._catalogue.index()
        if known is None:
            return True
        if index is known.index:
            return False
        return path not in known.places or time.monotonic() - known.made >= _REST * known.cost

    def _read(self) -> None:
        began = time.monotonic()
        try:
            index = self._catalogue.index()
            search = Search(list(self._catalogue.runs.runs.newest_first()), everything=False, forward=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits for the page is to hear of it
            self._problem = error
            return
        places = {run.path: place for place, run in enumerate(search.uses.runs)}
        made = time.monotonic()
        self._known = _Known(index, search, places, made, made - began)


def drawn(found: Surroundings) -> Picture:
    """Return the graph, laid out from left to right in the direction of time."""
    nodes: list[FileVersion | Step] = [*found.runs, *found.files]
    place = {node.id: at for at, node in enumerate(nodes)}
    lines = [_run_lines(node) if isinstance(node, Step) else _file_lines(node) for node in nodes]
    boxes = [Box(max(map(len, each)) * _LETTER + 2 * _MARGIN, len(each) * _LINE + _MARGIN) for each in lines]
    stands = layout(
        boxes, [(place[link.source], place[link.target]) for link in found.links], between=_BETWEEN, gap=_GAP
    )
    vertices = tuple(
        _vertex(node, lines[at], boxes[at], stands.centres[at], is_here=node.id == found.start)
        for at, node in enumerate(nodes)
    )
    lines_between = tuple(
        Arrow(_path(points), link.relation, is_sure=link.relation in ("read", "wrote", "copied"))
        for link, points in zip(found.links, stands.lines, strict=True)
    )
    by_id = {node.id: node for node in nodes}
    said = tuple(_sentence(by_id[link.source], by_id[link.target], link) for link in found.links)
    return Picture(vertices, lines_between, stands.width + 2 * _PAD, stands.height + 2 * _PAD, said, found.cut)


def _run_lines(step: Step) -> tuple[str, ...]:
    record = step.record
    return shortened(command(record.argv), _WIDE), f"{short_id(record.id)} · {outcome(record).partition(':')[0]}"


def _file_lines(node: FileVersion) -> tuple[str, ...]:
    known = [] if node.size is None else [size(node.size)]
    known += [] if node.hash is None else [hash_start(node.hash)]
    return _ending(relative(node.shown, ""), _WIDE), " · ".join(known) or "content not known"


def _ending(path: str, width: int) -> str:
    """Return a path cut at its front: its end tells more."""
    return path if len(path) <= width else "…" + path[1 - width :]


def _vertex(
    node: FileVersion | Step, lines: tuple[str, ...], box: Box, centre: tuple[float, float], *, is_here: bool
) -> Vertex:
    is_run = isinstance(node, Step)
    return Vertex(
        x=round(centre[0] - box.width / 2 + _PAD, 1),
        y=round(centre[1] - box.height / 2 + _PAD, 1),
        width=round(box.width, 1),
        height=round(box.height, 1),
        lines=lines,
        told=command(node.record.argv) if isinstance(node, Step) else relative(node.shown, ""),
        run=node.record.id if isinstance(node, Step) else None,
        is_here=is_here,
        is_bad=is_run and failed(node.record) if isinstance(node, Step) else False,
    )


def _path(points: tuple[tuple[float, float], ...]) -> str:
    """Return a smooth line through points, level at its ends."""
    shifted = [(round(x + _PAD, 1), round(y + _PAD, 1)) for x, y in points]
    (x, y), *rest = shifted
    parts = [f"M{x:g} {y:g}"]
    for to_x, to_y in rest:
        middle = round((x + to_x) / 2, 1)
        parts.append(f"C{middle:g} {y:g} {middle:g} {to_y:g} {to_x:g} {to_y:g}")
        x, y = to_x, to_y
    return "".join(parts)


def _sentence(source: FileVersion | Step, target: FileVersion | Step, link: Link) -> tuple[str, str, str]:
    relation = link.relation
    if isinstance(source, Step):
        return _name(source), "wrote", _name(target)
    if isinstance(target, Step):
        return _name(target), "read", _name(source)
    words = {"copied": "has the same content as", "changed": "was changed by somebody else from"}
    return _name(target), words.get(relation, "is perhaps from"), _name(source)


def _name(node: FileVersion | Step) -> str:
    return (
        f"{short_id(node.record.id)} {command(node.record.argv)}"
        if isinstance(node, Step)
        else relative(node.shown, "")
    )
