"""The whole of it: environments, goes in turn, evidence, document."""

from __future__ import annotations

import contextlib
import functools
import glob
import json
import os
import platform
import shlex
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vestige import flights
from vestige.errors import VestigeError
from vestige.scenarios import document, environments, evidence, left, neutral, trial
from vestige.scenarios.cases import BASE, CASES
from vestige.scenarios.evidence import Evidence, Network
from vestige.scenarios.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vestige.scenarios.cases import Case
    from vestige.scenarios.environments import Environments
    from vestige.scenarios.neutral import Neutral
    from vestige.scenarios.trial import Spent, Stage

_GIT_LOG = ("git", "log", "--stat", "--format=commit %h%nAuthor: %an <%ae>%n%n%B")


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be compared, and where the answer goes."""

    folder: str  # gets comparison.md, comparison.html and the evidence in comparison/
    cases: tuple[Case, ...] = CASES
    times: int = 3  # timed rounds
    keep: bool = False  # environments and copies stay in the cache folder, and are used again
    project: str | None = None  # another Kedro project; None: the example
    installed: bool = False  # no environments: programs of the PATH


@dataclass
class _Work:
    """What is going on: the folders and what has been found so far."""

    request: Request
    folder: str
    project: str
    made: Environments
    neutral: Neutral
    tell: Callable[[str], None]
    sink: Sink
    rounds: dict[str, list[Spent]] = field(default_factory=dict)
    asked: dict[str, list[str]] = field(default_factory=dict)
    networks: dict[str, Network] = field(default_factory=dict)
    not_run: dict[str, str] = field(default_factory=dict)

    def stage(self, case: Case, kind: str) -> Stage:
        """Prepare a go at a scenario."""
        folder = os.path.join(self.folder, kind, case.name)
        cache = os.path.join(self.folder, "cache")
        self.made.lend(case)
        return trial.prepare(case, self.project, folder, self.made, cache=cache)


@dataclass(frozen=True, slots=True)
class _Go:
    """One go at a scenario, and how things stood before it."""

    case: Case
    stage: Stage
    before: dict[tuple[str, str], left.State]
    start: str  # commit


def compare(request: Request, tell: Callable[[str], None]) -> list[str]:
    """Do it all and return the paths of the documents. Raises VestigeError."""
    with _working_folder(request) as folder, Sink() as sink:
        project = _project(request, os.path.join(folder, "project"))
        made = _environments(request, folder, project, tell)
        work = _Work(request, folder, project, made, _neutral(folder, request), tell, sink)
        began = time.time()
        _measure(work)
        evidence.write(os.path.join(document.evidence_of(request.folder), document.MADE), _made(work, began))
    return document.write(request.folder)


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
    for case in CASES:
        stage = trial.Stage(os.path.join(folder, "rounds", case.name), {})
        places |= {stage.project: "/home/you/flights", stage.home: "/home/you", stage.folder: "/home/you/scenario"}
    return neutral.of_this_machine(places)


def _measure(work: _Work) -> None:
    """Trace every scenario once, which warms the caches too, then time them in turn and keep what the last left."""
    cases = work.request.cases
    work.not_run |= {case.name: reason for case in cases if (reason := work.made.missing(case))}
    for case in cases:
        _guarded(work, case, _trace)
    last: dict[str, Evidence] = {}
    for number in range(work.request.times):
        for case in _in_turn(cases, number):
            _guarded(work, case, functools.partial(_round, number=number, last=last))
    for case in cases:
        if case.name in work.not_run:
            work.tell(f"{case.title}: not run: {work.not_run[case.name]}")
            _keep_reason(work, case)


def _in_turn(cases: Sequence[Case], number: int) -> Sequence[Case]:
    """Return the cases in this order and the next time in the other, so that no place in the order is always one's."""
    return cases if number % 2 == 0 else cases[::-1]


def _guarded(work: _Work, case: Case, step: Callable[[_Work, Case], None]) -> None:
    """Take a step of a scenario, and none after one that went wrong: its trouble is none of the others'."""
    if case.name in work.not_run:
        return
    try:
        step(work, case)
    except VestigeError as error:
        work.not_run[case.name] = str(error)


def _trace(work: _Work, case: Case) -> None:
    """Run a scenario once with its connections to elsewhere refused, and note which it wanted."""
    work.tell(f"{case.title}: traced, nothing leaves the machine")
    stage = work.stage(case, "traced")
    store = os.path.join(stage.folder, "trace")
    vestige = os.path.join(work.made.launcher, "vestige")
    spent = trial.run([vestige, "run", "--deny-network", "--store", store, "--summary", "none", *case.words], stage, {})
    trial.output([vestige, "show", "--store", store], stage)  # finishes the record where that is still to be done
    work.networks[case.name] = _network(store, spent)


def _network(store: str, spent: Spent) -> Network:
    for path in glob.glob(os.path.join(glob.escape(store), "runs", "*", "record.json")):
        record = json.loads(evidence.read(path))
        calls = tuple(call for call in record["network"] if _leaves(call))
        traced = (record.get("completeness") or {}).get("trace") == "on"
        return Network(traced, calls, None if traced else "not traced: `vestige doctor` says why")
    return Network(traced=False, calls=(), note=f"tracing ended with {spent.code}: `vestige doctor` says why")


