"""A file as it is now, whichever way it is named, and what the runs know of it."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

from vestige.history.origin import NOW, Origin, Search, Version, as_left, untouched
from vestige.history.same_files import look
from vestige.history.uses import WRITTEN, path_token, run_of
from vestige.provenance import hashing
from vestige.record.model import FileUse, Options
from vestige.text import from_os, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


_LARGE = 1 << 30  # bytes: to read this takes longer than to look whether any file of this size was ever written


class Present:
    """The file that was asked about: how it is now, and which run it comes from."""

    def __init__(self, search: Search, path: str) -> None:
        self.search = search
        self.path, *names = self._known_paths(path)
        self.names = tuple(names)
        self.now = look(self.path)
        self.writers = search.writers(self.path, *names)
        self.version = self._version(search.read.by_path.get(path_token(self.path), ()))
        self.origin: Origin | None = search.origin(self.version, NOW)

    @property
    def others(self) -> Iterator[str]:
        """Further runs that wrote the path, newest first, by their short ids."""
        chosen = self.origin.written.run if self.origin else None
        runs = (run_of(place) for place in self.writers)
        return (self.search.uses.runs[run].short_id for run in runs if run != chosen)

    @property
    def remover(self) -> str | None:
        """The short id of the run that removed the file, if it is gone and was not written again."""
        if self.now is not None:
            return None
        places = self.search.removed.by_path.get(path_token(self.path))
        if not places or (self.writers and self.writers[0] < places[0]):
            return None
        return self.search.uses.runs[run_of(places[0])].short_id

    def _known_paths(self, path: str) -> list[str]:
        """Return the path to look at, as text, and then the link that led there, if the runs know that by its name."""
        given = os.path.abspath(path)
        candidates = [from_os(name) for name in dict.fromkeys((os.path.realpath(given), given))]
        for candidate in candidates:
            if self.search.writers(candidate) or path_token(candidate) in self.search.read.by_path:
                return candidates if candidate == candidates[0] or self._was_replaced(candidate) else [candidate]
        if not os.path.lexists(given):
            for candidate in candidates:
                named = self.search.uses.named(candidate, WRITTEN)
                if named is not None:
                    return [named.use.path]
        return candidates

    def _was_replaced(self, path: str) -> bool:
        """Say whether a run wrote a file where a link is now: git-annex has put the content elsewhere."""
        newest = next(self._newest(self.search.writers(path)), None)
        return (
            os.path.islink(to_bytes(path))
            and newest is not None
            and newest.after is not None
            and newest.after.type == "file"
        )

    def _version(self, readers: Sequence[int]) -> Version:
        """Return the version that is there now, or was last; its content is read only where nothing else tells."""
        newest = [use for places in (self.writers, readers) for use in self._newest(places)]
        if self.now is None:
            return as_left(newest[0]) if newest else Version(self.path, None, None, self.names)
        for use in newest:
            if use.hash is not None and untouched(use.after, self.now):
                return Version(self.path, use.hash, self.now, self.names)
        return Version(self.path, self._hash(newest), self.now, self.names)

    def _newest(self, places: Sequence[int]) -> Iterator[FileUse]:
        return (sighting.use for sighting in itertools.islice(self.search.uses.sightings(places), 1))

    def _hash(self, newest: list[FileUse]) -> str | None:
        """Return the hash of what is there now, made as that of the run which used it last."""
        state = self.now
        if state is None or state.type != "file" or state.size is None:
            return None
        if not newest and state.size > _LARGE and not self._size_is_known(state.size):
            return None
        fast = any(use.hash is not None and use.hash.startswith("sha256-fast:") for use in newest)
        unhashed = FileUse(self.path, "output", after=state)
        return next(hashing.hashed([unhashed], Options(hash="fast" if fast else "full"))).hash

    def _size_is_known(self, size: int) -> bool:
        return self.search.uses.mention(b'"size":%d,' % size, WRITTEN)
