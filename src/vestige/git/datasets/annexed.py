"""What stands in a work tree for content that git-annex keeps: a link to it, or the pointer of an unlocked file.

git-annex(1), "git-annex unlock"; the key at the end of either names content by its hash and size, wherever it is.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vestige.git.repo import Entry, Repository
    from vestige.record.model import FileState

OBJECTS = "/annex/objects/"
_LINK = re.compile(rb"(?:.*/)?\.git/annex/objects/(?:.*/)?([^/]+)", re.DOTALL)
_POINTER = re.compile(rb"/annex/objects/([^/\n]+)(?:\n.*)?", re.DOTALL)
_LARGEST = 32 << 10  # B of a pointer, as git-annex reads it


class Annexed(NamedTuple):
    """A file in a work tree whose content is git-annex's."""

    path: str  # absolute
    key: str
    content: str | None  # absolute, whether it is there or not; None: a pointer, in place of content that is not there

    @property
    def is_there(self) -> bool:
        """Whether the content is there."""
        return self.content is not None and os.path.exists(self.content)


def annexed(path: str, *, pointers: bool = True) -> Annexed | None:
    """Return what git-annex has at an absolute path; None for any other file, and for an unlocked one with content.

    Where `pointers` is not set, only links are looked for, and no file is read.
    """
    try:
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            return _linked(path, os.readlink(path))
        if pointers and stat.S_ISREG(found.st_mode) and found.st_size <= _LARGEST:
            with open(path, "rb") as file:
                key = key_in(file.read(_LARGEST))
            return None if key is None else Annexed(path, key, None)
    except OSError:
        pass
    return None


def key_in(content: bytes) -> str | None:
    """Return the key that a pointer, or the target of a link, names; None if it is something else."""
    found = _POINTER.fullmatch(content) or _LINK.fullmatch(content)
    return None if found is None else os.fsdecode(found[1])


def keys(repository: Repository, entries: Mapping[str, Entry]) -> dict[str, str]:
    """Return the keys that files of a tree or an index stand for, by path; of all others nothing. Raises GitError."""
    contents = repository.small_blobs({entry.id for entry in entries.values()}, most=_LARGEST)
    found = {path: key_in(contents.get(entry.id, b"")) for path, entry in entries.items()}
    return {path: key for path, key in found.items() if key is not None}


def unlocked(repository: Repository, files: Mapping[str, Entry], states: Mapping[str, FileState]) -> set[str]:
    """Return those of the files, committed as links, that were copies of what these lead to, as `annex` unlocks them.

    A copy is known by its size and its time. `states` is what the files were. Raises GitError.
    """
    entries = {path: entry for path, entry in files.items() if entry.is_link}
    contents = repository.small_blobs({entry.id for entry in entries.values()}, most=_LARGEST)
    found = set()
    for path, entry in entries.items():
        link = _linked(os.path.join(repository.top, path), os.fsdecode(contents.get(entry.id, b"")))
        if link is not None and _is_copy(link, states[path]):
            found.add(path)
    return found


def _is_copy(link: Annexed, state: FileState) -> bool:
    try:
        status = os.stat(link.content or "")
    except (OSError, ValueError):  # a null byte, in a foreign link
        return False
    return state.type == "file" and (state.size, state.mtime_ns) == (status.st_size, status.st_mtime_ns)


def _linked(path: str, target: str) -> Annexed | None:
    key = key_in(os.fsencode(target))
    if key is None:
        return None
    return Annexed(path, key, os.path.normpath(os.path.join(os.path.dirname(path), target)))
