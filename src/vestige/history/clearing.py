"""A plan carried out: runs removed or thinned, one after the other, each looked at again first.

Killed in between, it leaves whole runs, and folders that nobody takes for runs any more: the next one removes these.
Two at once do no harm: who comes second finds a run gone.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.errors import RecordError, StoreError
from vestige.finalising.standing import is_running
from vestige.history import row as rows
from vestige.history.keeping import MARK, THINNED, why_kept
from vestige.record.place import write_atomically
from vestige.store.runs import RunFolder
from vestige.text import to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.history.keeping import Doomed, Plan, Rules
    from vestige.store.runs import Runs

_LEFT = re.compile(r"\..+\.[0-9a-f]{8}\.removed")


@dataclass(frozen=True, slots=True)
class Cleared:
    """What became of one run of the plan."""

    doomed: Doomed
    trouble: str | None = None  # why nothing was done to it


def clear(runs: Runs, plan: Plan, rules: Rules) -> Iterator[Cleared]:
    """Carry out a plan, and yield what became of each run when it is done with. Raises nothing."""
    for doomed in plan.doomed:
        yield Cleared(doomed, _clear(runs, doomed, rules))


def sweep(runs: Runs) -> int:
    """Remove what was left of runs that were being removed by somebody who was killed; return how many."""
    left = [path for store in runs.stores for path in _left(store.runs)]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return len(left)


def _clear(runs: Runs, doomed: Doomed, rules: Rules) -> str | None:
    folder = RunFolder(os.fsdecode(to_bytes(doomed.row.folder)))
    if not os.path.isdir(folder.path):
        return None  # somebody else was faster
    try:
        found = rows.of(folder, folder.load())
        reason = why_kept(found, rules)
        if found.id != doomed.row.id or reason is not None or is_running(folder.path):
            return f"it has changed: {reason or 'another run'}"
        if rules.thin:
            _thin(folder.path)
        else:
            runs.remove(folder)
    except (OSError, RecordError, StoreError) as error:
        return None if not os.path.isdir(folder.path) else str(error)
    return None


def _thin(folder: str) -> None:
    """Remove what a run can do without, and leave a word of it."""
    write_atomically(os.path.join(folder, MARK), b"`vestige gc --thin` removed output, events and series\n")
    for name in THINNED:
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def _left(folder: str) -> list[str]:
    try:
        return [entry.path for entry in os.scandir(folder) if _LEFT.fullmatch(entry.name)]
    except OSError:
        return []
