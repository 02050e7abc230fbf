"""Hashes of the files that a run used, taken after it: sha256, in threads where files are large, each content once.

A hash is of what stood there when the run ended, or there is none and `hash_reason` says why: the state of the file is
compared before and after reading it with what was seen at the end.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from vestige.provenance.cache import Cache
from vestige.record.model import FileUse
from vestige.text import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future, ThreadPoolExecutor

    from vestige.record.model import FileState, Options

    Progress = Callable[[int, int], None]  # bytes done, bytes in all

_SAMPLE = 1 << 20  # B, of the three samples of `fast`
_PIECE = 1 << 20  # B, read at once
_LARGE = 1 << 20  # B: smaller files cost more to hand to a thread than to read
_SMALL_CONFIG = 1_000_000  # B
_MOST = 100_000_000_000  # B read whole after one run: some minutes of a disk's time
_THREADS = 8
_POLL = 0.1  # s between words about the progress
_PER_FILE = 30_000  # B that could be hashed in the time it takes to open a file
_WORTH_CACHING = 32 << 20  # B of work below which hashing is faster than a transaction on a slow disk
_CLASSES = ("input", "output", "modified", "unchanged")
_WRONG = {
    errno.ENOENT: "it is gone since the run ended",
    errno.ENOTDIR: "it is gone since the run ended",
    errno.ELOOP: "it changed since the run ended",
    errno.EACCES: "it may not be read",
    errno.EPERM: "it may not be read",
}
CHANGED = "it changed since the run ended"
UNSTEADY = "it changed while it was hashed"
SAMPLED = "there was more than 100 GB to hash: of its size and three samples only"


class Hash(NamedTuple):
    """What came of hashing one file: a hash, or why there is none."""

    value: str | None
    reason: str | None = None


@dataclass(slots=True)
class Work:
    """What is to be hashed, and how much of it is done."""

    options: Options
    total: int
    progress: Progress | None
    sampled: frozenset[str] = frozenset()  # paths beyond what is read whole
    done: int = 0
    stopped: bool = False
    reported: float = field(default_factory=time.monotonic)

    def report(self) -> None:
        """Say how much is done, if the last word is a while ago."""
        now = time.monotonic()
        if self.progress is not None and now - self.reported >= _POLL:
            self.reported = now
            self.progress(self.done, self.total)


def hashed(uses: Sequence[FileUse], options: Options, progress: Progress | None = None) -> Iterator[FileUse]:
    """Yield the files in their order, with hashes for those whose content matters.

    `progress` is told now and then how many bytes are done, and of how many. What can't be hashed says why.
    """
    hashes = _hashes([use for use in uses if _is_wanted(use)], options, progress)
    for use in uses:
        found = hashes.get(use.path)
        yield use if found is None else _with_hash(use, found)


def _with_hash(use: FileUse, found: Hash) -> FileUse:
    """Return a file with its hash: `dataclasses.replace` takes three times as long."""
    return FileUse(
        path=use.path,
        kind=use.kind,
        names=use.names,
        before=use.before,
        after=use.after,
        hash=found.value,
        hash_reason=found.reason,
        changed=use.changed,
        executed=use.executed,
        package=use.package,
        readers=use.readers,
        writers=use.writers,
        first=use.first,
        rule=use.rule,
    )


def _is_wanted(use: FileUse) -> bool:
    if use.after is None or use.after.type != "file" or use.hash_reason is not None:
        return False
    if use.kind == "config":
        return use.executed or (use.after.size or 0) < _SMALL_CONFIG
    return use.kind in _CLASSES or (use.executed and use.kind not in ("pseudo", "temporary"))


def _hashes(uses: Sequence[FileUse], options: Options, progress: Progress | None) -> dict[str, Hash]:
    """Return the hashes by path."""
    found = {use.path: reason for use in uses if (reason := _refused(use, options)) is not None}
    waiting = [use for use in uses if use.path not in found]
    total = sum(map(_size, waiting))
    work = Work(options, total, progress)
    cost = total + _PER_FILE * len(waiting)
    with contextlib.closing(Cache(open_it=options.hash == "full" and cost >= _WORTH_CACHING)) as cache:
        for use in waiting:
            value = cache.find(use.after)
            if value is not None:
                found[use.path] = _checked(use, value)
                work.done += _size(use)
        rest = [use for use in waiting if use.path not in found]
        work.sampled = _beyond(rest)
        fresh = dict(_fresh(rest, work))
        cache.keep(
            (use.after, fresh[use.path].value) for use in waiting if use.path in fresh and use.path not in work.sampled
        )
    return found | fresh


def _refused(use: FileUse, options: Options) -> Hash | None:
    if options.hash == "none":
        return Hash(None, "not asked for")
    if options.hash_limit is not None and _size(use) > options.hash_limit:
        return Hash(None, f"larger than the limit of {options.hash_limit} bytes")
    return None


def _beyond(uses: Sequence[FileUse]) -> frozenset[str]:
    """Return the largest files, if all together are too much to be read whole."""
    found = []
    whole = 0
    for use in sorted(uses, key=_size):
        whole += _size(use)
        if whole > _MOST:
            found.append(use.path)
    return frozenset(found)


def _checked(use: FileUse, value: str) -> Hash:
    """Return a hash of the cache if the file still is what it was."""
    try:
        status = os.stat(to_bytes(use.path), follow_symlinks=False)
    except (OSError, ValueError) as error:
        return _failed(error)
    return Hash(value) if _is_as(status, use.after) else Hash(None, CHANGED)


def _fresh(uses: Sequence[FileUse], work: Work) -> Iterator[tuple[str, Hash]]:
    """Hash files: large ones in threads (hashlib lets the others go on), small ones here meanwhile."""
    large = sorted((use for use in uses if _size(use) >= _LARGE), key=_size, reverse=True)
    if not large:
        yield from _small(uses, work)
        return
    with _threads(work, len(large)) as pool:
        futures = [(use.path, pool.submit(hash_file, use, work)) for use in large]
        yield from _small(uses, work)
        for path, future in futures:
            while not _is_done(future):
                work.report()
            yield path, future.result()


def _small(uses: Sequence[FileUse], work: Work) -> Iterator[tuple[str, Hash]]:
    for use in uses:
        if _size(use) < _LARGE:
            yield use.path, hash_file(use, work)
            work.report()


@contextlib.contextmanager
def _threads(work: Work, files: int) -> Iterator[ThreadPoolExecutor]:
    """Give threads, which start as they are needed; after Ctrl-C nobody waits for what they do."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - costs 10 ms

    executor = ThreadPoolExecutor(max(1, min(files, _THREADS, len(os.sched_getaffinity(0)))))
    try:
        yield executor
    finally:
        work.stopped = True
        executor.shutdown(cancel_futures=True)


