"""Hashes that were taken before, in the user's cache folder: a file that did not change is not read again.

Losing it costs time and nothing else, so whatever is wrong with it, there is no cache. Two runs may write it at once:
SQLite's locks, held for one short transaction, see to that.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from typing import TYPE_CHECKING

from vestige import settings

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from vestige.record.model import FileState

_VALUE = re.compile(r"sha256:[0-9a-f]{64}")
_RACY = 2_000_000_000  # ns: a file may change once more without its times telling, on the coarsest of file systems
_PATIENCE = 2.0  # s to wait for another run that writes
_LARGEST = 512 << 20  # B, then it begins anew
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS hashes (file TEXT PRIMARY KEY, stamp TEXT NOT NULL, hash TEXT NOT NULL) WITHOUT ROWID"
)


def path() -> str | None:
    """Return where the cache is kept; None without a home."""
    folder = settings.user_cache(os.environ)
    return None if folder is None else os.path.join(folder, "hashes.sqlite3")


class Cache:
    """The hashes known so far, by device and inode; a changed size or time voids one."""

    def __init__(self, *, open_it: bool) -> None:
        self._connection = _opened() if open_it else None
        self._now = time.time_ns()

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()

    def find(self, state: FileState | None) -> str | None:
        """Return the hash of a file in this state, if it is known."""
        key = None if self._connection is None else self._key(state)
        if key is None or self._connection is None:
            return None
        try:
            row = self._connection.execute("SELECT stamp, hash FROM hashes WHERE file = ?", key[:1]).fetchone()
        except _errors():
            self._give_up()
            return None
        known = row is not None and row[0] == key[1] and isinstance(row[1], str) and _VALUE.fullmatch(row[1])
        return row[1] if known else None

    def keep(self, found: Iterable[tuple[FileState | None, str | None]]) -> None:
        """Add hashes; those of files that changed a moment ago are not to be trusted."""
        if self._connection is None:
            return
        rows = [(*key, value) for state, value in found if value is not None and (key := self._key(state)) is not None]
        try:
            with self._connection:
                self._connection.executemany("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?)", rows)
        except _errors():
            self._give_up()

    def _key(self, state: FileState | None) -> tuple[str, str] | None:
        if state is None or None in (state.dev, state.ino, state.size, state.mtime_ns, state.ctime_ns):
            return None
        if (state.ctime_ns or 0) > self._now - _RACY:
            return None
        return f"{state.dev}:{state.ino}", f"{state.size}:{state.mtime_ns}:{state.ctime_ns}"

    def _give_up(self) -> None:
        """Do without; a damaged cache is removed, so that the next run begins anew."""
        connection, self._connection = self._connection, None
        if connection is not None:
            _discard_if_damaged(connection)
            connection.close()


def _opened() -> sqlite3.Connection | None:
    try:
        import sqlite3  # noqa: PLC0415 - some Pythons are built without it, and most runs do not need it
    except ImportError:
        return None
    where = path()
    if where is None:
        return None
    connection = None
    try:
        os.makedirs(os.path.dirname(where), mode=0o700, exist_ok=True)
        if os.path.exists(where) and os.path.getsize(where) > _LARGEST:
            os.unlink(where)
        connection = sqlite3.connect(where, timeout=_PATIENCE)
        connection.execute(_SCHEMA)
    except (OSError, sqlite3.Error):
        if connection is not None:
            _discard_if_damaged(connection)
            connection.close()
        return None
    return connection


def _errors() -> tuple[type[Exception], ...]:
    import sqlite3  # noqa: PLC0415

    return (sqlite3.Error,)


def _discard_if_damaged(connection: sqlite3.Connection) -> None:
    import sqlite3  # noqa: PLC0415

    try:
        sound = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.OperationalError:  # locked, or nowhere to write: another run may need it
        return
    except sqlite3.Error:
        sound = False
    if not sound:
        with contextlib.suppress(OSError):
            os.unlink(path() or "")
