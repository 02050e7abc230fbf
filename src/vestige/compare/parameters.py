"""What a command was told: options and words of its command line, parameters of Kedro's nodes."""

from __future__ import annotations

import json
import os
import re
import shlex
from typing import TYPE_CHECKING

from vestige.pipelines.plan import has_plans, plans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.compare.sides import Seen
    from vestige.pipelines.plan import Parameter

_NUMBER = re.compile(r"-[0-9.]+([eE][-+]?[0-9]+)?")
_SHELLS = ("sh", "bash", "dash", "zsh", "ksh")
_SCRIPT = re.compile("-[a-z]*c")
GIVEN = "given"
_LONGEST = 10_000  # words of a command line


def of_run(seen: Seen) -> dict[str, str | None]:
    """Return what it was told, by name, as text."""
    return {**of_words(seen.record.argv), **dict(_of_kedro(seen))}


def of_words(argv: Sequence[str]) -> dict[str, str | None]:
    """Return options by name and other words by place.

    Whether an option takes the word after it is known to the program alone: here it does where that is no option.
    """
    words = [*_unwrapped(argv)[1:_LONGEST]]
    found: dict[str, str | None] = {}
    place = 0
    while words:
        word = words.pop(0)
        if not _is_option(word):
            place += 1
            found[f"argument {place}"] = word
            continue
        name, equals, value = word.partition("=")
        if not equals:
            value = words.pop(0) if words and not _is_option(words[0]) else GIVEN
        before = found.get(name)
        found[name] = value if before is None else f"{before} {value}"
    return found


def program(argv: Sequence[str]) -> str:
    """Return the name of the program that a command line starts, without its folder."""
    words = _unwrapped(argv)
    return os.path.basename(words[0]) if words else ""


def _unwrapped(argv: Sequence[str]) -> Sequence[str]:
    """Return the words of a script that a shell was given as one, where it is as simple as that."""
    if len(argv) >= 3 and os.path.basename(argv[0]) in _SHELLS and _SCRIPT.fullmatch(argv[1]):  # noqa: PLR2004 - `sh -c SCRIPT`
        try:
            return shlex.split(argv[2]) or argv
        except ValueError:
            return argv
    return argv


def _is_option(word: str) -> bool:
    return len(word) > 1 and word.startswith("-") and not _NUMBER.fullmatch(word)


def _of_kedro(seen: Seen) -> Iterator[tuple[str, str]]:
    if seen.run.log is not None or not has_plans(seen.run.path):
        return
    for plan in plans(seen.run.path).values():
        for node in plan.nodes:
            for name, parameter in node.parameters.items():
                yield from _values(name, parameter)


def _values(name: str, parameter: Parameter) -> Iterator[tuple[str, str]]:
    """Yield a parameter; of a table each of its entries."""
    if parameter.text is None:
        yield name, parameter.hash or "not known"
        return
    value = json.loads(parameter.text)
    if isinstance(value, dict):
        yield from ((f"{name}.{key}", json.dumps(inner)) for key, inner in value.items())
    else:
        yield name, parameter.text