def _is_done(future: Future[Hash]) -> bool:
    from concurrent.futures import wait  # noqa: PLC0415

    return not wait((future,), _POLL).not_done


def hash_file(use: FileUse, work: Work) -> Hash:
    """Hash one file, if it is what it was at the run's end."""
    try:
        descriptor = os.open(to_bytes(use.path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        return _failed(error)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode) or not _is_as(before, use.after):
            return Hash(None, CHANGED)
        sampled = use.path in work.sampled
        if sampled or work.options.hash == "fast":
            value = _fast(descriptor, before.st_size)
        else:
            value = _full(descriptor, before, work)
        if not _is_same(before, os.fstat(descriptor)):
            return Hash(None, UNSTEADY)
    except OSError as error:
        return _failed(error)
    finally:
        os.close(descriptor)
    return Hash(value, SAMPLED if sampled else None)


def _full(descriptor: int, status: os.stat_result, work: Work) -> str:
    digest = hashlib.sha256()
    if status.st_size < _LARGE:
        content = os.read(descriptor, status.st_size + 1)
        digest.update(content)
        work.done += len(content)
        if len(content) == status.st_size:
            return f"sha256:{digest.hexdigest()}"
    piece = bytearray(_PIECE)
    view = memoryview(piece)
    while not work.stopped and (length := os.readv(descriptor, [piece])):
        digest.update(view[:length])
        work.done += length  # threads may lose some of each other's: it is for a bar
    return f"sha256:{digest.hexdigest()}"


def _fast(descriptor: int, size: int) -> str:
    digest = hashlib.sha256(str(size).encode())
    for offset in sorted({0, max((size - _SAMPLE) // 2, 0), max(size - _SAMPLE, 0)}):
        digest.update(os.pread(descriptor, _SAMPLE, offset))
    return f"sha256-fast:{digest.hexdigest()}"


def _failed(error: Exception) -> Hash:
    if isinstance(error, OSError):
        return Hash(None, _WRONG.get(error.errno or 0) or f"it can't be read: {error.strerror}")
    return Hash(None, "no file can have this name")


def _is_as(status: os.stat_result, state: FileState | None) -> bool:
    """Say whether a file is what it was at the run's end, as far as that is known."""
    if state is None:
        return False
    now = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    then = (state.ino, state.size, state.mtime_ns, state.ctime_ns)
    return all(old is None or old == new for old, new in zip(then, now, strict=True))


def _is_same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_size, one.st_mtime_ns, one.st_ctime_ns) == (other.st_size, other.st_mtime_ns, other.st_ctime_ns)


def _size(use: FileUse) -> int:
    return (use.after.size or 0) if use.after is not None else 0
