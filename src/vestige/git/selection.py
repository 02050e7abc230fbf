"""Which files of a run belong into a commit, and which of those that it used no commit holds."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.git.datasets import annex, annexed
from vestige.git.datasets.overwritten import overwritten
from vestige.record.model import LeftOut
from vestige.text import from_os

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping

    from vestige.git.datasets.overwritten import Overwritten
    from vestige.git.levels import Level
    from vestige.git.repo import Entry, Repository
    from vestige.record.model import FileState, FileUse


_PIECE = 1 << 20


_SECOND = 1_000_000_000  # ns
_LOW_BITS = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be committed in one repository."""

    paths: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    uncommitted: tuple[str, ...]  # used, with content that no commit holds
    ids: dict[str, str]  # used and committed: `git:` and the blob's id, `annex:` and the key
    overwritten: tuple[Overwritten, ...] = ()  # of `paths`, those written through the link of a locked file


def select(level: Level, commit: str | None, *, only: Callable[[str], bool] | None = None) -> Selection:
    """Decide what of a run goes into the commit on top of `commit`, `only` of which paths. Raises GitError."""
    tracked = _tracked(level, commit)
    emptied = tuple(f"{folder}/" for folder in level.emptied)
    for path in tracked:
        if path.startswith(emptied):
            level.written.setdefault(path, None)
    level.emptied.clear()
    absent = _absent_submodules(level, tracked, commit)
    _forget_inside(level, absent)
    damaged = list(overwritten(level.repository, level.written))
    if only is not None:
        level.written = {path: use for path, use in level.written.items() if only(path)}
    reasons = dict(_reasons(level, tracked, absent))
    dirty = _uncommitted(level, tracked, commit)
    paths = tuple(path for path in level.written if path not in reasons)
    left_out = {path: reason for path, reason in reasons.items() if reason}
    taken = {item for item in damaged if item.path in paths}
    left_out |= {_from_top(level, item.content): item.words(is_taken=item in taken) for item in damaged}
    return Selection(
        paths=paths,
        left_out=tuple(LeftOut(from_os(path), reason) for path, reason in left_out.items()),
        uncommitted=tuple(path for path in level.used if path in dirty),
        ids=_ids(level, {path: tracked[path] for path in level.used if path not in dirty}),
        overwritten=tuple(item for item in damaged if item in taken),
    )


def _tracked(level: Level, commit: str | None) -> dict[str, Entry]:
    """Return the files that index or commit have, of all those that the run has to do with.

    What the command took out of the index (`git rm`) is in the commit still.
    """
    found = level.repository.index([*level.written, *level.used, *level.emptied])
    top = level.repository.top
    gone = [path for path in level.written if path not in found and _look(os.path.join(top, path)) is None]
    if commit is None or not (gone or level.emptied):
        return found
    return level.repository.tree(commit, [*gone, *level.emptied]) | found


def _absent_submodules(level: Level, tracked: dict[str, Entry], commit: str | None) -> set[str]:
    """Return the submodules that are not there, though by their names files of the run are in them.

    One whose folder is gone is among the tracked files from now on, and what the run has changed.
    """
    repository = level.repository
    if ".gitmodules" not in level.written and not os.path.lexists(os.path.join(repository.top, ".gitmodules")):
        return set()
    folders = sorted({above for path in {*level.written, *level.used} - tracked.keys() for above in _above(path)})
    known = (repository.tree(commit, folders) if commit and folders else {}) | (
        repository.index(folders) if folders else {}
    )
    found = {folder: known[folder] for folder in folders if folder in known and known[folder].is_submodule}
    gone = [folder for folder in found if not os.path.lexists(os.path.join(repository.top, folder))]
    tracked |= {folder: found[folder] for folder in gone}
    level.written |= dict.fromkeys(gone)
    return set(found)


def _forget_inside(level: Level, submodules: Container[str]) -> None:
    """Forget the files of submodules that are gone: they were no files of this repository."""
    for path in [path for path in level.used if _is_inside(path, submodules)]:
        del level.used[path]
    top = level.repository.top
    for path in [path for path in level.written if _is_inside(path, submodules)]:
        if not os.path.lexists(os.path.join(top, path)):
            del level.written[path]


def _above(path: str) -> Iterator[str]:
    """Yield the folders above a file."""
    while path := os.path.dirname(path):
        yield path


def _is_inside(path: str, folders: Container[str]) -> bool:
    return any(above in folders for above in _above(path))


def is_steady(level: Level, selection: Selection, *, but: Container[str] = ()) -> bool:
    """Say whether what was selected, `but` what git-annex has taken in meanwhile, is as the run left it."""
    uses = ((path, level.written[path]) for path in selection.paths if path not in but)
    top = level.repository.top
    return all(use is None or _is_left(os.path.join(top, path), use) for path, use in uses)


