"""The hooks of a commit, called as `git commit` calls them (githooks(5)): its own steps are taken one by one here."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from vestige.errors import GitError, RecordError
from vestige.git import datalad
from vestige.git.repo import Answer, users_environment

if TYPE_CHECKING:
    from vestige.git.repo import Repository

_KNOWING = (2, 36)  # the first Git with `git hook run`
_VERSION = re.compile(rb"(\d+)\.(\d+)")
_ANNEX_HOOK = b"#!/bin/sh\n# automatically configured by git-annex\ngit annex pre-commit .\n"
_MOST = 1 << 16  # B of what a hook said


def before(repository: Repository, index: str) -> None:
    """Let `pre-commit` look at what is to be committed, and change it. Raises GitError if it refuses."""
    _call(repository, "pre-commit", index)


def message(repository: Repository, text: bytes, index: str) -> bytes:
    """Return the message as the hooks for it leave it. Raises GitError if one refuses, or if the record is gone."""
    if not any(is_there(repository, name) for name in ("prepare-commit-msg", "commit-msg")):
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
    """Tell `post-commit`; what it says, and whether it can be started, changes nothing any more."""
    if is_there(repository, "post-commit"):
        with suppress(GitError):
            _run(repository, "post-commit", os.path.join(repository.git_dir, "index"))


def is_there(repository: Repository, name: str) -> bool:
    """Say whether there may be such a hook: a file, or since Git 2.54 a command in the config.

    What git-annex installs as `pre-commit` is none: it mends links, which are right here, and metadata in views.
    """
    path = os.path.join(repository.hooks, name)
    if os.access(path, os.X_OK) and not (name == "pre-commit" and _is_annexs(repository, path)):
        return True
    return any(key.startswith("hook.") for key in repository.config)


def _is_annexs(repository: Repository, path: str) -> bool:
    """Say whether a hook is the one that git-annex has written, and has nothing to do."""
    with open(path, "rb") as file:
        content = file.read(len(_ANNEX_HOOK) + 1)
    return content == _ANNEX_HOOK and not (repository.head.branch or "").startswith("refs/heads/views/")


def _holds_record(text: bytes) -> bool:
    try:
        return datalad.parse(text, lambda _: None) is not None
    except RecordError as error:
        return "sidecar" in str(error)


def _call(repository: Repository, name: str, index: str, *words: str) -> None:
    if not is_there(repository, name):
        return
    answer = _run(repository, name, index, *words)
    if answer.code:
        said = f": {answer.words}" if answer.err.strip() else f" with exit code {answer.code}"
        raise GitError(f"the hook `{name}` refused the commit{said}")


def _run(repository: Repository, name: str, index: str, *words: str) -> Answer:
    """Run a hook to its end; not to that of what it leaves in the background, which a pipe would wait for."""
    import tempfile  # noqa: PLC0415 - 7 ms, only where there is a hook

    environ = users_environment() | {"GIT_INDEX_FILE": index, "GIT_EDITOR": ":"}
    command = ["git", "hook", "run", "--ignore-missing", name, "--", *words]
    if not _knows_hooks(repository):
        command = [os.path.join(repository.hooks, name), *words]
    with tempfile.TemporaryFile() as said:
        try:
            done = subprocess.run(
                command,
                cwd=repository.top,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                check=False,
            )
        except OSError as error:
            raise GitError(f"can't start the hook `{name}`: {error.strerror}") from error
        said.seek(0)
        return Answer(done.returncode, b"", said.read(_MOST))


def _knows_hooks(repository: Repository) -> bool:
    """Say whether this Git has `git hook run`."""
    version = _VERSION.search(repository.git("version").out)
    return version is None or (int(version[1]), int(version[2])) >= _KNOWING
