"""The spans of a run: the table, where the time went, what waited, what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.quantity import counted, duration, marked, number, size
from vestige.report import span_tree
from vestige.report.paint import PLAIN, Paint
from vestige.report.pipelines import by_span, count, spent
from vestige.report.tables import Column
from vestige.spans import kinds
from vestige.words import safe, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vestige.record.model import Span
    from vestige.report.pipelines import Activity, Pipeline, Step
    from vestige.report.span_tree import Branch

CRITICAL = "*"
_NONE = "–"  # noqa: RUF001 - a dash on purpose
_DEEPEST = 12  # levels that are indented
_MOST = 2_000  # rows
_NAMED = 8  # of what waited, and of the longest chain
_ERRORS = 20
_ATTRIBUTES = 60  # letters
_NARROWEST_NAME = 20
_NARROWEST_LAST = 14
_BAR = 40  # letters, of the whole run
_GAP = 2  # letters between columns
_WORDS: dict[Activity, str] = {
    "start-up": "before the first",
    "load": "load",
    "compute": "compute",
    "save": "save",
    "inside spans": "inside spans",
    "between": "between them",
    "end": "after the last",
}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under their titles."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0  # rows


def table(found: Sequence[Branch], pipelines: Sequence[Pipeline], *, width: int | None = None) -> Table:
    """Return a row for each branch, no wider than `width`; with columns for nodes where there are any."""
    view = _View.of(pipelines)
    rows = [view.row(branch) for branch in found[:_MOST]]
    rows += [view.row_of_missing(step) for step in view.missing]
    columns = [column for place, column in enumerate(_COLUMNS) if any(row[place] not in ("", _NONE) for row in rows)]
    kept = [place for place, column in enumerate(_COLUMNS) if column in columns]
    cells = [tuple(row[place] for place in kept) for row in rows]
    if view.steps and columns[-1].title == _COLUMNS[-1].title:
        columns[-1] = Column("in -> out")
    columns, cells = (columns, cells) if width is None else _fitted(columns, cells, width)
    return Table(tuple(columns), tuple(cells), max(len(found) - _MOST, 0))


def notes(
    found: Sequence[Branch], pipelines: Sequence[Pipeline], spans: Sequence[Span], *, paint: Paint = PLAIN
) -> Iterator[str]:
    """Yield the chain that took longest, what waited, and what went wrong."""
    for pipeline in pipelines:
        if pipeline.critical:
            yield _row("critical", _critical(pipeline, several=len(pipelines) > 1), paint)
        yield from (_row("waited", words, paint) for words in _waited(pipeline))
    if not any(pipeline.critical for pipeline in pipelines):
        chain = [branch for branch in span_tree.longest_chain(found) if branch.wall]
        if len(chain) > 1:
            yield _row("longest", " > ".join(f"{name_of(branch)} {_wall(branch)}" for branch in chain), paint)
    yield from _errors(spans, paint)


def _row(name: str, words: str, paint: Paint) -> str:
    return f"  {paint.dim(f'{name:<9}')} {words}"


_COLUMNS = (
    Column("span"),
    Column("status"),
    Column("wall", right=True),
    Column("load", right=True),
    Column("compute", right=True),
    Column("save", right=True),
    Column("cpu", right=True),
    Column("memory", right=True),
    Column("waited", right=True),
    Column("what"),
)
_SPARE = ("cpu", "save", "load", "waited", "memory", "compute")  # columns that a narrow terminal does without, in turn


@dataclass(frozen=True, slots=True)
class _View:
    """What rows are made from: the nodes by the id of their span."""

    steps: dict[str, tuple[Pipeline, int]]
    missing: tuple[Step, ...]  # planned, but did not run

    @classmethod
    def of(cls, pipelines: Sequence[Pipeline]) -> _View:
        """Return the view of these pipelines."""
        return cls(
            by_span(pipelines), tuple(step for pipeline in pipelines for step in pipeline.steps if step.span is None)
        )

    def row(self, branch: Branch) -> tuple[str, ...]:
        """Return the cells of a branch for all columns."""
        known = None if branch.alone is None else self.steps.get(branch.alone.id)
        if known is not None:
            return self._row_of_node(branch, *known)
        cpu, memory = span_tree.cpu(branch), span_tree.memory(branch)
        figures = ["" if figure is None else marked(figure) for figure in (cpu, memory)]
        mark = "  " if self.steps else ""
        return (mark + _indented(branch), _status(branch), _wall(branch), "", "", "", *figures, "", _what(branch))

    def _row_of_node(self, branch: Branch, pipeline: Pipeline, place: int) -> tuple[str, ...]:
        step = pipeline.steps[place]
        cpu, memory = span_tree.cpu(branch), span_tree.memory(branch)
        waited = pipeline.waited(place)
        return (
            f"{CRITICAL if place in pipeline.critical else ' '} {_indented(branch)}",
            _status(branch),
            _wall(branch),
            duration(step.load) if step.loads else "",
            duration(step.compute) if step.wall else "",
            duration(step.save) if step.saves else "",
            marked(cpu),
            marked(memory),
            duration(waited) if waited else "",
            in_and_out(pipeline, step),
        )

    def row_of_missing(self, step: Step) -> tuple[str, ...]:
        """Return the cells of a node that did not run."""
        return (f"    {safe(step.name)}", "not run", *[""] * (len(_COLUMNS) - 2))


def in_and_out(pipeline: Pipeline, step: Step) -> str:
    """Return what a node read and wrote: `raw 1 200 rows 31.2 MB -> clean 1 100 rows`."""
    sides = [", ".join(dataset_words(pipeline, name) for name in names) for names in (step.inputs, step.outputs)]
    return " -> ".join(side or "nothing" for side in sides)


def dataset_words(pipeline: Pipeline, name: str) -> str:
    """Return a dataset with its rows and bytes, where they are known."""
    return " ".join([safe(name), *dataset_figures(pipeline, name)])


def dataset_figures(pipeline: Pipeline, name: str) -> Iterator[str]:
    """Yield rows and bytes of a dataset, as far as they are known."""
    dataset = pipeline.datasets.get(name)
    if dataset is not None and dataset.rows is not None:
        yield counted(dataset.rows, "row")
    if dataset is not None and dataset.bytes is not None:
        yield size(dataset.bytes)


def _indented(branch: Branch) -> str:
    return "  " * min(branch.depth, _DEEPEST) + name_of(branch)


def name_of(branch: Branch) -> str:
    """Return what a branch is called, and how many spans it is."""
    return safe(branch.name) + ("" if branch.alone else f" ×{number(len(branch.spans))}")  # noqa: RUF001


def _status(branch: Branch) -> str:
    if branch.alone is not None:
        return {"error": "failed"}.get(branch.alone.status, branch.alone.status)
    words = [
        f"{number(found)} {word}"
        for status, word in (("error", "failed"), ("unfinished", "unfinished"))
        if (found := sum(span.status == status for span in branch.spans))
    ]
    return ", ".join(words) or "ok"


def _wall(branch: Branch) -> str:
    return _NONE if branch.wall is None else duration(branch.wall)


def _what(branch: Branch) -> str:
    """Return of several spans mean and longest, of one its attributes."""
    if branch.alone is None:
        walls = branch.walls
        return f"mean {duration(sum(walls) / len(walls))}, longest {duration(max(walls))}" if walls else ""
    return shortened(", ".join(_attributes(branch.alone)), _ATTRIBUTES)


def _attributes(span: Span) -> Iterator[str]:
    """Yield the attributes of a span that can be told in a word; of Kedro's own the figures."""
    if span.kind in (kinds.LOAD, kinds.SAVE):
        rows, length = count(span.attributes.get("rows")), count(span.attributes.get("bytes"))
        yield from [f"{number(rows)} rows"] if rows is not None else []
        yield from [size(length)] if length is not None else []
    elif span.kind == kinds.RUN:
        yield from (safe(value) for name in ("runner", "env") if isinstance(value := span.attributes.get(name), str))
    elif span.kind != kinds.NODE:
        plain = ((name, value) for name, value in span.attributes.items() if isinstance(value, str | int | float))
        yield from (safe(f"{name}={value}") for name, value in plain)


