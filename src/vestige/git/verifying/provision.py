"""What a run used, put into the scratch work tree in which it is repeated: nothing but what is as it was then."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from vestige.git import repo
from vestige.git.datasets import annex
from vestige.git.verifying.scratch import add_submodules, copy_into, link_into
from vestige.text import from_os

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.git.repo import Repository
    from vestige.git.verifying.originals import Original, Version

_SHA256 = "sha256:"
_PIECE = 1 << 20


def provided(original: Original, tree: str) -> Iterator[str]:
    """Put into the scratch tree what the run used beside its commit; yield what can't be as it was."""
    repository = original.repository
    if original.base is not None:
        add_submodules(repository, tree, original.base)
    for path in original.software:
        _link_software(repository, tree, path)
    if annex.is_used(repository):
        _provide_annexed(original, tree)
    for path, version in original.inputs.items():
        problem = _provide(repository, tree, path, version)
        if problem is not None:
            yield f"{from_os(path)} {problem}"


def _provide_annexed(original: Original, tree: str) -> None:
    """Fetch annexed inputs, and give the outputs content of their own: objects are the same for all work trees."""
    scratched = repo.discover(tree)
    declared = (os.path.normpath(os.path.join(original.folder, glob)) for glob in original.declared)
    annex.get(scratched, [*declared, *(path for path in original.inputs if os.path.lexists(os.path.join(tree, path)))])
    annex.make_writable(scratched, [path for path in original.outputs if os.path.lexists(os.path.join(tree, path))])


def _provide(repository: Repository, tree: str, path: str, version: Version) -> str | None:
    """See to one input; return what is wrong with it, None if it is what it was."""
    here, there = os.path.join(tree, path), os.path.join(repository.top, path)
    is_known = version.hash is not None and version.hash.startswith(_SHA256)
    if os.path.exists(here) and (not is_known or is_as(here, version.hash or "")):
        return None
    if os.path.exists(there) and (is_as(there, version.hash or "") if is_known else version.is_at(there)):
        copy_into(tree, there, path)
        return None
    if not os.path.lexists(here) and not os.path.lexists(there):
        return "was read then, and is gone"
    return "is not what was read then"


def is_as(path: str, expected: str) -> bool:
    """Say whether a file has this hash, `sha256:…`."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    except OSError:
        return False
    return expected == f"{_SHA256}{digest.hexdigest()}"


def _link_software(repository: Repository, tree: str, path: str) -> None:
    """Link the outermost folder on the way to a program that the checkout does not have: `.venv`, mostly."""
    name = ""
    for part in path.split(os.sep)[:-1]:
        name = os.path.join(name, part)
        if not os.path.lexists(os.path.join(tree, name)):
            link_into(tree, os.path.join(repository.top, name), name)
            return
