"""What the `files.jsonl` of runs say of inputs and outputs, remembered: which file, which content, at which offset.

A cache as that of `index`: what it says of a run counts while `files.jsonl` is the very file that it was made of.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from vestige._version import VERSION
from vestige.history import shelf
from vestige.history.snapshot import DamagedError
from vestige.record.place import FILES_NAME, Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.store.runs import RunFolder

NAME = "uses.columns"
CONTENT = f"uses/2 vestige {VERSION}"
KINDS = frozenset(("input", "output", "modified", "removed"))
_MOST = 2000  # files of one run: of one with more its own lines are read
_SETTLED = 2.0  # s, see `index`
_FEW = 32  # runs that may be missing before a new snapshot is worth its writing
_SHARE = 64
_END = "\n"  # of what stands in a line there is none
_WIDTH = 4  # of an entry


class Entry(NamedTuple):
    """A file of a run, as one line tells."""

    offset: int
    kind: bytes
    path: bytes  # as it stands in the line, with quotes
    hash: bytes | None


class KnownUses:
    """What is remembered of the runs of some stores."""

    def __init__(self, runs: Sequence[RunFolder]) -> None:
        self._folders = {os.path.dirname(run.path) for run in runs}
        self._known: dict[str, tuple[list[int], str]] = {}  # by the path of a run folder
        self._fresh = dict.fromkeys(self._folders, 0)
        for folder in self._folders:
            self._read(folder)

    def of(self, run: RunFolder) -> list[Entry] | None:
        """Return the files of `KINDS` that a run used, None where nothing that holds is remembered."""
        stamp, text = self._known.get(run.path, (None, ""))
        if stamp is None or stamp != stamp_of(run.path):
            return None
        try:
            return list(_entries(text))
        except (AttributeError, TypeError, ValueError):  # a foreign hand wrote it
            return None

    def keep(self, run: RunFolder, stamp: list[int] | None, entries: Sequence[Entry]) -> None:
        """Remember what a run's file said; `stamp` is that from before it was read."""
        if stamp is None or len(entries) > _MOST or stamp != stamp_of(run.path):
            return
        if time.time() - max(stamp[:2]) / 1e9 <= _SETTLED:
            return
        self._known[run.path] = stamp, "".join(map(_told, entries))
        self._fresh[os.path.dirname(run.path)] += 1

    def renew(self, runs: Sequence[RunFolder]) -> None:
        """Leave new snapshots behind where much had to be read; what is known of other runs than these is dropped."""
        for folder, number in self._fresh.items():
            paths = [run.path for run in runs if os.path.dirname(run.path) == folder and run.path in self._known]
            if number <= _FEW + len(paths) // _SHARE:
                continue
            stamps, files = zip(*map(self._known.__getitem__, paths), strict=True)
            names = [os.fsencode(os.path.basename(path)).decode("latin-1") for path in paths]
            shelf.put(_store(folder), NAME, CONTENT, {"name": names, "stamp": stamps, "files": files})

    def _read(self, folder: str) -> None:
        found = shelf.newest(_store(folder), NAME, CONTENT)
        if found is None:
            return
        try:
            for name, stamp, text in zip(*map(found.column, ("name", "stamp", "files")), strict=True):
                path = os.path.join(folder, os.fsdecode(name.encode("latin-1")))
                self._known[path] = stamp, text
        except (DamagedError, AttributeError, TypeError, ValueError):
            self._known = {path: known for path, known in self._known.items() if os.path.dirname(path) != folder}


def stamp_of(folder: str) -> list[int] | None:
    """Return what tells one `files.jsonl` from another that took its place, None where there is none."""
    try:
        state = os.stat(f"{folder}/{FILES_NAME}")
    except OSError:
        return None
    return [state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino]


def _store(folder: str) -> Store:
    return Store(os.path.dirname(folder), "option")


def _told(entry: Entry) -> str:
    """Return an entry as text: one text for a run takes less than a list of its words."""
    words = (str(entry.offset).encode("ascii"), entry.kind, entry.path, entry.hash or b"")
    return "".join(word.decode("latin-1") + _END for word in words)


def _entries(text: str) -> Iterator[Entry]:
    words = text.split(_END)
    for at in range(0, len(words) - 1, _WIDTH):
        offset, kind, path, digest = (word.encode("latin-1") for word in words[at : at + _WIDTH])
        yield Entry(int(offset), kind, path, digest or None)
