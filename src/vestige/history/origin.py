"""Which run a version of a file comes from. A *version* is a path and a content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vestige.history.uses import READ, REMOVED, SOFTWARE, WRITTEN, Sighting, Uses, earlier, later, path_token, run_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.record.model import FileClass, FileState, FileUse
    from vestige.store.runs import RunFolder

NOW = -1  # stands for a reader after all runs
_NAME_SECOND = len("20260131T235959")


@dataclass(frozen=True, slots=True)
class Version:
    """What is known of a version: enough to find who wrote it."""

    path: str  # text
    hash: str | None
    state: FileState | None
    names: tuple[str, ...] = ()  # links that led there: what stood at one may have been a file when it was written

    @property
    def paths(self) -> tuple[str, ...]:
        """Where it may have been written to."""
        return (self.path, *self.names)


@dataclass(frozen=True, slots=True)
class Origin:
    """The run that a version comes from, and how the version relates to what that run wrote.

    `same`: it is that. `copied`: the same content under another path. `changed`: the same path, but somebody else has
    changed the content since. `perhaps`: the same path, and nothing to compare contents by.
    """

    relation: Literal["same", "copied", "changed", "perhaps"]
    written: Sighting


class Search:
    """Who wrote what in all runs, and, to go forward, who read what."""

    def __init__(self, runs: Sequence[RunFolder], *, everything: bool, forward: bool) -> None:
        self.uses = Uses(runs)
        self.read_classes: tuple[FileClass, ...] = (*READ, *SOFTWARE) if everything else READ
        wanted = (WRITTEN, REMOVED, self.read_classes if forward else ())
        self.written, self.removed, self.read = self.uses.places(*wanted)

    def writers(self, *paths: str) -> Sequence[int]:
        """Return the places where runs wrote any of `paths`, newest first."""
        places = [self.written.by_path.get(path_token(path), ()) for path in paths]
        return places[0] if len(places) == 1 else sorted({place for each in places for place in each})

    def origin(self, version: Version, reader: int) -> Origin | None:
        """Return where `version` came from when run `reader` read it; None: no run that is kept wrote it.

        That is the newest run before that wrote this content to this path; else the newest that wrote this path, if
        size and time of change are still the same; else one that wrote this content to another path; else the newest
        that wrote this path, whose content somebody else has changed since.
        """
        alike = list(self._alike(version, reader))
        for sighting in alike:
            if sighting.use.path in version.paths:
                return Origin("same", sighting)
        newest = next(self.uses.sightings(earlier(self.writers(*version.paths), reader)), None)
        if newest is not None and same_state(newest.use.after, version.state):
            return Origin("same", newest)
        for sighting in self._meanwhile(version, reader):
            return Origin("same", sighting)
        if alike:
            return Origin("copied", alike[0])
        if newest is None:
            return None
        return Origin("changed" if _differ(as_left(newest.use), version) else "perhaps", newest)

    def _alike(self, version: Version, reader: int) -> Iterator[Sighting]:
        """Yield who wrote the same content before, newest first; an empty file tells nothing under another path."""
        if version.hash is None:
            return
        places = self.written.by_hash.get(version.hash.encode(), ())
        for sighting in self.uses.sightings(earlier(places, reader)):
            if sighting.use.path in version.paths or size(sighting.use.after):
                yield sighting

    def _meanwhile(self, version: Version, reader: int) -> Iterator[Sighting]:
        """Yield who began after the reader, but while it ran, and wrote what it read."""
        places = later(self.writers(*version.paths), reader)
        record = self.uses.record(reader) if places else None
        ended = "" if record is None or record.ended is None else record.ended
        second = ended.replace("-", "").replace(":", "")[:_NAME_SECOND]
        for place in places:
            if self.uses.runs[run_of(place)].name[:_NAME_SECOND] <= second:
                sightings = self.uses.sightings([place])
                yield from (sighting for sighting in sightings if is_same(as_left(sighting.use), version))


def as_read(use: FileUse) -> Version:
    """Return the version that a run read."""
    return Version(use.path, use.hash_read, use.before, use.names)


def as_left(use: FileUse) -> Version:
    """Return the version that a run left behind."""
    return Version(use.path, use.hash, use.after)


def is_same(one: Version, other: Version) -> bool:
    """Say whether two versions of one path are the same, as far as anything tells."""
    if _comparable(one.hash, other.hash):
        return one.hash == other.hash
    return same_state(one.state, other.state)


def same_state(one: FileState | None, other: FileState | None) -> bool:
    """Say whether size and time of change are the same: whoever copies both with a file copies its content."""
    if one is None or other is None or one.mtime_ns is None:
        return False
    return (one.type, one.size, one.mtime_ns) == (other.type, other.size, other.mtime_ns)


def untouched(one: FileState | None, other: FileState) -> bool:
    """Say whether nobody has touched a file at all between two looks."""
    return one is not None and same_state(one, other) and (one.ino, one.ctime_ns) == (other.ino, other.ctime_ns)


def size(state: FileState | None) -> int | None:
    """Return the size in bytes, None where it is not known."""
    return None if state is None else state.size


def _differ(one: Version, other: Version) -> bool:
    """Say whether two versions of one path certainly differ."""
    if _comparable(one.hash, other.hash):
        return one.hash != other.hash
    return one.state is not None and other.state is not None and not same_state(one.state, other.state)


def _comparable(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one.partition(":")[0] == other.partition(":")[0]
