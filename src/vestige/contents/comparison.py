"""Two versions of one file: the same bytes, the same content, or not; and if not, what differs and probably why."""

from __future__ import annotations

import os
import stat
import warnings
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from vestige.contents import binary, kinds
from vestige.contents.content import GZIP, Content, first_difference
from vestige.contents.finding import ForeignError, brief, shown
from vestige.contents.tolerance import Tolerance
from vestige.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vestige.contents.finding import Finding
    from vestige.contents.kinds import Kind

__all__ = ["Comparison", "Tolerance", "Verdict", "compare"]

Verdict = Literal["identical", "equal", "different", "missing", "new"]

_SUFFIX_OF_GZIP = ".gz"
_TYPES = {
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the versions compare. `detail` and `reason` are one line that a terminal shows as it stands."""

    verdict: Verdict  # identical: the same bytes; equal: the same content by kind
    kind: str  # what they were compared as: bytes, text, json, csv, parquet, png, numpy, gzip, link, type (of file), …
    detail: str | None = None  # what differs and where, or what is not the same although the content is
    reason: str | None = None  # why it probably differs, if that shows: a timestamp, order of rows, …


_TOLERANCE = Tolerance()


def compare(then: str, now: str, *, name: str, tolerance: Tolerance = _TOLERANCE) -> Comparison:
    """Compare two paths on disk, neither of which has to be there; `name` tells the kind by its suffix.

    Never raises for what is found there: what can't be read or decoded is different, and the detail says why.
    """
    try:
        one, other = _status(then), _status(now)
        if one is None or other is None:
            return _gone(one, other)
        return _compared(_Version(then, one), _Version(now, other), name, tolerance)
    except OSError as error:
        return Comparison("different", "bytes", f"can't be compared: {error.strerror or brief(error)}")


class _Version(NamedTuple):
    path: str
    status: os.stat_result

    @property
    def type(self) -> str:
        return _TYPES.get(stat.S_IFMT(self.status.st_mode), "a thing of its own")

    @property
    def executable(self) -> bool:
        """Whether the owner may execute it: the one bit of permission that Git keeps."""
        return bool(self.status.st_mode & stat.S_IXUSR)


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # a path with a null byte is nowhere
        return None


def _gone(then: os.stat_result | None, now: os.stat_result | None) -> Comparison:
    if then is not None:
        return Comparison("missing", "bytes", "there then, not now")
    if now is not None:
        return Comparison("new", "bytes", "there now, not then")
    return Comparison("missing", "bytes", "not there, neither then nor now")


def _compared(then: _Version, now: _Version, name: str, tolerance: Tolerance) -> Comparison:
    if then.type != now.type:
        return Comparison("different", "type", f"{then.type} then, {now.type} now")
    if then.type == "a link":
        return _links(os.readlink(then.path), os.readlink(now.path))
    if then.type != "a file":
        return Comparison("different", "type", f"{then.type}: only files and links are compared")
    found = _contents(Content(then.path), Content(now.path), name, tolerance)
    return found if then.executable == now.executable else _other_permission(found, now)


def _links(then: str, now: str) -> Comparison:
    if then == now:
        return Comparison("identical", "link")
    return Comparison("different", "link", f"to {shown(then)} then, to {shown(now)} now")


def _other_permission(found: Comparison, now: _Version) -> Comparison:
    permission = "executable now, not then" if now.executable else "executable then, not now"
    content = found.detail if found.verdict == "different" else f"the content is {found.verdict}"
    return replace(found, verdict="different", detail=f"{permission}; {content}")


def _contents(then: Content, now: Content, name: str, tolerance: Tolerance) -> Comparison:
    first = first_difference(then, now)
    if first is None:
        return Comparison("identical", "bytes")
    remarks: list[str] = []
    for attempt in _attempts(then, now, name, tolerance):
        found = _tried(attempt, remarks)
        if found is not None:
            return _remarked(found, remarks)
    return _remarked(_by_bytes(then, now, first, tolerance), remarks)


def _attempts(then: Content, now: Content, name: str, tolerance: Tolerance) -> Iterator[Callable[[], Comparison]]:
    """Yield the ways to compare two contents, the likeliest first; each may raise `ForeignError`."""
    head, other = then.head(), now.head()
    if not then.unwrapped and head.startswith(GZIP) and other.startswith(GZIP):
        yield partial(_unwrapped, then, now, name, tolerance)
    for kind in kinds.candidates(name, head, other):
        yield partial(_by_kind, kind, then, now, tolerance)


def _tried(attempt: Callable[[], Comparison], remarks: list[str]) -> Comparison | None:
    try:
        return attempt()
    except ForeignError as error:
        remarks.append(str(error))
        return None


def _remarked(found: Comparison, remarks: list[str]) -> Comparison:
    words = [found.detail, *dict.fromkeys(remarks)]
    return replace(found, detail=printable("; ".join(word for word in words if word)))


def _comparison(kind: str, finding: Finding) -> Comparison:
    return Comparison("equal" if finding.equal else "different", kind, finding.detail, finding.reason)


def _unwrapped(then: Content, now: Content, name: str, tolerance: Tolerance) -> Comparison:
    inner = name[: -len(_SUFFIX_OF_GZIP)] if name.lower().endswith(_SUFFIX_OF_GZIP) else name
    found = _contents(replace(then, unwrapped=True), replace(now, unwrapped=True), inner, tolerance)
    if found.verdict != "identical":
        return replace(found, detail=f"in gzip, {found.detail}")
    return Comparison("equal", "gzip", "the same content; gzip's header or compression differs")


def _by_kind(kind: Kind, then: Content, now: Content, tolerance: Tolerance) -> Comparison:
    one, other = then.read(kind.limit), now.read(kind.limit)
    if one is None or other is None:
        raise ForeignError(f"too large to compare as {kind.label} (more than {kind.limit >> 20} MB)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of decoders, which would go to stderr
            return _comparison(kind.name, kind.differences(one, other, tolerance))
    except ForeignError:
        raise
    except Exception as error:  # the edge to decoders of foreign bytes, which raise whatever they like
        raise ForeignError(f"can't be compared as {kind.label} ({brief(error)})") from error


def _by_bytes(then: Content, now: Content, first: int, tolerance: Tolerance) -> Comparison:
    one, other = then.read(kinds.LARGEST), now.read(kinds.LARGEST)
    if one is None or other is None:
        return Comparison("different", "bytes", binary.where(first, then.size, now.size))
    return _comparison("bytes", binary.differences(one, other, tolerance))
