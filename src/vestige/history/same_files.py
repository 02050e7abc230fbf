"""Whether every file that a run used is still what it was: what it read, what it wrote, what it looked for in vain.

In doubt it is not. A file counts as the same by its state (inode, size, times), or else by the hash of its content.
"""

from __future__ import annotations

import calendar
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vestige.errors import RecordError, StoreError
from vestige.history.origin import same_state, untouched
from vestige.provenance import hashing
from vestige.record.file_state import file_state
from vestige.record.model import FileUse, Options
from vestige.text import from_bytes, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vestige.record.model import FileClass, FileState, Record
    from vestige.store.runs import RunFolder

_SECOND = 1_000_000_000
_RACY = 2 * _SECOND  # ns: on coarse file systems a file may change so long without its times telling
_ORDER: tuple[FileClass, ...] = (  # in which differences are looked for: what people change first
    "input", "modified", "removed", "output", "unchanged", "listed", "cache", "config", "software", "probed", "pseudo",
)  # fmt: skip
_USED: tuple[FileClass, ...] = ("input", "output", "modified", "unchanged")
_NO_DOUBT = ("not asked for", "larger than the limit", "it may not be read", hashing.SAMPLED)  # reasons for no hash
_DEVICES = {
    "/dev/full", "/dev/null", "/dev/ptmx", "/dev/random", "/dev/tty", "/dev/urandom", "/dev/zero",
}  # fmt: skip
_DEVICE_FOLDERS = ("/dev/pts/", "/dev/nvidia", "/dev/dri/", "/dev/kfd")  # a terminal; processors for graphics
_GIVING = ("char", "block", "fifo")  # what is read from these nobody knows; sockets are in the list of connections


@dataclass(slots=True)
class _Hashing:
    """A file whose content must tell."""

    use: FileUse
    now: FileState


