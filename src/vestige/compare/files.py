"""Files that went in or came out and are not the same: by name, content and size."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.compare.differences import Difference, joined
from vestige.record.known_as import known_as

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.compare.differences import Topic
    from vestige.compare.sides import Group, Seen
    from vestige.record.model import FileUse

_CODE = (".py", ".sh", ".r", ".jl", ".pl", ".rb", ".js", ".ts", ".c", ".h", ".cc", ".cpp", ".f90", ".rs", ".go", ".sql",
         ".ipynb", ".m", ".mk", ".smk", ".nf")  # fmt: skip
_CODE_NAMES = ("makefile", "snakefile")
_DIGITS = 12  # of a hash
_NAMELESS = " (deleted)"  # what the kernel calls a file that has no name (any more): none of two runs is the same


@dataclass(frozen=True, slots=True)
class Content:
    """What a file held, as far as it is known."""

    token: str  # equal for equal content, if it is of the same scheme
    scheme: str  # "sha256", "git", …; "time" where there is no hash
    size: int | None  # B


def differences(groups: Sequence[Group]) -> Iterator[Difference]:
    """Yield the files that not all runs of all sides had alike: data and code that went in, what came out."""
    yield from _differences(groups, going_in=True)
    yield from _differences(groups, going_in=False)


def _differences(groups: Sequence[Group], *, going_in: bool) -> Iterator[Difference]:
    by_side = [[_contents(seen, going_in=going_in) for seen in group.looked_into] for group in groups]
    for name in dict.fromkeys(name for runs in by_side for known in runs for name in known):
        found = [tuple(dict.fromkeys(known.get(name) for known in runs)) for runs in by_side]
        if not _alike(found):
            yield Difference(_topic(name, going_in=going_in), name, *_shown(found))


def _alike(found: Sequence[tuple[Content | None, ...]]) -> bool:
    """Say whether all sides had the same, as far as that can be told: hashes of two schemes can't be compared."""
    known = [each for contents in found for each in contents if each is not None]
    if len({each.scheme for each in known}) > 1 and not any(None in contents for contents in found):
        return len({each.size for each in known if each.size is not None}) <= 1
    return len({frozenset(contents) for contents in found}) == 1


def _shown(found: Sequence[tuple[Content | None, ...]]) -> tuple[tuple[str | None, ...], tuple[int | None, ...]]:
    words = tuple(joined([None if each is None else each.token for each in contents]) for contents in found)
    sizes = tuple(max((each.size for each in contents if each and each.size is not None), default=None)
                  for contents in found)  # fmt: skip
    return words, sizes


def _topic(name: str, *, going_in: bool) -> Topic:
    if not going_in:
        return "outputs"
    base = os.path.basename(name).lower()
    return "code" if base.endswith(_CODE) or base in _CODE_NAMES else "inputs"


def _contents(seen: Seen, *, going_in: bool) -> dict[str, Content]:
    kinds = ("input", "modified", "removed") if going_in else ("output", "modified")
    top = seen.record.cwd.rstrip("/") + "/"
    uses = (use for use in seen.files if use.kind in kinds and not use.path.endswith(_NAMELESS))
    return {_named(known_as(use.path, use.names), top): _content(use, going_in=going_in) for use in uses}


def _named(path: str, top: str) -> str:
    """Return a path relative to the folder that the command ran in, if it is in there: copies of it are alike."""
    return path.removeprefix(top)


def _content(use: FileUse, *, going_in: bool) -> Content:
    """Return what is known of a file; without a hash, files are alike only if none was written since."""
    state = use.before if going_in else use.after
    digest = use.hash_read if going_in else use.hash
    size = None if state is None else state.size
    if digest is not None:
        scheme, _, digits = digest.partition(":")
        return Content(digits[:_DIGITS], scheme, size)
    return Content("not known" if state is None else f"written {state.mtime_ns}", "time", size)
