"""The lines of an `events.jsonl`, in the order of their `seq`, whatever is wrong with the file.

The file is somebody else's until shown otherwise: cut, glued, doubled, unsorted, foreign or hostile lines are counted
and passed over. Memory does not grow with the length of the lines, only by some 40 bytes a line for the sorting.
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_LINE = 4 << 20  # arguments of 128 KiB a word are cut by the recorder; nothing honest comes near
LARGEST = (1 << 63) - 1
DEEPEST = 100  # objects and lists in each other: more may be read, but not written again by every Python
_OFFSET_BITS = 48
_FIRST = (
    b'{"seq":'  # cannot stand inside JSON text, where quotes are escaped: here a line begins, even glued to another
)
_SEQ = re.compile(rb'\{"seq":\s*(\d{1,18})\s*[,}]')
_WINDOW = 1 << 16


def refuse(constant: str) -> NoReturn:
    """Raise ValueError for what Python takes for JSON: NaN, Infinity."""
    raise ValueError(f"{constant} is no number")


def finite(digits: str) -> float:
    """Return a number of JSON. Raises ValueError where it is beyond a float: it could not be written again."""
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


DECODER = json.JSONDecoder(parse_constant=refuse, parse_float=finite)  # what it lets in can be written again


@dataclass(slots=True)
class Lines:
    """A reader of one file; `unreadable` counts what was passed over so far."""

    file: BinaryIO
    unreadable: int = 0
    _keys: list[int] = field(default_factory=list)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield every event once, sorted by `seq`."""
        self.unreadable = 0
        self._keys = sorted(self._index())
        last = -1
        for key in self._keys:
            seq, offset = key >> _OFFSET_BITS, key & (1 << _OFFSET_BITS) - 1
            if seq == last:
                continue
            event = parse(_piece(self.file, offset))
            if event is None:
                self.unreadable += not _is_cut_at_end(self.file)
            else:
                last = seq
                yield event

    def _index(self) -> Iterator[int]:
        """Yield `seq` and offset of every event as one number."""
        self.file.seek(0)
        offset = 0
        while line := self.file.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                self.unreadable += 1
                offset += len(line) + _skip_line(self.file)
                continue
            yield from self._pieces(line, offset)
            offset += len(line)

    def _pieces(self, line: bytes, offset: int) -> Iterator[int]:
        start = 0
        while start < len(line):
            end = line.find(_FIRST, start + 1)
            end = len(line) if end < 0 else end
            seq = _seq(line[start:end])
            if seq is not None:
                yield seq << _OFFSET_BITS | offset + start
            elif line[start:end].strip() and line.endswith(b"\n"):
                self.unreadable += 1
            start = end


def open_regular(path: str) -> BinaryIO:
    """Open a file for reading, and only a file: a FIFO in its place would block for ever.

    Raises OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return open(descriptor, "rb")


def parse(line: bytes) -> dict[str, Any] | None:
    """Return the object that a line holds, None where it holds anything else."""
    try:
        event = DECODER.decode(line.decode("utf-8"))
    except (ValueError, RecursionError):  # not JSON or not UTF-8; nested beyond reason
        return None
    return event if isinstance(event, dict) else None


def is_deep(value: object) -> bool:
    """Say whether objects and lists are nested more than `DEEPEST` deep."""
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for item in level for inner in _inner(item) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _inner(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _seq(piece: bytes) -> int | None:
    fast = _SEQ.match(piece)
    if fast:
        return int(fast.group(1))
    event = parse(piece)
    seq = None if event is None else event.get("seq")
    return seq if type(seq) is int and 0 <= seq <= LARGEST else None


def _piece(file: BinaryIO, offset: int) -> bytes:
    if file.tell() != offset:
        file.seek(offset)
    line = file.readline(LONGEST_LINE)
    end = line.find(_FIRST, 1)
    return line if end < 0 else line[:end]


def _skip_line(file: BinaryIO) -> int:
    """Read on to the end of a line that is too long and return the bytes passed over."""
    passed = 0
    while part := file.readline(_WINDOW):
        passed += len(part)
        if part.endswith(b"\n"):
            break
    return passed


def _is_cut_at_end(file: BinaryIO) -> bool:
    """Say whether the line just read is the last of the file and has no end: that is normal."""
    at = file.tell()
    if file.read(1):
        file.seek(at)
        return False
    file.seek(max(at - 1, 0))
    return file.read(1) != b"\n"
