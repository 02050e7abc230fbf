"""Before a command that is to be committed: what is declared is resolved, fetched and made writable."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, NamedTuple

from vestige.errors import UsageError
from vestige.git import placeholders, repo
from vestige.git.datasets import annex, submodules
from vestige.git.placeholders import Expansion, Values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vestige.git.repo import Repository
    from vestige.invocation import Request

_SHELL = "/bin/sh"
_SYNTAX = frozenset(" \t\n;|&<>()$`\\\"'*?")  # what no program's name has, and a script hardly does without
_SUBSTITUTIONS = "datalad.run.substitutions."


class Needs(NamedTuple):
    """What a command is said to read and to write: globs relative to its folder."""

    inputs: Sequence[str]
    outputs: Sequence[str]
    extra_inputs: Sequence[str] = ()  # fetched in any case, and not meant by `{inputs}`
    changed: Sequence[str] = ()  # files, relative to the top, that it will write to though nobody said so


class Provided(NamedTuple):
    """What those globs match when all of it is there."""

    inputs: Expansion
    outputs: Expansion


class Prepared(NamedTuple):
    """A command, ready to be run."""

    repository: Repository
    argv: list[str]
    command: str | None  # for the record, placeholders in their places; None: `argv` as it is
    needs: Needs
    provided: Provided


def is_script(argv: Sequence[str]) -> bool:
    """Say whether a command of one word is meant for a shell, as `datalad run "sort < a > b"` takes it."""
    return len(argv) == 1 and not _SYNTAX.isdisjoint(argv[0]) and not os.path.exists(argv[0])


def prepare(request: Request, folder: str) -> None:
    """Make everything ready, and put into the request what to execute and to record. Errors as for `prepared`."""
    ready = prepared(request, folder)
    request.argv, request.command = ready.argv, ready.command
    request.inputs, request.outputs = list(ready.needs.inputs), list(ready.needs.outputs)


def prepared(request: Request, folder: str, *, dry: bool = False) -> Prepared:
    """Resolve what a request declares, fetch its inputs and make its outputs writable, unless `dry`.

    Raises:
        UsageError: a glob for inputs matches nothing, or a name lies outside of the repository; a bad placeholder.
        GitError: there is no repository, or content can't be had.
    """
    repository = repo.discover(folder)
    none = Values((), (), pwd=folder, dspath=repository.top, config=configured(repository))
    outputs = _specified(request.outputs, none)
    known = dataclasses.replace(none, outputs=placeholders.expand(outputs, folder).paths)
    needs = Needs(_specified(request.inputs, known), outputs)
    provided = provide(repository, folder, needs, assume_ready="both" if dry else request.assume_ready)
    argv, command = _resolved(request.argv, values(repository, folder, provided))
    return Prepared(repository, argv, command, needs, provided)


def provide(repository: Repository, folder: str, needs: Needs, *, assume_ready: str | None = None) -> Provided:
    """Fetch the inputs of a command and make its outputs writable; `assume_ready` says what need not be touched.

    Raises:
        UsageError: a glob for inputs matches nothing, or a name lies outside of the repository.
        GitError: content can't be had.
    """
    outputs = placeholders.expand(needs.outputs, folder)
    extra = placeholders.expand(needs.extra_inputs, folder)
    inputs = placeholders.expand(needs.inputs, folder)
    _check_inside(repository, folder, (*inputs.paths, *extra.paths, *outputs.paths))
    missing = () if assume_ready in ("inputs", "both") else inputs.paths
    if missing or extra.paths:
        annex.get(repository, _from_top(repository, folder, (*missing, *extra.paths)))
        inputs, extra = placeholders.expand(needs.inputs, folder), placeholders.expand(needs.extra_inputs, folder)
    for pattern in (*inputs.unmatched, *extra.unmatched):
        raise UsageError(f"no input is there for `{pattern}`, in {folder}; the command was not run")
    if assume_ready not in ("outputs", "both"):
        submodules.install(repository, _from_top(repository, folder, outputs.paths))
        outputs = placeholders.expand(needs.outputs, folder)
        annex.make_writable(repository, [*_from_top(repository, folder, outputs.paths), *needs.changed])
    return Provided(inputs, outputs)


def values(repository: Repository, folder: str, provided: Provided) -> Values:
    """Return what the placeholders of a command stand for."""
    inputs, outputs = provided.inputs.paths, provided.outputs.paths
    return Values(inputs, outputs, pwd=folder, dspath=repository.top, config=configured(repository))


def configured(repository: Repository) -> dict[str, str | tuple[str, ...]]:
    """Return the placeholders that the config of the repository adds; one with several values is a list."""
    return {
        name.removeprefix(_SUBSTITUTIONS): values[0] if len(values) == 1 else values
        for name, values in repository.config.items()
        if name.startswith(_SUBSTITUTIONS)
    }


def _specified(globs: Sequence[str], values: Values) -> list[str]:
    """Return declared globs, relative, placeholders replaced; one that is a list by itself becomes all of it."""
    lists = (_configured_list(glob, values) or placeholders.substitute([glob], values) for glob in globs)
    plain = [path for paths in lists for path in paths]
    return [os.path.relpath(path, values.pwd) if os.path.isabs(path) else path for path in plain]


def _configured_list(glob: str, values: Values) -> Sequence[str]:
    """Return what a glob stands for that is nothing but the placeholder of several configured values."""
    found = values.config.get(glob[1:-1], "") if glob[:1] + glob[-1:] == "{}" else ""
    return () if isinstance(found, str) else found


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
