"""What is under way in a repository, so that whoever comes next can finish or undo it.

The folder `.git/vestige` holds the prepared indexes and `journal.json`. Git's `index.lock` is ours if it says so. All
of this is read and written under the lock of `lock` only.
"""

from __future__ import annotations

import errno
import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from vestige.errors import GitError
from vestige.record.place import write_atomically
from vestige.text import from_os, to_bytes

if TYPE_CHECKING:
    from vestige.git.repo import Repository

_NAME = "journal.json"
_PREPARED = "index-"
_PATIENCE = 30.0  # s for whoever holds `index.lock`
_NAP = 0.01  # s
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_MOST = 1 << 16  # B


class Journal:
    """The journal of one commit in the making; `folder` is `.git/vestige`."""

    def __init__(self, repository: Repository, folder: str) -> None:
        self.folder = folder
        self.index = os.path.join(repository.git_dir, "index")
        self._lock = f"{self.index}.lock"
        self._path = os.path.join(folder, _NAME)
        self._mark = f"vestige {os.urandom(8).hex()}\n".encode()

    def begin(self) -> None:
        """Take Git's lock on the index. Raises GitError if another program keeps it; OSError."""
        self._write()
        until = time.monotonic() + _PATIENCE
        while not self._is_taken():
            if time.monotonic() >= until:
                raise GitError(
                    f"another git holds {self._lock}, or died and left it; where no git is running, remove it, and "
                    "`vestige commit` makes the commit"
                )
            time.sleep(_NAP)

    def prepared(self, name: str) -> str:
        """Return the path for an index that is being prepared."""
        return os.path.join(self.folder, f"{_PREPARED}{name}")

    def landing(self, commit: str, index: str) -> None:
        """Note that the branch is about to move to `commit`, and which index belongs to it. Raises OSError."""
        self._write(commit, index)

    def end(self) -> None:
        """Give Git's lock back and forget everything."""
        if _content(self._lock) == self._mark:
            os.unlink(self._lock)
        for name in os.listdir(self.folder):
            if name.startswith((_PREPARED, _NAME, f".{_NAME}")):
                with suppress(FileNotFoundError):
                    os.unlink(os.path.join(self.folder, name))

    def recover(self, repository: Repository) -> None:
        """Finish or undo what an earlier process left behind. Raises OSError, GitError."""
        found = _parsed(_content(self._path))
        if not found:
            return
        self._mark = found.get("mark", "").encode()
        commit, index = found.get("commit"), os.fsdecode(to_bytes(found.get("index") or ""))
        if commit and os.path.exists(index) and self._has_landed(repository, commit):
            os.replace(index, self.index)
        self.end()

    def _has_landed(self, repository: Repository, commit: str) -> bool:
        """Say whether the branch had moved, and the index that was prepared for it is still the next one."""
        now = repository.head.commit
        return _content(self._lock) == self._mark and now is not None and repository.is_ancestor(commit, now)

    def _is_taken(self) -> bool:
        """Take Git's lock with our mark in it from its first moment on, where there are hard links."""
        marked = self.prepared("lock")
        with open(marked, "wb") as file:
            file.write(self._mark)
        try:
            os.link(marked, self._lock)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return self._is_created()
        return True

    def _is_created(self) -> bool:
        try:
            with open(self._lock, "xb") as file:
                file.write(self._mark)
        except FileExistsError:
            return False
        return True

    def _write(self, commit: str | None = None, index: str | None = None) -> None:
        content = {"mark": self._mark.decode(), "commit": commit, "index": None if index is None else from_os(index)}
        write_atomically(self._path, json.dumps(content).encode(), durable=True)


def is_pending(git_dir: str) -> bool:
    """Say whether a commit is under way, or was when its process died."""
    return os.path.exists(os.path.join(git_dir, "vestige", _NAME))


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read(_MOST)
    except OSError:
        return None


def _parsed(content: bytes | None) -> dict[str, str]:
    """Return what the journal says; nothing if it was never whole."""
    try:
        found = json.loads(content or b"{}")
    except ValueError:
        found = None
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}
