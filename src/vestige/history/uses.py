"""Which run used which file: found in the raw bytes of every `files.jsonl`, parsed only where it is asked for.

A store of 5,000 runs has a million lines and more, of which a question concerns a few dozen. A line is what
`codec.line` writes: ASCII, `path` first, `kind` after it, no blanks. A quote inside a string is escaped, so that no
path can look like a key.
"""

from __future__ import annotations

import bisect
import functools
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from vestige.errors import RecordError, StoreError
from vestige.history.known_uses import KINDS, Entry, KnownUses, stamp_of
from vestige.lines import open_regular
from vestige.record import codec
from vestige.record.place import FILES_NAME, RECORD_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vestige.record.model import FileClass, FileUse, Record
    from vestige.store.runs import RunFolder

WRITTEN: tuple[FileClass, ...] = ("output", "modified")
READ: tuple[FileClass, ...] = ("input", "modified")
SOFTWARE: tuple[FileClass, ...] = ("software", "config", "cache")
REMOVED: tuple[FileClass, ...] = ("removed",)
_PIECE = 8 << 20  # bytes in memory at once
_OFFSET_BITS = 44
_HEAD = b'{"path":'
_KIND = b',"kind":"'
_HASH = b'"hash":"'
_REMEMBERED = 1 << 14  # lines that stay parsed
_RECORDS = 1 << 9  # that stay parsed: each takes some 13 kB


@dataclass(frozen=True, slots=True)
class Sighting:
    """A file as one run used it."""

    place: int
    use: FileUse

    @property
    def run(self) -> int:
        """The run, counted from the newest, 0."""
        return run_of(self.place)


@dataclass(slots=True)
class Places:
    """Where files of some classes are spoken of: run and offset as one number, newest runs first."""

    by_path: dict[bytes, list[int]] = field(default_factory=dict)  # by the path as it stands in the line, with quotes
    by_hash: dict[bytes, list[int]] = field(default_factory=dict)


class _Kept:
    """Runs as they are read. Apart from `Uses`, so that what is remembered of them goes as soon as that is dropped."""

    def __init__(self, runs: tuple[RunFolder, ...]) -> None:
        self.runs = runs
        self.problems: dict[int, str] = {}

    def line(self, place: int) -> FileUse | None:
        """Return the file that is spoken of at a place."""
        run, offset = run_of(place), place & (1 << _OFFSET_BITS) - 1
        path = os.path.join(self.runs[run].path, FILES_NAME)
        try:
            with open_regular(path) as file:
                file.seek(offset)
                return codec.file_use(file.readline(codec.LARGEST_RECORD), path)
        except (OSError, RecordError) as error:
            self.problem(run, str(error))
            return None

    def record(self, run: int) -> Record | None:
        """Return a run's record."""
        try:
            return self.runs[run].load()
        except (RecordError, StoreError) as error:
            self.problem(run, str(error))
            return None

    def problem(self, run: int, reason: str) -> None:
        """Note why a run counts as not there."""
        self.problems.setdefault(run, reason)


