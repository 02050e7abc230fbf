"""From reports to what may be shown: which cells a report counts in, and which of them are large enough to be seen.

Pages and exports read cells only, never reports. The one rule of what may leave the collector is `fold`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vestige.telemetry.payload import Report

FEWEST = 10  # reports that a cell needs to be shown: with fewer of them it might be about somebody
WITHHELD = f"fewer than {FEWEST}"


class Place(NamedTuple):
    """Which cell of a schema and week: event, field and label as in `tables.CELLS`."""

    event: str
    field: str
    label: str


ALL = Place("", "", "")  # all reports of a week


class Cell(NamedTuple):
    """How many reports of a week have a label, and the lower edges of its counts in them, added up."""

    week: str
    event: str
    field: str
    label: str
    reports: int
    total: int


@dataclass(frozen=True, slots=True)
class Folded:
    """The cells of one week and field that may be shown, and whether others were withheld."""

    week: str
    event: str
    field: str
    shown: tuple[Cell, ...]
    withheld: bool


def counted(report: Report) -> dict[Place, int]:
    """Return the cells in which a report counts once, and what it adds to each one's total."""
    cells = {ALL: 0}
    for name, label in report.context:
        cells[Place("", name, label)] = 0
    for count in report.counts:
        edge = lower_edge(count.label)
        for place in (Place(count.event, "", ""), *(Place(count.event, *field) for field in count.fields)):
            cells[place] = cells.get(place, 0) + edge
    return cells


def lower_edge(label: str) -> int:
    """Return the number that a bucket's label begins at: 64 of "64", 65536 of ">=65536"."""
    return int(label.removeprefix(">="))


def fold(cells: Iterable[Cell]) -> Iterator[Folded]:
    """Yield what may be shown of each week and field."""
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell[:3], []).append(cell)
    for key, group in groups.items():
        shown = tuple(_shown(group))
        yield Folded(*key, shown, withheld=len(shown) < len(group))


def _shown(cells: list[Cell]) -> list[Cell]:
    """Return the cells of one week and field that may be shown.

    Those of fewer than `FEWEST` reports are withheld. If they are fewer than that together, the smallest of the others
    goes with them: otherwise what is withheld would be the difference to the number of all reports.
    """
    by_size = sorted(cells, key=lambda cell: cell.reports)
    withheld = 0
    for index, cell in enumerate(by_size):
        if cell.reports >= FEWEST and not 0 < withheld < FEWEST:
            return by_size[index:]
        withheld += cell.reports
    return []