def spent_lines(pipelines: Sequence[Pipeline], spans: Sequence[Span], end: float, sign: str) -> Iterator[str]:
    """Yield where the time of a run of `end` seconds went, each with a bar made of `sign`."""
    for activity, took in spent(pipelines, spans, end):
        share = min(took / end, 1.0)
        yield f"  {_WORDS[activity]:<16} {duration(took):>10} {share:>5.0%}  {sign * round(share * _BAR)}".rstrip()


def _critical(pipeline: Pipeline, *, several: bool) -> str:
    """Return the chain of nodes that takes longest, and how long it takes."""
    steps = [pipeline.steps[place] for place in pipeline.critical]
    largest = sorted(sorted(range(len(steps)), key=lambda place: -steps[place].wall)[:_NAMED])
    named = " > ".join(f"{safe(steps[place].name)} {duration(steps[place].wall)}" for place in largest)
    more = f", and {number(len(steps) - _NAMED)} shorter" if len(steps) > _NAMED else ""
    name = f"{safe(pipeline.name)}: " if several else ""
    ran = sum(step.span is not None for step in pipeline.steps)
    share = f"{number(len(steps))} of {number(ran)} nodes"
    return f"{CRITICAL} {name}{duration(pipeline.critical_wall)}, {share}: {named}{more}"


