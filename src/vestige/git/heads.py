"""Where HEAD of a submodule stood before a run that moved it, as its log tells: gitrepository-layout(5), `logs`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from vestige.git.levels import Level

_COMMITTING = ("commit", "merge", "cherry-pick", "revert", "am", "rebase", "pull", "vestige")
_FIELDS = 2  # of a line, before it says who: the commit before, the commit after


class Move(NamedTuple):
    """HEAD was moved."""

    before: str | None  # the commit; None: there was none
    by_commits: bool  # not by checking out others alone


def move(level: Level) -> Move | None:
    """Return how a run moved HEAD of a level; None if it did not, or keeps no log of it."""
    if level.log is None:
        return None
    try:
        with open(os.path.join(level.repository.git_dir, "logs", "HEAD"), "rb") as file:
            content = file.read()
    except OSError:
        return None
    size = (level.log.before.size or 0) if level.log.before is not None else 0
    last = content[:size].removesuffix(b"\n").rpartition(b"\n")[2]
    return Move(_commit(last), any(map(_is_commit, content[size:].splitlines())))


def _commit(line: bytes) -> str | None:
    fields = line.decode("ascii", "replace").split(" ", _FIELDS)
    return fields[1] if len(fields) > _FIELDS and fields[1].strip("0") else None


def _is_commit(line: bytes) -> bool:
    return line.partition(b"\t")[2].startswith(tuple(word.encode() for word in _COMMITTING))
