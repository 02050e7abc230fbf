"""What the comparison is made of: sections with tables and quotations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.scenarios import facts

if TYPE_CHECKING:
    from vestige.scenarios.claims import Claim
    from vestige.scenarios.facts import Subject
    from vestige.scenarios.quotations import Quotation

NOTHING = "–"  # noqa: RUF001 - a dash on purpose


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a table, and the file or page it came from."""

    text: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under titles."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One subject."""

    title: str
    text: str
    tables: tuple[Table, ...] = ()
    quotations: tuple[Quotation, ...] = ()


def quoted(claim: Claim | None) -> Cell:
    """Return what a tool says, with the file in which it does."""
    return Cell(claim.text, claim.file) if claim else Cell(NOTHING)


def known(subject: Subject) -> Table:
    """Return what is known of the tools without a run of theirs."""
    rows = tuple((Cell(fact.tool), Cell(fact.text), _source(fact.source)) for fact in facts.about(subject))
    return Table(("", "known, not measured", "source"), rows)


def _source(source: str) -> Cell:
    address = source.removeprefix("https://")
    return Cell(address.partition("/")[0], source) if address != source else Cell(source)
