"""Branches that git-annex derives from others, `adjusted/main(unlocked)`, in which all files are unlocked, say.

What is committed there is brought to the branch itself by git-annex, which makes both commits anew: the run's commit
is the one on `main`. DataLad does the same after each save.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from vestige.errors import GitError
from vestige.git import hooks
from vestige.git.transaction import LEFTOVERS, Made

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.git.repo import Repository
    from vestige.git.transaction import Change, Transaction

_BRANCH = re.compile(r"(?P<folder>refs/heads/)adjusted/(?P<name>.+)\([^()]*\)")
_LOCAL_SYNC = ("--no-push", "--no-pull", "--no-commit", "--no-resolvemerge", "--no-content")


class NotPropagatedError(GitError):
    """The commit was made, and stays on the adjusted branch for now."""

    def __init__(self, message: str, made: Made | None) -> None:
        super().__init__(message)
        self.made = made


def basis(branch: str | None) -> str | None:
    """Return the branch that an adjusted one is derived from; None for any other."""
    found = None if branch is None else _BRANCH.fullmatch(branch)
    return None if found is None else found["folder"] + found["name"]


def tip(repository: Repository) -> str | None:
    """Return the commit that others may refer to: what is checked out, or what that is derived from."""
    head = repository.head
    branch = basis(head.branch)
    return head.commit if branch is None else repository.commit_of(branch)


def commit(begun: Transaction, branch: str, change: Change, beside: str | None) -> Made | None:
    """Make a commit on an adjusted branch, and on the `branch` that it is derived from; `Made` is that one.

    Raises:
        GitError: there is no commit, and all is as it was.
        NotPropagatedError: git-annex could not bring it there.
    """
    if beside is None:
        made = begun.commit(change)
        return None if made is None else _propagated(begun, branch, made)
    leftovers = begun.commit(replace(change, message=LEFTOVERS, allow_empty=False))
    begun.release()
    made = _propagated(begun, branch, leftovers or Made(begun.head.commit or "", 0))
    return _merged(begun, branch, beside, change.message, made)


def _propagated(begun: Transaction, branch: str, made: Made) -> Made:
    with _without_synced(begun.repository, branch):
        answer = begun.repository.git("annex", "sync", *_LOCAL_SYNC, may_fail=True)
    if answer.code:
        said = f"`git annex sync` could not bring the commit to {branch}: {answer.words}"
        raise NotPropagatedError(said, made)
    return made._replace(commit=begun.repository.commit_of(branch) or made.commit)


def _merged(begun: Transaction, branch: str, beside: str, message: bytes, made: Made) -> Made:
    """Join what the command has committed to what was there before it, on the branch itself.

    git-annex brings no merge back from an adjusted branch, but takes one over as it does one from elsewhere, which
    comes as `synced/main`. (DataLad moves `main` itself, which git-annex before 10.2024 undoes at its next chance.)
    """
    repository = begun.repository
    before = repository.git("merge-base", branch, beside).out.decode().strip()
    tree = repository.git("rev-parse", f"{made.commit}^{{tree}}").out.decode().strip()
    text = hooks.message(repository, message, os.path.join(repository.git_dir, "index"))
    merge = begun.object(tree, [before, made.commit], text)
    with _without_synced(repository, branch) as synced:
        repository.git("update-ref", synced, merge)
        answer = repository.git("annex", "merge", may_fail=True)
    if repository.commit_of(branch) != merge:
        raise NotPropagatedError(f"`git annex merge` could not join the run to {branch}: {answer.words}", made)
    return made._replace(commit=merge)


@contextmanager
def _without_synced(repository: Repository, branch: str) -> Iterator[str]:
    """Give the branch by which git-annex hands on what is committed; it is removed again if there was none."""
    synced = f"refs/heads/synced/{branch.removeprefix('refs/heads/')}"
    had_synced = repository.commit_of(synced) is not None
    yield synced
    if not had_synced and repository.commit_of(synced) is not None:
        repository.git("update-ref", "-d", synced)