def _reasons(level: Level, tracked: Mapping[str, Entry], absent: Container[str]) -> Iterator[tuple[str, str]]:
    """Yield what is not to be committed, and why; an empty reason where there is nothing that could be.

    `absent` are submodules that are not there.
    """
    untracked = [path for path in level.written if path not in tracked and path not in level.declared]
    ignored = level.repository.ignored(path for path in untracked if not _is_inside(path, absent))
    for path, use in level.written.items():
        now = _look(os.path.join(level.repository.top, path))
        mark = tracked[path].mark if path in tracked else ""
        if now is None and (path not in tracked or mark == "skip-worktree"):
            yield path, ""
        elif _is_inside(path, absent):
            yield path, "in the folder of a submodule that is not there"
        elif mark:
            yield path, f"marked as {mark} in the index"
        elif path in ignored:
            yield path, "ignored by Git; `-o` takes it in"
        elif use is not None and not _is_left(os.path.join(level.repository.top, path), use):
            yield path, "changed since the run ended"
        elif now is not None and not (stat.S_ISREG(now.st_mode) or stat.S_ISLNK(now.st_mode)):
            yield path, "neither a file nor a link"
        elif now is not None and not stat.S_ISLNK(now.st_mode) and not _is_readable(level.repository.top, path):
            yield path, "it may not be read"


def _ids(level: Level, committed: Mapping[str, Entry]) -> dict[str, str]:
    keys = annexed.keys(level.repository, committed) if annex.is_used(level.repository) else {}
    return {path: f"annex:{keys[path]}" if path in keys else f"git:{entry.id}" for path, entry in committed.items()}


def _from_top(level: Level, path: str) -> str:
    return os.path.relpath(path, level.repository.top)


def _uncommitted(level: Level, tracked: Mapping[str, Entry], commit: str | None) -> set[str]:
    """Return what the run used in a version that no commit holds, or that nobody can say it of."""
    unchanged = [path for path, use in level.used.items() if path in tracked and use.kind == "input"]
    altered = {path: use for path, use in level.used.items() if path in tracked and use.kind != "input"}
    found = {path for path in level.used if path not in tracked or tracked[path].mark}
    if unchanged:
        unfiltered = annex.NO_FILTER if annex.is_used(level.repository) else ()
        found |= level.repository.differing(commit, unchanged, configured=unfiltered).keys()
    if altered:
        found |= _altered(level.repository, altered, commit)
    return found - _unlocked(level, {path: tracked[path] for path in found if path in tracked}, commit)


def _unlocked(level: Level, files: Mapping[str, Entry], commit: str | None) -> set[str]:
    """Return those of the used files that were made writable for the run, and were as committed otherwise."""
    links = {path: entry for path, entry in files.items() if entry.is_link}
    states = {path: state for path in links if (state := level.used[path].before) is not None}
    if commit is None or not states:
        return set()
    committed = level.repository.tree(commit, list(states))
    same = {path: entry for path, entry in committed.items() if path in states and entry == links[path]}
    return annexed.unlocked(level.repository, same, states)


def _altered(repository: Repository, uses: Mapping[str, FileUse], commit: str | None) -> set[str]:
    """Return those of the files which the run itself changed that were not as committed before.

    What they held is gone, but the index still has size and time of what it last compared with a blob.
    """
    committed = repository.tree(commit, list(uses)) if commit else {}
    staged = repository.index(list(uses))
    stamps = repository.stamps(list(uses))
    return {
        path
        for path, use in uses.items()
        if committed.get(path) != staged.get(path) or not _is_stamped(use.before, stamps.get(path))
    }


def _is_stamped(state: FileState | None, stamp: tuple[int, int] | None) -> bool:
    """Say whether a file stood as the index knew it."""
    if stamp is None or state is None or state.mtime_ns is None or state.size is None:
        return False
    moment, size = stamp
    known = state.mtime_ns if moment % _SECOND else state.mtime_ns - state.mtime_ns % _SECOND
    return (moment, size) == (known, state.size & _LOW_BITS)


def _look(path: str) -> os.stat_result | None:
    """Return what stands at a path, None for nothing and for a folder, of which Git knows nothing."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return None if stat.S_ISDIR(found.st_mode) else found


def _is_left(path: str, use: FileUse) -> bool:
    """Say whether a file is as the run left it, where it was or, since git-annex has taken it in, behind its link."""
    now = _look(path)
    if now is None or use.after is None or use.after.type != "file" or not stat.S_ISLNK(now.st_mode):
        return _is_as(now, use.after)
    found = annexed.annexed(path, pointers=False)
    return found is not None and found.is_there and (_is_as(os.stat(path), use.after) or _has_hash(path, use))


def _has_hash(path: str, use: FileUse) -> bool:
    """Say whether a file has the content that the run left: git-annex keeps one of several that have the same."""
    import hashlib  # noqa: PLC0415 - only where git-annex was faster

    if use.hash is None or not use.hash.startswith("sha256:"):
        return False
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return use.hash == f"sha256:{digest.hexdigest()}"


def _is_as(now: os.stat_result | None, then: FileState | None) -> bool:
    """Say whether a file is as the run left it."""
    if now is None or then is None or then.type == "directory":
        return now is None and (then is None or then.type == "directory")
    seen = (now.st_ino, now.st_size, now.st_mtime_ns)
    return all(old is None or old == new for old, new in zip((then.ino, then.size, then.mtime_ns), seen, strict=True))


def _is_readable(top: str, path: str) -> bool:
    return os.access(os.path.join(top, path), os.R_OK)
