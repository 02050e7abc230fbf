"""con-duct's logs as runs that are kept: found, listed by time, read; never written.

A log is known by its `info.json`. A listing looks at the times of files first and opens no more logs than it yields.
"""

from __future__ import annotations

import calendar
import contextlib
import dataclasses
import datetime as dt
import heapq
import os
import re
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.con_duct import logs, reading
from vestige.con_duct.paths import FOLDER
from vestige.errors import AmbiguousRunError, RecordError, RunNotFoundError
from vestige.finalising.points import LONGEST, bounded
from vestige.record import place
from vestige.record.model import Stream
from vestige.store import output
from vestige.store.kept import Loaded, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from vestige.record.model import FileClass, FileUse, Point, Process, Record, Span

_DATED = re.compile(r"([0-9]{4})\.([0-9]{2})\.([0-9]{2})T([0-9]{2})\.([0-9]{2})\.([0-9]{2})")  # con-duct's {datetime}
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID_LETTERS = re.compile(r"[0-9a-f-]{1,36}")
_WEST = 12 * 3600 + 60  # s that a local time is behind UTC at the most, and con-duct's own start
_NOT_WALKED = (".git", ".vestige")
_SHOWN = 5  # candidates named in an error


@dataclass(frozen=True, slots=True)
class LogRun:
    """A log of con-duct: its `info.json`, or the samples where there is none."""

    path: str

    @property
    def name(self) -> str:
        """The file's name, which con-duct makes of time and pid."""
        return os.path.basename(self.path)

    @property
    def short_id(self) -> str:
        """The eight digits by which people call the run. Raises RecordError."""
        return place.short_id(_id_of(logs.read_log(self.path)))

    @property
    def log(self) -> str:
        """The path of the log."""
        return self.path

    def load(self) -> Record:
        """Return what con-duct's summary says, every figure marked. Raises RecordError."""
        return self.record_of(logs.read_log(self.path))

    def record_of(self, log: logs.Log) -> Record:
        """Return the record of this log, when it is read already."""
        return dataclasses.replace(reading.record_of(log), streams=_streams(log.prefix))

    def processes(self) -> Iterator[Process]:
        """Yield the processes that were there at a look. Raises RecordError."""
        return reading.processes_of(logs.read_log(self.path))

    def files(self, kinds: Iterable[FileClass] = ()) -> Iterator[FileUse]:  # noqa: ARG002 - as every run has it
        """Yield nothing: con-duct does not look at files."""
        return iter(())

    def points(self) -> Iterator[Point]:
        """Yield the samples, neighbours merged where there are thousands. Raises RecordError."""
        return iter(bounded(reading.points_of(logs.read_log(self.path)), most=LONGEST))

    def spans(self) -> Iterator[Span]:
        """Yield nothing: con-duct knows of no parts."""
        return iter(())

    def output(self, *, last: int | None = None) -> Iterator[output.Piece]:
        """Yield what con-duct captured: first stdout, then stderr, since it keeps no times; `last`: so many bytes.

        Raises StoreError.
        """
        return output.of_streams(logs.prefix_of(self.path) or self.path, last=last)


def at(path: str, *, deep: bool = False) -> list[str]:
    """Return the logs that a path means: a file of one, a folder of them, or what their names begin with.

    A folder may hold them itself or in its `.duct/logs`; `deep` also looks into the folders below. Raises RecordError
    where there is none.
    """
    if "\0" in path or not path:
        raise RecordError("an empty name, or one with a null byte, means no log of con-duct")
    prefix = logs.prefix_of(path)
    if os.path.isdir(path):
        found = list(_below(path)) if deep else [*within(path), *within(os.path.join(path, FOLDER))]
    elif prefix is not None and os.path.lexists(path):
        found = [_main(prefix, path)]
    else:
        folder, name = os.path.split(path)
        found = [log for log in within(folder or os.curdir) if os.path.basename(log).startswith(name)]
    if not found:
        is_there = os.path.lexists(path)
        why = f"the name of one ends in `{logs.INFO_NAME}`" if is_there else "nothing there is called so, or begins so"
        raise RecordError(f"no log of con-duct at {path}: {why}")
    return found


