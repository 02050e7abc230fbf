"""What a package database said of paths, kept in the user's cache folder until the database changes.

Only a cache: where it can't be read or written, the database is asked each time.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from vestige.record.model import Package

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Literal

NAME = "packages.sqlite3"
_AT_ONCE = 500  # SQLite takes 999 parameters before 3.32
_MOST = 200_000  # paths kept of one database
_PATIENCE = 1.0  # s, for another run that is writing
_TABLES = """
CREATE TABLE IF NOT EXISTS stamps (database TEXT PRIMARY KEY, stamp TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS owners (database TEXT, path BLOB, name TEXT, version TEXT, PRIMARY KEY (database, path))
    WITHOUT ROWID;
"""


class Database(NamedTuple):
    """A package database as it stands: a change of it changes the stamp."""

    kind: Literal["deb", "rpm", "apk", "conda"]
    path: str
    stamp: str


def database(kind: Literal["deb", "rpm", "apk", "conda"], path: str) -> Database | None:
    """Return the database in a file or folder, None where there is none."""
    try:
        state = os.stat(path)
    except OSError:
        return None
    return Database(kind, path, f"{state.st_ino}:{state.st_size}:{state.st_mtime_ns}")


class Memory:
    """Answers of package databases; a path that belongs to no package is an answer too."""

    def __init__(self, folder: str | None) -> None:
        """Open the cache in `folder`, which is made if need be; None: keep nothing."""
        self._file: sqlite3.Connection | None = None
        if folder is not None:
            with contextlib.suppress(OSError, sqlite3.Error):
                os.makedirs(folder, mode=0o700, exist_ok=True)
                self._file = sqlite3.connect(os.path.join(folder, NAME), timeout=_PATIENCE)
                self._file.executescript(_TABLES)

    def known(self, source: Database, paths: Sequence[bytes]) -> dict[bytes, Package | None]:
        """Return what is remembered of these paths."""
        try:
            return dict(self._known(source, paths))
        except (sqlite3.Error, ValueError, TypeError):  # damaged, or written by a foreign hand
            return {}

    def keep(self, source: Database, found: Mapping[bytes, Package | None]) -> None:
        """Remember answers, and forget those of an older state of the same database."""
        if self._file is None:
            return
        rows = [
            (source.path, path, package and package.name, package and package.version)
            for path, package in found.items()
        ]
        with contextlib.suppress(sqlite3.Error), self._file:
            (count,) = self._file.execute("SELECT count(*) FROM owners WHERE database = ?", [source.path]).fetchone()
            if self._stamp(source) != source.stamp or count + len(rows) > _MOST:
                self._file.execute("DELETE FROM owners WHERE database = ?", [source.path])
                self._file.execute("INSERT OR REPLACE INTO stamps VALUES (?, ?)", [source.path, source.stamp])
            self._file.executemany("INSERT OR REPLACE INTO owners VALUES (?, ?, ?, ?)", rows)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            with contextlib.suppress(sqlite3.Error):
                self._file.close()

    def _known(self, source: Database, paths: Sequence[bytes]) -> Iterator[tuple[bytes, Package | None]]:
        if self._file is None or self._stamp(source) != source.stamp:
            return
        for start in range(0, len(paths), _AT_ONCE):
            some = paths[start : start + _AT_ONCE]
            places = ",".join("?" * len(some))
            query = f"SELECT path, name, version FROM owners WHERE database = ? AND path IN ({places})"  # noqa: S608
            for path, name, version in self._file.execute(query, [source.path, *some]):
                yield bytes(path), None if name is None else Package(source.kind, str(name), version)

    def _stamp(self, source: Database) -> str | None:
        assert self._file is not None  # noqa: S101 - for the type checker
        row = self._file.execute("SELECT stamp FROM stamps WHERE database = ?", [source.path]).fetchone()
        return None if row is None else str(row[0])
