"""What of a run goes into which repository, decided before anything is written."""

from __future__ import annotations

import dataclasses
import fnmatch
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.git import placeholders
from vestige.git.levels import Level, Levels, sorted_into
from vestige.git.selection import Selection, select
from vestige.text import from_os, to_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vestige.git.repo import Repository
    from vestige.record.model import CommitOptions, FileUse, LeftOut, Record

WENT_IN = ("input", "modified")
_MAGIC = frozenset("*?[")


class Declared:
    """What `-i` or `-o` names: globs as text, relative to the folder of the run."""

    def __init__(self, globs: Sequence[str], folder: str) -> None:
        self.globs = tuple(os.fsdecode(to_bytes(glob)) for glob in globs)
        self.folder = folder
        self.paths = placeholders.expand(self.globs, folder).paths
        plain = {glob for glob in self.globs if _MAGIC.isdisjoint(glob)}
        self._names = set(map(os.path.normpath, plain))  # a rerun has thousands
        self._patterns = [glob for glob in self.globs if glob not in plain]

    @property
    def files(self) -> list[str]:
        """What the globs match, absolute; a name that is not there stands for itself."""
        return [os.path.normpath(os.path.join(self.folder, path)) for path in self.paths]

    def covers(self, path: str) -> bool:
        """Say whether an absolute path, which may be gone, is among what the globs mean, or in a folder that is."""
        relative = os.path.relpath(path, self.folder)
        return self._names_it(relative) or any(_matches(relative, glob) for glob in self._patterns)

    def _names_it(self, relative: str) -> bool:
        """Say whether a path or a folder above it is named without any pattern."""
        while relative:
            if relative in self._names:
                return True
            relative = os.path.dirname(relative)
        return "." in self._names


@dataclass(frozen=True, slots=True)
class Plan:
    """The files of one run, by repository."""

    levels: Levels
    selections: dict[str, Selection]  # by the names of the levels
    inputs: Declared
    outputs: Declared

    def innermost_first(self) -> list[tuple[Level, Selection]]:
        """Return the repositories in the order in which they are to be committed."""
        return [(level, self.selections[level.name]) for level in self.levels.innermost_first()]

    @property
    def used(self) -> list[str]:
        """What went in, absolute."""
        return [
            os.path.join(level.repository.top, name)
            for level, _ in self.innermost_first()
            for name, use in level.used.items()
            if use.kind in WENT_IN
        ]

    @property
    def made(self) -> list[str]:
        """What came out and is there, absolute."""
        paths = (
            os.path.join(level.repository.top, name)
            for level, selection in self.innermost_first()
            for name in selection.paths
        )
        return [path for path in paths if os.path.lexists(path)]

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What came out and is in no commit."""
        inside = (
            dataclasses.replace(item, path=_joined(level.name, item.path))
            for level, selection in self.innermost_first()
            for item in selection.left_out
        )
        return (*inside, *self.levels.foreign)

    @property
    def uncommitted(self) -> tuple[str, ...]:
        """What went in and no commit holds: text, relative to the outermost top."""
        return tuple(
            _joined(level.name, from_os(name))
            for level, selection in self.innermost_first()
            for name in selection.uncommitted
        )

    @property
    def ids(self) -> dict[str, str]:
        """What Git or git-annex calls the content that went in, by path as in `uncommitted`."""
        return {
            _joined(level.name, from_os(name)): identity
            for level, selection in self.innermost_first()
            for name, identity in selection.ids.items()
        }


def plan(repository: Repository, record: Record, options: CommitOptions, uses: Sequence[FileUse]) -> Plan:
    """Decide what of a run goes where. Raises GitError."""
    folder = os.fsdecode(to_bytes(record.cwd))
    inputs, outputs = Declared(options.inputs, folder), Declared(options.outputs, folder)
    levels = sorted_into(repository, uses, outputs.files)
    selections = {level.name: _selected(level, options, outputs) for level in levels.innermost_first()}
    return Plan(levels, selections, inputs, outputs)


def _selected(level: Level, options: CommitOptions, outputs: Declared) -> Selection:
    commit = level.repository.head.commit

    def is_declared(path: str) -> bool:
        return outputs.covers(os.path.join(level.repository.top, path))

    if outputs.globs:
        for path in filter(is_declared, level.repository.deleted()):
            level.written.setdefault(path, None)
    selection = select(level, commit, only=is_declared if options.explicit else None)
    if not options.commit_inputs or not selection.uncommitted:
        return selection
    for name in selection.uncommitted:
        level.written.setdefault(name, level.used[name])
    selection = select(level, commit)
    taken = {name for name in selection.paths if name in level.used and level.used[name].kind == "input"}
    rest = tuple(name for name in selection.uncommitted if name not in taken)
    return dataclasses.replace(selection, uncommitted=rest)


def _joined(name: str, path: str) -> str:
    """Return, as text, a path in a submodule relative to the outermost top."""
    return from_os(os.path.join(name, os.fsdecode(to_bytes(path))))


def _matches(path: str, glob: str) -> bool:
    """Say whether a glob, whose `*` stops at a slash and whose `**` does not, matches a path or a folder above it."""
    if "**" in glob:
        return fnmatch.fnmatchcase(path, glob) or fnmatch.fnmatchcase(f"/{path}", glob.replace("**/", "*/"))
    parts, patterns = path.split(os.sep), os.path.normpath(glob).split(os.sep)
    return len(parts) >= len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))