def _leaves(call: dict[str, object]) -> bool:
    """Say whether a connection goes out of the machine."""
    address = str(call.get("address") or "")
    inside = address.startswith("127.") or address == "::1"
    return call.get("direction") == "out" and str(call.get("family")).startswith("inet") and not inside


def _round(work: _Work, case: Case, *, number: int, last: dict[str, Evidence]) -> None:
    """Time a scenario once; after the last round, and of the base after every one, look at what it left."""
    work.tell(f"{case.title}: round {number + 1} of {work.request.times}")
    go = _begun(work, case)
    _timed(work, go)
    is_last = number == work.request.times - 1
    if is_last or case.name == BASE:
        afterwards = _afterwards(go)
        last[case.name] = _collected(work, go)
        if is_last:
            _keep(work, go, last, afterwards)
    elif case.afterwards:
        trial.output(case.afterwards[0], go.stage)  # what vestige still does by itself falls on nobody's time


def _begun(work: _Work, case: Case) -> _Go:
    stage = work.stage(case, "rounds")
    return _Go(case, stage, left.states(stage), trial.output(["git", "rev-parse", "HEAD"], stage).strip())


def _timed(work: _Work, go: _Go) -> None:
    work.sink.taken()
    spent = trial.run(go.case.words, go.stage, work.sink.variables)
    work.asked.setdefault(go.case.name, []).extend(work.sink.taken())
    work.rounds.setdefault(go.case.name, []).append(spent)
    if spent.code:
        raise VestigeError(f"`{shlex.join(go.case.words)}` ended with {spent.code}: {_last_line(go.stage)}")


def _last_line(stage: Stage) -> str:
    lines = evidence.read(stage.terminal).split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def _afterwards(go: _Go) -> str:
    """Return what the tool shows when asked; vestige finishes its record then, if it has not yet."""
    words = go.case.afterwards
    return "\n".join(f"$ {shlex.join(one)}\n{trial.output(one, go.stage)}" for one in words)


def _collected(work: _Work, go: _Go) -> Evidence:
    commits = trial.output(["git", "rev-list", f"{go.start}.."], go.stage).split()
    name = go.case.name
    return Evidence(
        name,
        go.case.title,
        shlex.join(go.case.words),
        rounds=tuple(work.rounds[name]),
        left=tuple(left.difference(go.before, left.states(go.stage))),
        commits=len(commits),
        asked=tuple(work.asked[name]),
        network=work.networks.get(name),
    )


def _keep(work: _Work, go: _Go, last: dict[str, Evidence], afterwards: str) -> None:
    folder = os.path.join(document.evidence_of(work.request.folder), go.case.name)
    base = last.get(BASE)
    ordinary = {(one.place, one.path) for one in base.left} if base and go.case.name != BASE else set()
    evidence.keep(last[go.case.name], folder, stage=go.stage, ordinary=ordinary, neutral=work.neutral)
    evidence.write(os.path.join(folder, evidence.GIT), work.neutral(_git(go)))
    if afterwards:
        evidence.write(os.path.join(folder, evidence.AFTERWARDS), work.neutral(afterwards))


def _git(go: _Go) -> str:
    """Return what Git says since the start: commits, the state of the work tree, and what differs in it."""
    asked = [[*_GIT_LOG, f"{go.start}.."], ["git", "status", "--short"], ["git", "diff", "HEAD", "--", ":!data"]]
    return "\n".join(f"$ {shlex.join(words[:2])}\n{trial.output(words, go.stage)}" for words in asked)


def _keep_reason(work: _Work, case: Case) -> None:
    """Keep why a scenario was not run, and what it printed if it was begun."""
    folder = os.path.join(document.evidence_of(work.request.folder), case.name)
    reason = work.neutral(work.not_run[case.name])
    found = Evidence(case.name, case.title, shlex.join(case.words), not_run=reason)
    stage = trial.Stage(os.path.join(work.folder, "rounds", case.name), {})
    is_begun = os.path.exists(stage.terminal) and case.name in work.rounds
    evidence.keep(found, folder, stage=stage if is_begun else None, ordinary=(), neutral=work.neutral)


def _made(work: _Work, began: float) -> str:
    """Return when, where and with what it was made, as JSON."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    system = f"{platform.system()} {platform.release().partition('-')[0]} {platform.machine()}"
    told = {
        "date": time.strftime("%Y-%m-%d", time.gmtime(began)),
        "machine": f"{cores} cores, {memory / 1e9:.0f} GB of memory, {system}, Python {platform.python_version()}",
        "minutes": round((time.time() - began) / 60),
        "rounds": work.request.times,
        "load": round(os.getloadavg()[2], 2),
        "versions": work.made.versions(),
        "project": "the example" if work.request.project is None else "another",
        "cases": [case.name for case in work.request.cases],
    }
    return work.neutral(json.dumps(told, indent=1) + "\n")
