"""Captured output: in pieces as it came where the recorder's events tell, else one stream after the other."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.errors import StoreError
from vestige.observe import events
from vestige.observe.lines import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAMS = ("stdout", "stderr")
_SECOND = 1_000_000_000
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of captured output."""

    time: float | None  # s since the run's start; None: not known
    stream: str
    content: bytes


def of_run(folder: str) -> Iterator[Piece]:
    """Yield the captured output of a run folder. Raises StoreError."""
    noted = os.path.join(folder, events.EVENTS_NAME)
    return _in_order(folder, noted) if os.path.lexists(noted) else of_streams(os.path.join(folder, ""))


def of_streams(prefix: str) -> Iterator[Piece]:
    """Yield what the files `stdout` and `stderr` behind a prefix hold, first one, then the other. Raises StoreError."""
    for name in STREAMS:
        yield from _whole(prefix + name, name)


def _whole(path: str, name: str) -> Iterator[Piece]:
    try:
        with open_regular(path) as file:
            while content := file.read(_CHUNK):
                yield Piece(None, name, content)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"can't read {path}: {error.strerror}") from error


def _in_order(folder: str, noted: str) -> Iterator[Piece]:
    pieces = sorted(events.output(noted), key=lambda piece: piece.seq)
    files = {name: _copy(folder, name) for name in {piece.stream for piece in pieces}}
    try:
        for piece in pieces:
            content = os.pread(files[piece.stream], piece.length, piece.offset) if files[piece.stream] >= 0 else b""
            yield Piece(piece.since / _SECOND, piece.stream, content)
    finally:
        for descriptor in files.values():
            if descriptor >= 0:
                os.close(descriptor)


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
