"""con-duct's logs taken into a store: each becomes the folder of a run, found and read as any other.

What con-duct wrote is kept as it was: its output as `stdout` and `stderr`, `info.json` and samples in the folder
`con-duct` under their own names. The id follows from the log, so that nothing is taken twice.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import filecmp
import itertools
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vestige.con_duct import kept, logs
from vestige.con_duct.kept import LogRun
from vestige.errors import RecordError, StoreError
from vestige.lines import open_regular
from vestige.record import codec, place
from vestige.record.model import Stream
from vestige.record.place import POINTS_NAME, PROCESSES_NAME
from vestige.text import from_os

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import BinaryIO

    from vestige.con_duct.logs import Log
    from vestige.record.model import Completeness, Record
    from vestige.store.runs import Runs

    Progress = Callable[[int, int], None]

ORIGINALS = "con-duct"  # folder in a run folder
_HALF = ".import"  # ends the name of a folder that is being written
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one log."""

    log: str  # path
    state: Literal["imported", "kept", "skipped"]  # kept: it was there already
    run: str | None = None  # id
    folder: str | None = None  # of the run
    argv: tuple[str, ...] = ()  # text
    reason: str | None = None  # why it is not imported


@dataclass(slots=True)
class Import:
    """Logs on their way into a store; `runs` are those among which one may be already."""

    store: place.Store
    runs: Runs
    dry_run: bool = False
    progress: Progress | None = None
    _done: int = 0  # B
    _total: int = 0  # B
    _taken: set[str] = dataclasses.field(default_factory=set)

    def take(self, paths: Sequence[str]) -> Iterator[Outcome]:
        """Import logs one by one and yield what came of each; those that can't be read are skipped.

        Raises StoreError when the store can't be written: what was yielded by then is there.
        """
        paths = list(dict.fromkeys(paths))
        self._total = sum(map(_size, paths))
        with contextlib.nullcontext() if self.dry_run else _alone_in(self.store):
            for path in paths:
                yield self._take(LogRun(path))
                self._done += _size(path)
                self._tell(0)

    def _take(self, run: LogRun) -> Outcome:
        try:
            log = logs.read_log(run.path)
            _check_whole(log)
            record = run.record_of(log)
            found = self._kept(run, log, record)
            return self._new(run, log, record) if found is None else found
        except RecordError as error:
            return Outcome(run.path, "skipped", reason=str(error))

    def _kept(self, run: LogRun, log: Log, record: Record) -> Outcome | None:
        """Return the run that the log is already, None where there is none. Raises RecordError for another's id."""
        for name in kept.folder_names(log, record):
            if name in self._taken:
                return Outcome(run.path, "kept", reason="it is named twice")
            for store in self.runs.stores:
                folder = os.path.join(store.runs, name)
                if os.path.lexists(folder):
                    return Outcome(run.path, "kept", record.id, folder, record.argv, _why_kept(run, folder))
        return None

    def _new(self, run: LogRun, log: Log, record: Record) -> Outcome:
        name = kept.folder_name(record.id)
        folder = os.path.join(self.store.runs, name)
        if self.dry_run:
            self._taken.add(name)
        else:
            half = os.path.join(self.store.runs, f".{name}.{os.urandom(4).hex()}{_HALF}")
            try:
                self._write(half, run, log, record)
                with _writing(folder):
                    os.rename(half, folder)
            except BaseException:
                shutil.rmtree(half, ignore_errors=True)
                raise
        return Outcome(run.path, "imported", record.id, folder, record.argv)

    def _write(self, half: str, run: LogRun, log: Log, record: Record) -> None:
        """Write the folder of a run. Raises RecordError where the log can't be read, StoreError."""
        originals = os.path.join(half, ORIGINALS)
        with _writing(half):
            os.mkdir(half)
            os.mkdir(originals)
        for source in {run.path, log.usage or run.path}:  # a foreign hand may name one as the other
            self._copy(source, os.path.join(originals, os.path.basename(source)))
        streams = {name: self._stream(log.prefix + name, os.path.join(half, name)) for name in record.streams}
        copy = LogRun(os.path.join(originals, run.name))
        processes = _write_lines(os.path.join(half, PROCESSES_NAME), map(codec.line, copy.processes()))
        _write_lines(os.path.join(half, POINTS_NAME), map(codec.line, copy.points()))
        record = dataclasses.replace(record, streams=streams, processes=processes, completeness=_noted(record, run))
        _write_lines(os.path.join(half, place.RECORD_NAME), (codec.record_text(record),))
        for folder in (originals, half):
            _sync(folder)

    def _stream(self, source: str, target: str) -> Stream:
        return Stream("file", captured=True, length=self._copy(source, target))

    def _copy(self, source: str, target: str) -> int:
        """Copy as much of a file as it had when it was opened, keep its times, and return the number of bytes."""
        with _reading(source):
            file = open_regular(source)
        with file, _writing(target), open(target, "xb") as copy:
            state = os.fstat(file.fileno())
            while copy.tell() < state.st_size and (chunk := _read(file, source, state.st_size - copy.tell())):
                copy.write(chunk)
                self._tell(copy.tell())
            _flush(copy)
            os.utime(target, ns=(state.st_atime_ns, state.st_mtime_ns))
            return copy.tell()

    def _tell(self, more: int) -> None:
        if self.progress is not None:
            self.progress(self._done + more, self._total)


