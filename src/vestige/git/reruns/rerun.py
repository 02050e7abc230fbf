"""What is to be done with each commit of a range so that its runs are made again: decided before anything is."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from vestige.errors import GitError, UsageError
from vestige.git.datasets import adjusted
from vestige.git.message import dataset_id
from vestige.git.reruns import again
from vestige.git.reruns.run_commits import read, run_commits
from vestige.text import from_os

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vestige.git.repo import Repository
    from vestige.git.reruns.ranges import Range
    from vestige.git.reruns.run_commits import RangeCommit, Recorded

Action = Literal["run", "pick", "merge", "skip"]
_RUN_MERGE = 2  # parents of a commit that holds what a command has committed itself


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done with one commit.

    run: its command is run again; pick: it is taken over as it is, where it is not there anyway; merge: its parents are
    merged again, if one of them has been replaced; skip: nothing.
    """

    commit: RangeCommit
    action: Action
    reason: str = ""  # why a run that is recorded is not run again

    @property
    def is_recorded(self) -> bool:
        """Whether there is a run record, readable or not."""
        return self.commit.recorded is not None or self.commit.problem is not None

    @property
    def is_run_merge(self) -> bool:
        """Whether the command is one that makes commits, and begins at the first of two parents."""
        return self.action == "run" and len(self.commit.parents) == _RUN_MERGE


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is to be done, in this order, each commit after its parents."""

    part: Range
    steps: tuple[Step, ...]
    onto: str | None = None  # what to check out first; None: go on from what is checked out
    branch: str | None = None  # to be made there

    @property
    def runs(self) -> list[Step]:
        """The steps that run a command."""
        return [step for step in self.steps if step.action == "run"]

    @property
    def problems(self) -> list[RangeCommit]:
        """The commits with a run record that can't be read."""
        return [step.commit for step in self.steps if step.commit.problem is not None]

    @property
    def moves(self) -> bool:
        """Whether other commits may be checked out on the way."""
        return self.onto is not None or any(step.is_run_merge for step in self.steps)


class _Where(NamedTuple):
    """What is to be known of the place to say if a run belongs there."""

    repository: Repository
    dsid: str | None  # of the dataset; None: it is none
    around: str | None  # top folder of the repository that this one is a submodule of


def plan(repository: Repository, part: Range, *, onto: str | None = None, branch: str | None = None) -> Plan:
    """Decide what to do with each commit of a range.

    Args:
        repository: where.
        part: the range.
        onto: revision to begin at; empty: the parent of the first run; None: what is checked out.
        branch: name of the branch to be made there; None: none.

    Raises:
        UsageError: there is no `onto`, or the branch can't be made.
        GitError: nothing in the range can be run again here; git fails.
    """
    _check_branch(repository, branch, onto)
    steps = _steps(repository, part)
    first = next((step for step in steps if step.action == "run"), None)
    if first is None:
        raise GitError(_why_none(part, steps))
    if part.trimmed:
        steps = list(itertools.dropwhile(lambda step: not step.is_recorded, steps))
    start = None if onto is None else _start(repository, onto, first)
    return Plan(part, tuple(steps), start, branch)


def _steps(repository: Repository, part: Range) -> list[Step]:
    where = _Where(repository, dataset_id(repository), _around(repository))
    steps = [_step(where, commit) for commit in run_commits(repository, part)]
    inner = {commit: step for step in steps if step.is_run_merge for commit in _made_by(repository, step)}
    return [_inner(step, inner[step.commit.id]) if step.commit.id in inner else step for step in steps]


def _around(repository: Repository) -> str | None:
    """Return the top folder of the repository of which this one is a submodule."""
    answer = repository.git("rev-parse", "--show-superproject-working-tree", may_fail=True)
    return os.fsdecode(answer.out).removesuffix("\n") or None


def _step(where: _Where, commit: RangeCommit) -> Step:
    plain: Action = "merge" if len(commit.parents) > 1 else "pick" if commit.parents else "skip"
    if commit.problem is not None:
        return Step(commit, plain, commit.problem)
    if commit.recorded is None:
        return Step(commit, plain)
    reason = _why_not(where, commit, commit.recorded)
    return Step(commit, plain, reason) if reason else Step(commit, "run")


def _why_not(where: _Where, commit: RangeCommit, recorded: Recorded) -> str:
    """Return why a run is not one to be made again here, empty if it is."""
    if not commit.parents:
        return "it has a run record, but is the first commit: there is nothing to run it on"
    if len(commit.parents) > _RUN_MERGE:
        return f"it has a run record, but is a merge commit of {len(commit.parents)} parents"
    if recorded.dsid is not None and recorded.dsid != where.dsid:
        return f"it was run in another dataset, {recorded.dsid}"
    if where.around is not None and recorded.dsid is None and _is_copy(where.repository, commit):
        return f"it was run in the repository around this one, {where.around}"
    if again.folder(where.repository, recorded.pwd) is None:
        return f"it was run in `{recorded.pwd}`, which is outside of the repository at {where.repository.top}"
    return ""


def _is_copy(repository: Repository, commit: RangeCommit) -> bool:
    """Say whether the record in a submodule is that of a run in the repository around it.

    Both have the same record. Its outputs are named as the one around calls them, with more in front.
    """
    message = read(repository, commit.id)
    known = None if message is None else message.record.vestige
    outputs = known.get("outputs") if known is not None else None
    if not isinstance(outputs, dict) or not outputs:
        return False
    changed = [from_os(path) for path, entry in repository.changes(commit.parents[0], commit.id).items() if entry]
    fronts = [{name.removesuffix(path) for name in outputs if name.endswith(f"/{path}")} for path in changed]
    return outputs.keys().isdisjoint(changed) and bool(fronts) and bool(set.intersection(*fronts))


def _made_by(repository: Repository, step: Step) -> Sequence[str]:
    """Return the commits that the command of a step has made itself, and will make again."""
    first, last = step.commit.parents
    return repository.git("rev-list", last, f"^{first}").out.decode().split()


def _inner(step: Step, outer: Step) -> Step:
    return Step(step.commit, "skip", f"the command of {outer.commit.id[:10]} made it, and makes another")


def _start(repository: Repository, onto: str, first: Step) -> str:
    if not onto.strip():
        return first.commit.parents[0]
    found = repository.commit_of(onto)
    if found is None:
        raise UsageError(f"there is no commit `{onto}` to begin at (`--onto`)")
    return found


def _check_branch(repository: Repository, branch: str | None, onto: str | None) -> None:
    if (branch is not None or onto is not None) and adjusted.basis(repository.head.branch):
        raise UsageError(f"`--{'onto' if branch is None else 'branch'}` can't begin at an adjusted branch of git-annex")
    if branch is None:
        return
    if repository.git("check-ref-format", "--branch", branch, may_fail=True).code:
        raise UsageError(f"`{branch}` is no name for a branch")
    if repository.commit_of(f"refs/heads/{branch}") is not None:
        raise UsageError(f"there is a branch `{branch}` already")


def _why_none(part: Range, steps: Sequence[Step]) -> str:
    reasons = [f"{step.commit.id[:10]}: {step.reason}" for step in steps if step.is_recorded]
    if not reasons:
        return f"no run is recorded in {part.words}" + ("; `--since=` looks at its whole history" if part.since else "")
    more = f", and {len(reasons) - 1} more" if len(reasons) > 1 else ""
    return f"nothing in {part.words} can be run again here: {reasons[0]}{more}"
