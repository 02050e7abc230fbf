"""Rows in columns: plain text anywhere, a table with `rich` on a terminal, where the last column takes what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    Rows = tuple[Sequence["Column"], Sequence[Sequence[str]]]

_READABLE = 30  # letters of the last column, a command mostly, that are worth another column


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, and whether its cells stand at the right as numbers do."""

    title: str
    right: bool = False
    spare: int = 0  # where a terminal is too narrow, columns go by this, the largest first; 0: it stays


def plain(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> str:
    """Return the rows under their titles, aligned, nothing cut."""
    titles = [column.title for column in columns]
    widths = [max(map(len, cells)) for cells in zip(titles, *rows, strict=True)]
    return "\n".join(_aligned(columns, cells, widths) for cells in (titles, *rows))


def rich_table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> Table:
    """Return the rows as a table for a `rich` console of `width` letters: what does not fit is cut at the right.

    Columns that can be spared go before much of the last one does.
    """
    from rich.table import Table  # noqa: PLC0415 - 60 ms, and only on a terminal
    from rich.text import Text  # noqa: PLC0415

    columns, rows = _spared(columns, rows, width)
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns[:-1]:
        table.add_column(column.title, justify="right" if column.right else "left", no_wrap=True)
    room = max(width - _others(columns, rows), len(columns[-1].title))  # told: rich would cut all columns alike
    table.add_column(columns[-1].title, no_wrap=True, overflow="ellipsis", max_width=room)
    for cells in rows:
        table.add_row(*map(Text, cells))
    return table


def _spared(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> Rows:
    """Return columns and rows without those that have to go for the last one to be read."""
    wanted = min(_READABLE, max((len(cells[-1]) for cells in rows), default=0))
    while width - _others(columns, rows) < wanted and any(column.spare for column in columns):
        place = max(range(len(columns)), key=lambda index: _worth_least(columns[index], [row[index] for row in rows]))
        columns = [*columns[:place], *columns[place + 1 :]]
        rows = [[*cells[:place], *cells[place + 1 :]] for cells in rows]
    return columns, rows


def _worth_least(column: Column, cells: Sequence[str]) -> tuple[bool, int]:
    """Return what says which column goes first: one that is empty, then by what it can be spared for."""
    return column.spare > 0 and not any(cells), column.spare


def _others(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> int:
    """Return how many letters all columns but the last take."""
    cells = [[column.title for column in columns[:-1]], *(cells[:-1] for cells in rows)]
    return sum(max(map(len, column)) + len("  ") for column in zip(*cells, strict=True))


def _aligned(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.rjust(width) if column.right else cell.ljust(width)
        for column, cell, width in zip(columns, cells, widths, strict=True)
    )
    return "  ".join(padded).rstrip()
