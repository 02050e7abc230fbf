"""What is kept of a scenario: a folder of plain files, written once, from which the document is made.

    case.json        command, rounds, what was left, whom it called
    terminal.txt     what it printed
    git.txt          commits since the start, and what Git says of the work tree
    afterwards.txt   what the tool shows when asked
    network.json     connections as the tracer saw them
    left/            copies of the files that the tool left

Nothing in it names this machine, its user or its folders (`neutral`).
"""

from __future__ import annotations

import json
import math
import os
import shutil
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from vestige.errors import RecordError
from vestige.scenarios.left import IN_GIT, Left
from vestige.scenarios.trial import TERMINAL, Spent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from vestige.scenarios.neutral import Neutral
    from vestige.scenarios.trial import Stage

CASE, GIT, AFTERWARDS, NETWORK, LEFT = "case.json", "git.txt", "afterwards.txt", "network.json", "left"
CUT = "… cut here by `vestige scenarios`"
_LONGEST = {".jsonl": 16_384}  # bytes of a copy: a series has no end
_LONGEST_OTHERS = 262_144
_LARGEST_READ = 8 << 20  # bytes of a file of evidence


@dataclass(frozen=True, slots=True)
class Network:
    """Whom a scenario wanted to reach, from a go of its own in which nothing could leave the machine."""

    traced: bool  # the tracer saw all of it
    calls: tuple[dict[str, Any], ...]  # connections out of the machine, as in `record.json`
    note: str | None = None  # why it was not traced


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of one scenario."""

    name: str
    title: str
    command: str  # as one would type it
    not_run: str | None = None  # why not
    rounds: tuple[Spent, ...] = ()
    left: tuple[Left, ...] = ()
    commits: int = 0  # that it made
    asked: tuple[str, ...] = ()  # first lines of requests to the proxy that stood for the network
    network: Network | None = None

    @property
    def file(self) -> str:
        """Where all of this stands, relative to the evidence of all scenarios."""
        return f"{self.name}/{CASE}"


def keep(
    found: Evidence, folder: str, *, stage: Stage | None, ordinary: Collection[tuple[str, str]], neutral: Neutral
) -> Evidence:
    """Write a scenario's evidence into `folder`, with copies of what is not `ordinary` from `stage`; return it."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    if stage is not None:
        copies = tuple(_kept(one, folder, stage, ordinary, neutral) for one in found.left)
        found = replace(found, left=copies)
        write(os.path.join(folder, TERMINAL), neutral(_text(stage.terminal) or ""))
    if found.network is not None:
        write(os.path.join(folder, NETWORK), neutral(json.dumps(asdict(found.network), indent=1) + "\n"))
    write(os.path.join(folder, CASE), neutral(json.dumps(asdict(found), indent=1) + "\n"))
    return found


def load(folder: str) -> Evidence:
    """Read a scenario's evidence. Raises RecordError."""
    path = os.path.join(folder, CASE)
    try:
        return _evidence(json.loads(read(path)), os.path.basename(folder))
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise RecordError(f"{path} is no evidence of a scenario: {error}") from error


def _evidence(raw: dict[str, Any], name: str) -> Evidence:
    """Return what a file says, all of it of the type that it is meant to be; `name` is that of its folder."""
    reason, network = raw["not_run"], raw["network"]
    return Evidence(
        name=name,
        title=str(raw["title"]),
        command=str(raw["command"]),
        not_run=None if reason is None else str(reason),
        commits=int(raw["commits"]),
        rounds=tuple(_spent(one) for one in raw["rounds"]),
        left=tuple(_left(one) for one in raw["left"]),
        asked=tuple(map(str, raw["asked"])),
        network=None if network is None else _network(network),
    )


def _network(raw: dict[str, Any]) -> Network:
    note = raw["note"]
    return Network(raw["traced"] is True, tuple(map(dict, raw["calls"])), None if note is None else str(note))


def _spent(raw: dict[str, Any]) -> Spent:
    wall, cpu = float(raw["wall"]), float(raw["cpu"])
    if not (math.isfinite(wall) and math.isfinite(cpu)):
        raise ValueError("a time is no number")
    return Spent(wall, cpu, int(raw["largest"]), int(raw["code"]))


def _left(raw: dict[str, Any]) -> Left:
    kept = raw["kept"]
    if kept is not None and (not kept.startswith(f"{LEFT}/") or ".." in kept.split("/")):
        raise ValueError(f"`{kept}` is not among it")
    return Left(
        str(raw["place"]),
        str(raw["path"]),
        int(raw["size"]),
        str(raw["how"]),
        int(raw["files"]),
        kept,
        tuple(map(str, raw["names"])),
    )


def write(path: str, text: str) -> None:
    """Write text; anything that is none stands there escaped."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)


def read(path: str) -> str:
    """Return the text of a file of evidence. Raises RecordError."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LARGEST_READ)
    except OSError as error:
        raise RecordError(f"can't read {path}: {error.strerror}") from error


def own(found: Evidence, ordinary: Collection[tuple[str, str]]) -> Iterator[Left]:
    """Yield what the tool left, beyond what the command leaves by itself."""
    return (one for one in found.left if (one.place, one.path) not in ordinary)


def _kept(one: Left, folder: str, stage: Stage, ordinary: Collection[tuple[str, str]], neutral: Neutral) -> Left:
    if one.how == IN_GIT or (one.place, one.path) in ordinary:
        return one
    place = stage.project if one.place == "project" else stage.home
    text = _text(os.path.join(place, one.path))
    if not text:
        return one
    kept = "/".join([LEFT, one.place, *map(_shown, neutral(one.path).split("/"))])
    write(os.path.join(folder, kept), neutral(text))
    return replace(one, path=neutral(one.path), kept=kept, names=neutral.kinds(text))


def _shown(part: str) -> str:
    """Return a name that is not hidden: Git and file managers would pass over `.vestige`, and its own `.gitignore`."""
    return f"dot-{part[1:]}" if part.startswith(".") else part


def _text(path: str) -> str | None:
    """Return what a text file holds, a long one cut; None for anything else."""
    longest = _LONGEST.get(os.path.splitext(path)[1], _LONGEST_OTHERS)
    try:
        with open(path, "rb") as file:
            raw = file.read(longest + 1)
            size = os.fstat(file.fileno()).st_size
    except OSError:
        return None
    if b"\0" in raw:
        return None
    text = raw[:longest].decode("utf-8", "replace")
    if size <= longest:
        return text
    return f"{text[: text.rfind(chr(10)) + 1]}{CUT}: {size} bytes, {_count_of_lines(path)} lines in all\n"


def _count_of_lines(path: str) -> int:
    with open(path, "rb") as file:
        return sum(1 for _ in file)