@dataclass(slots=True)
class Comparison:
    """The files of one run beside what is there now; `run` is what to call it: `run 7f3a91aa`."""

    record: Record
    run: str
    uses: Sequence[FileUse]
    waiting: list[_Hashing] = field(default_factory=list)

    def of_states(self, search: Iterable[str]) -> Iterator[str]:
        """Yield what is certainly not as it was, one sentence each; `search` are the folders of PATH.

        No file is read for it; those of which the content must tell are left for `of_contents`.
        """
        made = {use.path for use in self.uses if use.writers}
        folders = {_folder(name) for use in self.uses if use.writers for name in (use.path, *use.names)}
        for use in sorted(self.uses, key=lambda use: _ORDER.index(use.kind) if use.kind in _ORDER else len(_ORDER)):
            yield from self._of_folder(use, folders) if use.kind == "listed" else self._of_use(use)
            yield from self._of_names(use, made)
        yield from self._of_search(tuple(search), nanoseconds(self.record.started))

    def of_others(self, others: Iterable[RunFolder], streams: Iterable[str]) -> Iterator[str]:
        """Yield what other runs of the same command used, this one did not open, and has changed since it began.

        A program may only look whether a file is there, or newer than another, before it opens it or not. `streams`
        are files that stdout and stderr of this run went to. What can't be read of another run tells nothing.
        """
        seen = {use.path for use in self.uses}
        since = nanoseconds(self.record.started)
        for other in others:
            with suppress(RecordError, StoreError):
                passed_over = {stream.path for stream in other.load().streams.values()}.union(seen, streams)
                for use in other.files(_USED):
                    if use.path not in passed_over and _has_changed(use.path, since):
                        yield f"{self._named(use.path)} changed since {self.run}, another run of the command used it"

    def of_declared(self, paths: Iterable[str]) -> Iterator[str]:
        """Yield which of the inputs that somebody named were not seen to be used, and have changed since."""
        seen = {use.path for use in self.uses}
        since = nanoseconds(self.record.started)
        for path in paths:
            if path not in seen and _has_changed(path, since):
                yield f"{self._named(path)} changed since {self.run}"

    def _of_use(self, use: FileUse) -> Iterator[str]:
        if use.kind == "modified":
            yield f"{self.run} changed {self._named(use.path)}, which it had read"
        elif use.kind == "removed":
            yield f"{self.run} removed {self._named(use.path)}"
        elif use.kind == "probed":
            yield from self._of_probed(use)
        elif use.kind == "pseudo":
            yield from self._of_pseudo(use)
        elif use.kind != "temporary":
            yield from self._of_file(use)

    def _of_file(self, use: FileUse) -> Iterator[str]:
        name = self._named(use.path)
        if use.changed:
            yield f"{name} changed while {self.run} used it"
        if use.after is None:
            yield f"{self.run} did not see how it left {name}"
            return
        if use.hash_reason is not None and not use.hash_reason.startswith(_NO_DOUBT):
            yield f"{self.run} is not sure of {name}: {use.hash_reason}"
        now = look(use.path)
        if now is None:
            yield f"{name} is gone since {self.run}"
        elif use.after.type == now.type == "directory":
            return  # one that it made; what is in there is listed by itself
        elif untouched(use.after, now):
            yield from self._of_racy(use, now)
        elif now.type == "file" and now.size == use.after.size and (use.hash or "").startswith("sha256:"):
            self.waiting.append(_Hashing(use, now))
        else:
            yield f"{name} changed since {self.run}"

    def _of_racy(self, use: FileUse, now: FileState) -> Iterator[str]:
        """Doubt a file that was touched when the run ended: it may have changed once more within one tick."""
        if now.type != "file" or not self._is_racy(now):
            return
        if use.hash is not None:
            self.waiting.append(_Hashing(use, now))
        elif use.kind in _USED or _is_coarse(now):  # software and caches have no hash
            yield f"{self._named(use.path)} was changed just when {self.run} ended, and there is no hash of it"

    def _is_racy(self, state: FileState) -> bool:
        ended = nanoseconds(self.record.ended or self.record.started)
        return max(state.mtime_ns or 0, state.ctime_ns or 0) > ended - _RACY

    def _of_probed(self, use: FileUse) -> Iterator[str]:
        if use.after is None:
            if any(_is_there(name) for name in (use.path, *use.names)):
                yield f"{self._named(use.path)} is there, {self.run} looked for it in vain"
        elif use.after.type == "directory":  # only named, by O_PATH
            if not os.path.isdir(to_bytes(use.path)):
                yield f"{self._named(use.path)} is gone since {self.run}"
        else:
            yield from self._of_file(use)

    def _of_pseudo(self, use: FileUse) -> Iterator[str]:
        if use.rule != "kernel" or use.before is None or use.before.type not in _GIVING:
            return  # of /proc and /sys; made by the run; called so by a rule of somebody's own
        if not use.path.startswith("/"):
            if use.readers:
                yield f"{self.run} read from a {use.path.partition(':')[0]}"
        elif use.path not in _DEVICES and not use.path.startswith(_DEVICE_FOLDERS):
            yield f"{self.run} used {self._named(use.path)}, and what came from there is not known"

    def _of_folder(self, use: FileUse, written: set[str]) -> Iterator[str]:
        """Doubt a folder whose entries were read; one that the run itself wrote into is to be as it left it."""
        name = self._named(use.path)
        now = look(use.path)
        if now is None or use.after is None:
            yield f"{name} is gone since {self.run}"
        elif not same_state(use.before, use.after) and use.path not in written:
            yield f"entries of {name} changed while {self.run} listed them"
        elif not untouched(use.after, now) or (self._is_racy(now) and _is_coarse(now)):
            yield f"entries of {name} changed since {self.run}"

    def _of_names(self, use: FileUse, made: set[str]) -> Iterator[str]:
        """Doubt symbolic links: each must lead to where it led, but those that the run made for itself."""
        if use.kind in ("probed", "pseudo", "temporary", "removed") or use.after is None:
            return
        for name in use.names:
            if _is_below(name, made) or name.startswith(("/dev/", "/proc/")):
                continue
            if use.writers and look(name) is None:
                continue  # it was written under this name, and renamed
            if not _leads_to(name, use.path):
                yield f"{self._named(name)} does not lead to {self._named(use.path)} as in {self.run}"

    def _of_search(self, folders: tuple[str, ...], started: int) -> Iterator[str]:
        """Doubt programs that another of their name, new since, stands before in PATH."""
        places = [os.path.normpath(os.path.join(self.record.cwd, folder)) for folder in folders]
        for use in self.uses:
            for name in (use.path, *use.names) if use.executed else ():
                folder, _, base = name.rpartition("/")
                for earlier in places[: places.index(folder)] if folder in places else ():
                    shadow = look(f"{earlier}/{base}")
                    if shadow is not None and (shadow.ctime_ns or 0) >= started:
                        yield f"`{earlier}/{base}` is new since {self.run}, before `{name}` in PATH"

    def of_contents(self, progress: hashing.Progress | None) -> Iterator[str]:
        """Yield what turns out to be changed when it is read, once `of_states` is through."""
        for mode, prefix in (("full", "sha256:"), ("fast", "sha256-fast:")):
            chosen = {each.use.path: each for each in self.waiting if (each.use.hash or "").startswith(prefix)}
            unhashed = [FileUse(path, "output", after=each.now) for path, each in chosen.items()]
            options = Options(hash="full" if mode == "full" else "fast")
            for found in hashing.hashed(unhashed, options, progress):
                if found.hash != chosen[found.path].use.hash:
                    why = f": {found.hash_reason}" if found.hash is None else ""
                    yield f"{self._named(found.path)} changed since {self.run}{why}"

    def _named(self, path: str) -> str:
        """Return a path for people, relative to where the command runs if it is below."""
        cwd = self.record.cwd
        if path == cwd:
            return "`.`"
        below = cwd not in ("", "/") and path.startswith(f"{cwd}/")
        return f"`{path[len(cwd) + 1 :] if below else path}`"


