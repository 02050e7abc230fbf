"""The files of a run: what went in and what came out beside each other, and all of them in a table."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.quantity import size
from vestige.report.files import hash_start, is_folder, marks, relative, size_words, state
from vestige.text import from_bytes, to_bytes
from vestige.words import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vestige.record.model import FileClass, FileUse, Process, Record

MOST_BESIDE = 8  # files on either side
_IN: tuple[FileClass, ...] = ("input", "modified")
_OUT: tuple[FileClass, ...] = ("output", "modified")
_NAMED = 2  # processes


@dataclass(frozen=True, slots=True)
class Beside:
    """A file that went in or came out."""

    name: str
    folder: str
    size: str
    hash: str


@dataclass(frozen=True, slots=True)
class Side:
    """What went in, or what came out: the largest of what is listed."""

    count: int
    total: str
    files: tuple[Beside, ...]

    @property
    def left_out(self) -> int:
        """How many are not named."""
        return self.count - len(self.files)


@dataclass(frozen=True, slots=True)
class Row:
    """One file in the table."""

    kind: str
    path: str
    size: str
    hash: str
    marks: str
    by: str


@dataclass(frozen=True, slots=True)
class Class:
    """A class of files, to choose rows by."""

    name: str
    count: int


def went_in(uses: Iterable[FileUse], record: Record) -> Side:
    """Return what was read that had been there before; `uses` need not be all."""
    return _side(_IN, uses, record)


def came_out(uses: Iterable[FileUse], record: Record) -> Side:
    """Return what was written and is still there, likewise."""
    return _side(_OUT, uses, record)


def rows(uses: Iterable[FileUse], processes: Sequence[Process], cwd: str) -> list[Row]:
    """Return the rows of the table."""
    return [_row(use, processes, cwd) for use in uses]


def classes(uses: Iterable[FileUse]) -> list[Class]:
    """Return the classes of which there are files, in their order."""
    counts: dict[str, int] = {}
    for use in uses:
        counts[use.kind] = counts.get(use.kind, 0) + 1
    return [Class(name, count) for name, count in counts.items()]


def _side(kinds: tuple[FileClass, ...], uses: Iterable[FileUse], record: Record) -> Side:
    listed = [use for use in uses if use.kind in kinds and not is_folder(use)]
    counted = [record.files[kind] for kind in kinds if kind in record.files]
    count, total = max(
        (len(listed), sum(map(_bytes, listed))),
        (sum(each.count for each in counted), sum(each.size for each in counted)),
    )
    largest = sorted(listed, key=lambda use: -_bytes(use))[:MOST_BESIDE]
    return Side(count, size(total), tuple(_beside(use, record.cwd) for use in largest))


def _beside(use: FileUse, cwd: str) -> Beside:
    folder, name = _split(use.path, cwd)
    return Beside(name, folder, size_words(use), hash_start(use.hash))


def _split(path: str, cwd: str) -> tuple[str, str]:
    """Return folder and name for people; the quotes around a path with odd bytes belong to each that has any."""
    if not path.startswith('"'):
        folder, name = os.path.split(relative(path, cwd))
        return folder, name
    folder, name = map(from_bytes, os.path.split(to_bytes(path)))
    return relative(folder, cwd), safe(name)


def _row(use: FileUse, processes: Sequence[Process], cwd: str) -> Row:
    return Row(
        kind=use.kind,
        path=relative(use.path, cwd),
        size=size_words(use),
        hash=hash_start(use.hash),
        marks=" ".join(marks(use)),
        by=_by((*use.writers, *use.readers), processes),
    )


def _by(places: Iterable[int], processes: Sequence[Process]) -> str:
    """Name those who used a file, as far as a foreign list of them tells."""
    names = list(dict.fromkeys(safe(processes[place].name or "?") for place in places if 0 <= place < len(processes)))
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _bytes(use: FileUse) -> int:
    found = state(use)
    return 0 if found is None or found.size is None else found.size
