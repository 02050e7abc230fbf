"""Submodules on the way to a path: which repository a path is in, and one that is not there yet is installed.

DataLad clones a subdataset from wherever it can be had (`datalad get -n`); here it is what `.gitmodules` says, as
`git submodule update --init` takes it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from vestige.errors import GitError
from vestige.git import repo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vestige.git.repo import Repository

_ALL = "**"


class Place(NamedTuple):
    """A repository, and paths in it."""

    repository: Repository
    paths: list[str]  # relative to its top


def by_repository(repository: Repository, paths: Iterable[str]) -> Iterator[Place]:
    """Yield a repository with the paths that are its own, and then the same of each that is inside of it.

    Paths are relative to its top, the folder of an inner repository counts as that one's. Raises GitError.
    """
    inner: dict[str, list[str]] = {}
    own = []
    for path in map(os.path.normpath, paths):
        top = next((head for head, _ in _ways(path) if _is_repository(repository, head)), None)
        if top is None:
            own.append(path)
        else:
            inner.setdefault(top, []).append(os.path.relpath(path, top))
    if own:
        yield Place(repository, own)
    for top, rest in inner.items():
        yield from by_repository(repo.discover(os.path.join(repository.top, top)), rest)


def install(repository: Repository, paths: Sequence[str]) -> None:
    """Install the submodules on the way to paths, and to what globs among them might match. Raises GitError."""
    ways = {way for path in paths for way in _found_ways(repository, os.path.normpath(path))}
    if os.path.lexists(os.path.join(repository.top, ".gitmodules")):
        for name in _missing(repository, sorted({head for head, _ in ways})):
            _install(repository, name)
    inner: dict[str, list[str]] = {}
    for head, rest in sorted(ways):
        if _is_repository(repository, head):
            inner.setdefault(head, []).append(rest)
    for top, deeper in inner.items():
        install(repo.discover(os.path.join(repository.top, top)), deeper)


def _ways(path: str) -> Iterator[tuple[str, str]]:
    """Yield each folder on the way to a path, the path itself at last, and what is left from there."""
    parts = path.split(os.sep)
    if parts[0] in ("..", "."):
        return
    for count in range(1, len(parts) + 1):
        yield os.sep.join(parts[:count]), os.sep.join(parts[count:]) or "."


def _found_ways(repository: Repository, path: str) -> Iterator[tuple[str, str]]:
    """Yield the same with all that a glob matches up to there; what comes after `**` can be anywhere."""
    for head, rest in _ways(path):
        if os.path.basename(head) == _ALL:
            return
        if os.path.lexists(os.path.join(repository.top, head)) or not _is_glob(head):
            yield head, rest
        else:
            import glob  # noqa: PLC0415 - more than 1 ms, for what is rare

            yield from ((found, rest) for found in glob.glob(head, root_dir=repository.top))


def _is_glob(path: str) -> bool:
    return not frozenset("*?[").isdisjoint(path)


def _is_repository(repository: Repository, folder: str) -> bool:
    return os.path.lexists(os.path.join(repository.top, folder, ".git"))


def _missing(repository: Repository, names: Sequence[str]) -> list[str]:
    entries = repository.index(names)
    submodules = [name for name in names if name in entries and entries[name].is_submodule]
    return [name for name in submodules if not _is_repository(repository, name)]


def _install(repository: Repository, name: str) -> None:
    """Clone a submodule, and check out the commit that is recorded of it, on a branch where that is possible.

    Git refuses to clone submodules from paths since 2.38.1, for fear of links in a foreign repository, which it refuses
    as well; datasets next to each other on one machine need it, and somebody has asked for this one by name.
    """
    known = any(key.startswith("protocol.") for key in repository.config)
    allowed = () if known else ("-c", "protocol.file.allow=always")
    answer = repository.git(*allowed, "submodule", "update", "--quiet", "--init", "--", name, may_fail=True)
    if answer.code:
        raise GitError(f"the submodule `{name}` can't be installed in {repository.top}: {answer.words}")
    inner = repo.discover(os.path.join(repository.top, name))
    _take_branch(inner)
    if inner.commit_of("refs/remotes/origin/git-annex") is not None:
        inner.git("annex", "init", may_fail=True)  # without git-annex, its files are links to nowhere


def _take_branch(repository: Repository) -> None:
    """Let the clone's branch stand at the commit that is checked out, if it has it in its history: as DataLad does."""
    now = repository.head
    words = ("symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    remote = os.fsdecode(repository.git(*words, may_fail=True).out).strip("\n")
    if now.branch is None and now.commit is not None and remote and repository.is_ancestor(now.commit, remote):
        branch = f"refs/heads/{remote.removeprefix('origin/')}"
        repository.git("update-ref", branch, now.commit)
        repository.git("symbolic-ref", "HEAD", branch)
