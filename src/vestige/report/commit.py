"""What came of the commit of a run, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.quantity import counted, number
from vestige.record.outcome import is_waiting
from vestige.record.place import short_id
from vestige.words import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vestige.record.model import Code, Commit, Record

_SHORT = 10  # digits of a hash
_NAMED = 3


def rows(record: Record) -> list[tuple[str, str, str]]:
    """Return the rows of the summary: the commit, what is not in it, and what was used without being in any."""
    made = record.commit
    if made is None:
        return []
    found = [("commit", outcome(made), "")]
    if made.left_out:
        reasons = list(dict.fromkeys(item.reason for item in made.left_out))
        names = _named([item.path for item in made.left_out])
        found.append(("left out", f"{names}: {safe(reasons[0])}" + (" and others" if len(reasons) > 1 else ""), ""))
    if made.uncommitted:
        found.append(("dirty", f"{_named(made.uncommitted)}: used with changes that no commit holds", ""))
    return found


def outcome(made: Commit) -> str:
    """Return in a line what came of it."""
    if made.status == "committed" and made.commit is not None:
        files = counted(made.files, "file")
        return f"{made.commit[:_SHORT]} on {_branch(made.branch)}, {files}"
    words = {"unchanged": "nothing to commit", "refused": "none", "failed": "failed"}.get(made.status, made.status)
    return f"{words}: {safe(made.reason)}" if made.reason else words


def checked_out(code: Code) -> str:
    """Return what was checked out when the run began."""
    return f"{code.commit[:_SHORT] if code.commit else 'no commit yet'} on {_branch(code.branch)}"


def page(record: Record) -> list[str]:
    """Return all that is known of the commit, a line each."""
    made = record.commit
    if made is None:
        return [f"not committed yet: `vestige commit {short_id(record.id)}`"] if is_waiting(record) else []
    lines = [f"{outcome(made)}"]
    lines += [f"left out: {safe(item.path)}: {safe(item.reason)}" for item in made.left_out]
    lines += [f"used with changes that no commit holds: {safe(path)}" for path in made.uncommitted]
    return lines


def waiting(records: Iterable[Record]) -> str:
    """Return in a line which of some runs wait for their commits, empty if none does."""
    return waiting_ids(record.id for record in records if is_waiting(record))


def waiting_ids(ids: Iterable[str]) -> str:
    """Return the same line for runs that wait, by their ids."""
    names = list(map(short_id, ids))
    return f"not committed yet: {_named(names)}; `vestige commit {names[0]}`" if names else ""


def _branch(branch: str | None) -> str:
    return "no branch" if branch is None else safe(branch.removeprefix("refs/heads/"))


def _named(paths: Sequence[str]) -> str:
    more = len(paths) - _NAMED
    return safe(", ".join(paths[:_NAMED])) + (f" and {number(more)} more" if more > 0 else "")
