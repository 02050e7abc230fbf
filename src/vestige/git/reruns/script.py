"""Recorded runs as a shell script."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from vestige.git import placeholders, prepare
from vestige.git.message import is_default_text
from vestige.git.reruns import again
from vestige.text import from_os, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vestige.git.repo import Repository
    from vestige.git.reruns.again import Recipe


def script(repository: Repository, recipes: Iterable[Recipe], *, words: str) -> Iterator[str]:
    """Yield the lines of a script that runs the commands, each in its own folder and its own shell.

    It stops where a command fails that did not fail before. `words` name the recipes.

    Raises UsageError: a placeholder of a command is bad.
    """
    yield "#!/bin/sh"
    yield "#"
    yield _comment(f"Written by `vestige rerun --script` from the run records in {words}")
    yield _comment(f"of the repository at {repository.top}")
    for recipe in recipes:
        yield ""
        yield from _run(repository, recipe)


def _run(repository: Repository, recipe: Recipe) -> Iterator[str]:
    record = recipe.record
    inputs, outputs = (placeholders.expand(globs, recipe.folder) for globs in (record.inputs, record.outputs))
    command = again.command(repository, recipe, prepare.Provided(inputs, outputs))
    if not any(is_default_text(recipe.text, cmd) for cmd in (command, record.cmd)):
        yield from map(_comment, recipe.text.split("\n"))
    yield _comment(f"(record: {recipe.commit})")
    yield "("
    yield f"cd {shlex.quote(recipe.folder)} || exit"
    yield command
    yield ")" if record.exit else ") || exit"


def _comment(text: str) -> str:
    """Return a comment that ends with its line: what a shell or a terminal might obey is written out."""
    return f"# {printable(from_os(text))}".rstrip()


def content(lines: Iterable[str]) -> bytes:
    """Return what the file of a script holds."""
    return os.fsencode("".join(f"{line}\n" for line in lines))


def write(lines: Iterable[str], path: str) -> None:
    """Write a script that can be executed. Raises OSError."""
    with open(path, "wb") as file:
        file.write(content(lines))
        os.fchmod(file.fileno(), os.fstat(file.fileno()).st_mode | 0o111)
