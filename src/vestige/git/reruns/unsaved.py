"""What is not committed of the files that runs are about to use or to change."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vestige.git import placeholders, repo
from vestige.git.datasets import submodules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vestige.git.datasets.submodules import Place
    from vestige.git.repo import Repository
    from vestige.git.reruns.again import Recipe

_STATUS = ("status", "--porcelain", "-z", "--no-renames", "--ignore-submodules=dirty")
_FEW = 100  # paths that git may be given as words
_MOST_WORDS = 64 << 10  # B


def named(repository: Repository, recipe: Recipe) -> set[str]:
    """Return what a record names and its commit changes, relative to the top: files, and folders with all in them."""
    globs = (*recipe.needs.inputs, *recipe.needs.extra_inputs, *recipe.needs.outputs)
    found = placeholders.expand(globs, recipe.folder).found
    whole = (os.path.join(recipe.folder, path) for path in found)
    return {*recipe.needs.changed, *(os.path.relpath(path, repository.top) for path in whole)}


def unsaved(repository: Repository, paths: Iterable[str]) -> list[str]:
    """Return those of the files, and of the files in those folders, that differ from what is committed.

    Untracked ones are among them unless Git is told to ignore them. Submodules are looked into.
    """
    inside = sorted(path for path in paths if not path.startswith(os.pardir))
    found: list[str] = []
    for place in submodules.by_repository(repository, inside):
        name = os.path.relpath(place.repository.top, repository.top)
        found += (os.path.normpath(os.path.join(name, path)) for path in _unsaved(place))
    return sorted(found)


def tracked(repository: Repository) -> list[str]:
    """Return all tracked files that differ from what is committed."""
    return _paths(repository.git(*_STATUS, "--untracked-files=no").out)


def _unsaved(place: Place) -> Iterator[str]:
    wanted = set(place.paths)
    many = len(wanted) > _FEW or sum(map(len, wanted)) > _MOST_WORDS
    out = place.repository.git(*_STATUS, "--untracked-files=all", *(() if many else ("--", *place.paths))).out
    return (path for path in _paths(out) if _is_meant(path, wanted))


def _paths(out: bytes) -> list[str]:
    return [item[3:] for item in repo.split(out)]  # two letters and a blank stand in front


def _is_meant(path: str, wanted: set[str]) -> bool:
    """Say whether a path, or a folder above it, is among the wanted."""
    while path:
        if path in wanted:
            return True
        path = os.path.dirname(path)
    return "." in wanted
