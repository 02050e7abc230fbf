"""The content of a file, as it is on disk or unwrapped from gzip: read in pieces, or whole up to a limit."""

from __future__ import annotations

import contextlib
import gzip
import os
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from vestige.contents.finding import ForeignError, brief, common_start

if TYPE_CHECKING:
    from collections.abc import Iterator

GZIP = b"\x1f\x8b"
_PIECE = 1 << 20  # B, read at once
_HEAD = 64 << 10  # B, by which a kind is told
_MOST_UNWRAPPED = 4 << 30  # B: a thousandth of it may be all that is on disk


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Content:
    """Where the content of a regular file is, and whether it is what gzip wrapped that counts."""

    path: str
    unwrapped: bool = False

    @property
    def size(self) -> int | None:
        """How many bytes there are; None where only reading would tell."""
        return None if self.unwrapped else os.lstat(self.path).st_size

    @contextlib.contextmanager
    def opened(self) -> Iterator[_Readable]:
        """Give the content to read; raise `OSError`, or `ForeignError` for what is no gzip."""
        with open(self.path, "rb", opener=_regular) as file:
            if not self.unwrapped:
                yield file
                return
            try:
                yield cast("_Readable", gzip.GzipFile(fileobj=file, mode="rb"))
            except (EOFError, OSError, zlib.error) as error:
                raise ForeignError(f"no valid gzip ({brief(error)})") from error

    def head(self) -> bytes:
        """Return the first bytes."""
        with self.opened() as file:
            return file.read(_HEAD)

    def read(self, most: int) -> bytes | None:
        """Return all bytes, None if they are more than `most`."""
        size = self.size
        if size is not None and size > most:
            return None
        with self.opened() as file:
            content = file.read(most + 1)
        return content if len(content) <= most else None


def first_difference(then: Content, now: Content) -> int | None:
    """Return the offset of the first byte that differs, None where all are the same; memory stays constant."""
    offset = 0
    with then.opened() as one, now.opened() as other:
        while True:
            piece, other_piece = one.read(_PIECE), other.read(_PIECE)
            if piece != other_piece:
                return offset + common_start(piece, other_piece)
            if not piece:
                return None
            offset += len(piece)
            if then.unwrapped and offset > _MOST_UNWRAPPED:
                raise ForeignError(f"more than {_MOST_UNWRAPPED >> 30} GB unwrapped")


def _regular(path: str, flags: int) -> int:
    """Open without waiting for anybody and without following a link that was put there since the file was looked at."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
