"""Whose a command is.

One that is read from a commit message was written by anybody. Only what the user has run here before is run again
without a question.

That a run is kept here does not show it by itself: a repository can bring a store along, as files that Git tracks, with
a run in it that nobody has ever made, and a config file that names it. Such a store is somebody else's.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from vestige import settings
from vestige.errors import GitError, RecordError, StoreError
from vestige.git import repo

if TYPE_CHECKING:
    from vestige.git.reruns.run_commits import RangeCommit
    from vestige.store.runs import RunFolder, Runs


class Ours:
    """The runs that were made here; each store is looked at once."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._by_short_id: dict[str, list[RunFolder]] | None = None
        self._brought: dict[str, bool] = {}

    def made(self, commit: RangeCommit) -> bool:
        """Say whether one of these runs has left this commit."""
        run = None if commit.recorded is None else commit.recorded.run
        return run is not None and any(self._is_it(folder, run, commit.id) for folder in self._folders(run))

    def has(self, folder: RunFolder) -> bool:
        """Say whether a run that is kept was made here, as far as that can be told."""
        store = os.path.dirname(os.path.dirname(os.path.realpath(folder.path)))
        if store not in self._brought:
            self._brought[store] = _is_brought(store)
        return not self._brought[store]

    def _folders(self, run: str) -> list[RunFolder]:
        if self._by_short_id is None:
            self._by_short_id = {}
            with suppress(StoreError):
                for folder in self._runs.newest_first():
                    self._by_short_id.setdefault(folder.short_id, []).append(folder)
        return self._by_short_id.get(run[-8:], [])

    def _is_it(self, folder: RunFolder, run: str, commit: str) -> bool:
        try:
            record = folder.load()
        except (RecordError, StoreError):
            return False
        return record.id == run and record.commit is not None and record.commit.commit == commit and self.has(folder)


def _is_brought(store: str) -> bool:
    """Say whether a store may have come with a repository: Git tracks something in it, or can't be asked."""
    top = settings.git_top_level(store)
    if top is None:
        return False
    try:
        repository = repo.discover(top)
        return bool(repository.index([os.path.relpath(store, repository.top)]))
    except GitError:
        return True
