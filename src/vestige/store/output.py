"""Captured output: in pieces as it came where the recorder's events tell, else one stream after the other."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.errors import StoreError
from vestige.lines import open_regular
from vestige.record.place import EVENTS_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.observe import events

STREAMS = ("stdout", "stderr")
_SECOND = 1_000_000_000
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of captured output."""

    time: float | None  # s since the run's start; None: not known
    stream: str
    content: bytes


def of_run(folder: str, *, last: int | None = None) -> Iterator[Piece]:
    """Yield the captured output of a run folder; `last`: only the pieces with the last so many bytes.

    Raises StoreError.
    """
    noted = os.path.join(folder, EVENTS_NAME)
    return _in_order(folder, noted, last) if os.path.lexists(noted) else of_streams(os.path.join(folder, ""), last=last)


def of_streams(prefix: str, *, last: int | None = None) -> Iterator[Piece]:
    """Yield what the files `stdout` and `stderr` behind a prefix hold, first one, then the other.

    `last`: only the last so many bytes of each. Raises StoreError.
    """
    for name in STREAMS:
        yield from _whole(prefix + name, name, last)


def _whole(path: str, name: str, last: int | None) -> Iterator[Piece]:
    try:
        with open_regular(path) as file:
            if last is not None:
                file.seek(max(0, os.fstat(file.fileno()).st_size - last))
            while content := file.read(_CHUNK):
                yield Piece(None, name, content)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"can't read {path}: {error.strerror}") from error


def _in_order(folder: str, noted: str, last: int | None) -> Iterator[Piece]:
    from vestige.observe.events import output  # noqa: PLC0415 - 15 ms that only this has a use for

    pieces = sorted(output(noted), key=lambda piece: piece.seq)
    if last is not None:
        pieces = _last(pieces, last)
    files = {name: _copy(folder, name) for name in {piece.stream for piece in pieces}}
    try:
        for piece in pieces:
            yield Piece(piece.since / _SECOND, piece.stream, _read(files[piece.stream], piece))
    finally:
        for descriptor in files.values():
            if descriptor >= 0:
                os.close(descriptor)


def _read(descriptor: int, piece: events.Output) -> bytes:
    """Return what is there of a piece: the events are somebody else's words, and may tell of any length."""
    there = 0 if descriptor < 0 else max(0, os.fstat(descriptor).st_size - piece.offset)
    return os.pread(descriptor, min(piece.length, there), piece.offset) if there else b""


def _last(pieces: list[events.Output], most: int) -> list[events.Output]:
    """Return the last pieces, which together are as long as `most`; the first of them is cut at its front."""
    kept: list[events.Output] = []
    room = most
    for piece in reversed(pieces):
        if room <= 0:
            break
        over = max(0, piece.length - room)
        kept.append(dataclasses.replace(piece, offset=piece.offset + over, length=piece.length - over))
        room -= piece.length
    return kept[::-1]


def _copy(folder: str, name: str) -> int:
    if name not in STREAMS:  # the events are somebody else's words
        return -1
    path = os.path.join(folder, name)
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return -1
    except OSError as error:
        raise StoreError(f"can't read {path}: {error.strerror}") from error
