"""What text is drawn on: a field of letters, the signs that stand for things, where a time and a name stand."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vestige.report.paint import PLAIN, Paint
from vestige.words import as_ascii, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.report.plot_data import Chart
    from vestige.report.plot_scale import Scale

_USUAL_WIDTH = 80


@dataclass(frozen=True, slots=True)
class Signs:
    """What things are drawn with."""

    levels: str  # parts of a cell that is filled from below, the last one full
    shares: str  # a bar by how much of a core it stands for: a quarter, a half, three quarters, more
    exact: str
    sampled: str
    limit: str
    dot: str  # of a second curve
    group: str
    death: str
    load: str
    save: str
    waiting: str
    critical: str
    corner: str
    wall: str
    tick: str
    floor: str
    notch: str
    plain: bool  # ASCII only

    def text(self, words: str) -> str:
        """Return words fit for the terminal: safe, and ASCII where nothing else is wanted."""
        words = safe(words)
        if not self.plain:
            return words
        return as_ascii(words)

    def cut(self, words: str, width: int) -> str:
        """Return words as `text` has them, cut to `width` columns with a sign that something is missing."""
        words = self.text(words)
        if columns_of(words) <= width:
            return words
        while words and columns_of(words) > width - 2:
            words = words[:-1]
        return words + (".." if self.plain else "…")


BLOCKS = Signs(
    "▁▂▃▄▅▆▇█", "░▒▓█", "●", "○", "╌", "•", "▞", "✗", "▄", "▀", "·", "*", "└", "│", "┤", "─", "┬", plain=False
)
ASCII = Signs(".:#", ".-=#", "@", "o", "-", "+", "/", "X", "<", ">", ".", "*", "+", "|", "+", "-", "+", plain=True)


@dataclass(frozen=True, slots=True)
class Look:
    """How the text is to be."""

    width: int = _USUAL_WIDTH  # columns
    rows: int | None = None  # lines in all, as far as that can be had; None: as usual
    signs: Signs = BLOCKS
    paint: Paint = PLAIN
    title: str | None = None  # None: made of the runs
    ratio: float | None = None  # con-duct's `--min-ratio`; None: units as they read best


@dataclass(frozen=True, slots=True)
class Canvas:
    """A field of letters, row 0 at the top."""

    width: int
    height: int
    cells: list[list[str]] = field(default_factory=list)

    @classmethod
    def empty(cls, width: int, height: int) -> Canvas:
        """Return a field of blanks."""
        return cls(width, height, [[" "] * width for _ in range(height)])

    def put(self, row: int, column: int, letter: str, *, only_free: bool = False) -> None:
        """Set one letter; outside of the field nothing happens."""
        inside = 0 <= row < self.height and 0 <= column < self.width
        if inside and not (only_free and self.cells[row][column] != " "):
            self.cells[row][column] = letter

    def write(self, row: int, column: int, words: str) -> None:
        """Write words; a wide letter takes two cells."""
        for letter in words:
            self.put(row, column, letter)
            if columns_of(letter) > 1:
                self.put(row, column + 1, "")
            column += columns_of(letter)

    def is_free(self, row: int, start: int, stop: int) -> bool:
        """Say whether all cells from `start` to before `stop` are there and empty."""
        return 0 <= start <= stop <= self.width and all(cell == " " for cell in self.cells[row][start:stop])

    def lines(self) -> list[str]:
        """Return the rows."""
        return ["".join(row).rstrip() for row in self.cells]


@dataclass(frozen=True, slots=True)
class Plan:
    """What all parts of one text share."""

    charts: tuple[Chart, ...]
    look: Look
    gutter: int  # letters at the left of the field
    rows: int  # of each panel
    scale: Scale
    end: float

    @property
    def columns(self) -> int:
        """How wide the field is."""
        return self.look.width - self.gutter - 2

    @property
    def alone(self) -> Chart | None:
        """The one run; None where several are laid over each other."""
        return self.charts[0] if len(self.charts) == 1 else None

    def column(self, time: float) -> int:
        """Return where a time stands."""
        return min(max(int(time / self.end * self.columns), 0), self.columns - 1)


def columns_of(text: str) -> int:
    """Return how many columns text takes on a terminal."""
    if text.isascii():
        return len(text)
    widths = (
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )
    return sum(widths)


def wrapped(plan: Plan, parts: Sequence[str], between: str) -> Iterator[str]:
    """Yield parts in as few lines as they need."""
    line = ""
    for part in (plan.look.signs.cut(part, plan.look.width) for part in parts):
        if line and columns_of(line + between + part) > plan.look.width:
            yield line
            line = part
        else:
            line = line + between + part if line else part
    if line:
        yield line


def beside_field(plan: Plan, words: str) -> str:
    """Return words as they stand at the left of the field: cut to fit, aligned at the right."""
    fit = plan.look.signs.cut(words, plan.gutter)
    return " " * (plan.gutter - columns_of(fit)) + fit


def labelled_row(plan: Plan, words: str, line: str) -> str:
    """Return a line of the field with its name at the left."""
    return f"{beside_field(plan, words)} {plan.look.signs.wall}{line}".rstrip()


def beside(canvas: Canvas, words: str, first: int, last: int) -> None:
    """Write words after a bar, or before it, or else on it."""
    if not words:
        return
    length = columns_of(words)
    if canvas.is_free(0, last + 2, last + 2 + length):
        canvas.write(0, last + 2, words)
    elif canvas.is_free(0, first - 1 - length, first - 1):
        canvas.write(0, first - 1 - length, words)
    elif length + 2 <= canvas.width:
        at = max(min(first + 2, canvas.width - length - 3), 0)
        canvas.write(0, at, f" {words} ")
