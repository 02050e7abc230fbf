"""Which files the rules of a dataset leave to Git, told without git-annex: it takes as long to start as all of Git.

The rule is `annex.largefiles`, git-annex-matching-expression(1), which only git-annex can read in full. Two kinds are
clear without it: `nothing`, and DataLad's own `text2git` for a file that is text beyond doubt.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vestige.git.repo import join, split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.git.repo import Repository

_NAME = "annex.largefiles"
_TEXT_TO_GIT = "((mimeencoding=binary)and(largerthan=0))"  # `datalad create -c text2git`
_PLAIN = b"\t\n\f\r" + bytes(range(32, 127)) + bytes(range(128, 256))  # text for every version of file(1)
_MOST = 1 << 20  # B that file(1) looks at, at the least


def left_to_git(repository: Repository, paths: Sequence[str]) -> set[str]:
    """Return those of the files that certainly go to Git; of all others git-annex is to be asked. Raises GitError."""
    configured = repository.config.get(_NAME)  # comes before the attributes
    if configured is not None:
        return set(paths) if configured[-1] == "nothing" else set()
    return {path for path, rule in _rules(repository, paths) if _is_left(os.path.join(repository.top, path), rule)}


def _rules(repository: Repository, paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    if paths:
        items = iter(split(repository.git("check-attr", "-z", "--stdin", _NAME, given=join(paths)).out))
        yield from ((path, value) for path, _, value in zip(items, items, items, strict=True))


def _is_left(path: str, rule: str) -> bool:
    return rule == "nothing" or (rule == _TEXT_TO_GIT and _is_text(path))


def _is_text(path: str) -> bool:
    """Say whether a file is UTF-8 text to its end, whatever part of it somebody looks at.

    A single byte is binary to file(1), whatever it is; to be empty does not matter.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_MOST + 1)
        content.decode()
    except (OSError, UnicodeDecodeError):
        return False
    return len(content) <= _MOST and len(content) != 1 and not content.translate(None, _PLAIN)
