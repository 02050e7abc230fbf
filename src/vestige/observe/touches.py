"""What was done to which path: the file events of a run, summed up.

An event tells of an attempt and of what stood there just before; whether it succeeded, later events and the end show.
So a `Touch` keeps what was tried (`deeds`), the first state, the latest and the final one, and `provenance.files`
concludes. A run may touch a million paths: a `Touch` takes some 500 bytes, states included.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from vestige.observe.actors import Cast
from vestige.observe.fields import Fields
from vestige.record.model import FileState
from vestige.text import from_bytes, to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vestige.record.model import FileType

READ = 1 << 0  # content opened for reading
READ_FIRST = 1 << 1  # before the run wrote it
WROTE = 1 << 2  # content opened for writing, or cut
CREATED = 1 << 3
MOVED_HERE = 1 << 4  # renamed or linked to this path
MOVED_AWAY = 1 << 5
UNLINKED = 1 << 6
EXECUTED = 1 << 7
LISTED = 1 << 8  # a folder opened for reading
KNOWN = 1 << 9  # what stood there first was looked at
SEEN = 1 << 10  # something stood there at one look at the least
THERE = 1 << 11  # something should stand there now
FINAL = 1 << 12  # the recorder looked after the end
FOREIGN = 1 << 13  # in another mount namespace: not to be found under this path from here
INFERRED = 1 << 14  # no event names it: its folder was renamed

MAKING = WROTE | CREATED | MOVED_HERE
CHANGING = MAKING | MOVED_AWAY | UNLINKED

_NAMES = 20  # other names kept of one path
_CARRIED = 5_000_000  # paths moved along with their folders, all in all: some 20 s of work
_TYPES: dict[str, FileType] = {
    "file": "file",
    "directory": "directory",
    "link": "link",
    "fifo": "fifo",
    "socket": "socket",
    "char": "char",
    "block": "block",
    "other": "other",
}

Actors = int | set[int] | None  # a set of 200 bytes only where there are several


@dataclass(slots=True)
class Touch:
    """One path and what the run did to it, or tried."""

    path: str  # text, canonical
    first: int  # ns
    deeds: int = 0
    before: FileState | None = None  # at the first look
    latest: FileState | None = None  # at the last look that saw something
    final: FileState | None = None
    readers: Actors = None  # indices of `Touches.cast`
    writers: Actors = None
    names: tuple[str, ...] = ()  # text, that led here
    origin: tuple[str, ...] = ()  # text, the paths under which what stands here was written
    bearing: int | None = None  # inode that was renamed or linked here

    @property
    def there(self) -> FileState | None:
        """What should stand here now; None also where that is not known."""
        return self.latest if self.deeds & THERE else None

    @property
    def is_absent(self) -> bool:
        """Whether nothing should stand here now, for certain."""
        return self.deeds & (KNOWN | THERE) == KNOWN


class _Content(NamedTuple):
    """What a rename takes from one path to another."""

    state: FileState | None
    names: tuple[str, ...]
    writers: Actors


@dataclass(slots=True)
class Touches:
    """All paths so far, in the order in which they were first touched; events come in order of `seq`."""

    by_path: dict[str, Touch] = field(default_factory=dict)
    interpreters: dict[str, Touch] = field(
        default_factory=dict
    )  # by the name in the file: not canonical, never looked at
    inherited: list[str] = field(default_factory=list)  # text, what the command was started with
    cast: Cast = field(default_factory=Cast)
    unnamed: int = 0  # events whose path could not be told
    carried: int = 0  # paths moved along with their folders
    uncarried: int = 0  # paths that were not, for there were too many
    _folders: _Folders | None = None  # only once a folder was renamed

    def take(self, event: Fields, t: int) -> None:
        """Take one file event."""
        kind = event.word("event")
        if kind == "final":
            self._end(event, t)
            return
        actor = self.cast.number(event, t)
        if kind == "inherited":
            self._inherit(event, t, actor)
            return
        if event.flag("unnamed") and kind in ("open", "truncate"):  # by /dev/stdout: no pipe is listed either
            return
        touch = self.look(event, t)
        if touch is not None:
            _DEEDS[kind](self, touch, event, actor, t)

    def look(self, place: Fields, t: int) -> Touch | None:
        """Return the path that a *place* names, with what was seen there noted."""
        path = canonical(place)
        if path is None:
            self.unnamed += 1
            return None
        touch = self.by_path.get(path) or self._new(path, t)
        touch.deeds &= ~INFERRED
        _note(touch, _state(place), absent=place.flag("absent"))
        if "real" in place.raw:
            _add_name(touch, place)
        if place.flag("foreign"):
            touch.deeds |= FOREIGN
        return touch

    def _new(self, path: str, t: int) -> Touch:
        touch = self.by_path[path] = Touch(path, t)
        if self._folders is not None:
            self._folders.add(path)
        return touch

    def _end(self, event: Fields, t: int) -> None:
        path = event.text("path")
        if not path:
            return
        touch = self.by_path.get(path)
        if touch is None:  # whatever it was that may have changed it was lost
            touch = self._new(path, t)
            touch.deeds |= WROTE
        touch.final = _state(event)
        if touch.final is not None or event.flag("absent"):
            touch.deeds |= FINAL | (SEEN if touch.final is not None else 0)

    def _inherit(self, event: Fields, t: int, actor: int | None) -> None:
        from_front = event.raw.get("descriptors")
        for raw in from_front if isinstance(from_front, list) else ():
            descriptor = Fields(raw if isinstance(raw, dict) else {})
            named = descriptor.word("kind") == "file" and not descriptor.flag("unnamed")
            touch = self.look(descriptor, t) if named else None
            if touch is not None:
                self.inherited.append(touch.path)
                _opened(self, touch, descriptor, actor, t)

    def moved(self, source: Touch, target: Touch, actor: int | None, t: int, *, exchange: bool) -> None:
        """Carry what stands at one path, and all below it, to another, or exchange both."""
        pairs = [(source, target.path), *self._below(source, target.path)]
        if exchange:
            pairs += [(target, source.path), *self._below(target, source.path)]
        taken = [(_taken(touch, actor), path) for touch, path in pairs]
        for content, path in taken:
            touch = self.by_path.get(path)
            if touch is None:
                touch = self._new(path, t)
                touch.deeds |= INFERRED | (0 if exchange else KNOWN)
            _put(touch, content, actor)

    def _below(self, folder: Touch, new: str) -> list[tuple[Touch, str]]:
        """Return what is known below a folder, each with the path it gets when the folder is called `new`."""
        if folder.latest is not None and folder.latest.type != "directory":
            return []
        if self._folders is None:
            self._folders = _Folders()
            for path in self.by_path:
                self._folders.add(path)
        old_bytes, new_bytes = to_bytes(folder.path), to_bytes(new)
        found = []
        for path in self._folders.below(folder.path):
            touch = self.by_path.get(path)
            if touch is None or not touch.deeds & THERE:
                continue
            if self.carried >= _CARRIED:
                self.uncarried += 1
                continue
            self.carried += 1
            found.append((touch, from_bytes(new_bytes + to_bytes(path)[len(old_bytes) :])))
        return found


@dataclass(slots=True)
class _Folders:
    """Known paths by the folder they are in, so that a folder's rename finds what is below."""

    entries: dict[str, dict[str, None]] = field(default_factory=dict)

    def add(self, path: str) -> None:
        """Note a path and, once each, the folders above it."""
        while True:
            above = _folder_of(path)
            known = self.entries.get(above)
            if known is not None:
                known[path] = None
                return
            self.entries[above] = {path: None}
            if above == path:
                return
            path = above

    def below(self, folder: str) -> Iterator[str]:
        """Yield every noted path below a folder."""
        waiting = [folder]
        while waiting:
            here = waiting.pop()
            inside = [path for path in self.entries.get(here, ()) if path != here]
            yield from inside
            waiting += [path for path in inside if path in self.entries]


