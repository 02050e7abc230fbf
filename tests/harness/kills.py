"""Kill parts of vestige while a command runs under it, and see whether the command noticed.

`worker` always does the same work and checks all of it. A command counts as harmed if its output, its result file or
its exit code is not what it is without vestige, or if it does not end.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from functools import cached_property
from typing import IO, TYPE_CHECKING

from harness import processes, recorded
from harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.command import Vestige
    from harness.victims import Victims

CODE = 7  # of the worker
SCALES = {"output": 150, "processes": 60, "files": 150, "idle": 40}
TARGETS = (("front",), ("guard",), ("recorder",), ("front", "guard"), ("front", "recorder"))
HANG = 60.0  # s


@dataclass(frozen=True)
class Case:
    """One kill: what runs, who is killed, and when, as a part of the time that the work takes."""

    load: str
    targets: tuple[str, ...]
    moment: float
    stopped: bool  # the command is stopped meanwhile


@dataclass(frozen=True)
class Traces:
    """What a worker left behind."""

    out: str
    err: str
    result: str


@dataclass(frozen=True)
class Outcome:
    """What became of the command and of its record."""

    case: Case
    harm: str = ""  # empty: none
    started: bool = True  # false: the kill came before the command, of which then nothing may be seen
    folder: str = ""
    late: bool = False  # the kill came after the end


def cases(number: int, *, seed: int, loads: Sequence[str] = tuple(SCALES)) -> Iterable[Case]:
    """Yield random cases, the same for the same seed, with every target and load in turn."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    for i in range(number):
        targets = list(TARGETS[i % len(TARGETS)])
        chance.shuffle(targets)
        load = loads[i // len(TARGETS) % len(loads)]
        yield Case(load, tuple(targets), moment=chance.uniform(0, 1.05), stopped=chance.random() < 0.25)


class Arena:
    """Plays cases in one store, one after the other; `caller` is the role whose exit code is that of the call."""

    def __init__(self, vestige: Vestige, victims: Victims, *, caller: str = "front") -> None:
        self.vestige = vestige
        self.victims = victims
        self.caller = caller
        self.played = 0
        self._undisturbed: dict[str, Traces] = {}
        self._durations: dict[str, float] = {}

    def play(self, case: Case) -> Outcome:
        """Run a worker, kill, and compare."""
        self._measure(case.load)
        with _Worker(self, case.load) as worker:
            late = _strike(worker, case, self._durations[case.load])
            harm = worker.wait()
        if not harm and self.caller not in case.targets and worker.front.returncode != CODE:
            harm = f"the exit code was {worker.front.returncode}"
        if not harm and worker.traces != self._undisturbed[case.load]:
            harm = self._difference(worker.traces, self._undisturbed[case.load])
        never = self._never_began(worker, case)
        return Outcome(case, "" if never else harm, started=not never, folder=worker.folder, late=late)

    def finalise(self) -> None:
        """Have all runs finalised, as anybody would."""
        listed = self.vestige.call("ls", "--json")
        if listed.returncode:
            raise RuntimeError(listed.stderr.decode())

    def record_fault(self, outcome: Outcome) -> str:
        """Return what is wrong with the record of a kill, empty if nothing is; after `finalise`."""
        if not outcome.started:
            return ""
        run = recorded.load(outcome.folder)
        if run.record["status"] not in ("ended", "interrupted"):
            return f"status {run.record['status']}"
        return "" if run.code == CODE else f"exit code {run.code}"

    def path(self, name: str) -> str:
        """Return a path for a file of this arena."""
        return self.vestige.path(name)

    def _measure(self, load: str) -> None:
        """Learn what the load leaves behind without vestige, and how long it takes with it."""
        if load in self._undisturbed:
            return
        with _Worker(self, load, bare=True) as bare:
            if bare.wait() or bare.front.returncode != CODE:
                raise RuntimeError(f"the worker fails by itself: {bare.traces}")
        began = time.monotonic()
        with _Worker(self, load) as worker:
            fault = worker.wait()
        if fault or worker.traces != bare.traces:
            raise RuntimeError(f"the worker fails under vestige: {fault or worker.traces}")
        self._undisturbed[load] = bare.traces
        self._durations[load] = time.monotonic() - began

    @staticmethod
    def _difference(seen: Traces, expected: Traces) -> str:
        wrong = [name for name in ("out", "err", "result") if getattr(seen, name) != getattr(expected, name)]
        return f"{', '.join(wrong)} differ: {seen.result.strip() or 'no result'}"

    def _never_began(self, worker: _Worker, case: Case) -> bool:
        """Say whether the kill of vestige came before the command, which is vestige's right: nothing was begun."""
        if worker.traces != Traces(_digest(b""), _digest(b""), ""):
            return False
        events = recorded.read_lines(os.path.join(worker.folder, "events.jsonl"))
        unstarted = not any(event["event"] in ("start", "exec") for event in events)
        return unstarted and (not {"front", self.caller}.isdisjoint(case.targets) or worker.front.returncode == 125)


class _Worker:
    """A worker under vestige (or bare) whose output is read as it comes."""

    def __init__(self, arena: Arena, load: str, *, bare: bool = False) -> None:
        arena.played += 1
        self.result = arena.path(f"result-{arena.played}")
        self._known = set(arena.vestige.folders())
        self._arena = arena
        start = arena.vestige.start_bare if bare else arena.vestige.start
        self.front = start(arena.victims.worker, load, self.result, str(SCALES[load]))
        self._digests: dict[str, str] = {}
        self._readers = [self._reader("out", self.front.stdout), self._reader("err", self.front.stderr)]

    def __enter__(self) -> _Worker:  # noqa: PYI034 - `Self` is not in Python 3.10
        return self

    def __exit__(self, *error: object) -> None:
        for stream in (self.front.stdout, self.front.stderr):
            if stream:
                stream.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.result)

    @cached_property
    def folder(self) -> str:
        """The run folder, waited for."""
        return until(lambda: next(iter(set(self._arena.vestige.folders()) - self._known), None), "the run folder")

    def pids(self) -> dict[str, int]:
        """Wait for the recorder and return the pids of front, guard and recorder."""
        return self._arena.vestige.pids(self.folder)

    @cached_property
    def traces(self) -> Traces:
        """What the worker left behind; after `wait`."""
        try:
            with open(self.result, encoding="ascii") as file:
                result = file.read()
        except FileNotFoundError:
            result = ""
        return Traces(self._digests.get("out", ""), self._digests.get("err", ""), result)

    def wait(self) -> str:
        """Wait for the end of everything, and return what went wrong with that."""
        for reader in self._readers:
            reader.join(HANG)
        try:
            self.front.wait(HANG)
            if any(reader.is_alive() for reader in self._readers):
                return self._hang("its output never ended")
            if self._known_to_vestige():
                until(lambda: recorded.is_over(self.folder), "the recorder", limit=HANG)
        except (subprocess.TimeoutExpired, TimeoutError):
            return self._hang("it never ended")
        self._keep_result()
        return ""

    def _known_to_vestige(self) -> bool:
        return bool(set(self._arena.vestige.folders()) - self._known)

    def _keep_result(self) -> None:
        _ = self.traces  # before `__exit__` removes the file

    def _hang(self, how: str) -> str:
        left = processes.with_variable("HOME", self._arena.vestige.home)
        said = "; ".join(processes.describe(pid) for pid in left)
        processes.kill_all(left)
        self._keep_result()
        return f"{how}: {said}"

    def _reader(self, name: str, stream: IO[bytes] | None) -> threading.Thread:
        def read() -> None:
            assert stream
            digest = hashlib.sha256()
            while piece := os.read(stream.fileno(), 1 << 16):
                digest.update(piece)
            self._digests[name] = digest.hexdigest()

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread


def _strike(worker: _Worker, case: Case, duration: float) -> bool:
    """Kill at the moment of the case, and say whether that was too late."""
    pids = worker.pids()
    time.sleep(case.moment * duration)
    command = _command_of(worker.folder) if case.stopped else None
    if command:
        _send(command, signal.SIGSTOP)
    alive = [pids[role] for role in case.targets if role in pids and not processes.is_gone(pids[role])]
    for pid in alive:
        _send(pid, signal.SIGKILL)
    if command:
        time.sleep(0.02)
        _send(command, signal.SIGCONT)
    return not alive


def _command_of(folder: str) -> int | None:
    """Return the pid of the command if it lives: a pid from a file may belong to somebody else by now."""
    events = recorded.read_lines(os.path.join(folder, "events.jsonl"))
    pid = next((int(event["pid"]) for event in events if event["event"] == "start"), None)
    return pid if pid and f"VESTIGE_RUN={folder}".encode() in processes.environment(pid).split(b"\0") else None


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
