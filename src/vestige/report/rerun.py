"""What a rerun is going to do and what it has done, in words and as JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from vestige.git.datalad import json_text
from vestige.text import from_os
from vestige.words import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vestige.git.reruns.details import Details
    from vestige.git.reruns.replay import Done
    from vestige.git.reruns.rerun import Plan, Step
    from vestige.git.reruns.run_commits import RangeCommit, Recorded
    from vestige.record.head import Head

_SHORT = 10  # digits of a hash
_LONGEST = 2_000  # letters of a command that is shown before it is run
_ACTIONS = {"pick": "skip-or-pick"}  # DataLad's name for it
_ANSWERS = {"made": "->", "picked": "picked as", "merged": "merged as", "kept": "kept"}


def short(commit: str) -> str:
    """Return a hash as it is shown."""
    return commit[:_SHORT]


def rows(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Yield what is going to be done: action, commit, and the command or why there is none."""
    if plan.onto is not None or plan.branch is not None:
        yield "checkout", short(plan.onto or "HEAD"), "" if plan.branch is None else f"as {safe(plan.branch)}"
    for step in plan.steps:
        yield step.action, short(step.commit.id), _words(step)


def _words(step: Step) -> str:
    recorded = step.commit.recorded
    if step.reason:
        return safe(step.reason)
    return "" if recorded is None else safe(from_os(recorded.cmd))


def command(commit: RangeCommit) -> Iterator[str]:
    """Yield the lines that show a command before it is run: all of it, however many lines it pretends to have."""
    recorded = commit.recorded
    if recorded is None:
        return
    where = f"  (in {safe(from_os(recorded.pwd))})" if recorded.pwd not in ("", ".") else ""
    yield f"{short(commit.id)}  {_title(recorded)}{where}"
    cmd = from_os(recorded.cmd)
    for line in cmd[:_LONGEST].split("\n"):
        yield f"    {safe(line)}"
    if len(cmd) > _LONGEST:
        yield f"    … and {len(cmd) - _LONGEST} letters more; `vestige rerun --script -` shows all"


def _title(recorded: Recorded) -> str:
    return safe(from_os(recorded.text.partition("\n")[0]))


def result(done: Done) -> str | None:
    """Return what was done with a commit, None where that is not worth a line."""
    name = short(done.step.commit.id)
    new = "" if done.commit is None else short(done.commit)
    again = done.again
    if done.verdict == "failed" and again is not None:
        code = "nobody saw how it ended" if again.code is None else f"exit code {again.code}"
        return f"{name} failed: {code}" + (f"; committed as {new}" if new else "") + _why_not(done.reason)
    if done.verdict == "refused":
        return f"{name} not committed: {safe(done.reason)}"
    if done.verdict == "same":
        return f"{name} = same result"
    if done.verdict == "skipped":
        return f"{name} skipped: {safe(done.reason)}" if done.reason else None
    why = f" ({safe(done.reason)})" if done.reason else ""
    return f"{name} {_ANSWERS[done.verdict]}" + ("" if done.verdict == "kept" else f" {new}") + why


def _why_not(reason: str) -> str:
    """Return why a failure could not be committed that was to be; that it is one was said already."""
    return f"; {safe(reason)}" if reason and not reason.startswith("the command failed") else ""


def standing(before: Head, now: Head) -> str:
    """Return where a rerun that was cut short has left things, and the way back."""
    if (before.commit, before.branch) == (now.commit, now.branch):
        return "nothing new is committed"
    if before.branch is not None and before.branch == now.branch:
        return f"what was made by then is on {_branch(now.branch)}"
    return f"{short(now.commit or '')} is checked out, on {_branch(now.branch)}; {way_back(before)}"


def result_without_branch(before: Head, now: Head, *, is_beside: bool) -> str:
    """Return where the result of a rerun is that no branch has."""
    where = f"the result is {short(now.commit or '')}, checked out on no branch"
    if is_beside:
        where = f"{_branch(before.branch)} stays as it is, since the result does not hold all that it has; {where}"
    return f"{where}; `git checkout -b NAME` makes one, {way_back(before)}"


def way_back(before: Head) -> str:
    """Return how to get to where a rerun began."""
    if before.branch is None:
        return f"`git checkout {before.commit}` goes back to where it began"
    return f"`git checkout {safe(before.branch.removeprefix('refs/heads/'))}` goes back to where it began"


def _branch(branch: str | None) -> str:
    return "no branch" if branch is None else f"`{safe(branch.removeprefix('refs/heads/'))}`"


def as_json(plan: Plan, details: Callable[[RangeCommit], Details]) -> Iterator[dict[str, Any]]:
    """Yield what is going to be done with DataLad's names for it."""
    if plan.onto is not None or plan.branch is not None:
        yield {"rerun_action": "checkout", "commit": plan.onto, "branch": plan.branch}
    for step in plan.steps:
        yield _step(step, details(step.commit) if step.is_recorded else None)


def _step(step: Step, found: Details | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "commit": step.commit.id,
        "parents": list(step.commit.parents),
        "rerun_action": _ACTIONS.get(step.action, step.action),
        "reason": step.reason or None,
    }
    if found is None:
        return told
    told |= {"author": from_os(found.author), "date": found.date}
    told["diff"] = [{**dataclasses.asdict(change), "path": from_os(change.path)} for change in found.changes]
    if found.message is not None:
        told |= {"run_message": from_os(found.message.text), "run_info": json.loads(json_text(found.message.record))}
    return told
