"""The runs that are kept: listing, finding, loading and removing them.

A listing costs one look into a folder, however many runs there are; a record is read when it is asked for. What can't
be read is a `Problem` in the listing, never the end of it.
"""

from __future__ import annotations

import calendar
import contextlib
import itertools
import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.errors import AmbiguousRunError, RecordError, RunNotFoundError, StoreError, UsageError
from vestige.finalising.standing import first_record, is_running, stands
from vestige.record import codec, place
from vestige.record.place import EVENTS_NAME, FILES_NAME, POINTS_NAME, PROCESSES_NAME, SPANS_NAME
from vestige.store import output
from vestige.store.kept import loaded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vestige.record.model import FileClass, FileUse, Point, Process, Record, Span
    from vestige.store.kept import Loaded, Problem

_NAME = re.compile(r"([0-9]{8}T[0-9]{6}Z)-([0-9a-f]{8})")
_LAST = re.compile(r"last(?:~([0-9]{1,9}))?")
_ID_LETTERS = re.compile(r"[0-9a-f-]{1,36}")
_SHOWN = 5  # candidates named in an error
_UUID_LENGTH = 36
_TIME_DIGITS = 12
_TIME_LETTERS = len("20260131T235959Z")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder that holds a run, or looks like it."""

    path: str

    @property
    def name(self) -> str:
        """The folder's name: UTC time and short id."""
        return os.path.basename(self.path)

    @property
    def short_id(self) -> str:
        """The eight digits by which people call the run; the whole name for a folder that was renamed."""
        match = _NAME.fullmatch(self.name)
        return match.group(2) if match else self.name

    @property
    def log(self) -> None:
        """It is no log of con-duct."""
        return

    def load(self) -> Record:
        """Return the record, made final first if the run is over.

        Raises RecordError, StoreError.
        """
        first, _ = first_record(self.path)
        if first is not None and stands(first, self.path):
            return first
        from vestige.finalising.finalise import finalise  # noqa: PLC0415 - 40 ms that a list of runs has no use for

        return finalise(self.path)

    def processes(self) -> Iterator[Process]:
        """Yield the processes; none while the run goes on. Raises RecordError."""
        with contextlib.suppress(FileNotFoundError):
            yield from codec.read_processes(os.path.join(self.path, PROCESSES_NAME))

    def files(self, kinds: Iterable[FileClass] = ()) -> Iterator[FileUse]:
        """Yield the files that the run used, all or those of `kinds`; none while it goes on. Raises RecordError."""
        with contextlib.suppress(FileNotFoundError):
            yield from codec.read_files(os.path.join(self.path, FILES_NAME), kinds)

    def spans(self) -> Iterator[Span]:
        """Yield the named parts of the run in the order in which they began; none while it goes on.

        Raises RecordError.
        """
        with contextlib.suppress(FileNotFoundError):
            yield from codec.read_spans(os.path.join(self.path, SPANS_NAME))

    def points(self) -> Iterator[Point]:
        """Yield the time series; nothing while the run goes on. Raises RecordError."""
        with contextlib.suppress(FileNotFoundError):
            yield from codec.read_points(os.path.join(self.path, POINTS_NAME))

    def output(self, *, last: int | None = None) -> Iterator[output.Piece]:
        """Yield the captured output, in the order in which it came where that is known; `last`: only so many bytes.

        Raises StoreError.
        """
        return output.of_run(self.path, last=last)


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of one or several stores (`place.stores_to_read`)."""

    stores: tuple[place.Store, ...]

    def newest_first(self) -> Iterator[RunFolder]:
        """Yield the run folders. Those of one second, whose names can't tell, are put in order by their ids.

        Raises StoreError when a store is there but can't be read.
        """
        entries = sorted(self._entries(), key=_named_moment, reverse=True)
        for _, group in itertools.groupby(entries, key=_named_moment):
            same = [_folder(entry) for entry in group]
            yield from same if len(same) == 1 else sorted(same, key=_id_of, reverse=True)

    def records(self) -> Iterator[Loaded[RunFolder] | Problem[RunFolder]]:
        """Return every run, newest first, with its record; the caller stops when it has seen enough.

        Raises StoreError when a store is there but can't be read.
        """
        return map(loaded, self.newest_first())

    def names(self) -> frozenset[str]:
        """Return the names of all run folders. Raises StoreError when a store is there but can't be read."""
        return frozenset(name for name, _ in self._entries())

    def names_in(self, store: place.Store) -> frozenset[str]:
        """Return the names of the run folders in one of the stores. Raises StoreError when it can't be read."""
        return frozenset(name for name, _ in _entries_in(store.runs))

    def find(self, words: str) -> RunFolder:
        """Return the run that is meant.

        `words`: `last`, `last~N`, a prefix of the short id, of the folder's name or of the full id (in this order), or
        the path of a run folder. Raises RunNotFoundError, AmbiguousRunError, StoreError; UsageError for empty words.
        """
        if not words:
            raise UsageError("no run is named; `last` is the last one, `vestige ls` lists them")
        last = _LAST.fullmatch(words)
        if last:
            return self._last(int(last.group(1) or 0))
        if is_path(words):
            return _at_path(words)
        for candidates in self._candidates(words):
            if len(candidates) == 1:
                return candidates[0]
            if candidates:
                raise AmbiguousRunError(_ambiguous(words, candidates))
        raise RunNotFoundError(f"no run `{words}` in {self._places()}; `vestige ls` lists them")

    def remove(self, folder: RunFolder, *, force: bool = False) -> None:
        """Remove a run for good; one that is running only if `force`.

        The folder is renamed first, so that nobody finds half a run. Raises StoreError.
        """
        if not force and is_running(folder.path):
            raise StoreError(f"run {folder.short_id} is still running; remove it all the same with `--force`")
        if not is_run(folder.path):
            raise StoreError(f"{folder.path} holds no run; remove it yourself if it is not needed")
        doomed = os.path.join(os.path.dirname(folder.path), f".{folder.name}.{os.urandom(4).hex()}.removed")
        try:
            if os.path.islink(folder.path):
                os.unlink(folder.path)
                return
            os.rename(folder.path, doomed)
            shutil.rmtree(doomed)
        except OSError as error:
            raise StoreError(f"can't remove {folder.path}: {error.strerror}") from error

    def _entries(self) -> list[tuple[str, str]]:
        """Return name and parent of every folder."""
        return list(itertools.chain.from_iterable(_entries_in(store.runs) for store in self.stores))

    def _last(self, back: int) -> RunFolder:
        for index, folder in enumerate(self.newest_first()):
            if index == back:
                return folder
        if back:
            raise RunNotFoundError(f"there are not {back + 1} runs in {self._places()}; `vestige ls` lists them")
        raise RunNotFoundError(f"no run yet in {self._places()}; `vestige run COMMAND` makes one")

    def _candidates(self, words: str) -> Iterator[list[RunFolder]]:
        """Yield what each way of naming a run finds, the likeliest way first."""
        entries = self._entries()
        yield [_folder(entry) for entry in entries if entry[0] == words]
        yield [_folder(entry) for entry in entries if entry[0].rpartition("-")[2].startswith(words)]
        yield [_folder(entry) for entry in entries if entry[0].startswith(words)]
        if not _ID_LETTERS.fullmatch(words):
            return
        folders = (_folder(entry) for entry in entries if _may_have(entry[0], words))
        yield list(itertools.islice((folder for folder in folders if _id_of(folder).startswith(words)), _SHOWN + 1))

    def _places(self) -> str:
        return " or ".join(store.path for store in self.stores)


