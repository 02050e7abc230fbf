"""What the events of a run tell of its descriptors, and its record does not.

Which open files the command was handed beside the standard streams, and which of its outputs it wrote on in, where
the content from before stayed.
"""

from __future__ import annotations

import fcntl
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vestige.lines import LONGEST_LINE, open_regular, parse
from vestige.observe.fields import Fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vestige.record.model import FileState, FileUse

Source = Literal["file", "pipe", "socket"]
_STANDARD = 2  # and below: the streams
_FOLDER = "/proc/self/fd"
_SOURCES: dict[str, Source] = {"file": "file", "pipe": "pipe", "socket": "socket"}
_WRITES = (b'"access":"write"', b'"access":"both"')


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Something open to read from that a command is handed under a number."""

    number: int
    kind: Source
    inode: int | None = None  # of a file, as the next
    device: int | None = None
    offset: int | None = None  # B, where reading would begin


def handed_now() -> frozenset[Descriptor]:
    """Return what this process would hand on to a program in its place."""
    try:
        numbers = [int(name) for name in os.listdir(_FOLDER)]
    except OSError:  # no Linux: no recorder either
        return frozenset()
    return frozenset(found for number in numbers if number > _STANDARD for found in _handed(number))


def doubts(events: str, now: frozenset[Descriptor], uses: Iterable[FileUse], run: str) -> Iterator[str]:
    """Yield why the run (`run 7f3a91aa`) of an `events.jsonl` can't stand for another. Raises OSError."""
    kept = {(state.ino, state.dev): state for use in uses if (state := _overwritten(use)) is not None}
    told = False
    with open_regular(events) as file:
        while line := file.readline(LONGEST_LINE):
            if b'"event":"inherited"' in line:
                told = True
                yield from _of_handed(Fields(parse(line) or {}), now, run)
            elif kept and _may_write_on(line):
                yield from _of_write(Fields(parse(line) or {}), kept, run)
    if not told:
        yield f"{run} does not say which open files it was started with"


def _handed(number: int) -> Iterator[Descriptor]:
    try:
        status = os.fstat(number)
        inherited = os.get_inheritable(number)
        access = fcntl.fcntl(number, fcntl.F_GETFL) & (os.O_ACCMODE | os.O_PATH)
        if not inherited or access not in (os.O_RDONLY, os.O_RDWR):
            return
        if stat.S_ISREG(status.st_mode):
            yield Descriptor(number, "file", status.st_ino, status.st_dev, os.lseek(number, 0, os.SEEK_CUR))
        elif stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode):
            yield Descriptor(number, "pipe" if stat.S_ISFIFO(status.st_mode) else "socket")
    except OSError:  # closed meanwhile: it was the listing's own
        return


def _of_handed(event: Fields, now: frozenset[Descriptor], run: str) -> Iterator[str]:
    raw = event.raw.get("descriptors")
    then = frozenset(
        found
        for given in (raw if isinstance(raw, list) else ())
        for found in _described(Fields(given if isinstance(given, dict) else {}))
    )
    for descriptor in sorted(then | now, key=lambda it: it.number):
        if descriptor.kind != "file":
            yield f"descriptor {descriptor.number} is a {descriptor.kind}: what is read from it is not seen"
        elif descriptor not in then or descriptor not in now:
            yield f"descriptor {descriptor.number} is not the open file that it was in {run}"


def _described(given: Fields) -> Iterator[Descriptor]:
    number, kind = given.count("fd"), _SOURCES.get(given.word("kind"))
    if number is None or number <= _STANDARD or kind is None or given.word("access") not in ("read", "both"):
        return
    if kind != "file":
        yield Descriptor(number, kind)
        return
    state = given.inner("state")
    yield Descriptor(number, kind, state.count("ino"), state.count("dev"), given.count("offset"))


def _overwritten(use: FileUse) -> FileState | None:
    """Return the state before of a file that was written over in its place: its content may have stayed, in part."""
    before, after = use.before, use.after
    if use.kind != "output" or before is None or after is None or before.type != "file" or not before.size:
        return None
    return before if (before.dev, before.ino) == (after.dev, after.ino) else None


def _may_write_on(line: bytes) -> bool:
    return b'"event":"truncate"' in line or (
        b'"event":"open"' in line and b'"truncate":true' not in line and any(way in line for way in _WRITES)
    )


def _of_write(event: Fields, kept: Mapping[tuple[int | None, int | None], FileState], run: str) -> Iterator[str]:
    """Yield a doubt where an event opens a file for writing that still has all it had before, and leaves it that."""
    if event.flag("truncate") or (event.word("event") == "truncate" and event.count("length") == 0):
        return
    state = event.inner("state")
    before = kept.get((state.count("ino"), state.count("dev")))
    if before is not None and (before.size, before.mtime_ns) == (state.count("size"), state.count("mtime_ns")):
        path = event.text("real") or event.text("path") or "?"
        yield f"{run} wrote on in `{path}`, which was there before"