def canonical(place: Fields) -> str | None:
    """Return the canonical path of a *place* as text, None where it can't be told."""
    real = place.text("real")
    if real:
        return real
    return _joined(place.text("base"), place.text("path"))


def _joined(base: str | None, path: str | None) -> str | None:
    if path is None or (base is None and not _is_absolute(path)):
        return None
    if path.startswith('"') or (base or "").startswith('"'):
        return from_bytes(_tidied(os.path.join(to_bytes(base or "/"), to_bytes(path))))
    whole = path if base is None or path.startswith("/") else f"{base}/{path}"
    if "//" in whole or "/." in whole or whole.endswith("/"):
        return from_bytes(_tidied(to_bytes(whole)))
    return whole


def _is_absolute(path: str) -> bool:
    return path.startswith(("/", '"/'))


def _tidied(path: bytes) -> bytes:
    tidy = os.path.normpath(path)
    return tidy[1:] if tidy.startswith(b"//") else tidy  # POSIX lets two leading slashes stand


def _folder_of(path: str) -> str:
    if path.startswith('"'):
        return from_bytes(os.path.dirname(to_bytes(path)))
    return path.rpartition("/")[0] or ("/" if path.startswith("/") else "")


def _state(place: Fields) -> FileState | None:
    inner = place.inner("state")
    kind = _TYPES.get(inner.word("type"))
    if kind is None:
        return None
    return FileState(
        kind,
        inner.count("size"),
        inner.count("mtime_ns"),
        inner.count("ctime_ns"),
        inner.count("dev"),
        inner.count("ino"),
    )


