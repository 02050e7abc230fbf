"""Which repository each file of a run is in: the one around the run, or a submodule of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vestige.git import repo
from vestige.record.model import LeftOut
from vestige.text import from_os, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeGuard

    from vestige.git.repo import Repository
    from vestige.record.model import FileClass, FileState, FileUse

WRITTEN: tuple[FileClass, ...] = ("output", "modified", "removed")
USED: tuple[FileClass, ...] = ("input", "modified", "removed")
_OWN_FOLDERS = (".git", ".vestige")
_ANNEX = "/annex/objects/"
_LOG = "/logs/HEAD"


def is_bookkeeping(path: str) -> bool:
    """Say whether a file is Git's or vestige's own, in `.git` or `.vestige`; what git-annex keeps there is not."""
    parts = path.split(os.sep)
    return not {*_OWN_FOLDERS}.isdisjoint(parts) and _ANNEX not in path


@dataclass(slots=True)
class Level:
    """What a run did in one repository. Paths are relative to its top."""

    repository: Repository
    name: str = ""  # where it is in the outermost one, empty for that
    written: dict[str, FileUse | None] = field(default_factory=dict)  # None: not seen, but declared or moved with more
    declared: set[str] = field(default_factory=set)  # named one by one: into the commit even if Git ignores them
    emptied: list[str] = field(default_factory=list)  # folders that were moved away as a whole
    used: dict[str, FileUse] = field(default_factory=dict)  # there before, and read, changed or removed
    log: FileUse | None = None  # of where HEAD stood, if the run moved it


class Levels:
    """A repository and those of its submodules in which a run did anything."""

    def __init__(self, repository: Repository) -> None:
        self.main = Level(repository)
        self.foreign: list[LeftOut] = []  # written in other repositories, which are no submodules
        self._levels: dict[str, Level | None] = {repository.top: self.main}  # by top folder; None: foreign
        self._tops: dict[str, str | None] = {}  # top of the repository of each folder, None: outside

    def innermost_first(self) -> list[Level]:
        """Return them in the order in which they are to be committed."""
        found = [level for level in self._levels.values() if level is not None]
        return sorted(found, key=lambda level: level.repository.top.count(os.sep), reverse=True)

    def parent(self, level: Level) -> Level:
        """Return the repository that has this one as a submodule."""
        above = self._level(os.path.dirname(level.repository.top))
        return self.main if above is None else above

    def take(self, use: FileUse) -> None:
        """Sort a file that the run used into its repository; one outside of all is nobody's business here."""
        path = os.fsdecode(to_bytes(use.path))
        if os.path.basename(path) in _OWN_FOLDERS:
            return
        level = self._level(os.path.dirname(path))
        if level is None:
            self._note_log(path, use)
            self._note_foreign(path, use)
            return
        name = os.path.relpath(path, level.repository.top)
        if _is_folder(use.before) or _is_folder(use.after):
            self._take_folder(level, name, use)
            return
        if use.kind in WRITTEN:
            level.written[name] = use
        if use.kind in USED:
            level.used[name] = use

    def declare(self, path: str) -> None:
        """Take a declared output, absolute: a file, or a folder with all that is in it."""
        is_folder = os.path.isdir(path) and not os.path.islink(path)
        level = self._level(path if is_folder else os.path.dirname(path))
        if level is None:
            return
        if is_folder:
            self._take_files(path)
        else:
            name = os.path.relpath(path, level.repository.top)
            level.declared.add(name)
            level.written.setdefault(name, None)

    def _take_folder(self, level: Level, name: str, use: FileUse) -> None:
        """Take what was moved here, or away, with its folder: of that nothing else was seen."""
        if use.kind not in WRITTEN:
            return
        if _is_folder(use.before) and (use.after is None or use.after.ino != use.before.ino):
            level.emptied.append(name)
        if not _is_folder(use.after) or not (use.before is None or _is_folder(use.before)):
            level.written[name] = use  # there is a file now, or there was
        if _is_folder(use.after) and use.names:
            self._take_files(os.path.join(level.repository.top, name))

    def _take_files(self, folder: str) -> None:
        for path in _files(folder):
            level = self._level(os.path.dirname(path))
            if level is not None:
                level.written.setdefault(os.path.relpath(path, level.repository.top), None)

    def _note_log(self, path: str, use: FileUse) -> None:
        """Take a repository in which the run has moved HEAD: it may have committed there, whatever files it left."""
        if path.endswith(_LOG) and use.kind in WRITTEN:
            top = _work_tree(path.removesuffix(_LOG))
            level = None if top is None else self._level(top)
            if level is not None:
                level.log = use

    def _note_foreign(self, path: str, use: FileUse) -> None:
        top = self._top(os.path.dirname(path))
        if top is not None and use.kind in WRITTEN:
            name = os.path.relpath(path, self.main.repository.top)
            inner = from_os(os.path.relpath(top, self.main.repository.top))
            self.foreign.append(LeftOut(from_os(name), f"in another repository, {inner}, which is no submodule"))

    def _level(self, folder: str) -> Level | None:
        """Return the repository of a folder; None for one outside, of Git, of vestige, or in a foreign repository."""
        top = self._top(folder)
        if top is None:
            return None
        if top not in self._levels:
            self._levels[top] = self._submodule(top)
        return self._levels[top]

    def _submodule(self, top: str) -> Level | None:
        above = self._level(os.path.dirname(top))
        if above is None:
            return None
        name = os.path.relpath(top, above.repository.top)
        entry = above.repository.index([name]).get(name)
        if entry is None or not entry.is_submodule:
            return None
        return Level(repo.discover(top), os.path.relpath(top, self.main.repository.top))

    def _top(self, folder: str) -> str | None:
        """Return the nearest folder upward that holds a repository, up to the outermost one."""
        if folder not in self._tops:
            self._tops[folder] = self._find_top(folder)
        return self._tops[folder]

    def _find_top(self, folder: str) -> str | None:
        if folder == self.main.repository.top:
            return folder
        above, name = os.path.split(folder)
        if above == folder or name in _OWN_FOLDERS:
            return None
        outer = self._top(above)
        return folder if outer is not None and os.path.lexists(os.path.join(folder, ".git")) else outer


def sorted_into(repository: Repository, uses: Iterable[FileUse], outputs: Iterable[str]) -> Levels:
    """Return what a run did, by repository; `outputs` are those declared, absolute. Raises GitError."""
    levels = Levels(repository)
    for use in uses:
        levels.take(use)
    for path in outputs:
        levels.declare(path)
    return levels


def _work_tree(git_dir: str) -> str | None:
    """Return the top folder of what a repository has checked out: around it, or where the config says."""
    above, name = os.path.split(git_dir)
    if name == ".git":
        return above
    folder = git_dir if os.path.isdir(git_dir) else above
    words = ("git", "config", "--file", os.path.join(git_dir, "config"), "--get", "core.worktree")
    answer = repo.call(words, folder=folder, environ=repo.environment())
    inner = os.fsdecode(answer.out).removesuffix("\n")
    return os.path.realpath(os.path.join(git_dir, inner)) if inner else None


def _is_folder(state: FileState | None) -> TypeGuard[FileState]:
    return state is not None and state.type == "directory"


def _files(folder: str) -> Iterator[str]:
    for above, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _OWN_FOLDERS]
        yield from (os.path.join(above, name) for name in names if name not in _OWN_FOLDERS)
        yield from (path for name in folders if os.path.islink(path := os.path.join(above, name)))
