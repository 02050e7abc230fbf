"""The hooks of a commit, called as `git commit` calls them (githooks(5)): its own steps are taken one by one here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vestige.errors import GitError, RecordError
from vestige.git import datalad
from vestige.git.repo import call, users_environment

if TYPE_CHECKING:
    from vestige.git.repo import Answer, Repository

_NO_HOOK_COMMAND = "is not a git command"  # before Git 2.36


def before(repository: Repository, index: str) -> None:
    """Let `pre-commit` look at what is to be committed, and change it. Raises GitError if it refuses."""
    _call(repository, "pre-commit", index)


def message(repository: Repository, text: bytes, index: str) -> bytes:
    """Return the message as the hooks for it leave it. Raises GitError if one refuses, or if the record is gone."""
    if not any(_is_there(repository, name) for name in ("prepare-commit-msg", "commit-msg")):
        return text
    path = os.path.join(repository.git_dir, "COMMIT_EDITMSG")
    with open(path, "wb") as file:
        file.write(text)
    _call(repository, "prepare-commit-msg", index, path, "message")
    _call(repository, "commit-msg", index, path)
    with open(path, "rb") as file:
        changed = file.read()
    if changed != text and not _holds_record(changed):
        raise GitError(f"a hook in {repository.hooks} took the record out of the message")
    return changed


def after(repository: Repository) -> None:
    """Tell `post-commit`; what it says changes nothing any more."""
    if _is_there(repository, "post-commit"):
        _run(repository, "post-commit", os.path.join(repository.git_dir, "index"))


def _holds_record(text: bytes) -> bool:
    try:
        return datalad.parse(text, lambda _: None) is not None
    except RecordError as error:
        return "sidecar" in str(error)


def _call(repository: Repository, name: str, index: str, *words: str) -> None:
    if not _is_there(repository, name):
        return
    answer = _run(repository, name, index, *words)
    if answer.code:
        said = f": {answer.words}" if answer.err.strip() else f" with exit code {answer.code}"
        raise GitError(f"the hook `{name}` refused the commit{said}")


def _is_there(repository: Repository, name: str) -> bool:
    """Say whether there may be such a hook: a file, or since Git 2.54 a command in the config."""
    if os.access(os.path.join(repository.hooks, name), os.X_OK):
        return True
    return any(key.startswith("hook.") for key in repository.config)


def _run(repository: Repository, name: str, index: str, *words: str) -> Answer:
    environ = users_environment() | {"GIT_INDEX_FILE": index, "GIT_EDITOR": ":"}
    command = ("git", "hook", "run", "--ignore-missing", name, "--", *words)
    answer = call(command, folder=repository.top, environ=environ)
    if answer.code and _NO_HOOK_COMMAND in answer.words:
        return call((os.path.join(repository.hooks, name), *words), folder=repository.top, environ=environ)
    return answer