def _note(touch: Touch, state: FileState | None, *, absent: bool) -> None:
    """Note one look at a path; neither state nor absent: it could not be looked at."""
    if state is None and not absent:
        return
    if not touch.deeds & (KNOWN | CHANGING):
        touch.deeds |= KNOWN
        touch.before = state
    if state is None:
        touch.deeds &= ~THERE
        touch.origin, touch.bearing = (), None  # a rename to here failed
        return
    touch.deeds |= SEEN | THERE
    if state != touch.latest:
        touch.latest = state
    if touch.bearing is not None and state.ino not in (None, touch.bearing):
        touch.origin, touch.bearing = (), None


def _add_name(touch: Touch, place: Fields) -> None:
    """Note the name by which a path was reached: a symbolic link leads there."""
    if place.flag("foreign") or "root" in place.raw or len(touch.names) >= _NAMES:
        return
    name = _joined(place.text("base"), place.text("path"))
    if name and name != touch.path and name not in touch.names and not name.startswith("/proc/"):
        touch.names += (name,)


def _read(touch: Touch, actor: int | None) -> None:
    untouched = not touch.deeds & MAKING or _is_as_it_was(touch)
    touch.deeds |= READ | READ_FIRST if untouched else READ
    touch.readers = _with(touch.readers, actor)


def _is_as_it_was(touch: Touch) -> bool:
    """Say whether the content is still what it was at first, whatever was opened for writing since."""
    now, before = touch.there, touch.before
    if now is None or before is None or now.mtime_ns is None:
        return False
    return (now.ino, now.size, now.mtime_ns) == (before.ino, before.size, before.mtime_ns)


def _made(touch: Touch, deed: int, actor: int | None) -> None:
    if not touch.deeds & THERE:
        touch.latest = None  # of what stood there earlier
    touch.deeds |= deed | THERE
    touch.writers = _with(touch.writers, actor)


def _gone(touch: Touch, deed: int, actor: int | None) -> None:
    touch.deeds = (touch.deeds | deed) & ~THERE
    touch.writers = _with(touch.writers, actor)
    touch.origin, touch.bearing = (), None


def _with(actors: Actors, actor: int | None) -> Actors:
    if actors is None or actor is None or actors == actor:
        return actor if actors is None else actors
    if isinstance(actors, int):
        return {actors, actor}
    actors.add(actor)
    return actors


def _taken(touch: Touch, actor: int | None) -> _Content:
    content = _Content(touch.there, (*touch.origin, touch.path), touch.writers)
    _gone(touch, MOVED_AWAY, actor)
    return content


def _put(touch: Touch, content: _Content, actor: int | None) -> None:
    _made(touch, MOVED_HERE, actor)
    for writer in content.writers if isinstance(content.writers, set) else (content.writers,):
        touch.writers = _with(touch.writers, writer)
    touch.latest = content.state
    touch.origin = tuple(dict.fromkeys(content.names))[-_NAMES:]
    touch.bearing = None if content.state is None else content.state.ino


