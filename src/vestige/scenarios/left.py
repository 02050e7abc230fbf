"""What lies in a folder, before and after: the files that a command left."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.scenarios.trial import Stage

State = tuple[int, int, int]  # size, mtime in ns, inode
IN_GIT = "in .git"
_NOT_LOOKED_AT = ("__pycache__", ".pytest_cache")


@dataclass(frozen=True, slots=True)
class Left:
    """A file that is new or changed. What Git and git-annex keep for themselves counts as one."""

    place: str  # "project" or "home"
    path: str  # relative to that; for `IN_GIT` ".git"
    size: int  # bytes; of `.git`: by how much it grew
    how: str  # "new", "changed", `IN_GIT`
    files: int = 1  # of `.git`: how many are new or changed
    kept: str | None = None  # its copy among the evidence
    names: tuple[str, ...] = ()  # what it told of the machine before that was taken out: "host", "paths", "user"


def states(stage: Stage) -> dict[tuple[str, str], State]:
    """Return the state of every file in the project and the home of a go."""
    folders = {"project": stage.project, "home": stage.home}
    return {(place, path): state for place, folder in folders.items() for path, state in _files(folder)}


def difference(before: dict[tuple[str, str], State], after: dict[tuple[str, str], State]) -> list[Left]:
    """Return what is new or changed, by place and path."""
    found = []
    in_git: list[tuple[int, int]] = []
    for (place, path), state in sorted(after.items()):
        old = before.get((place, path))
        if old == state:
            continue
        if path.startswith(f".git{os.sep}"):
            in_git.append((state[0], old[0] if old else 0))
        else:
            found.append(Left(place, path, state[0], "changed" if old else "new"))
    if in_git:
        grown = sum(new - old for new, old in in_git)
        found.append(Left("project", ".git", grown, IN_GIT, files=len(in_git)))
    return found


def _files(folder: str) -> Iterator[tuple[str, State]]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _NOT_LOOKED_AT]
        for name in names:
            path = os.path.join(parent, name)
            status = _status(path)
            if stat.S_ISREG(status.st_mode):
                yield os.path.relpath(path, folder), (status.st_size, status.st_mtime_ns, status.st_ino)


def _status(path: str) -> os.stat_result:
    """Return the state of a file; of what git-annex has put away and left a link to, that of the content."""
    try:
        return os.stat(path)
    except OSError:
        return os.lstat(path)
