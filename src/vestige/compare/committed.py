"""A run as a commit of Git tells of it: the run itself where it is kept here, or else what stands in the message.

A commit message is anybody's: what is off in it is left out, whatever it is.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from vestige.errors import AmbiguousRunError, GitError, RecordError, RunNotFoundError, StoreError
from vestige.git import repo
from vestige.git.reruns import run_commits
from vestige.record.model import Code, Completeness, Exit, Figure, FileUse, Package, Record
from vestige.text import from_os

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vestige.git.datalad import RunMessage
    from vestige.history.all_runs import AllRuns
    from vestige.record.model import FileClass, Method, Point, Process, Span
    from vestige.store.kept import KeptRun
    from vestige.store.output import Piece

_FIGURE = re.compile(
    r"(-?[0-9]{1,20}(?:\.[0-9]{1,9})?)(?: (B|s))? (exact|sampled|bound|estimate)"
    r"(?: ([0-9]{1,20}(?:\.[0-9]{1,9})?)?\.\.([0-9]{1,20}(?:\.[0-9]{1,9})?)?)?"
)
_ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_STARTED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z")
_MOST = 100_000  # files
_SHORT = 10  # digits of a commit


@dataclass(frozen=True, slots=True)
class CommittedRun:
    """The run that a commit records."""

    top: str  # of the repository
    commit: str
    message: RunMessage

    @property
    def path(self) -> str:
        """The repository, and the commit in it."""
        return f"{self.top}@{self.commit}"

    @property
    def name(self) -> str:
        """The commit."""
        return self.commit

    @property
    def short_id(self) -> str:
        """The beginning of the commit's hash."""
        return self.commit[:_SHORT]

    @property
    def log(self) -> str:
        """Where it stands: in no run folder."""
        return self.path

    def load(self) -> Record:
        """Return what the message says of the run."""
        run, said = self.message.record, self.message.record.vestige or {}
        return Record(
            id=_word(said, "id", _ID) or self.commit,
            argv=_argv(run.cmd),
            cwd=from_os(os.path.normpath(os.path.join(self.top, run.pwd))),
            status="ended",
            started=_word(said, "started", _STARTED) or "",
            ended=None,
            exit=Exit(code=run.exit),
            vestige=str(said.get("version", "")),
            machine=None,
            environment={},
            message=from_os(self.message.text) or None,
            resources=_figures(said),
            completeness=Completeness("recorder", "on", files="none"),
            software=tuple(_packages(said)),
            code=Code(from_os(self.top), self.commit, None),
        )

    def processes(self) -> Iterator[Process]:
        """Yield nothing: the message has no list of them."""
        return iter(())

    def files(self, kinds: Iterable[FileClass] = ()) -> Iterator[FileUse]:
        """Yield what went in and came out, with what its content is called there."""
        said = self.message.record.vestige or {}
        wanted = tuple(kinds)
        for key, kind in (("inputs", "input"), ("outputs", "output")):
            if wanted and kind not in wanted:
                continue
            for name, digest in list(_entries(said, key))[:_MOST]:
                known = digest if ":" in digest else None
                yield FileUse(os.path.join(from_os(self.top), name), cast("FileClass", kind), hash=known)

    def points(self) -> Iterator[Point]:
        """Yield nothing: the message has no series."""
        return iter(())

    def spans(self) -> Iterator[Span]:
        """Yield nothing: the message has no parts."""
        return iter(())

    def output(self, *, last: int | None = None) -> Iterator[Piece]:  # noqa: ARG002 - as every run has it
        """Yield nothing: the message has no output."""
        return iter(())


def run(all_runs: AllRuns, folder: str, revision: str) -> KeptRun:
    """Return the run that a commit records.

    Raises GitError where there is no such revision, RunNotFoundError where it records no run, RecordError.
    """
    repository = repo.discover(folder)
    commit = repository.commit_of(revision)
    if commit is None:
        raise GitError(f"`{revision}` is no revision of {repository.top}")
    message = run_commits.read(repository, commit)
    if message is None:
        raise RunNotFoundError(f"commit {commit[:_SHORT]} records no run: `vestige run --commit` makes such commits")
    kept = _kept(all_runs, _word(message.record.vestige or {}, "id", _ID))
    return kept or CommittedRun(repository.top, commit, message)


def _kept(all_runs: AllRuns, run_id: str | None) -> KeptRun | None:
    """Return the run itself, where it is kept here."""
    if run_id is None:
        return None
    try:
        found = all_runs.find(run_id)
        return found if found.load().id == run_id else None
    except (AmbiguousRunError, RunNotFoundError, RecordError, StoreError):
        return None


def _argv(cmd: str) -> tuple[str, ...]:
    try:
        return tuple(map(from_os, shlex.split(cmd)))
    except ValueError:
        return "sh", "-c", from_os(cmd)


def _figures(said: Mapping[str, Any]) -> dict[str, Figure]:
    found = ((name, _FIGURE.fullmatch(words)) for name, words in _entries(said, "figures"))
    return {name: _figure(match) for name, match in found if match is not None}


def _figure(match: re.Match[str]) -> Figure:
    value, unit, method, lower, upper = match.groups()
    low, high = (None if text is None else float(text) for text in (lower, upper))
    return Figure(float(value), unit or "1", cast("Method", method), low, high)


def _packages(said: Mapping[str, Any]) -> Iterator[Package]:
    """Yield the packages of languages, which the message lists as `name version, …`."""
    versions = said.get("versions")
    for words in versions.split(", ")[:_MOST] if isinstance(versions, str) else ():
        name, _, version = words.partition(" ")
        yield Package("python", name, version or None)


def _entries(said: Mapping[str, Any], key: str) -> Iterator[tuple[str, str]]:
    found = said.get(key)
    if isinstance(found, dict):
        yield from ((name, value) for name, value in found.items() if isinstance(value, str))


def _word(said: Mapping[str, Any], key: str, form: re.Pattern[str]) -> str | None:
    found = said.get(key)
    return found if isinstance(found, str) and form.fullmatch(found) else None
