"""A second work tree to repeat a run in: the commit before it, and what it used that no commit holds.

The run's own folder is never touched. What Git has comes from `git worktree add`, submodules likewise from their own
repositories; inputs outside of any commit are copied if they still are what they were; an environment of software in
the repository (`.venv`) is linked.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from vestige.errors import GitError
from vestige.git import repo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.git.repo import Repository

_PREFIX = "vestige-verify-"


@contextmanager
def scratch(repository: Repository, base: str | None, *, keep: bool = False) -> Iterator[str]:
    """Give a new work tree with `base` checked out, none of it for None; it is removed in the end unless `keep`.

    It is made in the system's folder for temporary files. Raises GitError.
    """
    top = os.path.realpath(tempfile.mkdtemp(prefix=_PREFIX))
    tree = os.path.join(top, os.path.basename(repository.top) or "tree")
    try:
        _add(repository, tree, base)
        yield tree
    finally:
        if not keep:
            repository.git("worktree", "remove", "--force", "--force", tree, may_fail=True)
            _remove(top)
            repository.git("worktree", "prune", may_fail=True)


def add_submodules(repository: Repository, tree: str, base: str) -> None:
    """Check out, inside of a scratch tree, the submodules that are there in the original. Raises GitError."""
    for path, entry in repository.tree(base).items():
        source = os.path.join(repository.top, path)
        if entry.is_submodule and os.path.lexists(os.path.join(source, ".git")):
            inner = repo.discover(source)
            target = os.path.join(tree, path)
            with suppress(OSError):
                os.rmdir(target)
            _add(inner, target, entry.id)
            add_submodules(inner, target, entry.id)


def remove_submodules(repository: Repository, tree: str, base: str) -> None:
    """Take the submodules' scratch trees out of the lists of their repositories."""
    for path, entry in repository.tree(base).items():
        source = os.path.join(repository.top, path)
        if entry.is_submodule and os.path.lexists(os.path.join(source, ".git")):
            inner = repo.discover(source)
            remove_submodules(inner, os.path.join(tree, path), entry.id)
            inner.git("worktree", "remove", "--force", "--force", os.path.join(tree, path), may_fail=True)


def copy_into(tree: str, source: str, name: str) -> None:
    """Copy a file of the original to its place in a scratch tree. Raises GitError."""
    target = os.path.join(tree, name)
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)
    except OSError as error:
        raise GitError(f"can't copy {source} to repeat the run: {error.strerror}") from error


def link_into(tree: str, source: str, name: str) -> None:
    """Let a name in a scratch tree stand for a folder of the original, unless something is there already."""
    target = os.path.join(tree, name)
    with suppress(FileExistsError):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.symlink(source, target)


def _add(repository: Repository, tree: str, base: str | None) -> None:
    if base is None:
        os.makedirs(tree, exist_ok=True)
        return
    # hooks (post-checkout) are the user's own business with the user's own work trees
    words = ("-c", f"core.hooksPath={os.devnull}", "worktree", "add", "--detach", "--force", tree, base)
    answer = repository.git(*words, may_fail=True)
    if answer.code:
        raise GitError(f"can't check out {base[:10]} to repeat the run: {answer.words}")


def _remove(folder: str) -> None:
    """Remove a folder, what is write-protected in it as well: git-annex protects its objects."""
    for above, _, _ in os.walk(folder):
        with suppress(OSError):
            os.chmod(above, 0o700)
    shutil.rmtree(folder, ignore_errors=True)
