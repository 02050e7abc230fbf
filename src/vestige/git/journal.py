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
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vestige.errors import GitError
from vestige.git import repo
from vestige.git.lock import FOLDER, HeldError, held
from vestige.record.place import write_atomically
from vestige.text import from_os, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vestige.git.repo import Repository

_NAME = "journal.json"
_PREPARED = "index-"
_PATIENCE = 30.0  # s for whoever holds `index.lock`
_NAP = 0.01  # s, at most
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_MOST = 1 << 20  # B


@dataclass(frozen=True, slots=True)
class Landing:
    """A branch about to move."""

    base: str  # the commit, or the tree, at which it stands
    commit: str
    index: str  # the prepared index that belongs to the commit
    inside: dict[str, str] = field(default_factory=dict)  # submodules whose branches move first, and to which commit


class Journal:
    """The journal of one commit in the making; `folder` is `.git/vestige`."""

    def __init__(self, repository: Repository, folder: str, *, patience: float = _PATIENCE) -> None:
        self.repository = repository
        self.folder = folder
        self.index = os.path.join(repository.git_dir, "index")
        self.has_landed = False
        self._patience = patience  # s
        self._lock = f"{self.index}.lock"
        self._path = os.path.join(folder, _NAME)
        self._name = os.urandom(8).hex()
        self._new: tuple[str, ...] = ()
        self._inner: tuple[str, ...] = ()

    def begin(self) -> None:
        """Take Git's lock on the index. Raises GitError if another program keeps it; OSError."""
        self._write()
        until = time.monotonic() + self._patience
        while not self._is_taken():
            if time.monotonic() >= until:
                raise GitError(
                    f"another git holds {self._lock}, or died and left it; where no git is running, remove it, and "
                    "`vestige commit` makes the commit"
                )
            time.sleep(_NAP * os.urandom(1)[0] / 255)  # never in step with a loop that commits

    def prepared(self, name: str) -> str:
        """Return the path for an index that is being prepared.

        No other commit has one of this name: a git whose caller was killed may write a moment longer.
        """
        return os.path.join(self.folder, f"{_PREPARED}{name}-{self._name}")

    def note(self, new: Iterable[str]) -> None:
        """Note the files, relative to the top, that are about to be made for the commit alone. Raises OSError."""
        self._new = tuple(new)
        self._write()

    def note_inner(self, names: Iterable[str]) -> None:
        """Note the submodules, relative to the top, in which commits of the same run are made. Raises OSError."""
        self._inner = tuple(names)
        self._write()

    def landing(self, landing: Landing) -> None:
        """Note that the branch is about to move. Raises OSError."""
        self._write(landing)

    def landed(self, index: str) -> None:
        """Let the prepared index take its place, now that the branch has moved. Raises OSError."""
        self.has_landed = True
        os.replace(index, self.index)
        self.end()

    def end(self) -> None:
        """Give Git's lock back and forget everything."""
        if _content(self._lock) == self._mark:
            os.unlink(self._lock)
        for name in sorted(os.listdir(self.folder)):  # the journal last
            if name.startswith((_PREPARED, _NAME, f".{_NAME}")):
                with suppress(FileNotFoundError):
                    os.unlink(os.path.join(self.folder, name))

    def recover(self) -> None:
        """Finish or undo what an earlier process left behind. Raises OSError, GitError."""
        found = _parsed(_content(self._path))
        if found:
            self._name = str(found.get("name"))
            for name in found.get("inner") or ():
                self._recover_inner(os.fsdecode(to_bytes(str(name))))
            commit = found.get("commit")
            if commit is not None and (self._is_at(str(commit)) or self._follows(str(commit), found)):
                self._finish(Landing(str(found["base"]), str(commit), os.path.join(self.folder, str(found["index"]))))
            else:
                self.forsake(os.fsdecode(to_bytes(str(path))) for path in found.get("new") or ())
        self.end()

    def undo(self) -> None:
        """End without a commit."""
        self.forsake(self._new)
        self._new = ()
        self.end()

    def forsake(self, new: Iterable[str]) -> None:
        """Remove files that were made for a commit that there is not, and the folders for them."""
        for path in new:
            whole = os.path.join(self.repository.top, path)
            with suppress(OSError):
                os.unlink(whole)
                os.removedirs(os.path.dirname(whole))

    @property
    def _mark(self) -> bytes:
        return f"vestige {self._name}\n".encode()

    def _is_at(self, commit: str) -> bool:
        """Say whether the branch had moved."""
        now = self.repository.head.commit
        return now is not None and self.repository.is_ancestor(commit, now)

    def _recover_inner(self, name: str) -> None:
        """Do the same in a submodule, unless somebody is at work there."""
        top = os.path.normpath(os.path.join(self.repository.top, name))
        if top.startswith(f"{self.repository.top}/") and os.path.lexists(os.path.join(top, ".git")):
            inner = repo.discover(top)
            with suppress(HeldError), held(inner.git_dir, patience=0) as there:
                Journal(inner, there.folder).recover()

    def _follows(self, commit: str, found: dict[str, Any]) -> bool:
        """Move the branch where that of a submodule has moved already: it was to be both or none."""
        inside = found.get("inside")
        now = self.repository.head.commit
        if not isinstance(inside, dict) or (now or self.repository.empty_tree) != found.get("base"):
            return False
        if not any(self._inner_is_at(name, str(there)) for name, there in inside.items()):
            return False
        words = ("update-ref", "-m", "commit: vestige run", "HEAD", commit, now or "0" * len(commit))
        return self.repository.git(*words, may_fail=True).code == 0

    def _inner_is_at(self, name: str, commit: str) -> bool:
        top = os.path.normpath(os.path.join(self.repository.top, os.fsdecode(to_bytes(name))))
        if not top.startswith(f"{self.repository.top}/") or not os.path.lexists(os.path.join(top, ".git")):
            return False
        inner = repo.discover(top)
        now = inner.head.commit
        return now is not None and inner.is_ancestor(commit, now)

    def _finish(self, landing: Landing) -> None:
        """Let the index follow the branch, as it should have."""
        if not os.path.exists(landing.index):
            return  # it did
        if _content(self._lock) == self._mark:
            os.replace(landing.index, self.index)
        else:  # somebody has removed the lock, and may have used the index since
            self.repository.follow(self.repository.changed(landing.base, landing.commit))

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

    def _write(self, landing: Landing | None = None) -> None:
        content: dict[str, Any] = {"name": self._name, "new": list(map(from_os, self._new))}
        content["inner"] = list(map(from_os, self._inner))
        if landing is not None:
            content |= {"base": landing.base, "commit": landing.commit, "index": os.path.basename(landing.index)}
            content["inside"] = {from_os(name): commit for name, commit in landing.inside.items()}
        write_atomically(self._path, json.dumps(content).encode(), durable=True)


def is_pending(git_dir: str) -> bool:
    """Say whether a commit is under way, or was when its process died."""
    return os.path.exists(os.path.join(git_dir, FOLDER, _NAME))


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read(_MOST)
    except OSError:
        return None


def _parsed(content: bytes | None) -> dict[str, Any]:
    """Return what the journal says; nothing if it was never whole."""
    try:
        found = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}
