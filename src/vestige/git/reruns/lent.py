"""Files of git-annex that are made writable in case a command writes to them, and are as they were if it does not.

A rerun takes all for outputs that the run has changed before. What it does not write to this time is no part of its
commit, so nothing else would put the links back in their places.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vestige.git.repo import Repository

_LONGEST_POINTER = 32 << 10  # B, as git-annex has it
_POINTER = b"/annex/objects/"


class Lent:
    """Links and pointers among some files, as they are now; paths are relative to the top."""

    def __init__(self, repository: Repository, paths: Iterable[str]) -> None:
        whole = (os.path.join(repository.top, path) for path in paths)
        self._before = {path: content for path in whole if (content := _stand_in(path)) is not None}
        self._stamps: dict[str, tuple[int, ...] | None] | None = None

    def note(self) -> None:
        """Note how the files are now that they can be written."""
        self._stamps = {path: _stamp(path) for path in self._before}

    def put_back(self) -> None:
        """Put back what nobody has written to since; if nothing was noted, nobody has begun to write."""
        for path, content in self._before.items():
            if self._stamps is None or _stamp(path) == self._stamps[path]:
                with suppress(OSError):  # its folder is gone, say
                    _put(path, content)


def _stand_in(path: str) -> str | bytes | None:
    """Return the target of a link, or what a pointer holds; None for any other file."""
    with suppress(OSError):
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            return os.readlink(path)
        if stat.S_ISREG(found.st_mode) and found.st_size <= _LONGEST_POINTER:
            with open(path, "rb") as file:
                content = file.read()
            return content if content.startswith(_POINTER) else None
    return None


def _stamp(path: str) -> tuple[int, ...] | None:
    """Return what is another when a file was written to, None where there is nothing."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_mode, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _put(path: str, content: str | bytes) -> None:
    """Put it in the place of what is there, which may be what it is already."""
    if _stand_in(path) == content:
        return
    new = f"{path}.{os.urandom(4).hex()}.vestige"
    if isinstance(content, str):
        os.symlink(content, new)
    else:
        with open(new, "xb") as file:
            file.write(content)
    os.replace(new, path)
