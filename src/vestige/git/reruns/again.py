"""One run again: what its record names is made ready, the command is run, what it changes is committed."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vestige import running
from vestige.errors import GitError, UsageError
from vestige.git import placeholders, prepare, repo
from vestige.git.commit import commit_and_note
from vestige.git.message import sidecar_folder
from vestige.git.operands import operand
from vestige.git.plan import Declared
from vestige.git.reruns import run_commits
from vestige.git.reruns.lent import Lent
from vestige.git.reruns.run_commits import as_os
from vestige.invocation import Request
from vestige.text import from_os

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.git.datalad import RunRecord
    from vestige.git.repo import Repository
    from vestige.git.reruns.run_commits import RangeCommit
    from vestige.record.model import CommitOptions, Record
    from vestige.running import Ended
    from vestige.store.runs import RunFolder

Verdict = Literal["made", "same", "failed", "refused"]
_SHELL = ("/bin/sh", "-c")
_LONGEST_COMMAND = 128 << 10  # B of what Linux takes as one argument (MAX_ARG_STRLEN), its end counted
_HASH = re.compile("[0-9a-f]{7,64}")


@dataclass(frozen=True, slots=True)
class Wish:
    """How runs are to be made again."""

    message: str | None = None  # instead of their own
    explicit: bool = False  # commit only what the record names as output
    assume_ready: str | None = None  # "inputs", "outputs", "both": not to be fetched, made writable
    save_failures: bool = False  # commit what a command has done that fails as it did not before
    store: str | None = None  # the folder to keep the runs in; None: as `vestige run` chooses


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a commit says of how to run its command again. Strings are as Python's `os` gives them."""

    commit: str
    text: str
    record: RunRecord
    folder: str  # absolute
    needs: prepare.Needs


@dataclass(frozen=True, slots=True)
class Again:
    """What came of a run made again.

    made: it is committed; same: no file differs from what is committed; failed: with an exit code that it did not have
    before; refused: the commit could not be made.
    """

    verdict: Verdict
    run: RunFolder
    commit: str | None  # None: there is none
    code: int | None  # as a shell shows it; None: nobody saw the end
    reason: str | None = None


def recipe(repository: Repository, commit: RangeCommit) -> Recipe:
    """Return how to run the command of a commit again.

    Raises:
        RecordError: it has no run record that can be read.
        UsageError: it was run outside of the repository.
        GitError: git fails.
    """
    message = run_commits.read(repository, commit.id)
    if message is None:
        raise GitError(f"{commit.id[:10]} has no run record")
    record = _as_os(message.record)
    where = folder(repository, record.pwd)
    if where is None:
        raise UsageError(f"{commit.id[:10]} was run in `{record.pwd}`, which is outside of {repository.top}")
    changed = tuple(_changed(repository, commit)) if commit.parents else ()
    needs = prepare.Needs(record.inputs, record.outputs, record.extra_inputs, changed)
    return Recipe(commit.id, as_os(message.text), record, where, needs)


def folder(repository: Repository, pwd: str) -> str | None:
    """Return the folder that a record names, None for one outside of the repository, by whatever links."""
    found = os.path.normpath(os.path.join(repository.top, pwd))
    top = os.path.realpath(repository.top)
    return found if os.path.commonpath([top, os.path.realpath(found)]) == top else None


def command(repository: Repository, recipe: Recipe, provided: prepare.Provided) -> str:
    """Return the command for the shell, placeholders replaced.

    Raises UsageError: a placeholder is bad, or the command has become too long.
    """
    cmd = placeholders.formatted(recipe.record.cmd, prepare.values(repository, recipe.folder, provided))
    if len(os.fsencode(cmd)) >= _LONGEST_COMMAND:
        raise UsageError(
            f"the command of {recipe.commit[:10]} has {_LONGEST_COMMAND >> 10} KiB or more with its placeholders "
            "replaced, which no shell can be given"
        )
    return cmd


def again(repository: Repository, recipe: Recipe, wish: Wish) -> Again:
    """Run the command of a record in its folder, and commit what it changes on top of what is checked out.

    An exit code as recorded is no failure, nor is 0.

    Raises:
        UsageError: inputs are not there, or are outside of the repository; a placeholder is bad.
        GitError: content can't be had.
        StoreError, RecorderError, ConfigError: as `running.observed`.
    """
    _make_folder(recipe)
    declared = Declared([from_os(glob) for glob in recipe.needs.outputs], recipe.folder)
    whole = {path: os.path.join(repository.top, path) for path in recipe.needs.changed}
    lent = Lent(repository, [path for path in whole if not declared.covers(whole[path])])
    try:
        provided = prepare.provide(repository, recipe.folder, recipe.needs, assume_ready=wish.assume_ready)
        lent.note()
        ended = _observed(_request(repository, recipe, provided, wish), recipe.folder, wish)
        return _committed(ended, _options(repository, ended.record, recipe), wish, expected=recipe.record.exit)
    finally:
        lent.put_back()


