"""One commit of vestige at a time in a work tree.

flock(2) lets go when the holder dies, however it dies, and works between the machines of an NFS server (nfs(5): it is
emulated by byte ranges). Git's own `index.lock`, taken inside, keeps every other program that commits away.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import TYPE_CHECKING

from vestige.errors import GitError

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "vestige"  # in `.git`: what belongs to commits in the making
_NAME = "commit.lock"
_PATIENCE = 600.0  # s: commits take milliseconds, hooks may take minutes
_FIRST_LOOK = 0.002  # s
_LONGEST_NAP = 0.05  # s


@contextlib.contextmanager
def held(git_dir: str, *, patience: float = _PATIENCE) -> Iterator[str]:
    """Hold the lock and yield the folder for what belongs to the commit. Raises GitError if it can't be had."""
    folder = os.path.join(git_dir, FOLDER)
    path = os.path.join(folder, _NAME)
    try:
        os.makedirs(folder, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise GitError(f"can't write in {folder}: {error.strerror}") from error
    try:
        _take(descriptor, path, patience)
        yield folder
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: str, patience: float) -> None:
    until = time.monotonic() + patience
    nap = _FIRST_LOOK
    while not _is_taken(descriptor, path):
        if time.monotonic() >= until:
            raise GitError(
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
