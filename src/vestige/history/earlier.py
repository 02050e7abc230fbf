"""Earlier runs of a command: told from the index where it knows a run, from the first bytes of the record where not.

What a run was of never changes, so nothing else is looked at; whoever takes a run from here reads its record.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from vestige.history.index import Source
from vestige.lines import open_regular
from vestige.record import place, tinyjson
from vestige.store.runs import moment_in
from vestige.words import command

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.history.index import Index
    from vestige.record.model import Record
    from vestige.store.kept import KeptRun
    from vestige.store.runs import RunFolder, Runs

_BEFORE_ARGV = 1000  # B of `record.json`: schema and id


def of_command(runs: Runs, argv: Sequence[str], cwd: str, *, before: str = "") -> Iterator[RunFolder]:
    """Yield the runs of a command in a folder, newest first; their records may turn out to be damaged.

    `argv`, `cwd`: text, as in the record. `before`: a time as `Record.started`; runs of that second are among them.
    Raises StoreError when a store is there but can't be read.
    """
    latest = _compact(before)
    sources = {store.runs: _Rows(Source(store)) for store in runs.stores}
    words = command(tuple(argv))
    pieces = _pieces(argv, cwd)
    for folder in runs.newest_first():
        if latest and moment_in(folder.name) > latest:
            continue
        known = sources[os.path.dirname(folder.path)].of(folder.name)
        if known == (words, cwd) or (known is None and _begins(folder, pieces)):
            yield folder


def last_before(index: Index, record: Record) -> KeptRun | None:
    """Return the last run before one, of the same command in the same folder and over. Raises StoreError."""
    wanted = command(record.argv), record.cwd
    names = ("command", "cwd", "started", "status")
    for source, position in index.everything():
        words, cwd, started, status = (source.column(name)[position] for name in names)
        if (words, cwd) == wanted and started < record.started and status != "running":
            return index.run(source.row(position))
    return None


class _Rows:
    """What a snapshot says of runs."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._commands = source.column("command")
        self._folders = source.column("cwd")

    def of(self, name: str) -> tuple[str, str] | None:
        """Return a run's command and folder, None where it is not known."""
        position = self._source.position(name)
        return None if position is None else (self._commands[position], self._folders[position])


def _pieces(argv: Sequence[str], cwd: str) -> tuple[bytes, bytes]:
    """Return what stands in the record, as its first and as its final form write it."""
    words = {"argv": list(argv), "cwd": cwd}
    return tinyjson.dumps(words)[1:-2], json.dumps(words, indent=1).encode()[2:-2]


def _begins(folder: RunFolder, pieces: tuple[bytes, bytes]) -> bool:
    try:
        with open_regular(os.path.join(folder.path, place.RECORD_NAME)) as file:
            head = file.read(max(map(len, pieces)) + _BEFORE_ARGV)
    except OSError:
        return False
    return any(piece in head for piece in pieces)


def _compact(moment: str) -> str:
    """Return a time of a record as names of run folders begin with it; empty for none."""
    return f"{moment[:19].replace('-', '').replace(':', '')}Z" if moment else ""