def _request(repository: Repository, recipe: Recipe, provided: prepare.Provided, wish: Wish) -> Request:
    request = Request()
    request.argv = [*_SHELL, command(repository, recipe, provided)]
    request.commit, request.command, request.top = True, recipe.record.cmd, repository.top
    request.message = recipe.text if wish.message is None else wish.message
    request.inputs, request.outputs = list(recipe.record.inputs), list(recipe.record.outputs)
    request.extra_inputs, request.explicit = list(recipe.record.extra_inputs), wish.explicit
    request.chain = [*filter(_HASH.fullmatch, recipe.record.chain), recipe.commit]
    request.others = json.dumps(recipe.record.others) if recipe.record.others else None
    return request


def kept_again(record: Record, wish: Wish) -> Again:
    """Run a run again that is kept and that no commit holds; there is one now if there was to be one then.

    Raises as `again` does; UsageError where its folder is gone.
    """
    where = operand(record.cwd)
    if not os.path.isdir(where):
        raise UsageError(f"the run was made in {where}, which is gone")
    request = Request()
    request.argv, request.tags = _operands(record.argv), _operands(record.tags)
    request.message = wish.message or (None if record.message is None else operand(record.message))
    options, request.commit = record.options.commit, False
    if options is not None:
        request.commit, request.explicit = True, options.explicit or wish.explicit
        request.command = None if options.command is None else operand(options.command)
        request.inputs, request.outputs = _operands(options.inputs), _operands(options.outputs)
        request.expand = None if options.expand == "none" else options.expand
        needs = prepare.Needs(request.inputs, request.outputs)
        prepare.provide(repo.discover(where), where, needs, assume_ready=wish.assume_ready)
    ended = _observed(request, where, wish)
    return _committed(ended, ended.record.options.commit, wish, expected=record.exit.code)


def _as_os(record: RunRecord) -> RunRecord:
    return dataclasses.replace(
        record,
        cmd=as_os(record.cmd),
        pwd=as_os(record.pwd),
        inputs=tuple(map(as_os, record.inputs)),
        outputs=tuple(map(as_os, record.outputs)),
        extra_inputs=tuple(map(as_os, record.extra_inputs)),
    )


def _operands(texts: tuple[str, ...]) -> list[str]:
    return [operand(text) for text in texts]


def _make_folder(recipe: Recipe) -> None:
    """Make the folder of a run, which Git does not keep if nothing is in it."""
    try:
        os.makedirs(recipe.folder, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{recipe.commit[:10]} was run in {recipe.folder}, which can't be: {error.strerror}"
        ) from error


def _changed(repository: Repository, commit: RangeCommit) -> Iterator[str]:
    """Yield the files that the run added or changed, relative to the top."""
    sidecars = sidecar_folder(repository)
    for path in _added_or_changed(repository, commit.parents[0], commit.id):
        if os.path.dirname(path) != sidecars:
            yield path


def _added_or_changed(repository: Repository, one: str, other: str) -> Iterator[str]:
    for path, entry in repository.changes(one, other).items():
        if entry is None:
            continue
        if not entry.is_submodule:
            yield path
        elif os.path.lexists(os.path.join(repository.top, path, ".git")):
            yield from (os.path.join(path, name) for name in _in_submodule(repository, path, one, entry.id))


def _in_submodule(repository: Repository, path: str, one: str, after: str) -> list[str]:
    before = repository.tree(one, [path]).get(path)
    with suppress(GitError):  # it does not have these commits
        inner = repo.discover(os.path.join(repository.top, path))
        return list(_added_or_changed(inner, inner.empty_tree if before is None else before.id, after))
    return []


def _observed(request: Request, where: str, wish: Wish) -> Ended:
    environ = {**os.environ, "PWD": where}
    return running.observed(request, folder=where, environ=environ, store=wish.store)


def _options(repository: Repository, record: Record, recipe: Recipe) -> CommitOptions | None:
    """Return what the commit is to be made with: where nobody could see what it writes, what it wrote before."""
    options, state = record.options.commit, record.completeness
    unseen = state is None or state.files == "none"
    if options is None or options.outputs or options.explicit or not unseen:
        return options
    paths = (os.path.relpath(os.path.join(repository.top, path), recipe.folder) for path in recipe.needs.changed)
    return dataclasses.replace(options, outputs=tuple(from_os(placeholders.pattern(path)) for path in paths))


def _committed(ended: Ended, options: CommitOptions | None, wish: Wish, *, expected: int | None) -> Again:
    record, code = ended.record, ended.record.exit.code
    is_fine = record.status == "ended" and code is not None and code in (0, expected)
    if options is None:
        return Again("same" if is_fine else "failed", ended.folder, None, code)
    if code and (is_fine or wish.save_failures):
        options = dataclasses.replace(options, on_failure="save")
    made = commit_and_note(ended.folder, record, options).commit
    if made is None:
        raise AssertionError("it was noted")
    verdicts: dict[str, Verdict] = {"committed": "made", "unchanged": "same"}
    verdict = verdicts.get(made.status, "refused") if is_fine else "failed"
    return Again(verdict, ended.folder, made.commit, code, made.reason)
