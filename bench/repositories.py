"""The repositories in which commits are measured: one for each contender, alike, and used round after round."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from installation import Installation

_PER_FOLDER = 1000


@dataclass(frozen=True)
class Repository:
    """A repository of one contender."""

    top: str
    made: Installation

    def call(self, words: Sequence[str]) -> None:
        """Call a program in it. Raises BenchError."""
        done = subprocess.run(
            words, cwd=self.top, env=self.made.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BenchError(f"`{shlex.join(words)[:200]}` ended with {done.returncode}: {done.stderr.strip()[-400:]}")

    def inside(self, words: Sequence[str]) -> list[list[str]]:
        """Return a command line that runs in it, wherever it is started from."""
        return [["env", "-C", self.top, *words]]


def plain(made: Installation, name: str, files: int) -> Repository:
    """Make a plain Git repository of so many small files, a thousand to a folder."""
    repository = Repository(os.path.join(made.folder, "repositories", name), made)
    _fill(repository.top, files)
    repository.call(["git", "init", "--quiet"])
    _save(repository)
    return repository


def dataset(made: Installation, name: str, files: int) -> Repository:
    """Make a DataLad dataset whose text goes to Git (`-c text2git`)."""
    repository = Repository(os.path.join(made.folder, "repositories", name), made)
    os.makedirs(repository.top)
    repository.call(["datalad", "create", "--force", "-c", "text2git", "."])
    _fill(repository.top, files)
    repository.call(["datalad", "save", "-m", "files"])
    return repository


def _fill(top: str, files: int) -> None:
    for index in range(files):
        folder = os.path.join(top, f"d{index // _PER_FOLDER:02}")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, f"{index:05}.txt"), "wb") as file:
            file.write(b"%07d\n" % index)


def _save(repository: Repository) -> None:
    repository.call(["git", "add", "."])
    repository.call(["git", "commit", "--quiet", "-m", "files"])
