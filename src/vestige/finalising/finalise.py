"""From what the recorder saw to the record: `finalise` makes `record.json` and the files beside it.

Whoever needs a record first finalises it; doing it twice, or two doing it at once, gives the same files. Everything is
written beside the old files first and takes their names afterwards, so that a full disk changes nothing.
"""

from __future__ import annotations

import dataclasses
import fcntl
import itertools
import os
import time
from typing import TYPE_CHECKING

from vestige._version import VERSION
from vestige.errors import RecordError, StoreError
from vestige.finalising import ending, figures, nested, points, processes
from vestige.finalising.completeness import completeness
from vestige.lines import open_regular, parse
from vestige.observe.events import FORMAT, observe
from vestige.observe.observation import Observation, StreamEnd
from vestige.provenance import files, hashing, network, software
from vestige.provenance.rules import Rules
from vestige.record import codec, place
from vestige.record.model import Exit, Record, Stream, Survivor
from vestige.text import to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vestige.finalising.spans.parts import Parts
    from vestige.observe.observation import Begin, StreamStart
    from vestige.record.model import FileUse, Point, Process, Span, Status

_TAIL = 256 << 10  # bytes: `end` is among the last events
_BATCH = 100  # lines
_SILENT = 900.0  # s without a word after which a run without a lock is taken for over
_GRACE = 60.0  # s between the first record and the recorder's first event, on the busiest of machines


def finalise(folder: str, progress: hashing.Progress | None = None) -> Record:
    """Return the record of a run, made final if the run is over; a run that is not over is left alone.

    `progress` is told now and then how many bytes of its files are hashed, and of how many.
    Raises RecordError when the folder holds nothing that can be read as a run, StoreError when it can't be written:
    then everything is as it was.
    """
    first, lost = _first_record(folder)
    if first is not None and first.status == "ended":
        return first
    if first is not None and is_running(folder):
        return first
    if first is not None and first.status == "interrupted" and not _has_news(folder):
        return first
    seen = observe(os.path.join(folder, place.EVENTS_NAME))
    joined = nested.joined(seen, None if first is None else first.parent_folder)
    observation = joined.observation
    _check_format(observation.begin, folder)
    if first is None:
        first = _rebuilt(observation.begin, folder)
    notes = tuple(note for note in (lost, joined.note) if note is not None)
    relations = processes.family(observation)
    parts = _named_parts(folder)
    if parts is not None:
        parts.give_back_peaks(relations, first.machine)
    record, uses = _with_files(_final(first, relations, notes), observation, folder, progress)
    companions: dict[str, Iterable[Process | Point | FileUse | Span]] = {
        place.PROCESSES_NAME: processes.table(relations),
        place.FILES_NAME: uses,
        place.POINTS_NAME: points.points(observation),
    }
    if parts is not None:
        companions[place.SPANS_NAME] = spans = parts.table(relations, uses)
        record = dataclasses.replace(record, spans=parts.counts(spans))
    return _write(folder, record, companions)


def is_running(folder: str) -> bool:
    """Say whether a recorder is at work: it holds a lock on its events for as long as it lives.

    flock(2) lets go when the last holder dies, however it dies. The guard may live on for processes that outlast the
    run; then `end` is written already. Raises StoreError.
    """
    path = os.path.join(folder, place.EVENTS_NAME)
    try:
        with open_regular(path) as events:
            if os.fstat(events.fileno()).st_size == 0 and _is_young(folder):
                return True  # just made, perhaps not locked yet: a lock of ours might keep the recorder from its own
            return _is_locked(events.fileno()) and not _ended(path)
    except FileNotFoundError:
        return _is_young(folder) and not _is_over(folder)
    except OSError as error:
        raise StoreError(f"can't read {path}: {error.strerror}") from error


def _first_record(folder: str) -> tuple[Record | None, str | None]:
    """Return the record as it stands, or None and what to say where it is lost or cut."""
    path = os.path.join(folder, place.RECORD_NAME)
    try:
        content = codec.read_object(path)
    except FileNotFoundError:
        return None, "the first record was lost; this one is made from the recorder's events alone"
    except RecordError:
        if not _has_begun(folder):
            raise
        return None, "the first record was damaged; this one is made from the recorder's events alone"
    return codec.record_from_json(content, path), None


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks: all there is to go by is when it was last written
        return time.time() - os.fstat(descriptor).st_mtime < _SILENT
    return False


def _is_young(folder: str) -> bool:
    """Say whether the recorder may still be about to begin."""
    try:
        return abs(time.time() - os.stat(folder).st_mtime) < _GRACE
    except OSError:
        return False


def _is_over(folder: str) -> bool:
    """Say whether the record is final already, though there are no events: an imported run has none."""
    try:
        record, _ = _first_record(folder)
    except RecordError:
        return False
    return record is not None and record.status != "running"


def _ended(path: str) -> bool:
    """Say whether `end` is written."""
    with open_regular(path) as file:
        file.seek(max(os.fstat(file.fileno()).st_size - _TAIL, 0))
        events = (parse(line) for line in file.read(_TAIL).splitlines() if b'"end"' in line)
        return any(event is not None and event.get("event") == "end" for event in events)


def _has_begun(folder: str) -> bool:
    path = os.path.join(folder, place.EVENTS_NAME)
    try:
        return os.path.getsize(path) > 0
    except OSError:
        return False


