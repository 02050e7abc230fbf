"""All runs at a glance, kept in memory between requests and made anew when there is something new.

A look whether there is costs one listing of each store. Making it anew costs a second over 100,000 runs: then the list
as it was is shown meanwhile, and that of a small store is never older than the request.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from typing import TYPE_CHECKING

from vestige.errors import StoreError
from vestige.history.index import Index, open_index
from vestige.record.place import RECORD_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from vestige.history.all_runs import AllRuns
    from vestige.history.index import Place
    from vestige.store.kept import KeptRun

    Signs = tuple[object, ...]

_QUICK = 0.1  # s: what takes no longer is done while the request waits
_REST = 10.0  # times as long as making it took, nothing is made anew
_LOOK = 0.5  # s between two looks
_EARLIER = 20  # runs that tell how long the next one may take


class Catalogue:
    """The index of all runs, never much older than they are."""

    def __init__(self, all_runs: AllRuns, progress: Callable[[int, int], None] | None = None) -> None:
        """Read all runs, which may take a while the first time. Raises StoreError."""
        self.runs = all_runs
        self._lock = threading.Lock()
        self._making = False
        self._by_id: dict[str, Place] = {}
        self._looked = self._cost = 0.0
        self._make(progress)

    def index(self) -> Index:
        """Return the index; nobody may change it. Raises StoreError."""
        with self._lock:
            if self._is_due():
                if self._cost <= _QUICK:
                    self._make()
                else:
                    self._making = True
                    threading.Thread(target=self._make_aside, name="index", daemon=True).start()
            return self._index

    def find(self, run_id: str) -> KeptRun:
        """Return the run of an id, or of the eight digits by which people call it.

        Raises RunNotFoundError, AmbiguousRunError, StoreError.
        """
        index = self.index()
        place = self._by_id.get(run_id)
        run = None if place is None else index.run(place.source.row(place.position))
        if run is None or not os.path.lexists(run.path):
            return self.runs.find(run_id)
        return run

    def earlier(self, command: str) -> tuple[float, ...]:
        """Return how long the latest runs of a command line took that ended well, newest first. Raises StoreError."""
        fields = self.index().values(("wall", "command", "failed"))
        times = (
            wall for wall, words, failed in fields if words == command and not failed and isinstance(wall, float | int)
        )
        return tuple(itertools.islice(map(float, times), _EARLIER))

    def _is_due(self) -> bool:
        now = time.monotonic()
        if self._making or now - self._looked < max(_LOOK, _REST * self._cost if self._cost > _QUICK else 0):
            return False
        self._looked = now
        return self._signs_now(self._running) != self._signs

    def _make(self, progress: Callable[[int, int], None] | None = None) -> None:
        began = time.monotonic()
        signs = self._signs_now(())
        made = open_index(self.runs, progress)
        made.everything()
        running = tuple(
            folder
            for folder, status in made.values(("folder", "status"))
            if isinstance(folder, str) and status == "running"
        )
        self._index, self._running = made, running
        self._by_id = {str(place.source.column("id")[place.position]): place for place in made.everything()[::-1]}
        self._signs = (*signs, *self._signs_now(running)[len(signs) :])
        self._looked = time.monotonic()
        self._cost = self._looked - began

    def _make_aside(self) -> None:
        try:
            self._make()
        except StoreError:
            pass  # gone for the moment: what was there is shown, the next look tries again
        finally:
            self._making = False

    def _signs_now(self, running: tuple[str, ...]) -> Signs:
        """Return what differs when a run has come, gone, or ended."""
        stores = [frozenset(self.runs.runs.names_in(store)) for store in self.runs.runs.stores]
        logs = [_changed(folder) for folder in self.runs.log_folders]
        return (*stores, *logs, *(_changed(os.path.join(folder, RECORD_NAME)) for folder in running))


def _changed(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
