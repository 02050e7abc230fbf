"""What was around a run: how it ended, its code, software, environment and machine, as words by name."""

from __future__ import annotations

import dataclasses
import os
import re
from typing import TYPE_CHECKING

from vestige.compare.differences import of_words
from vestige.quantity import size
from vestige.record.outcome import outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.compare.differences import Difference
    from vestige.compare.sides import Group, Seen

_VERSION = re.compile(r"[0-9.]+$")
_NO_OWN_WORD = ("PWD", "OLDPWD", "SHLVL")
_LETTERS = 12  # of a hash


def differences(groups: Sequence[Group]) -> Iterator[Difference]:
    """Yield what differs. Raises RecordError."""
    yield from of_words("outcome", groups, _outcome)
    yield from of_words("code", groups, _code)
    yield from of_words("software", groups, _software)
    yield from _of_environment(groups)
    yield from of_words("machine", groups, _machine)


def _outcome(seen: Seen) -> dict[str, str | None]:
    return {"outcome": outcome(seen.record)}


def _code(seen: Seen) -> dict[str, str | None]:
    code, commit = seen.record.code, seen.record.commit
    dirty = () if commit is None else commit.uncommitted
    return {
        "commit": None if code is None or code.commit is None else code.commit[:_LETTERS],
        "branch": None if code is None or code.branch is None else code.branch.removeprefix("refs/heads/"),
        "not committed": ", ".join(dirty) or None,
    }


def _software(seen: Seen) -> dict[str, str | None]:
    record = seen.record
    packages = {
        package.name if package.kind == "python" else f"{package.name} ({package.kind})": package.version
        or package.source
        or "version not known"
        for package in record.software
        if package.imported
    }
    return {**packages, **_programs(seen)}


def _programs(seen: Seen) -> dict[str, str | None]:
    """Return the programs that ran, by name without version: `python3.11` and `python3.12` are the same in two."""
    return {f"program {_VERSION.sub('', os.path.basename(path))}": path for path in seen.programs}


def _environment(seen: Seen) -> dict[str, str | None]:
    record = seen.record
    known: dict[str, str | None] = {
        name: value for name, value in record.environment.items() if name not in _NO_OWN_WORD
    }
    return known | {"folder": record.cwd, "network": "denied" if record.options.deny_network else "allowed"}


def _of_environment(groups: Sequence[Group]) -> Iterator[Difference]:
    """Yield the variables that differ; where none of those does that are kept, that one of the others does."""
    known = list(of_words("environment", groups, _environment))
    yield from known or of_words("environment", groups, _hash)


def _hash(seen: Seen) -> dict[str, str | None]:
    digest = seen.record.environment_hash
    return {} if digest is None else {"variables whose values are not kept": digest.partition(":")[2][:_LETTERS]}


def _machine(seen: Seen) -> dict[str, str | None]:
    machine = seen.record.machine
    if machine is None:
        return {}
    words = {field.name: getattr(machine, field.name) for field in dataclasses.fields(machine)}
    sizes = {name: size(words[name]) for name in ("memory", "memory_limit") if words[name] is not None}
    shown = {name: None if value is None else str(value) for name, value in words.items()} | sizes
    return {name.replace("_", " "): value for name, value in shown.items()}
