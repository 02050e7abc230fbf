"""From what was done to which path to the files that a run used, each with its class.

What the calls came to is not known, so states decide and attempts only explain them: `_CLASSES` is the whole of it, and
`rules` then tells data from software.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from vestige.observe import touches as seen
from vestige.provenance.rules import Subject
from vestige.record.file_state import file_state
from vestige.record.model import FileCount, FileState, FileUse
from vestige.text import from_os, to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from vestige.observe.observation import Observation
    from vestige.observe.touches import Actors, Touch
    from vestige.provenance.rules import Rules
    from vestige.record.model import FileClass, FileType

DOUBTFUL = "it may have changed after the run ended"
_UNSEEN = "it was not looked at while the run lasted"
_LATEST = (1 << 63) - 1
_TICK = 10_000_000  # ns: the kernel's clock for files stands still for as long


class _End(NamedTuple):
    """What stands at a path at the run's end."""

    state: FileState | None
    doubt: str | None = None


class _Facts(NamedTuple):
    """What `_CLASSES` decides from; a tuple, since there may be a million."""

    deeds: int
    before: FileState | None
    after: FileState | None
    differs: bool  # what stands there at the end is not what stood there first

    def did(self, deeds: int) -> bool:
        return self.deeds & deeds != 0

    @property
    def made(self) -> bool:
        return self.after is not None and self.differs and self.did(seen.MAKING)

    @property
    def was_there(self) -> bool:
        """At first, or at any look; a path that could not be looked at may have been."""
        return self.before is not None or self.did(seen.SEEN) or not self.did(seen.KNOWN)


_CLASSES: tuple[tuple[FileClass, Callable[[_Facts], bool]], ...] = (
    # the first that holds
    ("modified", lambda it: it.made and it.did(seen.READ_FIRST) and it.before is not None),
    ("output", lambda it: it.made),
    ("removed", lambda it: it.before is not None and it.after is None and it.did(seen.CHANGING)),
    ("temporary", lambda it: it.after is None and it.did(seen.SEEN) and it.did(seen.CHANGING)),
    ("input", lambda it: it.was_there and it.did(seen.READ)),
    ("listed", lambda it: it.was_there and it.did(seen.LISTED)),
    ("unchanged", lambda it: it.after is not None and it.did(seen.CHANGING)),
    ("probed", lambda _: True),
)


def uses(observation: Observation, rules: Rules, *, folder: str) -> list[FileUse]:
    """Return every file of a run in the order in which they were first touched, without hashes.

    `folder` is the run's own: what lies in it, and in the others of its store, is left out.
    """
    context = _Context(observation, rules)
    runs = from_os(os.path.dirname(os.path.realpath(folder)))
    found = []
    for touch in observation.touches.by_path.values():
        if not touch.path.startswith(f"{runs}/") and touch.path != runs:
            use = context.use(touch)
            if use is not None:
                found.append(use)
    return _without_moved(found, observation.touches.by_path)


def find_interpreters(observation: Observation) -> None:
    """Add the interpreters, which are named as the files name them, to the paths under their canonical ones."""
    touches = observation.touches
    for name, touch in touches.interpreters.items():
        path = from_os(os.path.realpath(os.fsdecode(to_bytes(name)))) if "\0" not in name else name
        known = touches.by_path.setdefault(path, touch)
        known.deeds |= touch.deeds
        if known is touch:
            touch.path = path
            touch.before = touch.latest = _look(path, None)
            touch.deeds |= seen.KNOWN | (seen.SEEN if touch.before is not None else 0)
        known.readers = _united(known.readers, touch.readers)
        if name != path and name not in known.names:
            known.names += (name,)


def paths(observation: Observation) -> Iterator[str]:
    """Yield, as text, every path whose content the run may have read: those that a package may own."""
    for touch in observation.touches.by_path.values():
        if touch.deeds & seen.READ and touch.deeds & seen.SEEN:
            yield touch.path


def counts(found: Iterable[FileUse]) -> dict[str, FileCount]:
    """Return how many files of each class there are, the classes in order of their names.

    A folder that the run made is no file of its own; one that it listed is.
    """
    numbers: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for use in found:
        state = use.after or use.before
        if state is not None and state.type == "directory" and use.kind != "listed":
            continue
        size = state.size if state is not None and state.type == "file" else None
        numbers[use.kind] = numbers.get(use.kind, 0) + 1
        sizes[use.kind] = sizes.get(use.kind, 0) + (size or 0)
    return {kind: FileCount(numbers[kind], sizes[kind]) for kind in sorted(numbers)}


