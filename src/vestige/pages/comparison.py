"""The page of a comparison: one file, fit to be mailed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vestige.pages.environment import render
from vestige.quantity import LEGEND
from vestige.report import compare_text as text
from vestige.report.compare_words import sentence
from vestige.report.tables import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.compare.comparison import Comparison
    from vestige.pages.environment import Assets

_SIDES = (Column("side"), Column("runs", right=True), Column("newest"), Column("outcome"), Column("command"))
_MOST = 100  # differences of one topic


class _Topic(NamedTuple):
    title: str
    rows: list[list[str]]
    more: int


def page(comparison: Comparison, *, assets: Assets = "inline") -> Iterator[str]:
    """Yield the page piece by piece."""
    return render(
        "compare.html",
        assets=assets,
        heading=" beside ".join(side.name for side in comparison.sides),
        sentences=[sentence(comparison, explanation) for explanation in comparison.explanations],
        side_columns=_SIDES,
        sides=[
            [side.name, str(side.count), side.started, ", ".join(side.outcomes), side.command]
            for side in comparison.sides
        ],
        figure_columns=text.figure_columns(comparison),
        figures=list(text.figure_rows(comparison)),
        legend=LEGEND,
        difference_columns=text.difference_columns(comparison),
        topics=[
            _Topic(text.title(topic).capitalize(), text.difference_rows(found, _MOST), max(0, len(found) - _MOST))
            for topic, found in text.by_topic(comparison.differences)
        ],
        part_columns=text.part_columns(comparison),
        parts=text.part_rows(comparison),
        reasons=list(text.reasons(comparison)),
        notes=list(text.notes(comparison)),
    )
