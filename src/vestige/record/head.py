"""What a Git work tree has checked out, read from Git's own files: no process, no hooks.

On the start-up path of `vestige run`: imports nothing that the interpreter has not loaded already.
Source: gitrepository-layout(5).
"""

from __future__ import annotations

import os

_MOST = 1 << 20  # B of a file with one reference
_MOST_PACKED = 64 << 20  # B
_LINKS = 5  # references that lead to references
_STUB = "refs/heads/.invalid"  # in HEAD where Git keeps references in tables, of which it alone can read
_DIGITS = frozenset("0123456789abcdef")
_LENGTHS = (40, 64)  # of SHA-1, of SHA-256


class Head:
    """`commit`: its hash, None before the first one. `branch`: `refs/heads/…`, None where none is checked out."""

    __slots__ = ("branch", "commit")

    def __init__(self, branch: str | None, commit: str | None) -> None:
        self.branch = branch
        self.commit = commit


def git_folder(top: str) -> str:
    """Return where Git keeps what belongs to the work tree with this top folder."""
    path = os.path.join(top, ".git")
    link = _content(path)
    if link is None or not link.startswith("gitdir:"):
        return path
    return os.path.normpath(os.path.join(top, link.partition(":")[2].strip("\n")[1:]))


def common_folder(git: str) -> str:
    """Return where Git keeps what all work trees of the repository share."""
    link = _content(os.path.join(git, "commondir"))
    return git if link is None else os.path.normpath(os.path.join(git, link.strip("\n")))


def head(top: str) -> Head:
    """Return what is checked out; both None where Git's files can't be read (another format, no permission)."""
    git = git_folder(top)
    value = _content(os.path.join(git, "HEAD"))
    branch = None
    for _ in range(_LINKS):
        if value is None or not value.startswith("ref:"):
            break
        name = value.partition(":")[2].strip()
        branch = branch or (name if name.startswith("refs/heads/") and name != _STUB else None)
        common = common_folder(git)
        value = _content(os.path.join(common, name)) or _packed(common, name)
    commit = "" if value is None else value.strip()
    return Head(branch, commit if len(commit) in _LENGTHS and _DIGITS.issuperset(commit) else None)


def _packed(common: str, name: str) -> str | None:
    for line in (_content(os.path.join(common, "packed-refs"), _MOST_PACKED) or "").splitlines():
        if line.endswith(f" {name}"):
            return line.partition(" ")[0]
    return None


def _content(path: str, most: int = _MOST) -> str | None:
    """Return what a file holds, as `os` gives names; None if it can't be had."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):  # a null byte in a foreign path
        return None
    try:
        with open(descriptor, "rb") as file:
            return os.fsdecode(file.read(most))
    except OSError:  # a folder
        return None
