"""The end of what a run printed, in the colours in which a terminal would have shown it.

Of what terminals obey only colours are understood; every other escape is shown as the text that it is. A line that was
rewritten in place, as progress bars are, is shown as it stood last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from vestige.quantity import duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vestige.store.output import Piece

MOST_BYTES = 64 << 10
_COLOUR = re.compile(r"\x1b\[([0-9;]{0,40})m")
_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_PLAIN = 39  # SGR: the usual colour again
_BOLD, _DIM, _NOT_BOLD = 1, 2, 22
_FIRST, _BRIGHT = 30, 90
_MORE = (38, 48)  # followed by a palette's colour, which is passed over


@dataclass(frozen=True, slots=True)
class Words:
    """Text in one colour; `look` are names of classes."""

    text: str
    look: str


@dataclass(frozen=True, slots=True)
class Block:
    """What came from one stream before the other one had its say."""

    stream: str
    time: str  # when its first byte came; empty: not known
    words: tuple[Words, ...]


def blocks(pieces: Iterable[Piece]) -> list[Block]:
    """Return pieces of output by stream."""
    return [_block(stream, list(group)) for stream, group in groupby(pieces, key=lambda piece: piece.stream)]


def last_lines(pieces: Iterable[Piece], stream: str, most: int) -> list[str]:
    """Return the last lines of a stream that are not empty, without colours."""
    content = b"".join(piece.content for piece in pieces if piece.stream == stream)
    plain = _COLOUR.sub("", _text(content))
    return [line.rstrip() for line in plain.splitlines() if line.strip()][-most:]


def _block(stream: str, pieces: list[Piece]) -> Block:
    first = pieces[0].time
    text = _text(b"".join(piece.content for piece in pieces))
    return Block(stream, "" if first is None else duration(max(first, 0.0)), tuple(_coloured(text)))


def _text(content: bytes) -> str:
    text = content.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    return "\n".join(_as_it_stood(line) for line in text.split("\n"))


def _as_it_stood(line: str) -> str:
    """Return the last of what a line was rewritten with."""
    return next((part for part in reversed(line.split("\r")) if part.strip()), "") if "\r" in line else line


def _coloured(text: str) -> Iterator[Words]:
    colour, weight, at = "", "", 0
    for found in _COLOUR.finditer(text):
        if found.start() > at:
            yield Words(text[at : found.start()], f"{colour} {weight}".strip())
        colour, weight = _after(found.group(1), colour, weight)
        at = found.end()
    if at < len(text):
        yield Words(text[at:], f"{colour} {weight}".strip())


def _after(codes: str, colour: str, weight: str) -> tuple[str, str]:
    """Return colour and weight after an escape."""
    for code in (int(word or 0) for word in codes.split(";")):
        if code in _MORE:
            break
        if code == 0:
            colour = weight = ""
        elif code in (_BOLD, _DIM):
            weight = "bold" if code == _BOLD else "dim"
        elif code == _NOT_BOLD:
            weight = ""
        elif code == _PLAIN:
            colour = ""
        elif 0 <= code - _FIRST < len(_NAMES):
            colour = _NAMES[code - _FIRST]
        elif 0 <= code - _BRIGHT < len(_NAMES):
            colour = _NAMES[code - _BRIGHT]
    return colour, weight
