"""What is not as it was when the same command last ran in the same folder: a comparison of the two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.compare.comparison import compare
from vestige.compare.sides import Side
from vestige.report import compare_text as text
from vestige.report.compare_words import sentence

if TYPE_CHECKING:
    from vestige.pages.beside import History
    from vestige.pages.gathered import Gathered
    from vestige.report.tables import Column

_THIS = "this run"
_MOST = 12  # differences of one topic


@dataclass(frozen=True, slots=True)
class Topic:
    """What differs of one kind: inputs, software."""

    title: str
    rows: list[list[str]]
    more: int  # that are not among the rows


@dataclass(frozen=True, slots=True)
class Changes:
    """A run beside the last one like it, in words."""

    earlier: str  # its short id
    started: str
    sentence: str
    figure_columns: list[Column]
    figures: list[list[str]]
    columns: list[Column]
    topics: tuple[Topic, ...]


def since_last(run: Gathered, history: History) -> Changes | None:
    """Return what changed since the last run of the same command; None: none is kept."""
    before = None if run.is_log else history.last_before(run)
    if before is None:
        return None
    found = compare([Side(before.short_id, (before,)), Side(_THIS, (run.run,))])
    topics = text.by_topic(found.differences)
    return Changes(
        earlier=before.short_id,
        started=found.sides[0].started,
        sentence=sentence(found, found.explanations[0]),
        figure_columns=text.figure_columns(found),
        figures=list(text.figure_rows(found)),
        columns=text.difference_columns(found),
        topics=tuple(
            Topic(text.title(topic), text.difference_rows(each, _MOST), max(0, len(each) - _MOST))
            for topic, each in topics
        ),
    )
