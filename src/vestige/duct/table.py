"""Rows of names and values as the table that con-duct shows: as wide as its cells, no lines, a row for each prefix."""

from __future__ import annotations

from vestige.duct.fields import colour
from vestige.text import printable

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    Row = dict[str, Any]

_CUT = "..."


def lines(rows: Sequence[Row], *, width: int | None, bold: bool = False, colours: bool = False) -> Iterator[str]:
    """Yield the lines of a table, cut so that it fits into `width` columns; None: there is no limit."""
    merged = _merged(rows)
    columns = _columns(rows)
    cells = [_cells([row.get(column, "") for row in merged]) for column in columns]
    wanted = [max(len(column), *map(len, texts)) for column, texts in zip(columns, cells, strict=True)]
    widths = wanted if width is None else shared(wanted, width - len(columns) + 1)
    if columns:
        yield " ".join(_bold(column.upper(), room, bold=bold) for column, room in zip(columns, widths, strict=True))
    if widths != wanted or colours:
        named = list(zip(columns, widths, strict=True))
        for texts in zip(*cells, strict=True):
            pairs = zip(named, texts, strict=True)
            yield " ".join(_painted(column, text, room, colours=colours) for (column, room), text in pairs)
    else:
        form = " ".join(f"%-{room}s" for room in widths)
        yield from map(form.__mod__, zip(*cells, strict=True))


def shared(wanted: Sequence[int], room: int) -> list[int]:
    """Return how wide each column may be: all get the same, but none more than it wants, and each at least one."""
    widths = [1] * len(wanted)
    left = room - len(widths)
    while left > 0 and (open_ones := [index for index, want in enumerate(wanted) if widths[index] < want]):
        share = max(left // len(open_ones), 1)
        for index in reversed(open_ones):
            more = min(share, wanted[index] - widths[index], left)
            widths[index] += more
            left -= more
    return widths


def _columns(rows: Sequence[Row]) -> list[str]:
    """Return the columns of the first row, and after them by name what each further row has more."""
    columns: dict[str, None] = {}
    for row in rows:
        if not row.keys() <= columns.keys():
            more = (name for name in row if name not in columns)
            columns.update(dict.fromkeys(sorted(more) if columns else more))
    return list(columns)


def _merged(rows: Sequence[Row]) -> list[Row]:
    """Return one row for each prefix; a later one changes what it has in it."""
    merged: dict[str, Row] = {}
    for row in rows:
        prefix = row["prefix"]
        merged[prefix] = {**merged[prefix], **row} if prefix in merged else row
    return list(merged.values())


def _cells(values: list[Any]) -> list[str]:
    """Return values as text without what a terminal would obey; most columns have nothing of it, all at once."""
    texts = values if set(map(type, values)) == {str} else list(map(str, values))
    return texts if "".join(texts).isprintable() else list(map(printable, texts))


def _bold(text: str, room: int, *, bold: bool) -> str:
    text = _fitted(text, room)
    return f"\033[1m{text}\033[m" + " " * (room - len(text)) if bold else text.ljust(room)


def _painted(column: str, text: str, room: int, *, colours: bool) -> str:
    short = _fitted(text, room)
    paint = colour(column, text) if colours and text else None
    return short.ljust(room) if paint is None else f"\033[{paint}m{short}\033[m" + " " * (room - len(short))


def _fitted(text: str, room: int) -> str:
    return text if len(text) <= room else (text[: max(room - len(_CUT), 0)] + _CUT)[:room]