def _has_news(folder: str) -> bool:
    """Say whether events were written after the run was taken for interrupted."""
    try:
        record = os.stat(os.path.join(folder, place.RECORD_NAME))
        return os.stat(os.path.join(folder, place.EVENTS_NAME)).st_mtime_ns > record.st_mtime_ns
    except OSError:
        return False


def _rebuilt(begin: Begin | None, folder: str) -> Record:
    """Return the first record as far as the recorder's own first word holds it."""
    if begin is None or begin.id is None or begin.realtime_ns is None:
        raise RecordError(f"{folder} holds no run: neither record.json nor the recorder's first event can be read")
    return Record(
        id=begin.id,
        argv=begin.argv,
        cwd=begin.cwd or "",
        status="running",
        started=place.utc_text(begin.realtime_ns),
        ended=None,
        exit=Exit(),
        vestige=begin.vestige or VERSION,
        machine=None,
        environment={},
    )


def _check_format(begin: Begin | None, folder: str) -> None:
    if begin is not None and begin.format is not None and begin.format > FORMAT:
        raise RecordError(f"the events in {folder} are of format {begin.format}; update vestige to read them")


def _named_parts(folder: str) -> Parts | None:
    """Return what the command wrote of its spans; most write none, and then nothing of it is loaded."""
    if not os.path.isdir(os.path.join(folder, place.PARTS_NAME)):
        return None
    from vestige.finalising.spans.parts import Parts  # noqa: PLC0415 - 4 ms of every run

    return Parts(folder)


def _final(first: Record, relations: processes.Family, notes: tuple[str, ...]) -> Record:
    observation = relations.observation
    status: Status = "interrupted" if observation.end is None else "ended"
    resources = figures.resources(relations, first.machine)
    return dataclasses.replace(
        first,
        status=status,
        started=_moment(observation, observation.started) or first.started,
        ended=_moment(observation, observation.last if observation.end is None else observation.end.t),
        exit=ending.of_command(observation),
        resources=resources,
        streams=_streams(observation),
        survivors=_survivors(observation),
        processes=len(observation.lives),
        completeness=completeness(relations, resources, notes),
    )


def _with_files(
    record: Record, observation: Observation, folder: str, progress: hashing.Progress | None
) -> tuple[Record, list[FileUse]]:
    files.find_interpreters(observation)
    packages = software.find(map(to_bytes, files.paths(observation)))
    uses = files.uses(observation, Rules(record, packages.owner, packages.editable()), folder=folder)
    record = dataclasses.replace(
        record,
        files=files.counts(uses),
        software=packages.packages(uses),
        network=network.connections(observation),
    )
    return record, list(hashing.hashed(uses, record.options, progress))


def _moment(observation: Observation, t: int | None) -> str | None:
    """Return a time of an event as a date, by the clock as it stood at the beginning: later steps change nothing."""
    if t is None or observation.begin is None or observation.begin.realtime_ns is None:
        return None
    return place.utc_text(observation.begin.realtime_ns + t)


def _streams(observation: Observation) -> dict[str, Stream]:
    begin = observation.begin
    if begin is None:
        return {}
    ends = {} if observation.end is None else observation.end.streams
    unknown = StreamEnd(None, None, figures.NO_END if observation.end is None else None)
    return {
        name: _stream(stream, ends.get(name, unknown), merged=begin.merged and name == "stderr")
        for name, stream in begin.streams.items()
    }


def _stream(start: StreamStart, end: StreamEnd, *, merged: bool) -> Stream:
    return Stream(
        kind=start.kind,
        captured=start.captured if end.captured is None else end.captured,
        length=end.length,
        path=start.path,
        offset=start.offset,
        merged=merged,
        reason=end.reason,
    )


def _survivors(observation: Observation) -> tuple[Survivor, ...]:
    return tuple(
        Survivor(pid=life.pid, name=processes.base_name(life) or life.name, argv=life.argv)
        for life in observation.lives
        if life.ending == "survived"
    )


def _write(folder: str, record: Record, companions: dict[str, Iterable[Process | Point | FileUse | Span]]) -> Record:
    """Write what was made, and return it; or else what somebody faster made, who may have noted a commit in it."""
    contents: dict[str, Iterable[bytes]] = {
        **{name: _batched(map(codec.line, lines)) for name, lines in companions.items()},
        place.RECORD_NAME: (codec.record_text(record),),
    }
    written: list[tuple[str, str]] = []
    try:
        for name, parts in contents.items():
            path = os.path.join(folder, name)
            written.append((place.write_temporary(path, parts, durable=True), path))
        there, _ = _first_record(folder)
        if there is not None and there.status == "ended":
            _remove(temporary for temporary, _ in written)
            return there
        for temporary, path in written:
            os.replace(temporary, path)
    except OSError as error:
        _remove(temporary for temporary, _ in written)
        why = error.strerror
        raise StoreError(
            f"can't write the record in {folder}: {why}; the run stays as it is, try again later"
        ) from error
    return record


def _batched(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines by the hundred: a write each would cost more than making them."""
    while batch := b"".join(itertools.islice(lines, _BATCH)):
        yield batch


def _remove(paths: Iterable[str]) -> None:
    for path in paths:
        os.unlink(path)
