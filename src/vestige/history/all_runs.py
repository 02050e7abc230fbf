"""All runs that can be looked at from here: those that vestige keeps, and con-duct's logs.

`last` is the last run of vestige's own, and where a word fits one of these, no log is looked for: a run folder is found
by its name, while the ids of logs are known only when all of them are read.
"""

from __future__ import annotations

import heapq
import itertools
import operator
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.con_duct.paths import FOLDER
from vestige.errors import RecordError, RunNotFoundError
from vestige.store.kept import Problem, loaded
from vestige.store.runs import Runs, is_dated, is_path, is_run, moment_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vestige.con_duct.kept import LogRun
    from vestige.store.kept import KeptRun, Loaded

    Entry = Loaded[KeptRun] | Problem[KeptRun]

_LAST = "last"


@dataclass(frozen=True, slots=True)
class AllRuns:
    """The runs of the stores, and the logs in some folders."""

    runs: Runs
    folders: tuple[str, ...]  # with logs of con-duct in them

    def records(self, since: str = "") -> Iterator[Entry]:
        """Yield every run, newest first, with its record, a run that is kept twice only once.

        `since`: a moment as names of run folders begin with it; what is older is not read. Raises StoreError when a
        store is there but can't be read.
        """
        sources = [self._runs(since), *([self.logs(since)] if self.folders else [])]
        return map(operator.itemgetter(1), heapq.merge(*sources, key=operator.itemgetter(0), reverse=True))

    def find(self, words: str) -> KeptRun:
        """Return the run that is meant: as `Runs.find`, or a log by its path, the start of its name or of its id.

        Raises RunNotFoundError, AmbiguousRunError, StoreError; UsageError for empty words.
        """
        if is_path(words) and not self._is_folder(os.path.abspath(words)):
            from vestige.con_duct import kept  # noqa: PLC0415 - only for logs

            return kept.the_one(words)
        try:
            return self.runs.find(words)
        except RunNotFoundError as error:
            if words.partition("~")[0] == _LAST:
                raise RunNotFoundError(f"{error}{self._hint()}") from None
            found = self._log(words)
            if found is None:
                raise
            return found

    def _is_folder(self, path: str) -> bool:
        """Say whether a path is that of a run folder, a damaged one among them."""
        return is_run(path) or os.path.dirname(path) in {os.path.abspath(store.runs) for store in self.runs.stores}

    def _runs(self, since: str) -> Iterator[tuple[str, Entry]]:
        for folder in self.runs.newest_first():
            moment = moment_in(folder.name)
            if moment >= since or not is_dated(folder.name):
                yield moment, loaded(folder)

    def logs(self, since: str = "") -> Iterator[tuple[str, Entry]]:
        """Yield the logs of con-duct, newest first, each with the moment that sorts it among run folders."""
        from vestige.con_duct import kept  # noqa: PLC0415 - only where there are logs

        names = self.runs.names()
        try:
            paths = list(self._paths())
        except RecordError as error:  # the runs are listed all the same
            yield "", Problem(kept.LogRun(self.folders[0]), str(error))
            return
        found = kept.newest_first(paths, names.__contains__)
        yield from itertools.takewhile(lambda entry: entry[0] >= since, found)

    def _paths(self) -> Iterator[str]:
        from vestige.con_duct import kept  # noqa: PLC0415

        return itertools.chain.from_iterable(map(kept.within, self.folders))

    def _log(self, words: str) -> LogRun | None:
        from vestige.con_duct import kept, logs  # noqa: PLC0415

        return kept.the_one(words) if logs.is_log(words) else kept.find(words, self._paths())

    def _hint(self) -> str:
        return "; `vestige ls` lists logs of con-duct" if self.folders else ""


@dataclass(frozen=True, slots=True)
class GivenLogs:
    """Logs of con-duct that were named one by one: no runs of any store."""

    folders: tuple[str, ...]  # files, folders, or what names begin with
    runs: Runs

    def records(self) -> Iterator[Entry]:
        """Yield the logs, newest first. Raises RecordError where a path means none."""
        return map(operator.itemgetter(1), self.logs())

    def logs(self, since: str = "") -> Iterator[tuple[str, Entry]]:
        """Yield the logs as `AllRuns.logs`. Raises RecordError where a path means none."""
        from vestige.con_duct import kept  # noqa: PLC0415 - only where there are logs

        found = [log for path in self.folders for log in kept.at(path)]
        return itertools.takewhile(lambda entry: entry[0] >= since, kept.newest_first(found))


def here(runs: Runs, folder: str | None, top: str | None) -> AllRuns:
    """Return the runs of `runs` and the logs of a folder and of the top of the Git work tree around it."""
    places = [os.path.join(place, FOLDER) for place in (folder, top) if place is not None]
    there = {os.path.realpath(place): place for place in reversed(places) if os.path.isdir(place)}
    return AllRuns(runs, tuple(there.values()))


def of_logs(paths: Iterable[str]) -> GivenLogs:
    """Return the logs that paths mean."""
    return GivenLogs(tuple(paths), Runs(()))
