"""All that a process inherits, as the victim `state` prints it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

OWN_VARIABLES = (b"VESTIGE_RUN", b"VESTIGE_RUN_ID")


@dataclass(frozen=True)
class Inherited:
    """What a process found when it began."""

    argv: list[bytes]
    environment: list[bytes]
    cwd: bytes
    descriptors: dict[int, dict[str, Any]]
    others: dict[str, Any]  # signal masks, limits, umask, nice, ids, groups, session, …


def parse(text: bytes) -> Inherited:
    """Return what `state` printed."""
    said = json.loads(text)
    return Inherited(
        argv=[bytes.fromhex(word) for word in said.pop("argv")],
        environment=[bytes.fromhex(pair) for pair in said.pop("environment")],
        cwd=bytes.fromhex(said.pop("cwd")),
        descriptors={int(number): seen for number, seen in said.pop("descriptors").items()},
        others=said,
    )


def read(path: str) -> Inherited:
    """Return what `state` wrote to its report."""
    with open(path, "rb") as file:
        return parse(file.read())


def without_own(environment: list[bytes]) -> list[bytes]:
    """Return an environment without the two variables that vestige adds."""
    return [pair for pair in environment if pair.partition(b"=")[0] not in OWN_VARIABLES]
