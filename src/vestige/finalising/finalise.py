"""From what the recorder saw to the record: `finalise` makes `record.json` and the files beside it.

Whoever needs a record first finalises it; doing it twice, or two doing it at once, gives the same files. Everything is
written beside the old files first and takes their names afterwards, so that a full disk changes nothing.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
from typing import TYPE_CHECKING

from vestige._version import VERSION
from vestige.errors import RecordError, StoreError
from vestige.finalising import ending, figures, nested, points, processes
from vestige.finalising.completeness import completeness
from vestige.finalising.standing import first_record, stands
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

_BATCH = 100  # lines


def finalise(folder: str, progress: hashing.Progress | None = None) -> Record:
    """Return the record of a run, made final if the run is over; a run that is not over is left alone.

    `progress` is told now and then how many bytes of its files are hashed, and of how many.
    Raises RecordError when the folder holds nothing that can be read as a run, StoreError when it can't be written:
    then everything is as it was.
    """
    first, lost = first_record(folder)
    if first is not None and stands(first, folder):
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
        there, _ = first_record(folder)
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
