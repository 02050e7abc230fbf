"""The file that a process writes its spans into: `spans/PID-….jsonl` of the run folder, one line as one write.

It is opened when the first span begins and never locked. Whatever goes wrong here is no matter of the program's: from
then on its spans are not kept.
"""

from __future__ import annotations

import itertools
import json
import os
import threading
import time

from vestige.spans.descriptor import Descriptor

FOLDER = "spans"
FORMAT = 1
PARENT_VARIABLE = "VESTIGE_SPAN"  # the id of the span that a process begins in, set by `vestige span`
ID_LENGTH = 16
RUN_VARIABLE = "VESTIGE_RUN"
_LONGEST = 16 << 10  # B, of a line
_ENCODER = json.JSONEncoder(separators=(",", ":"), default=str, skipkeys=True, allow_nan=False)
_START = 19  # of the words after the name in /proc/PID/stat: field 22


class SpanFile:
    """What a process has open to write its spans."""

    __slots__ = ("_count", "_is_cut", "_prefix", "descriptor", "lost", "parent", "pid")

    def __init__(self, folder: str) -> None:
        """Open the file of this process. Raises OSError."""
        os.makedirs(os.path.join(folder, FOLDER), exist_ok=True)
        self.pid = os.getpid()
        self._prefix = os.urandom(5).hex()
        path = os.path.join(folder, FOLDER, f"{self.pid}-{self._prefix}.jsonl")
        self.descriptor = Descriptor(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL)
        self._is_cut = False  # the last line, by a full disk
        self._count = itertools.count()
        self.lost = 0  # lines that could not be written
        self.parent = inherited_parent()
        self.write({"event": "process", "format": FORMAT, "pid": self.pid, "start": _start_ticks()})

    def new_id(self) -> str:
        """Return an id for a span, unlike any other of the run: 16 hexadecimal digits."""
        number = next(self._count)
        if number >> 24:
            return os.urandom(ID_LENGTH // 2).hex()
        return f"{self._prefix}{number:06x}"

    def write(self, line: dict[str, object]) -> None:
        """Append a line. One that does not fit loses its attributes."""
        if self.lost:
            line["lost"] = self.lost
        content = _text(line)
        if len(content) > _LONGEST:
            content = _text({**line, "attributes": {"attributes": "too long"}})
        piece = f"{chr(10) * self._is_cut}{content}\n".encode("ascii")
        try:
            self._is_cut = self.descriptor.write(piece) < len(piece)
        except OSError:
            self.lost += 1


def of_this_process() -> SpanFile | None:
    """Return the file of this process, None outside of a run, or where none can be written."""
    global _file, _is_tried  # noqa: PLW0603 - one a process, as its pid is
    if not _is_tried:
        with _opening:
            if not _is_tried:
                _file = _opened(os.environ.get(RUN_VARIABLE))
                _is_tried = True
    return _file


def _opened(folder: str | None) -> SpanFile | None:
    try:
        return SpanFile(folder) if folder else None
    except OSError:
        return None


def inherited_parent() -> str | None:
    """Return the id of the span that the process was started in by `vestige span`."""
    given = os.environ.get(PARENT_VARIABLE, "")
    return given if len(given) == ID_LENGTH and given.isalnum() else None


def now() -> int:
    """Return ns of CLOCK_MONOTONIC, the recorder's clock."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def _text(line: dict[str, object]) -> str:
    try:
        return _ENCODER.encode(line)
    except ValueError:  # a number that JSON does not have, or a circle
        attributes = line.get("attributes")
        words = {str(name): str(value) for name, value in attributes.items()} if isinstance(attributes, dict) else {}
        return _ENCODER.encode({**line, "attributes": words})


def _start_ticks() -> int | None:
    """Return when this process was started, clock ticks since boot: with the pid it says which process this is."""
    try:
        with open("/proc/self/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[_START])
    except (OSError, ValueError, IndexError):
        return None


def _forget() -> None:
    """Begin anew in a forked child: it has a file of its own. A thread that held the lock is not there any more."""
    global _file, _is_tried, _opening
    if _file is not None:
        _file.descriptor.close()
    _file, _is_tried, _opening = None, False, threading.Lock()


_file: SpanFile | None = None
_is_tried = False
_opening = threading.Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
