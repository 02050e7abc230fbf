"""Rows in columns: plain text anywhere, a table with `rich` on a terminal, where the last column takes what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, and whether its cells stand at the right as numbers do."""

    title: str
    right: bool = False


def plain(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> str:
    """Return the rows under their titles, aligned, nothing cut."""
    titles = [column.title for column in columns]
    widths = [max(map(len, cells)) for cells in zip(titles, *rows, strict=True)]
    return "\n".join(_aligned(columns, cells, widths) for cells in (titles, *rows))


def rich_table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> Table:
    """Return the rows as a table for a `rich` console of `width` letters: what does not fit is cut at the right."""
    from rich.table import Table  # noqa: PLC0415 - 60 ms, and only on a terminal
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns[:-1]:
        table.add_column(column.title, justify="right" if column.right else "left", no_wrap=True)
    others = sum(max(map(len, cells)) + len("  ") for cells in zip(*(_others(columns, rows)), strict=True))
    room = max(width - others, len(columns[-1].title))  # told: rich would cut all columns alike
    table.add_column(columns[-1].title, no_wrap=True, overflow="ellipsis", max_width=room)
    for cells in rows:
        table.add_row(*map(Text, cells))
    return table


def _others(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Return titles and cells of all columns but the last."""
    return [[column.title for column in columns[:-1]], *(cells[:-1] for cells in rows)]


def _aligned(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.rjust(width) if column.right else cell.ljust(width)
        for column, cell, width in zip(columns, cells, widths, strict=True)
    )
    return "  ".join(padded).rstrip()