def _entries_in(runs: str) -> list[tuple[str, str]]:
    try:
        return [(name, runs) for name in os.listdir(runs) if not name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"can't read {runs}: {error.strerror}") from error


def moment_in(name: str) -> str:
    """Return what sorts names by time, as they begin with it; a folder with a foreign name sorts as the oldest."""
    return name[:_TIME_LETTERS] if name[:1].isdigit() else ""


def is_dated(name: str) -> bool:
    """Say whether a folder has the name that it was made with; that of one that was renamed tells no time."""
    return _NAME.fullmatch(name) is not None


def is_run(path: str) -> bool:
    """Say whether a folder looks like one of a run."""
    return any(os.path.lexists(os.path.join(path, name)) for name in (place.RECORD_NAME, EVENTS_NAME))


def is_path(words: str) -> bool:
    """Say whether a run is named by where it is, not by its id."""
    return os.sep in words or words in (os.curdir, os.pardir)


def _named_moment(entry: tuple[str, str]) -> str:
    return moment_in(entry[0])


def _may_have(name: str, words: str) -> bool:
    """Say whether the run in a folder of this name may have an id that begins so.

    The first 48 bits of the id are the time in ms; the last 32, if they are given, are in the name as well.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return True
    if len(words) == _UUID_LENGTH and match.group(2) != place.short_id(words):
        return False
    parts = (name[0:4], name[4:6], name[6:8], name[9:11], name[11:13], name[13:15])
    first = calendar.timegm(tuple(map(int, parts))) * 1000
    digits = words.replace("-", "")[:_TIME_DIGITS]
    return f"{first:012x}"[: len(digits)] <= digits <= f"{first + 999:012x}"[: len(digits)]


def _folder(entry: tuple[str, str]) -> RunFolder:
    name, runs = entry
    return RunFolder(os.path.join(runs, name))


def _id_of(folder: RunFolder) -> str:
    """Return the id of a run, empty where it can't be read."""
    try:
        found = codec.read_object(os.path.join(folder.path, place.RECORD_NAME)).get("id")
    except (OSError, RecordError):
        return ""
    return found if isinstance(found, str) else ""


def _at_path(path: str) -> RunFolder:
    whole = os.path.abspath(path)
    if not is_run(whole):
        raise RunNotFoundError(f"{path} is no run folder: it holds neither record.json nor events.jsonl")
    return RunFolder(whole)


def _ambiguous(words: str, candidates: Iterable[RunFolder]) -> str:
    names = sorted(folder.name for folder in candidates)
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return f"`{words}` may be any of {shown}; give more of the id"