class _Context:
    """A run as its files need it: its clock, its processes, its rules."""

    def __init__(self, observation: Observation, rules: Rules) -> None:
        begin, end = observation.begin, observation.end
        wall = 0 if begin is None or begin.realtime_ns is None else begin.realtime_ns
        self.observation = observation
        self.started_ns = wall + (observation.started or 0) - _TICK
        self.ended_ns = wall + (observation.last if end is None else end.t) if wall else _LATEST
        self.rules = rules
        self.lines = observation.touches.cast.lines(observation.lives)
        self.written = _inodes_written(observation.touches.by_path.values())

    def use(self, touch: Touch) -> FileUse | None:
        """Return the file that a path stands for; None where there never was one."""
        if not touch.deeds & seen.CHANGING and _inode(touch.before) in self.written:
            touch.deeds |= seen.WROTE  # by another name of the same file
        end = self._end(touch)
        if touch.deeds & seen.INFERRED and touch.before is None and end.state is None:
            return None  # the rename that was to bring it here failed
        facts = _Facts(touch.deeds, touch.before, end.state, self._differs(touch, end.state))
        kind = _class_of(facts)
        verdict = self.rules.verdict(
            Subject(
                path=touch.path,
                kind=kind,
                type=_type(end.state or touch.latest or touch.before),
                executed=bool(touch.deeds & seen.EXECUTED),
                names=touch.names,
            )
        )
        changed = facts.differs and kind == "input" and touch.deeds & (seen.KNOWN | seen.CHANGING) == seen.KNOWN
        return FileUse(
            path=touch.path,
            kind=verdict.kind,
            names=_names(touch, end.state),
            before=touch.before,
            after=end.state,
            hash_reason=end.doubt,
            changed=changed,
            executed=bool(touch.deeds & seen.EXECUTED),
            package=verdict.package,
            readers=self._lines(touch.readers),
            writers=self._lines(touch.writers),
            first=self.observation.seconds(touch.first),
            rule=verdict.rule,
        )

    def _end(self, touch: Touch) -> _End:
        """Return what stood there at the end, from the recorder's last look or, where there was none, one now."""
        deeds = touch.deeds
        if deeds & seen.FINAL:
            return _End(touch.final)
        if not deeds & seen.CHANGING:
            return self._end_of_untouched(touch)
        if deeds & seen.FOREIGN or self.rules.is_pseudo(touch.path):
            return _End(touch.there)
        now = _look(touch.path, touch.there)
        return _End(now, DOUBTFUL if self._is_later(now) else None)

    def _end_of_untouched(self, touch: Touch) -> _End:
        """Return the end of a file that the run itself left alone: a change after the run is not the run's."""
        if not touch.deeds & (seen.READ | seen.LISTED):
            return _End(touch.latest)
        if not touch.deeds & seen.SEEN:
            return _End(None, _UNSEEN if touch.deeds & seen.READ else None)
        if touch.deeds & seen.FOREIGN or self.rules.is_pseudo(touch.path):
            return _End(touch.latest)
        now = _look(touch.path, touch.latest)
        return _End(touch.latest if now is None or self._is_later(now) else now)

    def _is_later(self, now: FileState | None) -> bool:
        return now is not None and now.ctime_ns is not None and now.ctime_ns > self.ended_ns

    def _differs(self, touch: Touch, after: FileState | None) -> bool:
        before = touch.before
        if not touch.deeds & seen.KNOWN:  # not looked at before: the clock of the file must tell
            return after is not None and (after.ctime_ns is None or after.ctime_ns >= self.started_ns)
        if before is None or after is None:
            return before is not after
        if (before.type, before.ino) != (after.type, after.ino):
            return True
        if before.type == "directory":
            return False  # what is in it has entries of its own
        if (before.size, before.mtime_ns) != (after.size, after.mtime_ns):
            return True
        return before.ctime_ns != after.ctime_ns and touch.deeds & seen.WROTE != 0

    def _lines(self, actors: Actors) -> tuple[int, ...]:
        if actors is None:
            return ()
        if isinstance(actors, int):
            line = self.lines[actors]
            return () if line is None else (line,)
        return tuple(sorted({line for number in actors if (line := self.lines[number]) is not None}))


def _inodes_written(touched: Iterable[Touch]) -> set[tuple[int | None, int]]:
    """Return the files that were opened for writing, whatever their names."""
    written = (_inode(touch.there or touch.final) for touch in touched if touch.deeds & seen.WROTE)
    return {inode for inode in written if inode is not None}


def _inode(state: FileState | None) -> tuple[int | None, int] | None:
    return None if state is None or state.ino is None else (state.dev, state.ino)


def _class_of(facts: _Facts) -> FileClass:
    for kind, holds in _CLASSES:
        if holds(facts):
            return kind
    raise AssertionError("the last one holds for everything")


def _look(path: str, otherwise: FileState | None) -> FileState | None:
    """Return what stands at a path now, `otherwise` where it can't be looked at."""
    try:
        status = os.lstat(to_bytes(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):  # out of reach; a null byte, which no honest recorder writes
        return otherwise
    return file_state(status)


def _united(one: Actors, other: Actors) -> Actors:
    if one is None or other is None or one == other:
        return other if one is None else one
    sets = [{actors} if isinstance(actors, int) else actors for actors in (one, other)]
    return sets[0] | sets[1]


def _names(touch: Touch, after: FileState | None) -> tuple[str, ...]:
    """Return the other names of a path: those that lead there, and those under which its content was written."""
    if not touch.names and not touch.origin:
        return ()
    return tuple(dict.fromkeys(name for name in (*touch.names, *_written_as(touch, after)) if name != touch.path))


def _written_as(touch: Touch, after: FileState | None) -> tuple[str, ...]:
    """Return the earlier paths of what stands at a path at the end, if that is what was renamed or linked there."""
    is_it = after is not None and (touch.bearing is None or after.ino in (None, touch.bearing))
    return touch.origin if is_it else ()


def _without_moved(found: list[FileUse], by_path: dict[str, Touch]) -> list[FileUse]:
    """Leave out the names of a file that had another when the run ended: it is listed under that."""
    moved = {name for use in found for name in _written_as(by_path[use.path], use.after)}
    return [use for use in found if use.path not in moved or use.kind not in ("temporary", "probed")]


def _type(state: FileState | None) -> FileType | None:
    return None if state is None else state.type
