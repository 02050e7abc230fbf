"""The goes at every scenario in turn, traced and timed, and what is kept of them."""

from __future__ import annotations

import functools
import glob
import json
import os
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vestige.errors import VestigeError
from vestige.scenarios import evidence, left, trial
from vestige.scenarios.cases import BASE
from vestige.scenarios.evidence import Evidence, Network

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vestige.scenarios.cases import Case
    from vestige.scenarios.environments import Environments
    from vestige.scenarios.neutral import Neutral
    from vestige.scenarios.sink import Sink
    from vestige.scenarios.trial import Spent, Stage

_GIT_LOG = ("git", "log", "--stat", "--format=commit %h%nAuthor: %an <%ae>%n%n%B")


@dataclass
class Work:
    """What is going on: the folders and what has been found so far."""

    cases: tuple[Case, ...]
    times: int  # timed rounds
    folder: str  # for copies
    project: str  # what they are copies of
    kept: str  # the evidence
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


def measure(work: Work) -> None:
    """Trace every scenario once, which warms the caches too, then time them in turn and keep what the last left."""
    cases = work.cases
    work.not_run |= {case.name: reason for case in cases if (reason := work.made.missing(case))}
    for case in cases:
        _guarded(work, case, _trace)
    last: dict[str, Evidence] = {}
    for number in range(work.times):
        for case in _in_turn(cases, number):
            _guarded(work, case, functools.partial(_round, number=number, last=last))
    for case in cases:
        if case.name in work.not_run:
            work.tell(f"{case.title}: not run: {work.not_run[case.name]}")
            _keep_reason(work, case)


def _in_turn(cases: Sequence[Case], number: int) -> Sequence[Case]:
    """Return the cases in this order and the next time in the other, so that no place in the order is always one's."""
    return cases if number % 2 == 0 else cases[::-1]


def _guarded(work: Work, case: Case, step: Callable[[Work, Case], None]) -> None:
    """Take a step of a scenario, and none after one that went wrong: its trouble is none of the others'."""
    if case.name in work.not_run:
        return
    try:
        step(work, case)
    except (VestigeError, OSError) as error:
        work.not_run[case.name] = str(error)


def _trace(work: Work, case: Case) -> None:
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


def _round(work: Work, case: Case, *, number: int, last: dict[str, Evidence]) -> None:
    """Time a scenario once; after the last round, and of the base after every one, look at what it left."""
    work.tell(f"{case.title}: round {number + 1} of {work.times}")
    go = _begun(work, case)
    _timed(work, go)
    is_last = number == work.times - 1
    if is_last or case.name == BASE:
        afterwards = _afterwards(go)
        last[case.name] = _collected(work, go)
        if is_last:
            _keep(work, go, last, afterwards)
    elif case.afterwards:
        trial.output(case.afterwards[0], go.stage)  # what vestige still does by itself falls on nobody's time


def _begun(work: Work, case: Case) -> _Go:
    stage = work.stage(case, "rounds")
    return _Go(case, stage, left.states(stage), trial.output(["git", "rev-parse", "HEAD"], stage).strip())


def _timed(work: Work, go: _Go) -> None:
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


def _collected(work: Work, go: _Go) -> Evidence:
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


def _keep(work: Work, go: _Go, last: dict[str, Evidence], afterwards: str) -> None:
    folder = os.path.join(work.kept, go.case.name)
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


def _keep_reason(work: Work, case: Case) -> None:
    """Keep why a scenario was not run, and what it printed if it was begun."""
    folder = os.path.join(work.kept, case.name)
    reason = work.neutral(work.not_run[case.name])
    found = Evidence(case.name, case.title, shlex.join(case.words), not_run=reason)
    stage = trial.Stage(os.path.join(work.folder, "rounds", case.name), {})
    is_begun = os.path.exists(stage.terminal) and case.name in work.rounds
    evidence.keep(found, folder, stage=stage if is_begun else None, ordinary=(), neutral=work.neutral)
