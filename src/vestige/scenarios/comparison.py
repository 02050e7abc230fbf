"""The whole of it: a place to work, environments, the goes, their evidence, the pages."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige import flights
from vestige.errors import VestigeError
from vestige.scenarios import document, environments, evidence, rounds, trial
from vestige.scenarios.cases import CASES
from vestige.scenarios.neutral import Neutral, of_this_machine
from vestige.scenarios.rounds import Work
from vestige.scenarios.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vestige.scenarios.cases import Case
    from vestige.scenarios.environments import Environments
    from vestige.scenarios.neutral import Neutral


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be compared, and where the answer goes."""

    folder: str  # gets comparison.md, comparison.html and the evidence in comparison/
    cases: tuple[Case, ...] = CASES
    times: int = 3  # timed rounds
    keep: bool = False  # environments and copies stay in the cache folder, and are used again
    project: str | None = None  # another Kedro project; None: the example
    installed: bool = False  # no environments: programs of the PATH


def compare(request: Request, tell: Callable[[str], None]) -> list[str]:
    """Do it all and return the paths of the documents. Raises VestigeError."""
    _check(document.evidence_of(request.folder))
    with _working_folder(request) as folder, Sink() as sink:
        project = _project(request, os.path.join(folder, "project"))
        made = _environments(request, folder, project, tell)
        kept = os.path.join(folder, "evidence")
        shutil.rmtree(kept, ignore_errors=True)
        neutral = _neutral(folder, request)
        work = Work(request.cases, request.times, folder, project, kept, made, neutral, tell, sink)
        began = time.time()
        rounds.measure(work)
        evidence.write(os.path.join(kept, document.MADE), neutral(_made(request, made, began)))
        _replace(document.evidence_of(request.folder), kept)
    return document.write(request.folder)


def _check(folder: str) -> None:
    """Raise where there is something in the place of the evidence that is none."""
    if os.path.isdir(folder) and os.listdir(folder) and not os.path.exists(os.path.join(folder, document.MADE)):
        raise VestigeError(f"{folder} is no earlier comparison and not empty; choose another folder with `-o`")


def _replace(folder: str, kept: str) -> None:
    """Put evidence in the place of that of an earlier time, which stays until there is new."""
    _check(folder)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    shutil.move(kept, folder)


@contextlib.contextmanager
def _working_folder(request: Request) -> Iterator[str]:
    if not request.keep:
        with tempfile.TemporaryDirectory(prefix="vestige-scenarios-", ignore_cleanup_errors=True) as folder:
            yield folder
        return
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(cache, "vestige", "scenarios")
    os.makedirs(folder, exist_ok=True)
    yield folder


def _environments(request: Request, folder: str, project: str, tell: Callable[[str], None]) -> Environments:
    if request.installed:
        return environments.installed(folder)
    return environments.make(os.path.join(folder, "environments"), project, request.cases, tell)


def _project(request: Request, folder: str) -> str:
    """Make the copy that all goes begin with; the example's without data: none is raw, and Git would ignore them."""
    source = os.path.abspath(request.project or flights.source())
    if not os.path.isfile(os.path.join(source, flights.IDENTITY)):
        raise VestigeError(f"{source} is no Kedro project: it has no {flights.IDENTITY}")
    shutil.rmtree(folder, ignore_errors=True)
    flights.copy(source, folder, ".git", *([] if request.project else ["data"]))
    os.makedirs(os.path.join(folder, "data"), exist_ok=True)
    return folder


def _neutral(folder: str, request: Request) -> Neutral:
    source = os.path.abspath(request.project or flights.source())
    places = {folder: "/home/you/scenarios", flights.PACKAGE: "/opt/vestige", source: "/home/you/flights"}
    places[sys.prefix] = "/opt/vestige"
    for case in CASES:
        stage = trial.Stage(os.path.join(folder, "rounds", case.name), {})
        places |= {stage.project: "/home/you/flights", stage.home: "/home/you", stage.folder: "/home/you/scenario"}
    return of_this_machine(places)


def _made(request: Request, made: Environments, began: float) -> str:
    """Return when, where and with what it was made, as JSON."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    system = f"{platform.system()} {platform.release().partition('-')[0]} {platform.machine()}"
    told = {
        "date": time.strftime("%Y-%m-%d", time.gmtime(began)),
        "machine": f"{cores} cores, {memory / 1e9:.0f} GB of memory, {system}, Python {platform.python_version()}",
        "minutes": round((time.time() - began) / 60),
        "rounds": request.times,
        "load": round(os.getloadavg()[2], 2),
        "versions": made.versions(),
        "project": "the example" if request.project is None else "another",
        "cases": [case.name for case in request.cases],
    }
    return json.dumps(told, indent=1) + "\n"
