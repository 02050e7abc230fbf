"""What the runs kept beside a run tell of it: which was the last one like it, and what they advise."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from vestige.compare import naming
from vestige.errors import RecordError, RunNotFoundError, StoreError
from vestige.history import advice, earlier, groups
from vestige.history.all_runs import AllRuns
from vestige.history.index import open_index
from vestige.record.place import Store
from vestige.store.runs import Runs

if TYPE_CHECKING:
    from vestige.history.index import Index
    from vestige.pages.gathered import Gathered
    from vestige.store.kept import KeptRun

_MOST = 500  # runs that are read for advice; of more there is a snapshot once anybody has searched them


class History(Protocol):
    """Whoever knows other runs."""

    def last_before(self, run: Gathered) -> KeptRun | None:
        """Return the last run of the same command in the same folder before this one."""

    def advice(self, run: Gathered) -> str:
        """Return `--mem=700M would do: 37 runs, p99 + 20 %`; empty where too little is known."""


class Beside:
    """The store in which a run lies, looked into as far as that is quick."""

    def last_before(self, run: Gathered) -> KeptRun | None:
        """Return the last run of the same command in the same folder before this one."""
        try:
            return naming.earlier_like(_around(run.run), run.record)
        except (RunNotFoundError, RecordError, StoreError):
            return None

    def advice(self, run: Gathered) -> str:
        """Return advice from the snapshot, or from the records if they are few."""
        told = advice.of_snapshot(run.run.path, run.record.argv)
        if told:
            return told
        runs = _around(run.run)
        try:
            return "" if len(runs.runs.names()) > _MOST else _line(open_index(runs), run)
        except StoreError:
            return ""


class Indexed:
    """All runs of an index that was read already."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def last_before(self, run: Gathered) -> KeptRun | None:
        """Return the last run of the same command in the same folder before this one."""
        return earlier.last_before(self._index, run.record)

    def advice(self, run: Gathered) -> str:
        """Return advice from all runs of the kind."""
        return _line(self._index, run)


def _around(run: KeptRun) -> AllRuns:
    store = os.path.dirname(os.path.dirname(os.path.abspath(run.path)))
    return AllRuns(Runs((Store(store, "option"),)), ())


def _line(index: Index, run: Gathered) -> str:
    return advice.line(advice.advice(index, groups.group(run.record.argv)))