def _waited(pipeline: Pipeline) -> Iterator[str]:
    waits = [(pipeline.waited(place), step) for place, step in enumerate(pipeline.steps)]
    waits = sorted((wait for wait in waits if wait[0]), key=lambda wait: -wait[0])
    if waits:
        named = ", ".join(f"{safe(step.name)} {duration(waited)}" for waited, step in waits[:_NAMED])
        more = f" and {number(len(waits) - _NAMED)} more" if len(waits) > _NAMED else ""
        yield f"for a free worker: {named}{more}"


def _errors(spans: Sequence[Span], paint: Paint) -> Iterator[str]:
    """Yield what went wrong where; what only went on through the spans around is said once."""
    by_id = {span.id: span for span in spans}
    failed = [span for span in spans if span.error is not None]
    passed_on = {(span.parent, span.error) for span in failed}
    first = [span for span in failed if (span.id, span.error) not in passed_on] or failed
    for span in first[:_ERRORS]:
        if span.error is not None:
            where = " > ".join(safe(each.name) for each in _line_to(span, by_id))
            yield paint.bad(f"  {'failed':<9} {where}: {safe(span.error.type)}: {safe(span.error.message)}")
    if len(first) > _ERRORS:
        yield f"  and {number(len(first) - _ERRORS)} more that failed: `--json` has all"


def _line_to(span: Span, by_id: Mapping[str, Span]) -> list[Span]:
    """Return a span after those around it, without those of whole pipelines."""
    line = [span]
    while len(line) < _DEEPEST and (above := by_id.get(line[0].parent or "")) is not None:
        if above.kind == kinds.RUN:
            break
        line.insert(0, above)
    return line


def _fitted(
    columns: list[Column], rows: list[tuple[str, ...]], width: int
) -> tuple[list[Column], list[tuple[str, ...]]]:
    """Return what fits a terminal: names cut, and if that is not enough without some columns."""
    spare = list(_SPARE)
    while spare and _needs(columns, rows) > width:
        name = spare.pop(0)
        place = next((place for place, column in enumerate(columns) if column.title == name), None)
        if place is not None:
            columns = [*columns[:place], *columns[place + 1 :]]
            rows = [(*row[:place], *row[place + 1 :]) for row in rows]
    room = width - _needs(columns, rows) + _NARROWEST_NAME
    return columns, [(shortened(row[0], max(room, _NARROWEST_NAME)), *row[1:]) for row in rows]


def _needs(columns: Sequence[Column], rows: Sequence[tuple[str, ...]]) -> int:
    """Return how much room the columns need at the least."""
    widths = [max(map(len, cells)) for cells in zip([column.title for column in columns], *rows, strict=True)]
    last = min(widths[-1], _NARROWEST_LAST) if not columns[-1].right else widths[-1]
    return min(widths[0], _NARROWEST_NAME) + sum(widths[1:-1]) + last + _GAP * (len(columns) - 1)
