"""What somebody means by a revision or a range of them: a part of one repository's history."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.errors import GitError, UsageError
from vestige.git.datasets import adjusted

if TYPE_CHECKING:
    from vestige.git.repo import Repository

_HASH = re.compile("[0-9a-f]{40,64}")
_ADJUSTING = b"git-annex adjusted branch"


@dataclass(frozen=True, slots=True)
class Range:
    """What is in the history of `tip` and not in that of any of `since`."""

    words: str  # how to call it
    tip: str  # a commit's hash
    since: tuple[str, ...] = ()
    trimmed: bool = False  # nothing before the first run counts


def resolve(repository: Repository, words: str | None, since: str | None = None) -> Range | None:
    """Return the range that is meant, None where `words` name no commit.

    Args:
        repository: where to look.
        words: a revision, or `A..B`; None: what is checked out.
        since: a revision before the range; empty for the whole history; None for nothing but the commit itself.

    Raises:
        UsageError: `since` goes with a single revision only, or names none.
        GitError: nothing is committed yet.
    """
    if words is None:
        words = _checked_out(repository)
    ends = _ends(repository, words)
    if ends is not None and since is not None:
        raise UsageError(f"`--since` goes with one revision; `{words}` says already where to begin")
    if ends is not None:
        return Range(words, ends[1], (ends[0],))
    tip = repository.commit_of(words)
    if tip is None or not _HASH.fullmatch(tip):  # `A...B` stands for several
        return None
    return _single(repository, words, tip) if since is None else _since(repository, words, tip, since)


def _checked_out(repository: Repository) -> str:
    """Return HEAD, or the branch that it is an adjusted view of, if nothing was committed on top of that."""
    head = repository.head
    if head.commit is None:
        raise GitError(f"nothing is committed yet in {repository.top}: there is nothing to run again")
    original = adjusted.basis(head.branch)
    if original is None or not _is_adjustment(repository, head.commit):
        return "HEAD"
    return original.removeprefix("refs/heads/")


def _is_adjustment(repository: Repository, commit: str) -> bool:
    return repository.git("show", "--no-patch", "--format=%s", commit).out.strip() == _ADJUSTING


def _ends(repository: Repository, words: str) -> tuple[str, str] | None:
    """Return the commits of `A..B`, of which either may be left out for HEAD. Raises UsageError: there is only one."""
    first, dots, last = words.partition("..")
    if not dots:
        return None
    ends = (repository.commit_of(first or "HEAD"), repository.commit_of(last or "HEAD"))
    if ends[0] is not None and ends[1] is not None:
        return ends[0], ends[1]
    if first and last and ends != (None, None) and not last.startswith("."):  # `A...B`, `../x`
        raise UsageError(f"there is no commit `{last if ends[0] else first}`: `{words}` is no range here")
    return None


def _single(repository: Repository, words: str, tip: str) -> Range:
    """Return one commit, with what a merge has brought in."""
    return Range(words, tip, tuple(repository.parents(tip)[:1]), trimmed=True)


def _since(repository: Repository, words: str, tip: str, since: str) -> Range:
    if not since.strip():
        return Range(f"the history of {words}", tip, trimmed=True)
    start = repository.commit_of(since)
    if start is None:
        raise UsageError(f"there is no commit `{since}` to begin after")
    return Range(f"{since}..{words}", tip, (start,))
