"""A run repeated in a scratch work tree: which of its outputs come out the same, and at what cost."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige import running
from vestige.errors import RunNotFoundError, UsageError
from vestige.git import repo
from vestige.git.verifying.outcome import MADE, Outcome
from vestige.git.verifying.provision import provided
from vestige.git.verifying.scratch import remove_submodules, scratch
from vestige.invocation import Request
from vestige.store.kept import Problem
from vestige.text import from_os

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.contents.comparison import Comparison, Tolerance
    from vestige.git.verifying.originals import Original
    from vestige.record.model import Record
    from vestige.running import Ended
    from vestige.store.runs import RunFolder, Runs

TAG = "verify"
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Repetition:
    """One repetition of a run."""

    original: Original
    record: Record  # of the repetition
    folder: str  # its run folder
    tree: str  # the scratch work tree
    outputs: dict[str, Comparison]  # by path, relative to the top of the repository
    problems: tuple[str, ...]  # what was not the same to begin with

    @property
    def repeats(self) -> bool:
        """Whether it ended as the original did, and all that came out then came out again."""
        came_out = all(found.verdict in ("identical", "equal", "new") for found in self.outputs.values())
        return came_out and self.record.exit.code == (self.original.exit or 0)


def last_original(runs: Runs) -> RunFolder:
    """Return the last run that is no repetition itself. Raises RunNotFoundError, StoreError."""
    for entry in runs.records():
        if not isinstance(entry, Problem) and TAG not in entry.record.tags:
            return entry.folder
    raise RunNotFoundError("no run yet; `vestige run COMMAND` makes one")


def repeat(
    original: Original, *, tolerance: Tolerance, store: str, keep: bool = False, outside: bool = False
) -> Repetition:
    """Repeat a run in a scratch work tree and compare what comes out.

    Args:
        original: the run.
        tolerance: how far numbers may be apart.
        store: the folder to keep the repetition's own run in.
        keep: leave the scratch work tree where it is.
        outside: repeat it even if it wrote outside of its repository, and will again.

    Raises:
        UsageError: the command names the original's own files, which it must not touch.
        GitError: the state before the run can't be had.
    """
    if original.outside and not outside:
        names = ", ".join(map(from_os, original.outside[:_NAMED]))
        raise UsageError(f"the run changed files outside of its repository ({names}), and would again; `--yes` lets it")
    with scratch(original.repository, original.base, keep=keep) as tree:
        try:
            problems = tuple(provided(original, tree))
            ended = _run(original, tree, store)
            with tempfile.TemporaryDirectory(prefix="vestige-then-") as spare:
                outcome = Outcome(original, tree, ended.folder, spare=spare, tolerance=tolerance)
                outputs = dict(outcome.comparisons())
            problems = (*problems, *_strays(original, tree, ended))
        finally:
            if original.base is not None and not keep:
                remove_submodules(original.repository, tree, original.base)
    return Repetition(original, ended.record, ended.folder.path, tree, outputs, problems)


def _run(original: Original, tree: str, store: str) -> Ended:
    request = Request()
    request.argv = list(original.argv(tree))
    _check_words(original, request.argv)
    request.tags, request.message = [TAG], f"verify of {original.name}"
    request.commit = False
    folder = os.path.normpath(os.path.join(tree, original.folder))
    os.makedirs(folder, exist_ok=True)
    streams = running.Streams(subprocess.DEVNULL, subprocess.PIPE, subprocess.PIPE)
    environ = {**repo.users_environment(), "PWD": folder}
    return running.observed(request, folder=folder, environ=environ, streams=streams, store=store)


def _check_words(original: Original, words: list[str]) -> None:
    """Raise where the command would work on the original's files instead of the scratch tree's."""
    top = original.repository.top
    linked = tuple(os.path.join(top, path) for path in original.software)
    for word in words:
        if f"{top}/" in f"{word}/" and not word.startswith(linked):
            raise UsageError(f"the command names {top}: repeated elsewhere it would still work on these files")


def _strays(original: Original, tree: str, ended: Ended) -> Iterator[str]:
    """Yield what the repetition used of the original's own files."""
    top = from_os(original.repository.top)
    inside = from_os(tree)
    for use in ended.folder.files(("input", *MADE)):
        if use.path.startswith(f"{top}/") and not use.path.startswith((f"{inside}/", f"{top}/.git/")):
            did = "wrote" if use.kind in MADE else "read"
            yield f"it {did} {use.path} of the original, not of the repetition"
