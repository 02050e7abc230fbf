"""Tables as text (CSV, TSV): the same cells in the same order, whatever the delimiter and the quotes.

Cells are compared as text, then as numbers within the tolerance. A whole number with a leading zero is text (a code).
Rows are numbered as a spreadsheet does: a header is row 1.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
from typing import TYPE_CHECKING

from vestige.contents import columns
from vestige.contents.finding import STORED, ForeignError, decoded, shown
from vestige.contents.tally import Tally
from vestige.quantity import counted, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.contents.finding import Finding
    from vestige.contents.tolerance import Tolerance

_DELIMITERS = ",\t;|"  # the likeliest first
_HEAD = 64 << 10  # B, by which the delimiter is told
_LINES = 20  # of them at the most
_LONGEST_NUMBER = 300  # characters
_QUOTED = re.compile(r'"[^"]*"')
_WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]*)", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_NAMED = re.compile(r"[+-]?(?:nan|inf|infinity)", re.ASCII | re.IGNORECASE)


def differences(then: bytes, now: bytes, tolerance: Tolerance) -> Finding:
    """Return at which cells two tables differ."""
    one, other = decoded("CSV", _Table, then, now)
    moved = _moved(one.first, other.first)
    if moved is not None:
        return moved
    found = _Comparison(tolerance, one.first if _is_header(one.first) else [])
    found.compare(one.rows(), other.rows())
    otherwise = STORED if one.delimiter == other.delimiter else "another delimiter"
    return found.tally.finding(what="cells", otherwise=otherwise, in_order=not found.is_shuffled(one, other))


class _Table:
    """A table: its delimiter, its first row, and all its rows as often as they are asked for."""

    def __init__(self, content: bytes) -> None:
        if b"\0" in content:
            raise ForeignError("a null byte in the CSV")
        self.content = content
        self.delimiter = _delimiter(content)
        self.first = next(self.rows(), [])

    def rows(self) -> Iterator[list[str]]:
        lines = io.TextIOWrapper(io.BytesIO(self.content), encoding="utf-8-sig", errors="surrogateescape", newline="")
        return csv.reader(lines, delimiter=self.delimiter)

    def fingerprint(self) -> int:
        """Return a number that is the same in whatever order the rows come."""
        return sum(hash("\0".join(row)) for row in self.rows())


class _Comparison:
    """The comparison of two tables row by row."""

    def __init__(self, tolerance: Tolerance, header: list[str]) -> None:
        self.tally = Tally(tolerance)
        self.header = header
        self.rows = [0, 0]

    def compare(self, then: Iterator[list[str]], now: Iterator[list[str]]) -> None:
        """Compare all rows."""
        for place, (row, other) in enumerate(itertools.zip_longest(then, now), 1):
            self.rows = [self.rows[0] + (row is not None), self.rows[1] + (other is not None)]
            if row is not None and other is not None and row != other:
                self._row(place, row, other)
        if self.rows[0] != self.rows[1]:
            self.tally.ahead(f"{counted(self.rows[0], 'row')} then, {number(self.rows[1])} now")

    def is_shuffled(self, then: _Table, now: _Table) -> bool:
        """Say whether what differs is the order of the rows alone."""
        return bool(self.tally.count) and self.rows[0] == self.rows[1] and then.fingerprint() == now.fingerprint()

    def _row(self, place: int, then: list[str], now: list[str]) -> None:
        if len(then) != len(now):
            self.tally.lack(lambda: f"row {number(place)}: {counted(len(then), 'cell')} then, {len(now)} now")
            return
        for column, (cell, other) in enumerate(zip(then, now, strict=True)):
            if cell != other:
                self._cell(place, column, cell, other)

    def _cell(self, row: int, column: int, then: str, now: str) -> None:
        one, other = _number(then), _number(now)
        name = self.header[column] if column < len(self.header) else ""

        def where() -> str:
            return f"row {number(row)}, column {shown(name) if name else column + 1}"

        if one is None or other is None:
            self.tally.differ(then, now, where)
        else:
            self.tally.meet(one, other, where, name)


def _number(cell: str) -> float | None:
    """Return the number that a cell holds, None for text and for more than a double can hold."""
    text = cell.strip(" ")
    if len(text) > _LONGEST_NUMBER:
        return None
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        value = float(text)
        return value if math.isfinite(value) else None
    return float(text) if _NAMED.fullmatch(text) else None


def _is_header(row: list[str]) -> bool:
    return bool(row) and all(_number(cell) is None for cell in row)


def _moved(then: list[str], now: list[str]) -> Finding | None:
    """Return how the columns differ, if cells of one would be compared with those of another."""
    if not (_is_header(then) and _is_header(now)):
        return None
    return columns.moved(then, now) if len(then) != len(now) or sorted(then) == sorted(now) else None


def _delimiter(content: bytes) -> str:
    """Return what the first lines are divided by: what every one of them has equally often, else what the first has."""
    lines = [_QUOTED.sub("", line) for line in content[:_HEAD].decode("utf-8", "replace").splitlines()[:_LINES]]
    whole = [line for line in (lines[:-1] if len(content) > _HEAD and len(lines) > 1 else lines) if line.strip()]
    counts = {mark: [line.count(mark) for line in whole] for mark in _DELIMITERS}
    even = [mark for mark, found in counts.items() if found and found[0] and len(set(found)) == 1]
    return max(even or _DELIMITERS, key=lambda mark: counts[mark][0] if whole else 0)
