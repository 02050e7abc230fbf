"""What history advises to ask a scheduler for, in one line, where it is soon told."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vestige.errors import StoreError
from vestige.history import advice, groups
from vestige.history.all_runs import AllRuns
from vestige.history.index import open_index
from vestige.record.place import Store
from vestige.record.store import Runs

if TYPE_CHECKING:
    from vestige.pages.gathered import Gathered

_MOST = 500  # runs that are read for it; of more there is a snapshot once anybody has searched them
_ENOUGH = 5  # runs like this one that ended well


def line(run: Gathered) -> str:
    """Return `--mem=700M would do: 37 runs, p99 + 20 %`; empty where too little is known."""
    if run.is_log:
        return ""
    return advice.of_snapshot(run.run.path, run.record.argv) or _from_few(run)


def _from_few(run: Gathered) -> str:
    """Return the same from the records beside this one, if they are few."""
    runs = Runs((Store(os.path.dirname(os.path.dirname(os.path.abspath(run.run.path))), "option"),))
    try:
        if len(runs.names()) > _MOST:
            return ""
        found = advice.advice(open_index(AllRuns(runs, ())), groups.group(run.record.argv))
    except StoreError:
        return ""
    return advice.line(found) if found is not None and found.runs - found.failed >= _ENOUGH else ""
