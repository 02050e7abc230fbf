"""Which runs are meant by a word: those of `vestige show`, all with a tag, and what a commit of Git records."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from vestige import settings
from vestige.compare.sides import Side
from vestige.errors import GitError, RunNotFoundError, UsageError
from vestige.history import earlier
from vestige.record.place import short_id
from vestige.store.kept import Problem, loaded
from vestige.text import from_os

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeGuard

    from vestige.history.all_runs import AllRuns, Entry
    from vestige.record.model import Record
    from vestige.store.kept import KeptRun, Loaded

TAG = "tag:"
REVISION = "git:"
MOST_RUNS = 1_000  # of a tag: the newest


def sides(all_runs: AllRuns, folder: str | None, groups: Sequence[Sequence[str]]) -> list[Side]:
    """Return the sides that are meant: one for each group, or for each word of the only one.

    A single word that means several runs makes each of them a side; one that means one run is compared with the last
    earlier run of the same command. `folder` is where revisions are looked up.

    Raises RunNotFoundError, AmbiguousRunError, StoreError, RecordError, GitError; UsageError for empty words.
    """
    if len(groups) > 1:
        return [_side(list(words), _found(all_runs, folder, words)) for words in groups]
    words = groups[0]
    found = [runs(all_runs, folder, word) for word in words]
    if len(words) > 1:
        return list(map(_side, ([word] for word in words), found))
    (only,) = found
    if len(only) == 1:
        return [_alone(earlier_like(all_runs, only[0].load())), _alone(only[0])]
    return [_alone(run) for run in reversed(only)]


def runs(all_runs: AllRuns, folder: str | None, word: str) -> tuple[KeptRun, ...]:
    """Return the runs that a word means, newest first; raises as `sides` does."""
    if word.startswith(TAG):
        return tuple(_tagged(all_runs, word.removeprefix(TAG)))
    try:
        return (all_runs.find(word),)
    except RunNotFoundError:
        found = of_revision(all_runs, folder, word)
        if found is None:
            raise
        return (found,)


def of_revision(all_runs: AllRuns, folder: str | None, word: str) -> KeptRun | None:
    """Return the run that a commit records, `git:REVISION` or a revision alone; None where a word alone names none.

    Raises as `sides` does.
    """
    if word.startswith(REVISION):
        return _of_revision(all_runs, folder, word.removeprefix(REVISION))
    if folder is None or settings.git_top_level(folder) is None:
        return None
    try:
        return _of_revision(all_runs, folder, word)
    except GitError:  # no revision either
        return None


def earlier_like(all_runs: AllRuns, record: Record) -> KeptRun:
    """Return the last run before this one of the same command in the same folder.

    Raises RunNotFoundError, StoreError.
    """
    found = max((*_own(all_runs, record), *_log(all_runs, record)), key=_started, default=None)
    if found is None:
        raise RunNotFoundError(f"no earlier run of the same command as {short_id(record.id)} is kept; name two runs")
    return found.folder


def _own(all_runs: AllRuns, record: Record) -> Iterator[Loaded[KeptRun]]:
    """Yield the last one of vestige's own runs, if there is any."""
    candidates = earlier.of_command(all_runs.runs, record.argv, record.cwd, before=record.started)
    return itertools.islice((entry for entry in map(loaded, candidates) if _is_like(entry, record)), 1)


def _log(all_runs: AllRuns, record: Record) -> Iterator[Loaded[KeptRun]]:
    """Yield the last log, if there is any."""
    entries = (entry for _, entry in all_runs.logs()) if all_runs.has_logs else iter(())
    return itertools.islice((entry for entry in entries if _is_like(entry, record)), 1)


def _is_like(entry: Entry, record: Record) -> TypeGuard[Loaded[KeptRun]]:
    if isinstance(entry, Problem) or entry.record.started >= record.started:
        return False
    return (entry.record.argv, entry.record.cwd) == (record.argv, record.cwd) and entry.record.status != "running"


def _started(entry: Loaded[KeptRun]) -> str:
    return entry.record.started


def _tagged(all_runs: AllRuns, tag: str) -> Iterator[KeptRun]:
    found = (
        entry.folder
        for entry in all_runs.records()
        if not isinstance(entry, Problem) and tag in entry.record.tags and entry.record.status != "running"
    )
    first = next(found, None)
    if first is None:
        raise RunNotFoundError(f"no run has the tag `{tag}`; `vestige ls` lists tags")
    yield from itertools.chain([first], itertools.islice(found, MOST_RUNS - 1))


def _of_revision(all_runs: AllRuns, folder: str | None, words: str) -> KeptRun:
    from vestige.compare import committed  # noqa: PLC0415 - only for revisions

    if folder is None:
        raise UsageError(f"`{words}` may be a revision of Git, but the current folder is gone")
    return committed.run(all_runs, folder, words)


def _found(all_runs: AllRuns, folder: str | None, words: Sequence[str]) -> tuple[KeptRun, ...]:
    found = (run for word in words for run in runs(all_runs, folder, word))
    return tuple({run.path: run for run in found}.values())


def _side(words: Sequence[str], found: tuple[KeptRun, ...]) -> Side:
    return Side(" ".join(map(from_os, words)), found)


def _alone(run: KeptRun) -> Side:
    return Side(run.short_id, (run,))
