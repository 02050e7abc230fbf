"""A comparison on a terminal: the sentence that matters first, then figures, what differs, and part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.compare.differences import TOPICS
from vestige.quantity import marked, number
from vestige.report import compare_words as words
from vestige.report.tables import Column, plain
from vestige.words import safe, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.compare.comparison import Compared, Comparison
    from vestige.compare.differences import Difference, Topic
    from vestige.compare.figures import Row
    from vestige.compare.parts import Part
    from vestige.report.paint import Paint

MOST = 12  # differences of one topic that are shown
MOST_PARTS = 20
_LONGEST_COMMAND = 100
_LONGEST_NAME = 48
_TWO = 2


def lines(comparison: Comparison, paint: Paint) -> Iterator[str]:
    """Yield the whole comparison."""
    for explanation in comparison.explanations:
        yield paint.bold(words.sentence(comparison, explanation))
    yield ""
    width = max(len(safe(side.name)) for side in comparison.sides)
    yield from (f"  {safe(side.name):<{width}}  {side_words(side)}" for side in comparison.sides)
    yield ""
    yield from _indented(plain(figure_columns(comparison), list(figure_rows(comparison))))
    for topic, found in by_topic(comparison.differences):
        yield ""
        yield paint.bold(title(topic))
        yield from _indented(plain(difference_columns(comparison), difference_rows(found)))
        if len(found) > MOST:
            yield f"  and {number(len(found) - MOST)} more: `--json` has them"
    if comparison.parts:
        yield ""
        yield paint.bold("part by part")
        yield from _indented(plain(part_columns(comparison), part_rows(comparison)))
        yield from (f"  {line}" for line in reasons(comparison))
    yield from (paint.dim(note) for note in notes(comparison))


def title(topic: Topic) -> str:
    """Return the heading of a topic."""
    return {"inputs": "inputs", "outputs": "outputs", "code": "code that went in"}.get(topic, topic)


def notes(comparison: Comparison) -> Iterator[str]:
    """Yield what one must know to read the figures right."""
    told = [words.noise(comparison), *words.mixed(comparison)]
    if comparison.left_out:
        told.append(f"{number(comparison.left_out)} more differences are not kept")
    if any(side.count > comparison.looked_into for side in comparison.sides):
        told.append(f"files, software and parts are those of the newest {comparison.looked_into} runs of a side")
    blind = [words.value(side.name) for side in comparison.sides if not side.watched]
    if blind:
        told.append(f"not all files of {', '.join(blind)} were seen: what differs there may be missing here")
    yield from (note for note in told if note)


def figure_columns(comparison: Comparison) -> list[Column]:
    """Return the columns of the figures: each side, and its ratio to the first."""
    names = [Column(shortened(safe(side.name), _LONGEST_NAME), right=True) for side in comparison.sides]
    if len(names) == _TWO:
        return [Column("figure"), *names, Column("ratio", right=True), Column("")]
    others = (column for name in names[1:] for column in (name, Column("ratio", right=True)))
    return [Column("figure"), names[0], *others]


def figure_rows(comparison: Comparison) -> Iterator[list[str]]:
    """Yield the figures that a person wants to see."""
    for row in words.counted(comparison.figures):
        cells = [marked(sample.figure) for sample in row.samples]
        if len(cells) == _TWO:
            yield [
                words.title(row.name),
                *cells,
                words.ratio(row.against[1]),
                words.verdict(row.against[1]),
            ]
        else:
            yield [words.title(row.name), cells[0], *_beside(row, cells[1:])]


def difference_columns(comparison: Comparison) -> list[Column]:
    """Return the columns of what differs."""
    return [Column("what"), *(Column(shortened(safe(side.name), _LONGEST_NAME)) for side in comparison.sides)]


def difference_rows(found: Sequence[Difference], most: int = MOST) -> list[list[str]]:
    """Return what differs, name by name."""
    return [[shortened(safe(each.name), _LONGEST_NAME), *words.values(each)] for each in found[:most]]


def part_columns(comparison: Comparison) -> list[Column]:
    """Return the columns of nodes and spans."""
    times = [Column(shortened(safe(side.name), _LONGEST_NAME), right=True) for side in comparison.sides]
    return [Column("part"), *times, Column("ratio", right=True), Column("cpu", right=True),
            Column("memory", right=True)]  # fmt: skip


def part_rows(comparison: Comparison) -> list[list[str]]:
    """Return the parts that take longest, in the order in which they began."""
    longest = sorted(comparison.parts, key=_wall, reverse=True)[:MOST_PARTS]
    return [_part(part) for part in comparison.parts if part in longest]


def reasons(comparison: Comparison) -> Iterator[str]:
    """Yield what changed for nodes since the first side."""
    for part in comparison.parts:
        for side, why in zip(comparison.sides, part.reasons, strict=False):
            if why:
                yield f"{safe(part.name)}, {safe(side.name)}: {safe('; '.join(why))}"


def by_topic(differences: Sequence[Difference]) -> Iterator[tuple[Topic, list[Difference]]]:
    """Yield the differences of each topic that has any."""
    for topic in TOPICS:
        found = [each for each in differences if each.topic == topic]
        if found:
            yield topic, found


def side_words(side: Compared) -> str:
    """Return a side in a line: how many runs, how they ended, the command."""
    runs = "" if side.count == 1 else f"{number(side.count)} runs, "
    return f"{runs}{', '.join(side.outcomes)}  {shortened(side.command, _LONGEST_COMMAND)}"


def _beside(row: Row, cells: Sequence[str]) -> Iterator[str]:
    for cell, against in zip(cells, row.against[1:], strict=True):
        yield from (cell, words.ratio(against))


def _part(part: Part) -> list[str]:
    return [
        shortened(safe(part.name), _LONGEST_NAME),
        *(marked(sample.figure) for sample in part.wall.samples),
        *(words.ratio(row.against[-1]) for row in (part.wall, part.cpu, part.memory_peak)),
    ]


def _wall(part: Part) -> float:
    return max((sample.figure.value or 0 for sample in part.wall.samples if sample.figure), default=0)


def _indented(table: str) -> Iterator[str]:
    return (f"  {line}" for line in table.splitlines())