class Uses:
    """What all runs say about files. What can't be read is in `problems`, by run, and counts as not there."""

    def __init__(self, runs: Sequence[RunFolder]) -> None:
        self.runs = tuple(runs)  # newest first
        self._kept = _Kept(self.runs)
        self.problems = self._kept.problems
        self._parsed = functools.lru_cache(_REMEMBERED)(self._kept.line)
        self.record = functools.lru_cache(_RECORDS)(self._kept.record)

    def places(self, *groups: Sequence[FileClass]) -> list[Places]:
        """Look through every run, once, for files of several groups of classes."""
        found = [Places() for _ in groups]
        of_class = {
            kind.encode(): [places for places, kinds in zip(found, groups, strict=True) if kind in kinds]
            for kind in {kind for kinds in groups for kind in kinds}
        }
        same: dict[bytes, bytes] = {}  # what one run wrote and others read is kept once
        for run, entries in self._all_entries(frozenset(kind.decode() for kind in of_class)):
            for offset, kind, path, digest in entries:
                place = run << _OFFSET_BITS | offset
                for places in of_class.get(kind, ()):
                    places.by_path.setdefault(same.setdefault(path, path), []).append(place)
                    if digest is not None:
                        places.by_hash.setdefault(same.setdefault(digest, digest), []).append(place)
        return found

    def _all_entries(self, kinds: frozenset[str]) -> Iterator[tuple[int, list[Entry]]]:
        """Yield the files of these classes, and perhaps of others, that each run used."""
        known = KnownUses(self.runs) if kinds <= KINDS else None
        for run, folder in enumerate(self.runs):
            entries = None if known is None else known.of(folder)
            if entries is None:
                stamp = stamp_of(folder.path)
                entries = list(self._entries(run, kinds if known is None else KINDS))
                if known is not None and run not in self.problems:
                    known.keep(folder, stamp, entries)
            yield run, entries
        if known is not None:
            known.renew(self.runs)

    def _entries(self, run: int, kinds: Iterable[str]) -> Iterator[Entry]:
        for offset, line in self._lines(run, kinds):
            entry = _entry(offset, line)
            if entry is not None:
                yield entry

    def of_run(self, run: int, kinds: Sequence[FileClass]) -> list[FileUse]:
        """Return the files of these classes that one run used, in the order in which they are written."""
        places = (run << _OFFSET_BITS | offset for offset, _ in self._lines(run, kinds))
        return [sighting.use for sighting in self.sightings(places)]

    def sightings(self, places: Iterable[int]) -> Iterator[Sighting]:
        """Yield what stands at `places`; lines that can't be read are passed over."""
        for place in places:
            use = self._parsed(place)
            if use is not None:
                yield Sighting(place, use)

    def named(self, path: str, kinds: Sequence[FileClass]) -> Sighting | None:
        """Return the newest file of these classes that has `path` as another of its names."""
        token = path_token(path)
        for run in range(len(self.runs)):
            places = [run << _OFFSET_BITS | offset for offset, line in self._lines(run, kinds) if token in line]
            for sighting in self.sightings(places):
                if path in sighting.use.names:
                    return sighting
        return None

    def mention(self, token: bytes, kinds: Sequence[FileClass]) -> bool:
        """Say whether any line of these classes holds `token`."""
        return any(token in line for run in range(len(self.runs)) for _, line in self._lines(run, kinds))

    def _lines(self, run: int, kinds: Iterable[str]) -> Iterator[tuple[int, bytes]]:
        """Yield offset and content of each line of these classes."""
        needles = [f',"kind":"{kind}"'.encode() for kind in kinds]
        path = os.path.join(self.runs[run].path, FILES_NAME)
        try:
            with self._opened(run, path) as file:
                base = 0
                piece_size = min(_PIECE, os.fstat(file.fileno()).st_size)  # a larger buffer costs more than reading
                while piece := file.read(piece_size):
                    piece += file.readline(codec.LARGEST_RECORD)
                    for begin, end in _found(piece, needles):
                        yield base + begin, piece[begin:end]
                    base += len(piece)
        except FileNotFoundError:
            return
        except OSError as error:
            self._kept.problem(run, f"can't read {path}: {error.strerror}")

    def _opened(self, run: int, path: str) -> BinaryIO:
        """Open a run's list of files; a run that is over and that nobody has looked at since is made final first."""
        try:
            return open_regular(path)
        except FileNotFoundError:
            if not self._is_over(run):
                self._kept.record(run)
            return open_regular(path)

    def _is_over(self, run: int) -> bool:
        """Say whether a run's record is final as it stands: one that was imported has no list of files for ever."""
        try:
            return codec.read_object(os.path.join(self.runs[run].path, RECORD_NAME)).get("status") == "ended"
        except (OSError, RecordError):
            return False


def run_of(place: int) -> int:
    """Return the run of a place, counted from the newest."""
    return place >> _OFFSET_BITS


def earlier(places: Sequence[int], run: int) -> Sequence[int]:
    """Return those of `places` that are of runs older than `run`, newest first."""
    return places[bisect.bisect_left(places, (run + 1) << _OFFSET_BITS) :]


def later(places: Sequence[int], run: int) -> Sequence[int]:
    """Return those of `places` that are of runs newer than `run`, newest first."""
    return places[: bisect.bisect_left(places, run << _OFFSET_BITS)] if run > 0 else ()


def path_token(path: str) -> bytes:
    """Return a path as it stands in a line, with its quotes."""
    return json.dumps(path).encode("ascii")


def _found(piece: bytes, needles: Iterable[bytes]) -> list[tuple[int, int]]:
    """Return begin and end of each line that holds one of the needles."""
    lines = []
    for needle in needles:
        at = piece.find(needle)
        while at >= 0:
            end = piece.find(b"\n", at)
            if end < 0:  # cut: of no use
                break
            lines.append((piece.rfind(b"\n", 0, at) + 1, end))
            at = piece.find(needle, end)
    lines.sort()
    return lines


def _entry(offset: int, line: bytes) -> Entry | None:
    at = line.find(_KIND)
    if not line.startswith(_HEAD):
        return None
    begin = line.find(_HASH, at) + len(_HASH)
    digest = line[begin : line.find(b'"', begin)] if begin >= len(_HASH) else None
    kind = at + len(_KIND)
    return Entry(offset, line[kind : line.find(b'"', kind)], line[len(_HEAD) : at], digest)
