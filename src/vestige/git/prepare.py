"""Before a command that is to be committed: what is declared is resolved, fetched and made writable."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from vestige.errors import UsageError
from vestige.git import annex, placeholders, repo
from vestige.git.placeholders import Expansion, Values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vestige.git.repo import Repository
    from vestige.invocation import Request

_SHELL = "/bin/sh"
_SYNTAX = frozenset(" \t\n;|&<>()$`\\\"'*?")  # what no program's name has, and a script hardly does without
_SUBSTITUTIONS = "datalad.run.substitutions."


class Prepared(NamedTuple):
    """A command, ready to be run."""

    repository: Repository
    argv: list[str]
    command: str | None  # for the record, placeholders in their places; None: `argv` as it is
    inputs: Expansion
    outputs: Expansion


def is_script(argv: Sequence[str]) -> bool:
    """Say whether a command of one word is meant for a shell, as `datalad run "sort < a > b"` takes it."""
    return len(argv) == 1 and not _SYNTAX.isdisjoint(argv[0]) and not os.path.exists(argv[0])


def prepare(request: Request, folder: str) -> None:
    """Make everything ready, and put into the request the words to execute. Errors as for `prepared`."""
    ready = prepared(request, folder)
    request.argv, request.command = ready.argv, ready.command


def prepared(request: Request, folder: str, *, dry: bool = False) -> Prepared:
    """Resolve what a request declares, fetch its inputs and make its outputs writable, unless `dry`.

    Raises:
        UsageError: a glob for inputs matches nothing, or a name lies outside of the repository; a bad placeholder.
        GitError: there is no repository, or content can't be had.
    """
    repository = repo.discover(folder)
    substitutions = configured(repository)
    first = Values((), (), pwd=folder, dspath=repository.top, config=substitutions)
    outputs = placeholders.expand(_specified(request.outputs, first), folder)
    second = Values((), outputs.paths, pwd=folder, dspath=repository.top, config=substitutions)
    inputs = placeholders.expand(_specified(request.inputs, second), folder)
    _check_inside(repository, folder, (*inputs.paths, *outputs.paths))
    ready = request.assume_ready or ""
    if not dry and ready not in ("inputs", "both"):
        annex.get(repository, _from_top(repository, folder, inputs.paths))
        inputs = placeholders.expand(_specified(request.inputs, second), folder)
    if inputs.unmatched:
        raise UsageError(f"no input is there for `{inputs.unmatched[0]}`, in {folder}; the command was not run")
    if not dry and ready not in ("outputs", "both"):
        annex.make_writable(repository, _from_top(repository, folder, outputs.paths))
    values = Values(inputs.paths, outputs.paths, pwd=folder, dspath=repository.top, config=substitutions)
    argv, command = _resolved(request.argv, values)
    return Prepared(repository, argv, command, inputs, outputs)


def configured(repository: Repository) -> dict[str, str | tuple[str, ...]]:
    """Return the placeholders that the config of the repository adds; one with several values is a list."""
    return {
        name.removeprefix(_SUBSTITUTIONS): values[0] if len(values) == 1 else values
        for name, values in repository.config.items()
        if name.startswith(_SUBSTITUTIONS)
    }


def _specified(globs: Sequence[str], values: Values) -> list[str]:
    """Return declared globs with their placeholders replaced; one that is a list by itself becomes all of it."""
    return placeholders.substitute(globs, values)


def _resolved(argv: list[str], values: Values) -> tuple[list[str], str | None]:
    """Return the words to execute, and the command for the record where they are not the same."""
    names = tuple(values.config)
    if is_script(argv):
        script = placeholders.substitute(argv, values, quoted=True)
        return [_SHELL, "-c", *script], placeholders.script(argv[0], names)
    if placeholders.uses(argv, names):
        return placeholders.substitute(argv, values), placeholders.command(argv, literal=False, names=names)
    return argv, None


def _check_inside(repository: Repository, folder: str, paths: Sequence[str]) -> None:
    for path in paths:
        whole = os.path.normpath(os.path.join(folder, path))
        if whole != repository.top and not whole.startswith(f"{repository.top}/"):
            raise UsageError(
                f"`{path}` is outside of the repository at {repository.top}: only what is in it can be named"
            )


def _from_top(repository: Repository, folder: str, paths: Sequence[str]) -> list[str]:
    return [os.path.relpath(os.path.join(folder, path), repository.top) for path in paths]
