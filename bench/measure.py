"""Runs commands and says what they took, as the kernel counted it.

The bench makes itself the subreaper of all that it starts, so that wait4 gives the CPU of every process, orphans and
daemons included, and so that the next measurement begins when the last process of the one before has ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import shutil
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Stages = list[list[str]]  # command lines, joined by pipes
    Contender = Callable[[str], Stages]  # told the folder of its measurement
    Look = Callable[[str, str], None]  # the contender's name, the folder

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_STDIN, _STDOUT, _STDERR = 0, 1, 2
_QUOTED = 400  # characters of a failed command's stderr


@dataclass(frozen=True)
class Spent:
    """What a pipeline took, in seconds.

    `wall` is from the start of the first stage to the end of the last one. `cpu` is user and system time of all its
    processes. `late_*` is what a stage left behind in a session of its own: `late_cpu` its CPU, which is not part of
    `cpu`, and `late_wall` how long after the end it went on. vestige's detached finaliser is such a process.
    """

    wall: float
    cpu: float
    late_wall: float
    late_cpu: float
    late_memory: int  # bytes, the largest resident peak of what was left behind


@dataclass(frozen=True)
class Room:
    """Where all measurements are made: their environment, and the folder in which each gets its own."""

    environment: Mapping[str, str]
    folder: str


@dataclass(frozen=True)
class Scene:
    """Where one pipeline runs: its environment, and an empty folder for whatever it writes."""

    environment: Mapping[str, str]
    folder: str


@dataclass(frozen=True)
class _Death:
    pid: int
    moment: float
    own_session: bool
    status: int
    cpu: float
    maxrss: int


def become_subreaper() -> None:
    """Make orphans of what is started from here on children of this process."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise BenchError(f"can't become a subreaper: {os.strerror(ctypes.get_errno())}")


@contextlib.contextmanager
def scene(room: Room) -> Iterator[Scene]:
    """Give a fresh folder and remove it afterwards."""
    with tempfile.TemporaryDirectory(dir=room.folder, prefix="run-") as folder:
        yield Scene(room.environment, folder)


def run(stages: Sequence[Sequence[str]], where: Scene) -> Spent:
    """Run the stages as a pipeline, from /dev/null to /dev/null, until everything that they started has ended.

    Raises BenchError when a stage can't be started or ends with another code than 0.
    """
    begun = time.monotonic()
    pids = _start(stages, where)
    deaths = list(_deaths())
    _check(stages, pids, deaths, where)
    end = max(death.moment for death in deaths if death.pid in pids)
    late = [death for death in deaths if death.own_session]
    return Spent(
        wall=end - begun,
        cpu=sum(death.cpu for death in deaths if not death.own_session),
        late_wall=max((death.moment - end for death in late), default=0.0),
        late_cpu=sum(death.cpu for death in late),
        late_memory=max((death.maxrss for death in late), default=0),
    )


def compare(
    contenders: Mapping[str, Contender], rounds: int, room: Room, look: Look | None = None
) -> dict[str, list[Spent]]:
    """Measure all of them in turn, A B C A B C …, so that a slow minute of the machine falls on all alike.

    `look` is called after each measurement, while its folder is still there.
    """
    spent: dict[str, list[Spent]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, stages in contenders.items():
            with scene(room) as where:
                spent[name].append(run(stages(where.folder), where))
                if look is not None:
                    look(name, where.folder)
    return spent


def _start(stages: Sequence[Sequence[str]], where: Scene) -> list[int]:
    """Start all stages and return their pids. The first reads from /dev/null, the last writes there."""
    pids: list[int] = []
    source = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    errors = os.open(_errors_path(where), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    for index, words in enumerate(stages):
        last = index == len(stages) - 1
        following, sink = (-1, os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)) if last else os.pipe()
        pids.append(_spawn(words, where, {_STDIN: source, _STDOUT: sink, _STDERR: errors}))
        os.close(source)
        os.close(sink)
        source = following
    os.close(errors)
    return pids


def _spawn(words: Sequence[str], where: Scene, descriptors: Mapping[int, int]) -> int:
    program = shutil.which(words[0], path=where.environment["PATH"])
    if program is None:
        raise BenchError(f"`{words[0]}` is not installed")
    actions = [(os.POSIX_SPAWN_DUP2, given, number) for number, given in descriptors.items()]
    with _inside(where.folder):
        return os.posix_spawn(program, list(words), dict(where.environment), file_actions=actions)


@contextlib.contextmanager
def _inside(folder: str) -> Iterator[None]:
    """Be in `folder` for a moment: posix_spawn can't set the child's."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _deaths() -> Iterator[_Death]:
    """Reap until there is no child left, adopted ones included."""
    while True:
        try:
            info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            return
        if info is not None:
            yield _reaped(info.si_pid, time.monotonic())


def _reaped(pid: int, moment: float) -> _Death:
    own_session = os.getsid(pid) == pid
    _, status, usage = os.wait4(pid, 0)
    return _Death(pid, moment, own_session, status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def _check(stages: Sequence[Sequence[str]], pids: Sequence[int], deaths: Sequence[_Death], where: Scene) -> None:
    statuses = {death.pid: death.status for death in deaths}
    for words, pid in zip(stages, pids, strict=True):
        code = os.waitstatus_to_exitcode(statuses[pid])
        if code:
            with open(_errors_path(where), encoding="utf-8", errors="replace") as errors:
                said = errors.read(_QUOTED).strip()
            raise BenchError(f"`{' '.join(words)[:_QUOTED]}` ended with {code}: {said}")


def _errors_path(where: Scene) -> str:
    return os.path.join(where.folder, "errors.txt")


def own_cpu() -> float:
    """Return the CPU of the bench and of all that it has reaped, in seconds."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
