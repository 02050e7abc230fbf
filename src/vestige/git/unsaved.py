"""What is not committed of the files that runs are about to use or to change."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vestige.git import placeholders, repo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vestige.git.again import Recipe
    from vestige.git.repo import Repository

_FEW = 100  # paths that git may be given as words
_MOST_WORDS = 64 << 10  # B


def named(repository: Repository, recipe: Recipe) -> set[str]:
    """Return what a record names and its commit changes, relative to the top: files, and folders with all in them."""
    globs = (*recipe.needs.inputs, *recipe.needs.extra_inputs, *recipe.needs.outputs)
    found = placeholders.expand(globs, recipe.folder).found
    return {*recipe.needs.changed, *(_from_top(repository, recipe.folder, path) for path in found)}


def unsaved(repository: Repository, paths: Iterable[str]) -> list[str]:
    """Return those of the files, and of the files in those folders, that differ from what is committed.

    Untracked ones are among them unless Git is told to ignore them. Submodules are looked into.
    """
    wanted = {path for path in paths if not path.startswith("..")}
    submodules = [path for path, entry in repository.index().items() if entry.is_submodule]
    found = [path for path in _status(repository, wanted, submodules) if _is_meant(path, wanted)]
    for submodule in submodules:
        inner = {os.path.relpath(path, submodule) for path in wanted if path.startswith(f"{submodule}/")}
        top = os.path.join(repository.top, submodule)
        if inner and os.path.lexists(os.path.join(top, ".git")):
            found += [os.path.join(submodule, path) for path in unsaved(repo.discover(top), inner)]
    return sorted(found)


def tracked(repository: Repository) -> list[str]:
    """Return all tracked files that differ from what is committed."""
    words = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=no", "--ignore-submodules=dirty")
    return _paths(repository.git(*words).out)


def _status(repository: Repository, wanted: set[str], submodules: Sequence[str]) -> Iterator[str]:
    """Yield what git says of the paths that are not in submodules, or of all."""
    own = sorted(path for path in wanted if not path.startswith(tuple(f"{name}/" for name in submodules)))
    if not own:
        return
    many = len(own) > _FEW or sum(map(len, own)) > _MOST_WORDS
    words = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=dirty")
    yield from _paths(repository.git(*words, *(() if many else ("--", *own))).out)


def _paths(out: bytes) -> list[str]:
    return [item[3:] for item in repo.split(out)]  # two letters and a blank stand in front


def _is_meant(path: str, wanted: set[str]) -> bool:
    """Say whether a path, or a folder above it, is among the wanted."""
    while path:
        if path in wanted:
            return True
        path = os.path.dirname(path)
    return "." in wanted


def _from_top(repository: Repository, folder: str, path: str) -> str:
    return os.path.relpath(os.path.join(folder, path), repository.top)
