"""The files of a run: the table, and the tree of processes with what each read and wrote."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vestige.quantity import number, size
from vestige.report.counts import ORDER, SHOWN
from vestige.report.details import process_tree
from vestige.report.tables import Column
from vestige.text import from_os
from vestige.words import command, safe, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vestige.record.model import FileState, FileUse, Process

COLUMNS = (
    Column("class"),
    Column("size", right=True),
    Column("hash"),
    Column("marks"),
    Column("path"),
)
_HASH_LETTERS = 12
_DEEPEST = 12  # levels of the tree that are indented
_NONE = "–"  # noqa: RUF001 - a dash on purpose


@dataclass(slots=True)
class Touched:
    """What one process read and wrote."""

    read: list[FileUse] = field(default_factory=list)
    written: list[FileUse] = field(default_factory=list)


def is_shown(use: FileUse) -> bool:
    """Say whether a file is of the view that nobody asked more of: what went in and came out, without folders."""
    return use.kind in SHOWN and not is_folder(use)


def rows(uses: Iterable[FileUse], cwd: str) -> list[list[str]]:
    """Return the cells of each file for `COLUMNS`, by class, each in the order of its first use."""
    return [_row(use, cwd) for use in sorted(uses, key=lambda use: ORDER[use.kind])]


def tree_lines(
    processes: Sequence[Process], uses: Iterable[FileUse], cwd: str, *, width: int | None = None, whole: bool = False
) -> Iterator[str]:
    """Yield every process with the files that it read and wrote below it, children under their parents.

    Processes without any, of which none below has any either, are only counted unless `whole`. `width` cuts commands.
    """
    touched = by_process(processes, uses)
    wanted = _with_ancestors(processes, {index for index in touched if index is not None})
    hidden = 0
    for index, depth in process_tree(processes):
        if index in wanted or whole:
            yield from _process_lines(processes[index], touched.get(index), depth, cwd, width)
        else:
            hidden += 1
    if None in touched:
        yield "by processes that are not known"
        yield from _file_lines(touched[None], "  ", cwd)
    if hidden:
        yield f"… and {number(hidden)} more {'process' if hidden == 1 else 'processes'} without such files"


def tree_json(processes: Sequence[Process], uses: Iterable[FileUse]) -> Iterator[dict[str, Any]]:
    """Yield every process, parents first, with its line in `processes.jsonl` and the paths that it read and wrote."""
    touched = by_process(processes, uses)
    for index, depth in process_tree(processes):
        process = processes[index]
        yield {
            "process": index,
            "depth": depth,
            "pid": process.pid,
            "argv": None if process.argv is None else list(process.argv),
            **_paths(touched.get(index)),
        }
    if None in touched:
        yield {"process": None, "depth": 0, "pid": None, "argv": None, **_paths(touched[None])}


def by_process(processes: Sequence[Process], uses: Iterable[FileUse]) -> dict[int | None, Touched]:
    """Return what each process read and wrote, by its place in the list; None: nobody knows who it was."""
    touched: dict[int | None, Touched] = {}
    known = range(len(processes))
    for use in uses:
        readers = [index for index in use.readers if index in known]
        writers = [index for index in use.writers if index in known]
        for index in readers:
            touched.setdefault(index, Touched()).read.append(use)
        for index in writers:
            touched.setdefault(index, Touched()).written.append(use)
        if not readers and not writers:
            nobody = touched.setdefault(None, Touched())
            (nobody.written if use.kind in ("output", "removed") else nobody.read).append(use)
    return touched


def relative(path: str, folder: str) -> str:
    """Return a path for people: relative to `folder` where it is below it. Both are text of the record."""
    below = folder not in ("", "/") and path.startswith(folder + "/")
    return safe(path[len(folder) + 1 :] if below else path)


def here() -> str:
    """Return the current folder as `relative` takes it; `/` where there is none any more."""
    try:
        return from_os(os.getcwd())
    except OSError:
        return "/"


def hash_start(digest: str | None) -> str:
    """Return the first letters of a hash: `~` before one of samples, a name before one of somebody else."""
    if digest is None:
        return _NONE
    kind, _, letters = digest.partition(":")
    lead = {"sha256": "", "sha256-fast": "~"}.get(kind, f"{kind}:")
    return safe(lead + letters[:_HASH_LETTERS])


def _paths(touched: Touched | None) -> dict[str, list[str]]:
    found = touched or Touched()
    return {"read": [use.path for use in found.read], "written": [use.path for use in found.written]}


def _row(use: FileUse, cwd: str) -> list[str]:
    names = ", ".join(relative(name, cwd) for name in use.names)
    return [
        use.kind,
        size_words(use) or _NONE,
        hash_start(use.hash),
        " ".join(marks(use)),
        relative(use.path, cwd) + (f"  (as {names})" if names else ""),
    ]


def marks(use: FileUse) -> Iterator[str]:
    """Yield what is to be said of a file in a word each."""
    found = state(use)
    if found is not None and found.type != "file":
        yield found.type
    if use.changed:
        yield "changed"
    if use.executed:
        yield "executed"
    if use.package is not None:
        yield safe(use.package)


def state(use: FileUse) -> FileState | None:
    """Return a file as the run left it, or else as it found it."""
    return use.after or use.before


def size_words(use: FileUse) -> str:
    """Return how large a file is; empty where that is not known, and for a folder."""
    found = state(use)
    return "" if found is None or found.size is None or is_folder(use) else size(found.size)


def is_folder(use: FileUse) -> bool:
    """Say whether it is a folder."""
    found = state(use)
    return found is not None and found.type == "directory"


def _with_ancestors(processes: Sequence[Process], wanted: set[int]) -> set[int]:
    """Return the processes in `wanted` and all above them."""
    above: list[int] = []
    found: set[int] = set()
    for index, depth in process_tree(processes):
        del above[depth:]
        above.append(index)
        if index in wanted:
            found.update(above)
    return found


def _process_lines(process: Process, touched: Touched | None, depth: int, cwd: str, width: int | None) -> Iterator[str]:
    indent = "  " * min(depth, _DEEPEST)
    words = command(process.argv) if process.argv else f"({safe(process.name or 'no command seen')})"
    line = f"{indent}{process.pid}  {words}"
    yield line if width is None else shortened(line, width)
    if touched is not None:
        yield from _file_lines(touched, indent + "    ", cwd)


def _file_lines(touched: Touched, indent: str, cwd: str) -> Iterator[str]:
    both = {use.path for use in touched.read} & {use.path for use in touched.written}
    for use in touched.read:
        yield f"{indent}{'both ' if use.path in both else 'read '}  {_file_words(use, cwd)}"
    for use in touched.written:
        if use.path not in both:
            yield f"{indent}wrote  {_file_words(use, cwd)}"


def _file_words(use: FileUse, cwd: str) -> str:
    kind = "" if use.kind in ("input", "output", "modified") else f"({use.kind})"
    return "  ".join(filter(None, (relative(use.path, cwd), size_words(use), kind)))
