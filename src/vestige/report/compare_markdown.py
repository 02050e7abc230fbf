"""A comparison as Markdown, for a merge request or a notebook."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vestige.quantity import LEGEND, number
from vestige.report import compare_text as text
from vestige.report import compare_words as words
from vestige.words import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.compare.comparison import Comparison
    from vestige.report.tables import Column

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&!])")


def markdown(comparison: Comparison) -> str:
    """Return the whole comparison."""
    return "\n".join(_lines(comparison)).rstrip() + "\n"


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table in which nothing can be taken for markup."""
    yield _row(escaped(column.title) for column in columns)
    yield _row(("--:" if column.right else "---") for column in columns)
    for cells in rows:
        yield _row(map(escaped, cells))


def escaped(words: str) -> str:
    """Return text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", safe(words))


def _lines(comparison: Comparison) -> Iterator[str]:
    yield f"# {' beside '.join(escaped(side.name) for side in comparison.sides)}"
    for explanation in comparison.explanations:
        yield ""
        yield f"**{escaped(words.sentence(comparison, explanation))}**"
    yield ""
    yield from (f"- {escaped(side.name)}: {escaped(text.side_words(side))}" for side in comparison.sides)
    yield from _section("Figures", table(text.figure_columns(comparison), list(text.figure_rows(comparison))))
    yield ""
    yield escaped(LEGEND)
    for topic, found in text.by_topic(comparison.differences):
        rows = text.difference_rows(found)
        yield from _section(text.title(topic).capitalize(), table(text.difference_columns(comparison), rows))
        if len(found) > text.MOST:
            yield ""
            yield f"And {number(len(found) - text.MOST)} more."
    if comparison.parts:
        yield from _section("Part by part", table(text.part_columns(comparison), text.part_rows(comparison)))
        yield ""
        yield from (f"- {escaped(line)}" for line in text.reasons(comparison))
    told = list(text.notes(comparison))
    if told:
        yield from _section("To know", (f"- {escaped(note)}" for note in told))


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    yield from lines


def _row(cells: Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"