def look(path: str) -> FileState | None:
    """Return what stands at a path (text) now, None where nothing does or nobody may look."""
    try:
        return file_state(os.lstat(to_bytes(path)))
    except (OSError, ValueError):  # a null byte, in a foreign record
        return None


def nanoseconds(moment: str) -> int:
    """Return a time of a record as ns since 1970."""
    seconds, _, fraction = moment.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) * _SECOND + int(fraction.ljust(9, "0"))


def _is_coarse(state: FileState) -> bool:
    """Say whether the file system seems to keep times in whole seconds."""
    return (state.mtime_ns or 0) % _SECOND == 0 == (state.ctime_ns or 0) % _SECOND


def _has_changed(path: str, since: int) -> bool:
    """Say whether a file was changed, or removed, after a moment, as far as times tell."""
    state = look(path)
    if state is not None:
        return state.type != "directory" and max(state.mtime_ns or 0, state.ctime_ns or 0) >= since
    while state is None and path not in ("", "/"):
        path = _folder(path)
        state = look(path)
    return state is None or (state.ctime_ns or 0) >= since


def _folder(path: str) -> str:
    if path.startswith('"'):
        return from_bytes(os.path.dirname(to_bytes(path)))
    return path.rpartition("/")[0] or "/"


def _is_below(path: str, made: set[str]) -> bool:
    """Say whether a path, or a folder that it lies in, is one of `made`."""
    while path not in made:
        above = _folder(path)
        if above == path:
            return False
        path = above
    return True


def _is_there(path: str) -> bool:
    try:
        return os.path.exists(to_bytes(path))
    except ValueError:
        return False


def _leads_to(name: str, path: str) -> bool:
    """Say whether a name leads to the file at a canonical path."""
    try:
        one, other = os.stat(to_bytes(name)), os.lstat(to_bytes(path))
    except (OSError, ValueError):
        return False
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
