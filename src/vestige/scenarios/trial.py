"""One go at a scenario: a fresh copy of the project, the command in it, and what the kernel says of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige import exit_codes, flights
from vestige.errors import Terminated, VestigeError

if TYPE_CHECKING:
    import resource
    from collections.abc import Mapping, Sequence

    from vestige.scenarios.cases import Case
    from vestige.scenarios.environments import Environments

TERMINAL = "terminal.txt"
_KIBI = 1024
_GIT_CONFIG = "[user]\n\tname = You\n\temail = you@example.org\n[init]\n\tdefaultBranch = main\n"
_REFUSED = "consent: false\n"


@dataclass(frozen=True, slots=True)
class Spent:
    """What one go took, as wait4(2) gives it for the command and all that it waited for."""

    wall: float  # s
    cpu: float  # s, user and system
    largest: int  # bytes, resident peak of the largest process
    code: int  # as a shell shows it


@dataclass(frozen=True, slots=True)
class Stage:
    """The folders of one go, and the environment of its programs."""

    folder: str
    variables: Mapping[str, str]

    @property
    def project(self) -> str:
        """The copy of the project, which is the working folder."""
        return os.path.join(self.folder, "flights")

    @property
    def home(self) -> str:
        """A home folder that nobody has used before."""
        return os.path.join(self.folder, "home")

    @property
    def terminal(self) -> str:
        """What the command printed, both streams in one."""
        return os.path.join(self.folder, TERMINAL)


def prepare(case: Case, project: str, folder: str, made: Environments, *, cache: str) -> Stage:
    """Make the copy, as a Git repository with one commit or a DataLad dataset. Raises VestigeError."""
    shutil.rmtree(folder, ignore_errors=True)
    stage = Stage(folder, {})
    os.makedirs(stage.home)
    os.makedirs(os.path.join(folder, "tmp"))
    flights.copy(project, stage.project)
    _consent(case, stage.project)
    with open(os.path.join(stage.home, ".gitconfig"), "w", encoding="ascii") as file:
        file.write(_GIT_CONFIG)
    stage = Stage(folder, _variables(stage, made.path(case), cache))
    for words in _beginning(case):
        _must(words, stage)
    return stage


def run(words: Sequence[str], stage: Stage, more: Mapping[str, str]) -> Spent:
    """Run a command in the project with nothing to read and its output in one file. Raises VestigeError."""
    with open(stage.terminal, "wb") as terminal:
        begun = time.monotonic()
        try:
            child = subprocess.Popen(
                words,
                cwd=stage.project,
                env={**stage.variables, **more},
                executable=shutil.which(words[0], path=stage.variables["PATH"]),
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise VestigeError(f"can't run `{words[0]}`: {error.strerror}") from error
        status, usage = _ended(child)
        wall = time.monotonic() - begun
    child.returncode = os.waitstatus_to_exitcode(status)  # or else Popen would wait for it once more
    return Spent(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _KIBI, exit_codes.shell_code(status))


def _ended(child: subprocess.Popen[bytes]) -> tuple[int, resource.struct_rusage]:
    """Wait for a child; whoever is told to end before tells the child, and lets it."""
    try:
        _, status, usage = os.wait4(child.pid, 0)
    except KeyboardInterrupt as interrupt:
        if isinstance(interrupt, Terminated):
            child.send_signal(interrupt.number)
        child.wait()
        raise
    return status, usage


def output(words: Sequence[str], stage: Stage) -> str:
    """Return what a command prints, "" if it fails."""
    done = _call(words, stage)
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def _beginning(case: Case) -> list[list[str]]:
    start = [["git", "init", "--quiet"], ["git", "add", "."], ["git", "commit", "--quiet", "-m", "the project"]]
    return [*start, ["datalad", "create", "--force", "-c", "text2git", "."]] if case.dataset else start


def _consent(case: Case, project: str) -> None:
    """Let the project refuse Kedro's telemetry, or say nothing of it, as a project that has never heard of it."""
    path = os.path.join(project, ".telemetry")
    if case.telemetry:
        if os.path.exists(path):
            os.remove(path)
        return
    with open(path, "w", encoding="ascii") as file:
        file.write(_REFUSED)


def _variables(stage: Stage, path: str, cache: str) -> dict[str, str]:
    """Return the environment: nothing of the caller's but what tells OpenMP of the cores, and a cache for all goes.

    Without that Matplotlib would search the machine for fonts in every fresh home, which takes seconds.
    """
    told = {name: value for name, value in os.environ.items() if name.startswith("OMP_")}
    return told | {
        "PATH": path,
        "HOME": stage.home,
        "TMPDIR": os.path.join(stage.folder, "tmp"),
        "USER": "you",
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "XDG_CACHE_HOME": cache,
    }


def _must(words: Sequence[str], stage: Stage) -> None:
    done = _call(words, stage)
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        raise VestigeError(f"`{' '.join(words[:3])}` ended with {done.returncode}: {said[-1] if said else ''}")


def _call(words: Sequence[str], stage: Stage) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which(words[0], path=stage.variables["PATH"])
    if program is None:
        raise VestigeError(f"`{words[0]}` is not installed")
    return subprocess.run(
        words, executable=program, cwd=stage.project, env=dict(stage.variables), check=False, capture_output=True
    )
