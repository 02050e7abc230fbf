"""git-annex and DataLad datasets: content of inputs is fetched, outputs are made writable, results are annexed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vestige.git.repo import Repository


def is_used(repository: Repository) -> bool:
    """Say whether a repository is git-annex's too."""
    return os.path.isdir(os.path.join(repository.common_dir, "annex"))


def get(repository: Repository, paths: Sequence[str]) -> None:
    """Fetch the content of files and folders, relative to the top, and install the submodules on the way to them."""


def make_writable(repository: Repository, paths: Sequence[str]) -> None:
    """Unlock annexed files that are there, remove those whose content is not."""
