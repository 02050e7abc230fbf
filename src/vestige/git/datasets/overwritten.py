"""Annexed content that a command overwrote through its link.

git-annex takes the write permission from its objects, which stops nobody who is root. What is written then is in the
store of git-annex under a key that names other content: here it is taken out again, to be the next version of the file
in the work tree. The version before is gone, unless there is another copy of it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from vestige.errors import GitError
from vestige.git.datasets.annexed import OBJECTS, annexed
from vestige.text import from_os, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vestige.git.repo import Repository
    from vestige.record.model import FileUse

_KEY = re.compile(r"(?P<backend>[A-Z0-9_]+?)E?(?:-s(?P<size>\d+))?(?:-[mSC]\d+)*--(?P<name>[^.]*).*", re.DOTALL)
_PIECE = 1 << 20


class Overwritten(NamedTuple):
    """A locked file whose content another one has replaced."""

    path: str  # of the link, relative to the top
    key: str  # of what it was
    content: str  # absolute: where it was, and the new content is

    def words(self, *, is_taken: bool) -> str:
        """Say what has happened, and whether the new content is taken out."""
        what = f"overwritten through `{from_os(self.path)}`, which was locked"
        if not is_taken:
            return f"{what}; `git annex fsck` takes it out of the store"
        return f"{what}; what it was is lost here, see `git annex whereis --key={from_os(self.key)}` for other copies"


def overwritten(repository: Repository, uses: Mapping[str, FileUse | None]) -> Iterator[Overwritten]:
    """Yield what was overwritten of the files, by path relative to the top, that a run wrote to."""
    for path, use in uses.items():
        content = next((name for name in use.names if OBJECTS in name), None) if use is not None else None
        found = annexed(os.path.join(repository.top, path), pointers=False) if content is not None else None
        if content is None or found is None:
            continue
        key = os.path.basename(os.fsdecode(to_bytes(content)))
        if found.key != key:  # taken out, and the new content taken in, when the commit failed
            yield Overwritten(path, key, os.path.join(repository.top, _place(content)))
        elif found.content and found.is_there and not _fits(found.content, found.key):
            yield Overwritten(path, key, found.content)


def take_out(repository: Repository, found: Sequence[Overwritten]) -> None:
    """Put the new content into the work tree, and let git-annex know that it has none for the keys. Raises GitError."""
    placed: dict[str, str] = {}
    for item in found:
        if item.content not in placed and not os.path.lexists(item.content):
            continue
        path = os.path.join(repository.top, item.path)
        try:
            if item.content in placed:
                os.unlink(path)
                shutil.copy2(placed[item.content], path)
            else:
                _move(item.content, path)
        except OSError as error:
            raise GitError(f"can't take {item.content} out of git-annex's store: {error.strerror}") from error
        placed[item.content] = path
    if placed:
        _tell_absent(repository, (item.key for item in found if item.content in placed))


def _place(content: str) -> str:
    """Return where an object is in `.git`, as links to it say: it may really be in another folder."""
    return f".git{OBJECTS}{os.fsdecode(to_bytes(content)).rpartition(OBJECTS)[2]}"


def _move(content: str, path: str) -> None:
    folder = os.path.dirname(content)
    os.chmod(folder, stat.S_IMODE(os.stat(folder).st_mode) | stat.S_IWUSR)
    os.chmod(content, stat.S_IMODE(os.stat(content).st_mode) | stat.S_IWUSR)
    os.replace(content, path)
    with suppress(OSError):
        os.rmdir(folder)


def _tell_absent(repository: Repository, keys: Iterable[str]) -> None:
    uuid = (repository.config.get("annex.uuid") or ("",))[-1]
    given = b"".join(os.fsencode(f"{key} {uuid} 0\n") for key in sorted(set(keys)))
    repository.git("annex", "setpresentkey", "--batch", given=given)


def _fits(content: str, key: str) -> bool:
    """Say whether an object still is what its key says; one whose key is no hash, and which was written to, is not."""
    parts = _KEY.fullmatch(key)
    name = "" if parts is None else parts["backend"].lower().replace("blake2b512", "blake2b")
    if parts is None or name not in hashlib.algorithms_available:
        return False
    if parts["size"] is not None and os.path.getsize(content) != int(parts["size"]):
        return False
    digest = hashlib.new(name, usedforsecurity=False)
    with open(content, "rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest() == parts["name"]