def within(folder: str) -> list[str]:
    """Return the logs in a folder, none where there is no such folder. Raises RecordError where it can't be read."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise RecordError(f"can't read {folder}: {error.strerror}") from error
    return [os.path.join(folder, name) for name in sorted(names) if name.endswith(logs.INFO_NAME)]


def the_one(path: str) -> LogRun:
    """Return the only log that a path means. Raises RunNotFoundError, AmbiguousRunError."""
    prefix = os.path.join(path, "") if os.path.isdir(path) else path
    exact = [prefix + name for name in (logs.INFO_NAME, *logs.USAGE_NAMES) if os.path.isfile(prefix + name)]
    try:
        found = exact[:1] or at(path)
    except RecordError:
        raise RunNotFoundError(f"{path} is neither a run folder nor a log of con-duct") from None
    return LogRun(_only(found, path))


def newest_first(
    paths: Iterable[str], is_elsewhere: Callable[[str], bool] = lambda _: False
) -> Iterator[tuple[str, Loaded[LogRun] | Problem[LogRun]]]:
    """Yield logs with the moment that sorts them, in the form of names of run folders.

    A run that is kept elsewhere as well is left out; `is_elsewhere` is asked with the name that its folder would have.
    """
    # What is on top was not begun later than it says; once read, it is known when. So the order is right, and nothing
    # is read that is surely older than all that is wanted.
    heap: list[tuple[float, str, Loaded[LogRun] | Problem[LogRun] | None]]
    heap = [(-_latest(path), path, None) for path in dict.fromkeys(paths)]
    heapq.heapify(heap)
    while heap:
        moment, path, entry = heapq.heappop(heap)
        if entry is not None:
            yield _sorted_by(-moment), entry
            continue
        try:
            log = logs.read_log(path)
        except RecordError as error:
            heapq.heappush(heap, (moment, path, Problem(LogRun(path), str(error))))
            continue
        record = LogRun(path).record_of(log)
        if not any(map(is_elsewhere, folder_names(log, record))):
            heapq.heappush(heap, (-_began(record), path, Loaded(LogRun(path), record)))


def folder_names(log: logs.Log, record: Record) -> list[str]:
    """Return the names of the run folders that may hold the same run: as imported, and of the recorder itself."""
    itself = logs.inner(log.info, "vestige").get("vestige_run")
    return [folder_name(run) for run in (record.id, itself) if isinstance(run, str) and _ID.fullmatch(run)]


def folder_name(run_id: str) -> str:
    """Return the name of the folder of a run, which follows from its id: the first 48 bits are its time in ms."""
    milliseconds = int(run_id.replace("-", "")[:12], 16)
    return place.run_folder_name(run_id, milliseconds * 1_000_000)


def find(words: str, paths: Iterable[str]) -> LogRun | None:
    """Return the log whose name or id begins so, None where there is none. Raises AmbiguousRunError."""
    paths = list(dict.fromkeys(paths))
    named = [path for path in paths if os.path.basename(path).startswith(words)]
    found = named or [path for path in paths if _ID_LETTERS.fullmatch(words) and _has_id(path, words)]
    return LogRun(_only(found, words)) if found else None


def _below(top: str) -> Iterator[str]:
    for folder, folders, names in os.walk(top):  # links to folders are not followed: no circle
        folders[:] = sorted(name for name in folders if name not in _NOT_WALKED)
        yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(logs.INFO_NAME))


def _only(found: list[str], words: str) -> str:
    if len(found) > 1:
        shown = ", ".join(found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
        raise AmbiguousRunError(f"`{words}` may be any of {shown}; give more of the name, or the path")
    return found[0]


def _main(prefix: str, path: str) -> str:
    info = prefix + logs.INFO_NAME
    return info if os.path.lexists(info) else path


def _id_of(log: logs.Log) -> str:
    return reading.run_id(log, reading.began_at(log))


def _has_id(path: str, words: str) -> bool:
    try:
        run_id = _id_of(logs.read_log(path))
    except RecordError:
        return False
    return place.short_id(run_id).startswith(words) or run_id.startswith(words)


def _latest(path: str) -> float:
    """Return a moment (s since 1970) that the run did not begin after: con-duct writes the file at its end."""
    try:
        written = os.stat(path).st_mtime
    except OSError:
        written = 0.0
    dated = _DATED.match(os.path.basename(path))
    if dated is not None:  # a clone makes all files new
        with contextlib.suppress(ValueError):
            written = min(written, calendar.timegm(tuple(map(int, dated.groups()))) + _WEST)
    return min(max(written, 0.0), reading.LATEST)


def _began(record: Record) -> float:
    return dt.datetime.fromisoformat(record.started.replace("Z", "+00:00")).timestamp()


def _sorted_by(moment: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment))


def _streams(prefix: str) -> dict[str, Stream]:
    """Return what is there of the output; con-duct gives the command a file, and may have been told to capture none."""
    found: dict[str, Stream] = {}
    for name in logs.STREAM_NAMES:
        try:
            state = os.stat(prefix + name)
        except OSError as error:
            if os.path.lexists(prefix + name):
                found[name] = Stream("file", captured=False, reason=logs.why_not(prefix + name, error))
            continue
        if stat.S_ISREG(state.st_mode):
            found[name] = Stream("file", captured=True, length=state.st_size)
    return found
