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
from vestige.store.runs import Runs, is_path, is_run, moment_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vestige.con_duct.kept import LogRun
    from vestige.store.kept import KeptRun, Loaded

    Entry = Loaded[KeptRun] | Problem[KeptRun]

_LAST = "last"


@dataclass(frozen=True, slots=True)
class AllRuns:
    """The runs of the stores, and the logs in some folders."""

    runs: Runs
    folders: tuple[str, ...]  # with logs of con-duct in them
    prefix: str | None = None  # what names of logs begin with where con-duct was told so: a template, from here

    @property
    def has_logs(self) -> bool:
        """Whether there is a place where logs of con-duct may lie."""
        return bool(self.folders) or self.prefix is not None

    @property
    def log_folders(self) -> tuple[str, ...]:
        """The folders in which a new log shows."""
        begin = "" if self.prefix is None else os.path.expanduser(self.prefix).partition("{")[0]
        return self.folders if self.prefix is None else (*self.folders, os.path.abspath(os.path.dirname(begin)))

    def records(self) -> Iterator[Entry]:
        """Yield every run, newest first, with its record, a run that is kept twice only once.

        Raises StoreError when a store is there but can't be read.
        """
        sources = [self._runs(), *([self.logs()] if self.has_logs else [])]
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

    def _runs(self) -> Iterator[tuple[str, Entry]]:
        return ((moment_in(folder.name), loaded(folder)) for folder in self.runs.newest_first())

    def logs(self, since: str = "") -> Iterator[tuple[str, Entry]]:
        """Yield the logs of con-duct, newest first, each with the moment that sorts it among run folders.

        `since`: a moment as names of run folders begin with it; what is older is not read.
        """
        from vestige.con_duct import kept  # noqa: PLC0415 - only where there are logs

        names = self.runs.names()
        try:
            paths = list(self._paths())
        except RecordError as error:  # the runs are listed all the same
            yield "", Problem(kept.LogRun(self.log_folders[0]), str(error))
            return
        found = kept.newest_first(paths, names.__contains__)
        yield from itertools.takewhile(lambda entry: entry[0] >= since, found)

    def _paths(self) -> Iterator[str]:
        from vestige.con_duct import kept, prefixes  # noqa: PLC0415

        usual = itertools.chain.from_iterable(map(kept.within, self.folders))
        told = [] if self.prefix is None else map(os.path.abspath, prefixes.found(self.prefix))
        return itertools.chain(usual, told)

    def _log(self, words: str) -> LogRun | None:
        from vestige.con_duct import kept, logs  # noqa: PLC0415

        return kept.the_one(words) if logs.is_log(words) else kept.find(words, self._paths())

    def _hint(self) -> str:
        return "; `vestige ls` lists logs of con-duct" if self.has_logs else ""


@dataclass(frozen=True, slots=True)
class GivenLogs:
    """Logs of con-duct that were named one by one: no runs of any store."""

    folders: tuple[str, ...]  # files, folders, or what names begin with
    runs: Runs

    @property
    def has_logs(self) -> bool:
        """Whether any was named."""
        return bool(self.folders)

    def records(self) -> Iterator[Entry]:
        """Yield the logs, newest first. Raises RecordError where a path means none."""
        return map(operator.itemgetter(1), self.logs())

    def logs(self, since: str = "") -> Iterator[tuple[str, Entry]]:
        """Yield the logs as `AllRuns.logs`. Raises RecordError where a path means none."""
        from vestige.con_duct import kept  # noqa: PLC0415 - only where there are logs

        found = [log for path in self.folders for log in kept.at(path)]
        return itertools.takewhile(lambda entry: entry[0] >= since, kept.newest_first(found))


def here(runs: Runs, folder: str | None, top: str | None, environ: Mapping[str, str]) -> AllRuns:
    """Return the runs of `runs` and the logs of a folder and of the top of the Git work tree around it.

    With a folder, which is then the current one, also those that DUCT_OUTPUT_PREFIX leads to.
    """
    places = [os.path.join(place, FOLDER) for place in (folder, top) if place is not None]
    there = {os.path.realpath(place): place for place in reversed(places) if os.path.isdir(place)}
    return AllRuns(runs, tuple(there.values()), None if folder is None else _told_prefix(environ))


def _told_prefix(environ: Mapping[str, str]) -> str | None:
    """Return what con-duct was told that names of logs begin with, None where it was not."""
    from vestige.con_duct import dotenv  # noqa: PLC0415 - only for those who read

    told = dict(environ)
    dotenv.load(told)
    return told.get("DUCT_OUTPUT_PREFIX") or None


def of_logs(paths: Iterable[str]) -> GivenLogs:
    """Return the logs that paths mean."""
    return GivenLogs(tuple(paths), Runs(()))