def _opened(_: Touches, touch: Touch, event: Fields, actor: int | None, __: int) -> None:
    access = event.word("access")
    create = event.flag("create")
    if access == "path" or event.flag("denied") or event.flag("tmpfile") or (touch.is_absent and not create):
        return
    kind = None if touch.there is None else touch.there.type
    writes = access in ("write", "both") or event.flag("truncate")
    if kind == "directory" or (kind is None and event.flag("directory")):
        if not writes and not create:  # EISDIR
            touch.deeds |= LISTED
            touch.readers = _with(touch.readers, actor)
        return
    if _fails(touch, event):
        return
    if access in ("read", "both") and not event.flag("truncate") and not touch.is_absent:
        _read(touch, actor)
    if writes or touch.is_absent:
        _made(touch, WROTE | (CREATED if create and touch.is_absent else 0), actor)


def _fails(touch: Touch, event: Fields) -> bool:
    """Say whether an open of what stands there is sure to fail: ENOTDIR, EEXIST, ELOOP."""
    there = touch.there
    if there is None:
        return False
    return event.flag("directory") or (event.flag("create") and event.flag("exclusive")) or there.type == "link"


def _executed(touches: Touches, touch: Touch, event: Fields, actor: int | None, t: int) -> None:
    if touch.is_absent or event.flag("denied"):
        return
    _read(touch, actor)
    touch.deeds |= EXECUTED
    for name in event.texts("interpreters") or ():
        path = _joined(event.text("base"), name)
        if path is not None:
            interpreter = touches.interpreters.setdefault(path, Touch(path, t))
            _read(interpreter, actor)


def _truncated(_: Touches, touch: Touch, event: Fields, actor: int | None, __: int) -> None:
    if not touch.is_absent and not event.flag("denied"):
        _made(touch, WROTE, actor)


def _unlinked(_: Touches, touch: Touch, event: Fields, actor: int | None, __: int) -> None:
    if not touch.is_absent and not event.flag("denied"):
        _gone(touch, UNLINKED, actor)


def _created(_: Touches, touch: Touch, event: Fields, actor: int | None, __: int) -> None:
    if not touch.deeds & THERE and not event.flag("denied"):
        _made(touch, CREATED, actor)


def _renamed(touches: Touches, touch: Touch, event: Fields, actor: int | None, t: int) -> None:
    target = touches.look(event.inner("to"), t)
    exchange = event.flag("exchange")
    if target is None or touch.is_absent or event.flag("denied") or target is touch:
        return
    if target.deeds & THERE and (event.flag("noreplace") or _is_one_file(touch, target)):
        return
    if not (exchange and target.is_absent):
        touches.moved(touch, target, actor, t, exchange=exchange)


def _linked(touches: Touches, touch: Touch, event: Fields, actor: int | None, t: int) -> None:
    target = touches.look(event.inner("to"), t)
    if target is None or touch.is_absent or target.deeds & THERE or event.flag("denied"):
        return
    unnamed = touch.path.startswith("/proc/") or touch.path.endswith(" (deleted)")  # linkat of an O_TMPFILE
    names = () if unnamed else (*touch.origin, touch.path)
    if touch.there is not None and touch.there.type == "file" and not unnamed:
        _read(touch, actor)  # its content has another name now
    _put(target, _Content(None if unnamed else touch.there, names, touch.writers), actor)


def _is_one_file(touch: Touch, target: Touch) -> bool:
    """Say whether two paths are links to one file: then rename(2) does nothing."""
    one, other = touch.there, target.there
    if one is None or other is None or one.ino is None:
        return False
    return (one.dev, one.ino) == (other.dev, other.ino)


_DEEDS: dict[str, Callable[[Touches, Touch, Fields, int | None, int], None]] = {
    "open": _opened,
    "exec": _executed,
    "truncate": _truncated,
    "unlink": _unlinked,
    "mkdir": _created,
    "mknod": _created,
    "symlink": _created,
    "rename": _renamed,
    "link": _linked,
}
EVENTS = (*(name for name in _DEEDS if name != "exec"), "inherited", "final")  # exec speaks of a process as well
