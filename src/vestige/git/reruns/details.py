"""What is told of a run commit beside its record: who made it and when, and which files it changed."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vestige.errors import RecordError
from vestige.git.reruns import run_commits

if TYPE_CHECKING:
    from vestige.git.datalad import RunMessage
    from vestige.git.repo import Entry, Repository
    from vestige.git.reruns.run_commits import RangeCommit

State = Literal["added", "modified", "deleted"]
_LINK = "120000"


@dataclass(frozen=True, slots=True)
class Change:
    """A file that is not as it was before a commit."""

    path: str  # relative to the top
    state: State
    type: str  # "file", "symlink", "dataset": a submodule


@dataclass(frozen=True, slots=True)
class Details:
    """A commit with a run record."""

    author: str
    date: str  # ISO 8601, as the author's clock had it
    message: RunMessage | None  # None: it can't be read
    changes: tuple[Change, ...]


def details(repository: Repository, commit: RangeCommit) -> Details:
    """Return what can be told of a commit. Raises GitError."""
    out = repository.git("show", "--no-patch", "--encoding=UTF-8", "--format=%an%x00%aI", commit.id).out
    author, _, date = os.fsdecode(out).removesuffix("\n").partition("\0")
    message = None
    with suppress(RecordError):
        message = run_commits.read(repository, commit.id)
    return Details(author, date, message, tuple(_changes(repository, commit)))


def _changes(repository: Repository, commit: RangeCommit) -> list[Change]:
    base = commit.parents[0] if commit.parents else repository.empty_tree
    after = repository.changes(base, commit.id)
    before = repository.tree(base, list(after))
    return [_change(path, before.get(path), entry) for path, entry in after.items()]


def _change(path: str, before: Entry | None, after: Entry | None) -> Change:
    entry = after or before
    if entry is None:
        raise AssertionError("it was there before or is now")
    kind = "dataset" if entry.is_submodule else "symlink" if entry.mode == _LINK else "file"
    return Change(path, "deleted" if after is None else "added" if before is None else "modified", kind)
