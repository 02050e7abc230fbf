"""One commit of vestige at a time in a work tree.

flock(2) lets go when the holder dies, however it dies, and works between the machines of an NFS server (nfs(5): it is
emulated by byte ranges). Git's own `index.lock`, taken inside, keeps every other program that commits away.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from typing import TYPE_CHECKING, NamedTuple

from vestige.errors import GitError

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "vestige"  # in `.git`: what belongs to commits in the making
_NAME = "commit.lock"
_PATIENCE = 600.0  # s: commits take milliseconds, hooks may take minutes
_FIRST_LOOK = 0.002  # s
_LONGEST_NAP = 0.05  # s


class HeldError(GitError):
    """Another commit of vestige is under way."""


class Held(NamedTuple):
    """The lock, while it is held: a process that inherits the descriptor holds it too."""

    folder: str  # for what belongs to the commit
    descriptor: int


@contextlib.contextmanager
def held(git_dir: str, *, patience: float = _PATIENCE) -> Iterator[Held]:
    """Hold the lock. Raises HeldError if somebody else keeps it, GitError if it can't be had."""
    folder = os.path.join(git_dir, FOLDER)
    path = os.path.join(folder, _NAME)
    try:
        descriptor = _opened(git_dir, folder, path)
    except OSError as error:
        raise GitError(f"can't write in {folder}: {error.strerror}") from error
    try:
        _take(descriptor, path, patience)
        yield Held(folder, descriptor)
    finally:
        os.close(descriptor)


def _opened(git_dir: str, folder: str, path: str) -> int:
    """Open the lock; where several people share the repository (`core.sharedRepository`), they share this too."""
    mode = stat.S_IMODE(os.stat(git_dir).st_mode)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder)
        _allow(folder, mode)
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        _allow(descriptor, mode & 0o666)
        return descriptor
    return os.open(path, os.O_RDWR | os.O_CLOEXEC)


def _allow(what: str | int, mode: int) -> None:
    with contextlib.suppress(PermissionError):  # a file system without modes
        os.chmod(what, mode)


def _take(descriptor: int, path: str, patience: float) -> None:
    until = time.monotonic() + patience
    nap = _FIRST_LOOK
    while not _is_taken(descriptor, path):
        if time.monotonic() >= until:
            raise HeldError(
                f"another commit of vestige has held {path} for {patience:.0f} s; `vestige commit` tries again"
            )
        time.sleep(nap)
        nap = min(nap * 2, _LONGEST_NAP)


def _is_taken(descriptor: int, path: str) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise GitError(f"can't lock {path}: {error.strerror}; its file system needs locks for commits") from error
    return True
