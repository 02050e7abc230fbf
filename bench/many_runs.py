"""Stores of very many made-up runs: a month of a few people's work, the same at every call."""

from __future__ import annotations

import json
import os
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EVERY = 60  # s between two runs
_MEGABYTE = 1_000_000
_FAILED = 0.04  # of the runs
_TAGS = ("forest", "nightly", "paper", "try")


@dataclass(frozen=True)
class Program:
    """A command that is run again and again, and what it takes."""

    words: tuple[str, ...]  # `{n}`: another number every time
    wall: float  # s
    memory: float  # MB


PROGRAMS = (
    Program(("kedro", "run", "--pipeline", "train", "--params", "seed={n}"), 95, 2400),
    Program(("kedro", "run"), 40, 900),
    Program(("python", "train.py", "--seed", "{n}", "--out", "/data/out/{n}.npz"), 310, 5200),
    Program(("python", "-m", "report", "--week", "{n}"), 4, 160),
    Program(("make", "-j8"), 62, 700),
    Program(("Rscript", "fit.R", "sub-{n}"), 130, 1500),
    Program(("sh", "-c", "sort -k{n} big.tsv | uniq -c > counts"), 12, 300),
    Program(("pytest", "-q"), 22, 380),
)


def make(store: str, number: int, template: Mapping[str, Any], *, now: float, files: int = 0) -> None:
    """Write `number` runs, the newest of moment `now`, each like the record `template`, each with `files` files."""
    chance = random.Random(7)  # noqa: S311 - noise for a bench
    for index in range(number):
        moment = now - index * EVERY
        record = _record(template, index, moment, chance)
        name = time.strftime("%Y%m%dT%H%M%SZ-", time.gmtime(moment)) + record["id"][-8:]
        folder = os.path.join(store, "runs", name)
        os.makedirs(folder)
        with open(os.path.join(folder, "record.json"), "w", encoding="utf-8") as file:
            json.dump(record, file)
        if files:
            with open(os.path.join(folder, "files.jsonl"), "w", encoding="utf-8") as file:
                file.writelines(_files(index, files))


def _record(template: Mapping[str, Any], index: int, moment: float, chance: random.Random) -> dict[str, Any]:
    program = PROGRAMS[chance.randrange(len(PROGRAMS))]
    wall = program.wall * chance.lognormvariate(0, 0.25)
    failed = chance.random() < _FAILED
    resources = dict(template["resources"])
    for name, value in _figures(program, wall, chance).items():
        resources[name] = {**resources.get(name, {"unit": "1"}), "value": value, "method": "exact"}
    number = chance.randrange(10_000)
    return {
        **template,
        "id": _id(index, moment),
        "argv": [word.replace("{n}", str(number)) for word in program.words],
        "started": _utc(moment),
        "ended": _utc(moment + wall),
        "exit": {"code": int(failed), "signal": None, "reason": None},
        "tags": [tag for tag in _TAGS if chance.random() < 0.2],  # noqa: PLR2004 - one in five
        "resources": resources,
    }


def _figures(program: Program, wall: float, chance: random.Random) -> dict[str, float]:
    memory = int(program.memory * _MEGABYTE * chance.lognormvariate(0, 0.1))
    return {
        "wall": round(wall, 6),
        "cpu": round(wall * chance.uniform(0.5, 1.9), 6),
        "memory_peak": memory,
        "memory_peak_process": memory,
        "read_bytes": chance.randrange(1 << 30),
        "written_bytes": chance.randrange(1 << 28),
    }


def _files(index: int, number: int) -> Iterator[str]:
    """Yield lines of `files.jsonl`: an output, inputs among them the output of the run before, and much software."""
    yield _file(f"/data/out/{index}.csv", "output", index)
    yield _file(f"/data/out/{index + 1}.csv", "input", index + 1)  # runs are made newest first
    yield _file("/data/raw.csv", "input", -1)
    for other in range(number - 3):
        yield _file(f"/usr/lib/python3/module_{other}.py", "software", other)


def _file(path: str, kind: str, content: int) -> str:
    state = {"type": "file", "size": 1000, "mtime_ns": 1, "ctime_ns": 1, "dev": 1, "ino": 1}
    before = None if kind == "output" else state
    use: dict[str, Any] = {
        "path": path,
        "kind": kind,
        "names": [],
        "before": before,
        "after": state,
        "hash": f"sha256:{content:064x}",
    }
    return json.dumps(use, separators=(",", ":")) + "\n"


def _id(index: int, moment: float) -> str:
    digits = f"{int(moment * 1000):012x}7000{0x8000:04x}{index:012x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _utc(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + ".000000Z"
