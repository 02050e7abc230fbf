"""What a run did through git-annex's links, told of the files in the work tree.

A run opens `data.csv`, the kernel follows the link, and what was read or written is an object in
`.git/annex/objects`: so the run's list of files has it. A commit is about `data.csv`.
"""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

from vestige.git.datasets.annexed import OBJECTS, annexed
from vestige.record.file_state import file_state
from vestige.text import from_os, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vestige.record.model import FileUse

_LONGEST = 40  # links that lead to links, as in Linux


def through(uses: Iterable[FileUse]) -> list[FileUse]:
    """Return what was used, with files of the work tree in the place of the annexed objects behind them.

    What was read through a link that the run then replaced by a file is `modified`. A file has an object among its
    names if that was written to. An object that was removed, or that no link leads to, stays what it is.
    """
    listed = list(uses)
    if not any(_is_object(use) for use in listed):
        return listed
    found = {use.path: use for use in listed if not _is_object(use)}
    for use in filter(_is_object, listed):
        names = {from_os(name): use for name in _names(use)}
        for name, meant in names.items():
            found[name] = _united(found[name], meant) if name in found else _at(name, meant)
        if not names:
            found[use.path] = use
    return list(found.values())


def _is_object(use: FileUse) -> bool:
    return OBJECTS in use.path


def _names(use: FileUse) -> Iterator[str]:
    """Yield where in the work tree the links to an object were, by which it was used."""
    if use.kind == "removed":
        return
    content = os.fsdecode(to_bytes(use.path))
    for path in (os.fsdecode(to_bytes(name)) for name in use.names):
        if "\0" in path:  # in a foreign record
            continue
        folder = os.path.realpath(os.path.dirname(path))
        at = _link_to(os.path.join(folder, os.path.basename(path)), content)
        if at is not None:
            yield at


def _link_to(path: str, content: str) -> str | None:
    """Return the last link on the way from a path to an object; of one that is no link any more, the path itself."""
    for hop in range(_LONGEST):
        found = annexed(path, pointers=False)
        if found is not None:  # with another key, if the new content has been taken in since
            return path if not hop or os.path.basename(content) == found.key else None
        if not os.path.islink(path):
            return None if OBJECTS in path else path
        path = os.path.join(os.path.realpath(os.path.dirname(path)), os.readlink(path))
        path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    return None


def _at(name: str, use: FileUse) -> FileUse:
    """Return the same for the file in the work tree; before, there was its link, which stays as long as it does."""
    path = os.fsdecode(to_bytes(name))
    before = file_state(os.lstat(path)) if os.path.islink(path) and use.before is not None else use.before
    names = (use.path, *use.names) if _is_written(use) else use.names
    return dataclasses.replace(use, path=name, names=names, before=before)


def _united(own: FileUse, behind: FileUse) -> FileUse:
    """Return what became of a file whose content was used through its link before the link was replaced."""
    was_read = behind.kind in ("input", "modified") and own.before is not None and own.before.type == "link"
    kind = "modified" if was_read and own.kind == "output" else own.kind
    names = (*own.names, behind.path) if _is_written(behind) else own.names
    return dataclasses.replace(own, kind=kind, names=names)


def _is_written(use: FileUse) -> bool:
    return use.kind in ("output", "modified") and use.before is not None
