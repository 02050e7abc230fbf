"""A plan carried out: commits of a range taken over, run again and merged, in the work tree.

What stands for a commit afterwards is in `_replaced`; a commit of which nothing before it changed stays what it is. The
branch that was checked out moves on with the new commits, but only ever forward: where the result does not contain what
the branch had, the branch stays, and the result is left checked out without one. Nothing is ever checked out by force.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vestige.errors import GitError
from vestige.git import repo
from vestige.git.reruns import again, run_commits
from vestige.git.transaction import in_progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.git.repo import Answer, Repository
    from vestige.git.reruns.again import Again, Wish
    from vestige.git.reruns.rerun import Plan, Step

Verdict = Literal["made", "same", "failed", "refused", "picked", "merged", "kept", "skipped"]
_CALLED = "vestige rerun"
_CHECKOUT = ("checkout", "--quiet", "--no-overwrite-ignore")  # or else ignored files give way to committed ones


@dataclass(frozen=True, slots=True)
class Done:
    """What was done with a commit.

    As in `again.Again` where its command was run; picked, merged: there is another one in its place; kept: it is part
    of the new history as it is; skipped: it is not to be had, or there already.
    """

    step: Step
    verdict: Verdict
    commit: str | None = None  # what stands for it now
    reason: str = ""
    again: Again | None = None


class Replay:
    """A plan in the making. `head` is the commit that is checked out."""

    def __init__(self, repository: Repository, plan: Plan, wish: Wish) -> None:
        self.repository = repository
        self.plan = plan
        self.wish = wish
        self.before = repository.head
        self.head = self._known(self.before.commit)
        self.branch = self.before.branch if plan.onto is None else None  # to move on; None: none
        self.is_beside = False  # the result does not contain what the branch has
        self._start = plan.onto or self.head
        self._replaced: dict[str, str] = {}
        self._ancestry = _Ancestry(repository, plan, self._start)

    def steps(self) -> Iterator[Done]:
        """Do one step after the other and yield what came of it; a run that failed, or was not committed, is the last.

        Raises GitError where git can't go on, and what `again.again` raises: what has been done by then stands.
        """
        self._begin()
        for step in self.plan.steps:
            done = self._done(step)
            yield done
            if done.verdict == "refused" or (done.verdict == "failed" and not self.wish.save_failures):
                return
        self._settle()

    def _known(self, commit: str | None) -> str:
        if commit is None:
            raise GitError(f"nothing is committed yet in {self.repository.top}")
        return commit

    def _begin(self) -> None:
        reason = in_progress(self.repository)
        if reason is not None:
            raise GitError(f"{reason} in {self.repository.top}; end it first")
        if self.plan.branch is not None:
            self._git(*_CHECKOUT, "--no-track", "-b", self.plan.branch, self._start)
            self.branch = f"refs/heads/{self.plan.branch}"
            self.head = self._start
        elif self.plan.onto is not None:
            self._git(*_CHECKOUT, "--detach", self._start)
            self.head = self._start

    def _done(self, step: Step) -> Done:
        if step.action == "skip":
            return Done(step, "skipped", reason=step.reason)
        if step.action == "merge":
            return self._merged(step)
        base = self._base(step)
        if step.action == "run":
            return self._run(step, base or self.head)
        return self._picked(step, base)

    def _base(self, step: Step) -> str | None:
        """Return the commit to go on from, None where that is the original parent and nothing is to be run."""
        parent = step.commit.parents[0]
        if step.is_run_merge or parent in self._replaced:
            return self._replaced.get(parent, parent)
        if parent == self.head:
            return parent
        if self._ancestry.has(parent, self._start):  # this part of the history is as it was
            return parent if step.action == "run" else None
        self._replaced[parent] = self.head
        return self.head

    def _run(self, step: Step, base: str) -> Done:
        before = self.head
        self._go(base)
        recipe = again.recipe(self.repository, step.commit)
        result = again.again(self.repository, recipe, self.wish)
        self.head = self._known(self.repository.head.commit)
        if result.verdict == "made" and self._came_out_the_same(step):
            self._go(before)
            return Done(step, "same", step.commit.id, again=result)
        if self.head != step.commit.id:
            self._replaced[step.commit.id] = self.head
        return Done(step, result.verdict, result.commit, result.reason or "", result)

    def _came_out_the_same(self, step: Step) -> bool:
        """Say whether a command that makes commits, run beside the history that it was in, has made the same again."""
        if not step.is_run_merge or self.plan.onto is not None:
            return False
        return self._tree(self.head) == self._tree(step.commit.id)

    def _picked(self, step: Step, base: str | None) -> Done:
        commit = step.commit.id
        if base is None or self._ancestry.has(base, commit):
            return Done(step, "skipped", commit, step.reason)
        self._go(base)
        if step.commit.parents[0] == base:
            self._go(commit)
            return Done(step, "kept", commit, step.reason)
        self._pick(commit)
        if self.head == base:
            return Done(step, "skipped", base, step.reason or "all that it changes is there already")
        return Done(step, "picked", self.head, step.reason)

    def _pick(self, commit: str) -> None:
        answer = self._git("cherry-pick", "--allow-empty", "--allow-empty-message", commit, may_fail=True)
        if answer.code and self._is_nothing_new():
            self._git("cherry-pick", "--skip")
        elif answer.code:
            self._git("cherry-pick", "--abort", may_fail=True)
            raise GitError(f"{commit[:10]} can't be taken over onto {self.head[:10]}: {answer.words}")
        self.head = self._known(self.repository.head.commit)
        self._replaced[commit] = self.head

    def _is_nothing_new(self) -> bool:
        """Say whether a cherry-pick stopped only since there is nothing left of it."""
        is_under_way = os.path.exists(os.path.join(self.repository.git_dir, "CHERRY_PICK_HEAD"))
        return is_under_way and not self.repository.git("diff-index", "--quiet", "HEAD", may_fail=True).code

    def _merged(self, step: Step) -> Done:
        commit, parents = step.commit.id, list(step.commit.parents)
        new = [self._replaced.get(parent, parent) for parent in parents]
        if new == parents:
            if self._ancestry.has(self.head, commit):
                return Done(step, "skipped", commit, step.reason)
            self._go(commit)
            return Done(step, "kept", commit, step.reason)
        if self._ancestry.has(self._start, commit):
            new = [parent for parent in new if not self._ancestry.has(self._start, parent)]
        if commit == self.head or not new:
            return Done(step, "skipped", reason=step.reason)
        self._go(new[0])
        others = [parent for parent in dict.fromkeys(new[1:]) if parent != new[0]]
        is_new = bool(others) and self._merge(commit, others)
        self._replaced[commit] = self.head
        return Done(step, "merged" if is_new else "skipped", self.head, step.reason)

    def _merge(self, commit: str, others: Sequence[str]) -> bool:
        """Merge other commits into what is checked out, as a merge did; say whether there was anything to merge."""
        answer = self._git("merge", "--quiet", "--no-commit", "--no-ff", "--allow-unrelated-histories", *others,
                           may_fail=True)  # fmt: skip
        if answer.code:
            self._git("merge", "--abort", may_fail=True)
            names = " and ".join(other[:10] for other in others)
            raise GitError(f"{names} can't be merged into {self.head[:10]} as {commit[:10]} was: {answer.words}")
        if not os.path.exists(os.path.join(self.repository.git_dir, "MERGE_HEAD")):
            return False
        message = run_commits.message_of(self.repository, commit)
        words = ("commit", "--quiet", "--allow-empty-message", "--cleanup=verbatim", "-F", "-")
        self._git("-c", "i18n.commitEncoding=UTF-8", *words, given=message)
        self.head = self._known(self.repository.head.commit)
        return True

    def _go(self, commit: str) -> None:
        """Check a commit out, without a branch."""
        if commit != self.head:
            self._git(*_CHECKOUT, "--detach", commit)
            self.head = commit

    def _settle(self) -> None:
        """Let the branch stand where the result is, if it only moves forward."""
        now = self.repository.head
        if self.branch is None or now.branch == self.branch:
            return
        tip = self._known(self.repository.commit_of(self.branch))
        if self.plan.branch is None and not self._ancestry.has(self.head, tip):
            self.is_beside = True
            return
        self._git("update-ref", "-m", _CALLED, self.branch, self.head, tip)
        self._git("symbolic-ref", "-m", _CALLED, "HEAD", self.branch)

    def _tree(self, commit: str) -> str:
        return self.repository.git("rev-parse", f"{commit}^{{tree}}").out.decode().strip()

    def _git(self, *words: str, given: bytes | None = None, may_fail: bool = False) -> Answer:
        """Call git as the user would, whose hooks it may call. Raises GitError."""
        environ = repo.users_environment() | {"GIT_EDITOR": ":", "GIT_TERMINAL_PROMPT": "0"}
        answer = repo.call(("git", *words), folder=self.repository.top, environ=environ, given=given)
        if answer.code and not may_fail:
            name = next(word for word in words if not word.startswith("-") and "=" not in word)
            raise GitError(f"`git {name}` failed in {self.repository.top}: {answer.words}")
        return answer


class _Ancestry:
    """Which commits have which in their history; of a range all is known with one look."""

    def __init__(self, repository: Repository, plan: Plan, start: str) -> None:
        self._repository = repository
        self._start = start
        self._range = {step.commit.id for step in plan.steps}
        ends = [plan.part.tip, *(f"^{commit}" for commit in (*plan.part.since, start))]
        self._beyond = set(repository.git("rev-list", *ends).out.decode().split())  # not in the history of `start`
        self._known: dict[tuple[str, str], bool] = {}

    def has(self, commit: str, ancestor: str) -> bool:
        """Say whether a commit has the other one in its history, or is that one."""
        if commit == ancestor:
            return True
        if ancestor == self._start and commit in self._range and commit not in self._beyond:
            return False  # it is itself in the history of `start`
        is_before_start = ancestor in self._range and ancestor not in self._beyond
        if is_before_start and (commit == self._start or self._look(commit, self._start)):
            return True
        return self._look(commit, ancestor)

    def _look(self, commit: str, ancestor: str) -> bool:
        if (commit, ancestor) not in self._known:
            self._known[commit, ancestor] = self._repository.is_ancestor(ancestor, commit)
        return self._known[commit, ancestor]
