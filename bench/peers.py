"""The programs that are compared: how each is put before a command, and what its report says afterwards."""

from __future__ import annotations

import csv
import json
import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Told:
    """What a program says about a command: bytes, seconds of CPU, a number; None: it says nothing.

    `low` and `high` are the bounds that it gives for the memory.
    """

    memory: float | None = None
    cpu: float | None = None
    processes: int | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Peer:
    """A program that is put before a command. `package` is what installs it, `form` the command line in short."""

    name: str
    program: str
    package: str
    form: str
    words: Callable[[Sequence[str], str], list[str]]  # the command, a folder for the report
    told: Callable[[str], Told]  # the folder of the report


def _vestige_words(command: Sequence[str], folder: str) -> list[str]:
    return ["vestige", "run", "--store", store(folder), *command]


def _vestige_told(folder: str) -> Told:
    record = vestige_record(folder)
    memory, cpu, processes = (record["resources"][name] for name in ("memory_peak", "cpu", "processes"))
    return Told(memory["value"], cpu["value"], processes["value"], memory["lower"], memory["upper"])


def store(folder: str) -> str:
    """Return the store that vestige gets within the folder of a measurement."""
    return os.path.join(folder, "store")


def run_folder(folder: str) -> str:
    """Return the one run folder in `store(folder)`."""
    runs = os.path.join(store(folder), "runs")
    (name,) = os.listdir(runs)
    return os.path.join(runs, name)


def vestige_record(folder: str) -> dict[str, Any]:
    """Return what `record.json` of the one run in `store(folder)` says."""
    with open(os.path.join(run_folder(folder), "record.json"), encoding="utf-8") as file:
        record: dict[str, Any] = json.load(file)
    return record


def _time_words(command: Sequence[str], folder: str) -> list[str]:
    return ["time", "-o", report(folder), "-f", "%M %U %S", *command]


def _time_told(folder: str) -> Told:
    with open(report(folder), encoding="ascii") as file:
        kibibytes, user, system = file.read().splitlines()[-1].split()
    return Told(memory=int(kibibytes) * 1024, cpu=float(user) + float(system))


def _duct_words(*program: str) -> Callable[[Sequence[str], str], list[str]]:
    return lambda command, folder: [*program, "-l", "NONE", "--fail-time", "0", "-p", report(folder) + "_", *command]


def _duct_told(folder: str) -> Told:
    """Read con-duct's logs. It gives no CPU time: what its average of `ps`'s percentages comes to is taken for it."""
    with open(report(folder) + "_info.json", encoding="utf-8") as file:
        summary = json.load(file)["execution_summary"]
    with open(report(folder) + "_usage.jsonl", encoding="utf-8") as lines:
        pids = {pid for line in lines for pid in json.loads(line)["processes"]}
    share = summary["average_pcpu"]
    cpu = None if share is None else share / 100 * summary["wall_clock_time"]
    return Told(memory=summary["peak_rss"], cpu=cpu, processes=len(pids) or None)


def _psrecord_words(command: Sequence[str], folder: str) -> list[str]:
    options = ["--interval", "0.1", "--include-children", "--log-format", "csv", "--log", report(folder)]
    return ["psrecord", *options, shlex.join(command)]


def _psrecord_told(folder: str) -> Told:
    """Read psrecord's log. Its CPU is a percentage since the look before: the sum over time is taken."""
    with open(report(folder), encoding="ascii", newline="") as file:
        rows = [(float(row["elapsed_time"]), row) for row in csv.DictReader(file)]
    if not rows:
        return Told()
    times = [0.0, *(moment for moment, _ in rows)]
    cpu = sum(float(row["cpu"]) / 100 * (moment - before) for before, (moment, row) in zip(times, rows, strict=False))
    return Told(memory=max(float(row["mem_real"]) for _, row in rows) * _MEBIBYTE, cpu=cpu)


def _strace_words(command: Sequence[str], folder: str) -> list[str]:
    calls = "execve,execveat,exit_group"  # what vestige watches too
    return ["strace", "-f", "--seccomp-bpf", "-e", f"trace={calls}", "-o", report(folder), *command]


FILE_CALLS = (  # as far as this architecture has them: those that vestige traces
    "open,openat,openat2,creat,truncate,unlink,unlinkat,rmdir,mkdir,mkdirat,mknod,mknodat,symlink,symlinkat,rename,"
    "renameat,renameat2,link,linkat,execve,execveat,exit_group"
)


def _strace_files_words(options: Sequence[str]) -> Callable[[Sequence[str], str], list[str]]:
    calls = ",".join(f"?{call}" for call in FILE_CALLS.split(","))
    return lambda command, folder: ["strace", "-f", *options, "-e", f"trace={calls}", "-o", report(folder), *command]


def _reprozip_words(command: Sequence[str], folder: str) -> list[str]:
    options = ["--dir", report(folder), "--overwrite", "--dont-identify-packages"]
    return ["reprozip", "trace", *options, *command]


def _says_nothing(_: str) -> Told:
    return Told()


def _strace_told(folder: str) -> Told:
    with open(report(folder), encoding="utf-8", errors="replace") as lines:
        return Told(processes=len({line.split(maxsplit=1)[0] for line in lines}))


def report(folder: str) -> str:
    """Return the path of a peer's report within the folder of a measurement, or what its names begin with."""
    return os.path.join(folder, "report")


VESTIGE = Peer("vestige", "vestige", "this checkout", "vestige run CMD", _vestige_words, _vestige_told)
TIME = Peer("GNU time", "time", "system package `time`", "time -o FILE CMD", _time_words, _time_told)
DUCT = Peer("con-duct", "duct", "con-duct", "duct -l NONE -p PREFIX CMD", _duct_words("duct"), _duct_told)
VESTIGE_DUCT = Peer(
    "vestige duct",
    "vestige",
    "this checkout",
    "vestige duct -l NONE -p PREFIX CMD",
    _duct_words("vestige", "duct"),
    _duct_told,
)
PSRECORD = Peer(
    "psrecord",
    "psrecord",
    "psrecord",
    "psrecord --interval 0.1 --include-children --log FILE CMD",
    _psrecord_words,
    _psrecord_told,
)
STRACE = Peer(
    "strace",
    "strace",
    "system package `strace`",
    "strace -f --seccomp-bpf -e trace=execve,execveat,exit_group -o FILE CMD",
    _strace_words,
    _strace_told,
)
STRACE_FILES = Peer(
    "strace, all calls stopped",
    "strace",
    "system package `strace`",
    "strace -f -e trace=openat,… -o FILE CMD",
    _strace_files_words([]),
    _says_nothing,
)
STRACE_FILES_BPF = Peer(
    "strace, these calls stopped",
    "strace",
    "system package `strace`",
    "strace -f --seccomp-bpf -e trace=openat,… -o FILE CMD",
    _strace_files_words(["--seccomp-bpf"]),
    _says_nothing,
)
REPROZIP = Peer(
    "ReproZip",
    "reprozip",
    "reprozip",
    "reprozip trace --dir DIR --dont-identify-packages CMD",
    _reprozip_words,
    _says_nothing,
)
ALL = (VESTIGE, TIME, DUCT, PSRECORD, STRACE)
OF_FILES = (VESTIGE, STRACE_FILES_BPF, STRACE_FILES, REPROZIP)
NAMED = (*ALL, *OF_FILES[1:], VESTIGE_DUCT)
