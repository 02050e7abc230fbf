"""A run as the tests see it: the plain files of its folder, nothing of vestige's own reading code."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from typing import Any

# what a recorder may take, however much it sees; memory that the sanitizers keep for themselves comes on top
MOST_RECORDER_MEMORY = 20_000_000 if "ASAN_OPTIONS" in os.environ else 10_000_000  # B


@dataclass(frozen=True)
class Figure:
    """One figure of a record."""

    value: float | None
    method: str
    lower: float | None
    upper: float | None
    reason: str | None

    @property
    def number(self) -> float:
        """The value, which must be there."""
        assert self.value is not None, self.reason
        return self.value


@dataclass(frozen=True)
class Process:
    """One process of a run, with the figures that the tests look at."""

    pid: int
    parent: int | None
    argv: list[str] | None
    name: str | None
    start: float
    end: float | None
    exit_code: int | None
    signal: str | None
    cpu: Figure
    memory_peak: Figure
    written_chars: Figure
    read_chars: Figure
    setuid: bool
    survived: bool


@dataclass(frozen=True)
class Used:
    """One file of a run, with what the tests look at."""

    path: str
    kind: str
    names: list[str]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    hash: str | None
    executed: bool
    readers: list[int]
    writers: list[int]


@dataclass(frozen=True)
class Called:
    """One connection of a run, with what the tests look at."""

    direction: str
    family: str
    protocol: str | None
    host: str | None
    address: str | None
    port: int | None
    outcome: str
    count: int


@dataclass(frozen=True)
class Run:
    """A finalised run."""

    folder: str
    record: dict[str, Any]

    @property
    def code(self) -> int | None:
        """The command's exit code as recorded."""
        code = self.record["exit"]["code"]
        assert code is None or isinstance(code, int)
        return code

    def figure(self, name: str) -> Figure:
        """Return one of the record's figures."""
        return _figure(self.record["resources"][name])

    @property
    def processes(self) -> list[Process]:
        """All processes, in the order of the file."""
        return [_process(line) for line in read_lines(os.path.join(self.folder, "processes.jsonl"))]

    def process(self, pid: int) -> Process:
        """Return the one process with this pid."""
        (found,) = [process for process in self.processes if process.pid == pid]
        return found

    @property
    def files(self) -> dict[str, Used]:
        """All files by path; no path stands there twice."""
        used = [_used(line) for line in read_lines(os.path.join(self.folder, "files.jsonl"))]
        by_path = {file.path: file for file in used}
        assert len(by_path) == len(used)
        return by_path

    def of_kind(self, *kinds: str) -> set[str]:
        """Return the paths of the files of these classes."""
        return {file.path for file in self.files.values() if file.kind in kinds}

    @property
    def connections(self) -> list[Called]:
        """Whom the run called and where it listened."""
        return [_called(said) for said in self.record["network"]]

    def connection(self, **wanted: object) -> Called:
        """Return the one connection with these properties."""
        (found,) = [called for called in self.connections if wanted.items() <= vars(called).items()]
        return found

    @property
    def gaps(self) -> dict[str, str | None]:
        """Why files may have been missed, and what would help."""
        return {gap["what"]: gap["remedy"] for gap in self.record["completeness"]["gaps"]}

    @property
    def events(self) -> list[dict[str, Any]]:
        """What the recorder wrote, in its order."""
        return sorted(read_lines(self.events_path), key=lambda event: int(event["seq"]))

    @property
    def events_path(self) -> str:
        """Where the recorder writes."""
        return os.path.join(self.folder, "events.jsonl")

    @property
    def notes(self) -> str:
        """All that the record says about its own gaps, in one text."""
        complete = self.record["completeness"]
        return "\n".join([*complete["notes"], complete["trace_reason"] or "", complete["trace"]])

    def captured(self, stream: str) -> bytes:
        """Return the copy of stdout or stderr."""
        with open(os.path.join(self.folder, stream), "rb") as file:
            return file.read()


def read_lines(path: str) -> list[dict[str, Any]]:
    """Return the objects of a JSON-lines file; a line that was cut by a kill is left out, as the format says."""
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.endswith("}\n")]


def load(folder: str) -> Run:
    """Return the run of a folder as its record stands."""
    with open(os.path.join(folder, "record.json"), encoding="utf-8") as file:
        return Run(folder, json.load(file))


def is_finalised(folder: str) -> bool:
    """Say whether there is a record that will not change any more."""
    try:
        return bool(load(folder).record["status"] == "ended")
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return False


def order(folder: str) -> str:
    """Return by what runs are sorted in time: the id, where there is a record to tell it."""
    try:
        return str(load(folder).record["id"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return "~" + folder


def is_over(folder: str) -> bool:
    """Say whether the recorder has let go of the run: it holds a lock on `events.jsonl` while it lives."""
    try:
        with open(os.path.join(folder, "events.jsonl"), "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return False
    return True


def begun(folder: str) -> dict[str, Any] | None:
    """Return the `begin` event, once the recorder has written it."""
    try:
        return next(
            (event for event in read_lines(os.path.join(folder, "events.jsonl")) if event["event"] == "begin"), None
        )
    except FileNotFoundError:
        return None


def _figure(said: dict[str, Any]) -> Figure:
    return Figure(said["value"], said["method"], said.get("lower"), said.get("upper"), said.get("reason"))


def _process(said: dict[str, Any]) -> Process:
    return Process(
        pid=said["pid"],
        parent=said["parent"],
        argv=said["argv"],
        name=said["name"],
        start=said["start"],
        end=said["end"],
        exit_code=said["exit_code"],
        signal=said["signal"],
        cpu=_figure(said["cpu"]),
        memory_peak=_figure(said["memory_peak"]),
        written_chars=_figure(said["written_chars"]),
        read_chars=_figure(said["read_chars"]),
        setuid=said.get("setuid", False),
        survived=said.get("survived", False),
    )


def _used(said: dict[str, Any]) -> Used:
    return Used(**{name: said[name] for name in Used.__dataclass_fields__})


def _called(said: dict[str, Any]) -> Called:
    return Called(**{name: said[name] for name in Called.__dataclass_fields__})
