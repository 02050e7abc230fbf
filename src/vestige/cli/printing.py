"""How results reach stdout: tables with colours on a terminal, plain text elsewhere, JSON for programs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING

from vestige.report import tables
from vestige.report.paint import Paint
from vestige.words import as_ascii

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def colours() -> bool:
    """Say whether stdout is a terminal that is to have colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint() -> Paint:
    """Return the colours for stdout."""
    return Paint(colours=colours())


def can_print(letters: str) -> bool:
    """Say whether the encoding of stdout has these letters."""
    try:
        letters.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def fit(text: str) -> str:
    """Return text as stdout can show it: in ASCII where its encoding lacks a letter of it."""
    return text if text.isascii() or can_print(text) else as_ascii(text)


def width() -> int | None:
    """Return how many letters fit in a line, None where stdout is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def print_table(columns: Sequence[tables.Column], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their titles; on a terminal the last column is cut to fit."""
    if not sys.stdout.isatty():
        print(tables.plain(columns, rows))
        return
    from rich.console import Console  # noqa: PLC0415 - only on a terminal

    console = Console(no_color=not colours(), highlight=False, soft_wrap=False)
    console.print(tables.rich_table(columns, rows, console.width))


def print_json(content: object) -> None:
    """Print one JSON value."""
    print(json.dumps(content, indent=1, allow_nan=False))


def print_json_list(items: Iterable[object]) -> None:
    """Print a JSON list item by item, so that a long one needs no memory."""
    lead = "[\n"
    for item in items:
        print(lead + json.dumps(item, allow_nan=False), end="")
        lead = ",\n"
    print("[]" if lead == "[\n" else "\n]")


def say(words: str) -> None:
    """Print talk, which goes to stderr."""
    print(f"vestige: {words}", file=sys.stderr)
