"""What is to be repeated: a run as it was, from the record that is kept of it, from its commit, or from both."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vestige.errors import UsageError
from vestige.git import placeholders, repo
from vestige.git.datasets import links
from vestige.git.levels import USED, WRITTEN, is_bookkeeping
from vestige.git.message import sidecar_folder
from vestige.git.operands import operand
from vestige.git.placeholders import Values
from vestige.git.prepare import configured
from vestige.text import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vestige.git.datalad import RunMessage, RunRecord
    from vestige.git.repo import Entry, Repository
    from vestige.record.model import FileState, FileUse, Record
    from vestige.store.runs import RunFolder

_SHELL = ("/bin/sh", "-c")


@dataclass(frozen=True, slots=True)
class Version:
    """A file as the original run read it, or left it."""

    entry: Entry | None  # what the commit of an output has of it
    hash: str | None  # "sha256:…", None: not known
    state: FileState | None = None  # where that is known

    def is_at(self, path: str) -> bool:
        """Say whether a file in the original's work tree still is this version, by its inode, size and time."""
        try:
            now = os.lstat(path)
        except OSError:
            return False
        then = self.state
        return then is not None and (now.st_ino, now.st_size, now.st_mtime_ns) == (then.ino, then.size, then.mtime_ns)


@dataclass(frozen=True, slots=True)
class Original:
    """A run that is to be repeated. Paths are relative to the top of its repository, but for `outside`."""

    name: str  # what to call it: the start of its id, or of its commit
    repository: Repository
    base: str | None  # the commit before it; None: there was none
    argv: Callable[[str], tuple[str, ...]]  # its words, for a work tree with this top
    folder: str  # where it ran, `.` for the top
    exit: int | None
    inputs: dict[str, Version]
    outputs: dict[str, Version]
    removed: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()  # globs for inputs, relative to `folder`
    software: tuple[str, ...] = ()  # programs and libraries in the work tree that no commit holds
    outside: tuple[str, ...] = ()  # what it changed outside of the repository, absolute
    record: Record | None = None
    figures: Mapping[str, str] = field(
        default_factory=dict
    )  # of the commit's record, as `footprint.figure` writes them
    stdout: str | None = None  # path of what it printed


def of_run(run: RunFolder, record: Record) -> Original:
    """Return a run that is kept.

    Raises GitError, RecordError; UsageError if it goes on, or has nothing to be repeated from.
    """
    if record.status == "running":
        raise UsageError(f"run {run.short_id} goes on; it can be verified when it has ended")
    if record.code is None:
        raise UsageError(f"run {run.short_id} was not made in a Git work tree: there is nothing to repeat it from")
    repository = repo.discover(operand(record.code.top))
    found = links.through(run.files({*WRITTEN, *USED, "software"}))
    used = ((operand(use.path), use) for use in found)
    uses = {path: use for path, use in used if not is_bookkeeping(path)}
    inner = {
        path[len(repository.top) + 1 :]: use for path, use in uses.items() if path.startswith(f"{repository.top}/")
    }
    made = {path: use for path, use in inner.items() if use.kind in ("output", "modified") and _is_file(use)}
    commit = record.commit.commit if record.commit is not None else None
    blobs = repository.tree(commit, list(made)) if commit is not None else {}
    base = record.code.commit
    held = repository.tree(base) if base is not None else {}
    stdout = record.streams.get("stdout")
    return Original(
        name=run.short_id,
        repository=repository,
        base=base,
        argv=lambda _: tuple(map(operand, record.argv)),
        folder=os.path.relpath(operand(record.cwd), repository.top),
        exit=record.exit.code,
        inputs={
            path: Version(None, use.hash_read, use.before)
            for path, use in inner.items()
            if use.kind in ("input", "modified")
        },
        outputs={path: Version(blobs.get(path), use.hash, use.after) for path, use in made.items()},
        removed=tuple(path for path, use in inner.items() if use.kind == "removed"),
        declared=() if record.options.commit is None else record.options.commit.inputs,
        software=tuple(path for path, use in inner.items() if use.kind == "software" and path not in held),
        outside=tuple(_outside(uses, record, repository)),
        record=record,
        stdout=os.path.join(run.path, "stdout") if stdout is not None and stdout.captured else None,
    )


def of_commit(repository: Repository, commit: str, message: RunMessage) -> Original:
    """Return the run of which a commit holds the record. Raises GitError, UsageError."""
    parents = repository.parents(commit)
    if not parents:
        raise UsageError(f"{commit[:10]} is the first commit: there is nothing to repeat its run from")
    base, record = parents[0], message.record
    own_key = record.vestige or {}
    figures, inputs, outputs = (_texts(own_key.get(name)) for name in ("figures", "inputs", "outputs"))
    own = sidecar_folder(repository)
    changes = {path: entry for path, entry in repository.changes(base, commit).items() if os.path.dirname(path) != own}
    return Original(
        name=commit[:10],
        repository=repository,
        base=base,
        argv=lambda top: (*_SHELL, _formatted(repository, record, top)),
        folder=_inside(repository, record.pwd),
        exit=record.exit,
        inputs={path: Version(None, known) for path, known in inputs.items() if not path.startswith(("/", "~"))},
        outputs={path: Version(entry, outputs.get(path)) for path, entry in changes.items() if entry is not None},
        removed=tuple(path for path, entry in changes.items() if entry is None),
        declared=(*record.inputs, *record.extra_inputs),
        figures=figures,
    )


def _outside(uses: Mapping[str, FileUse], record: Record, repository: Repository) -> Iterator[str]:
    """Yield what the run itself changed elsewhere, which is not what a shell had opened for it."""
    redirected = {stream.path for stream in record.streams.values()}
    for path, use in uses.items():
        if use.kind in WRITTEN and use.path not in redirected and not path.startswith(f"{repository.top}/"):
            yield path


def _formatted(repository: Repository, record: RunRecord, top: str) -> str:
    folder = os.path.normpath(os.path.join(top, record.pwd))
    inputs, outputs = (placeholders.expand(globs, folder).paths for globs in (record.inputs, record.outputs))
    values = Values(inputs, outputs, pwd=folder, dspath=top, config=configured(repository))
    return placeholders.formatted(record.cmd, values)


def _inside(repository: Repository, pwd: str) -> str:
    """Return where a foreign record says that it ran. Raises UsageError if that is not in the repository."""
    folder = os.path.normpath(os.path.join(repository.top, pwd))
    if folder != repository.top and not folder.startswith(f"{repository.top}/"):
        raise UsageError(f"the record says that it ran in `{pwd}`, which is outside of the repository")
    return os.path.relpath(folder, repository.top)


def _texts(value: object) -> dict[str, str]:
    """Return what a foreign object holds of text, paths as `os` has them."""
    if not isinstance(value, dict):
        return {}
    return {os.fsdecode(to_bytes(key)): text for key, text in value.items() if isinstance(text, str)}


def _is_file(use: FileUse) -> bool:
    return use.after is not None and use.after.type in ("file", "link")