def _check_whole(log: Log) -> None:
    """Raise RecordError where something of a log is missing or may still come."""
    summary = logs.inner(log.info, "execution_summary")
    if not log.info:
        raise RecordError(f"{log.prefix}{logs.INFO_NAME} is missing: it says which command this was")
    if summary.get("exit_code") is None and summary.get("end_time") is None:
        raise RecordError(f"{log.prefix}{logs.INFO_NAME} tells no end: the command still runs, or was ended by force")
    for name in (*logs.USAGE_NAMES, *logs.STREAM_NAMES):
        if os.path.islink(log.prefix + name) and not os.path.exists(log.prefix + name):
            raise RecordError(logs.why_not(log.prefix + name, FileNotFoundError()))


def _why_kept(run: LogRun, folder: str) -> str:
    """Return why a log is not imported again. Raises RecordError where another one has its id."""
    copies = kept.within(os.path.join(folder, ORIGINALS))
    if not copies:
        return "vestige recorded this run itself"
    with _reading(run.path):
        if filecmp.cmp(run.path, copies[0], shallow=False):
            return "it is imported already"
    raise RecordError(f"{run.path} has host, prefix and start of {copies[0]}, and yet is another log")


def _noted(record: Record, run: LogRun) -> Completeness | None:
    state = record.completeness
    note = f"imported from {from_os(os.path.abspath(run.path))}"
    return None if state is None else dataclasses.replace(state, notes=(*state.notes, note))


def _size(path: str) -> int:
    """Return how many bytes belong to a log, as far as that can be told."""
    prefix = logs.prefix_of(path) or path
    total = 0
    for name in (logs.INFO_NAME, *logs.USAGE_NAMES, *logs.STREAM_NAMES):
        with contextlib.suppress(OSError):
            total += os.stat(prefix + name).st_size
    return total


@contextlib.contextmanager
def _alone_in(store: place.Store) -> Iterator[None]:
    """Hold the folder of runs: a second import waits, and what one that was killed has left behind goes."""
    place.make_store(store)
    with _writing(store.runs):
        descriptor = os.open(store.runs, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # a file system without locks: then nothing is cleared up
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            for name in os.listdir(store.runs):
                if name.startswith(".") and name.endswith(_HALF):
                    shutil.rmtree(os.path.join(store.runs, name), ignore_errors=True)
        yield
        _sync(store.runs)
    finally:
        os.close(descriptor)


def _write_lines(path: str, lines: Iterable[bytes]) -> int:
    """Write a file to the disk and return how many lines it was given."""
    count = itertools.count()
    with _writing(path), open(path, "xb") as file:
        file.writelines(line for line, _ in zip(lines, count, strict=False))
        _flush(file)
    return next(count)


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync(folder: str) -> None:
    with _writing(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read(file: BinaryIO, path: str, most: int) -> bytes:
    with _reading(path):
        return file.read(min(most, _CHUNK))


@contextlib.contextmanager
def _reading(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RecordError(logs.why_not(path, error)) from error


@contextlib.contextmanager
def _writing(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"can't write {path}: {error.strerror}") from error
