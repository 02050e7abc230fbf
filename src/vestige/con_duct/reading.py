"""con-duct's logs as a record and a series of vestige's, marked as sampled by con-duct.

con-duct looks at `ps` from time to time. Its memory is resident sizes added up, shared pages counted every time; its
CPU is what `ps` gives: the share of a process's whole life so far, never seconds.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestige.con_duct.logs import age, amount, inner, moment, samples, text
from vestige.record.model import Completeness, Exit, Figure, Gap, Machine, Point, Process, Record
from vestige.text import from_bytes, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.con_duct.logs import Log

TAG = "con-duct"
JOINED = "con-duct joins the words of a command with blanks: where one of them holds a blank is not known"
_EPOCH = "1970-01-01T00:00:00.000000Z"
_NO_START = "con-duct does not tell when it began"
_MOST_PROCESSES = 200_000  # that are kept: pids are used again long before
_MOST_LETTERS = 32 << 20  # of their command lines together
_PID = re.compile(r"[0-9]{1,10}")
LATEST = 253_402_300_799.0  # s since 1970: the end of the year 9999


def record_of(log: Log) -> Record:
    """Return what an `info.json` says, as a record; samples are not looked at but for the start where it is missing."""
    info, summary = log.info, inner(log.info, "execution_summary")
    began, ended = began_at(log), amount(summary.get("end_time"))
    code = summary.get("exit_code")
    known = isinstance(code, int) and not isinstance(code, bool)
    return Record(
        id=run_id(log, began),
        argv=argv_of(info),
        cwd=_as_text(text(info.get("working_directory")) or text(summary.get("working_directory")) or ""),
        status="ended" if known else "interrupted",
        started=_written(began) or _EPOCH,
        ended=_written(ended),
        exit=Exit(code=code) if known else Exit(reason="con-duct has written no exit code"),
        vestige=writer(info),
        machine=_machine(inner(info, "system")),
        environment={},
        message=text(info.get("message")) or None,
        job=_job(info),
        tags=(TAG,),
        resources=_resources(summary, writer(info)),
        completeness=_completeness(info, began),
    )


def points_of(log: Log) -> Iterator[Point]:
    """Yield a point for every report. Raises RecordError where the samples can't be read.

    `cpu` is an estimate: the share of its life that each process had used, times its age, added up.
    """
    if log.usage is None:
        return
    begun = began_at(log)
    starts = starts_of(log)
    used: dict[str, float] = {}
    total = last = 0.0
    for line in samples(log.usage):
        now = moment(line.get("timestamp"))
        rss = amount(inner(line, "totals").get("rss"))
        if now is None or rss is None or begun is None:
            continue
        processes = inner(line, "processes")
        for pid, process in processes.items():
            seconds = used_by(process, starts.get(pid))
            if seconds > used.get(pid, 0.0):
                total += seconds - used.get(pid, 0.0)
                used[pid] = seconds
        mean = amount(inner(line, "averages").get("rss"))
        last = max(now - begun, last, 0.0)
        yield Point(
            start=last,
            end=last,
            samples=max(int(amount(line.get("num_samples")) or 1), 1),
            processes=len(processes),
            threads=None,
            cpu=total,
            rss_min=int(rss),
            rss_mean=int(rss if mean is None else min(mean, rss)),
            rss_max=int(rss),
            pss=None,
            read_bytes=None,
            written_bytes=None,
            read_chars=None,
            written_chars=None,
        )


@dataclass(slots=True)
class _Seen:
    """What the samples of one process tell."""

    first: float  # s since the start: as ps tells its age, or the first look
    dated: bool  # ps told its age
    command: str | None
    cut: bool
    rss: float | None = None  # B, the most
    used: float | None = None  # s of CPU, the most

    def look(self, rss: float | None, used: float | None) -> None:
        """Take one more."""
        self.rss = max((found for found in (rss, self.rss) if found is not None), default=None)
        self.used = max((found for found in (used, self.used) if found is not None), default=None)


def processes_of(log: Log) -> Iterator[Process]:
    """Yield the processes that were there at a look, in the order in which they were first seen.

    Raises RecordError where the samples can't be read.
    """
    who = writer(log.info)
    for pid, seen in _seen(log).items():
        yield _process(int(pid), seen, who)


def _seen(log: Log) -> dict[str, _Seen]:
    found: dict[str, _Seen] = {}
    begun, starts, letters = began_at(log), starts_of(log), _MOST_LETTERS
    for line in samples(log.usage) if log.usage is not None else ():
        now = moment(line.get("timestamp"))
        for pid, process in inner(line, "processes").items():
            if not isinstance(process, dict) or begun is None or now is None or not _PID.fullmatch(pid):
                continue
            if pid not in found:
                if len(found) >= _MOST_PROCESSES:
                    continue
                words = text(process.get("cmd")) or ""
                kept = words[:letters]
                letters -= len(kept)
                first = max(starts.get(pid, now) - begun, 0.0)
                found[pid] = _Seen(first, pid in starts, kept or None, cut=len(kept) < len(words))
            share = amount(process.get("pcpu"))
            used = None if share is None or pid not in starts else used_by(process, starts[pid])
            found[pid].look(amount(process.get("rss")), used)
    return found


def _process(pid: int, seen: _Seen, who: str) -> Process:
    argv = None if seen.command is None else tuple(map(_as_text, seen.command.split(" ")))
    never, share = f"{who} does not look at it", f"{who}: the share of its life that ps told, times its age"
    bytes_moved = Figure(None, "B", "unavailable", reason=never)
    cpu = Figure(None, "s", "unavailable", reason=f"{who} does not tell")
    return Process(
        pid=pid,
        parent=None,
        argv=argv,
        argv_truncated=seen.cut,
        name=os.path.basename(argv[0]) if argv else None,
        start=seen.first,
        start_method="estimate" if seen.dated else "bound",
        end=None,
        exit_code=None,
        signal=None,
        cpu=cpu if seen.used is None else Figure(seen.used, "s", "estimate", reason=share),
        memory_peak=_sampled(
            None if seen.rss is None else int(seen.rss), "B", f"{who}: the most at one look", f"{who} does not tell"
        ),
        read_bytes=bytes_moved,
        written_bytes=bytes_moved,
        read_chars=bytes_moved,
        written_chars=bytes_moved,
        run_queue_wait=Figure(None, "s", "unavailable", reason=never),
    )


def began_at(log: Log) -> float | None:
    """Return when the command began, in seconds since 1970: as told, or the first sample."""
    told = amount(inner(log.info, "execution_summary").get("start_time"))
    if told is not None or log.usage is None:
        return told
    return next((found for line in samples(log.usage) if (found := moment(line.get("timestamp"))) is not None), None)


def starts_of(log: Log) -> dict[str, float]:
    """Return when each process began, in seconds since 1970.

    `ps` tells ages in whole seconds, cut off: of all looks the one that puts the start earliest is the nearest.
    """
    begun = began_at(log) or 0.0
    starts: dict[str, float] = {}
    for line in samples(log.usage) if log.usage is not None else ():
        for pid, process in inner(line, "processes").items():
            start = _start(process, moment(line.get("timestamp")))
            if start is not None and (pid in starts or len(starts) < _MOST_PROCESSES):
                starts[pid] = max(min(start, starts.get(pid, start)), begun)
    return starts


def used_by(process: object, start: float | None) -> float:
    """Return the seconds of CPU that a process had used at a sample, 0 where that can't be told."""
    if not isinstance(process, dict) or start is None:
        return 0.0
    share, now = amount(process.get("pcpu")), moment(process.get("timestamp"))
    return 0.0 if share is None or now is None else share / 100 * max(now - start, 0.0)


def argv_of(info: dict[str, Any]) -> tuple[str, ...]:
    """Return the command: as a list where vestige wrote it, else cut at the blanks that con-duct puts between."""
    argv = info.get("argv")
    if isinstance(argv, list) and argv and all(isinstance(word, str) for word in argv):
        return tuple(text(word) or "" for word in argv)
    words = text(info.get("command")) or text(inner(info, "execution_summary").get("command")) or ""
    return tuple(map(_as_text, words.split(" "))) if words else ()


def knows_words(record: Record) -> bool:
    """Say whether the words of a record's command are the command's own, not a text cut at its blanks."""
    return record.completeness is None or JOINED not in record.completeness.notes


def writer(info: dict[str, Any]) -> str:
    """Return who wrote a log: `con-duct 0.23.0`."""
    version = text(info.get("duct_version"))
    name = "vestige duct, as con-duct" if isinstance(info.get("vestige"), dict) else "con-duct"
    return f"{name} {version}" if version else name


def run_id(log: Log, began: float | None) -> str:
    """Return the id of a log: always the same, of the form of a UUIDv7, with the start as its time."""
    named = text(inner(log.info, "output_paths").get("prefix")) or os.path.basename(log.prefix)
    host = text(inner(log.info, "system").get("hostname")) or ""
    digest = hashlib.sha256(f"{host}\0{named}\0{began}".encode("utf-8", "surrogateescape")).hexdigest()
    time = 0 if began is None or began > LATEST else int(began * 1000)
    return f"{time >> 16:08x}-{time & 0xFFFF:04x}-7{digest[:3]}-8{digest[3:6]}-{digest[6:18]}"


def _as_text(words: str) -> str:
    """Return words as a record has text; con-duct's JSON has them as they are, and some would be taken for quoted."""
    raw = words.encode("utf-8")
    return words if to_bytes(words) == raw else from_bytes(raw)


def _start(process: object, otherwise: float | None) -> float | None:
    if not isinstance(process, dict):
        return None
    old, now = age(process.get("etime")), moment(process.get("timestamp"))
    now = otherwise if now is None else now
    return None if old is None or now is None else now - old


def _written(seconds: float | None) -> str | None:
    """Return a moment as a record has it; None where it is none."""
    if seconds is None or seconds > LATEST:
        return None
    return dt.datetime.fromtimestamp(seconds, dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _machine(system: dict[str, Any]) -> Machine | None:
    if not system:
        return None
    memory, cpus = amount(system.get("memory_total")), amount(system.get("cpu_total"))
    return Machine(
        host=text(system.get("hostname")) or "",
        system=text(system.get("os_name")) or "",
        release=text(system.get("os_release")) or "",
        architecture=text(system.get("arch")) or "",
        cpus=int(cpus or 0),
        cpus_allowed=None,
        cpu_quota=None,
        memory=None if memory is None else int(memory),
        memory_limit=None,
    )


def _job(info: dict[str, Any]) -> dict[str, str]:
    pairs = ((text(name), text(value)) for name, value in inner(info, "env").items())
    return {name: value for name, value in pairs if name is not None and value is not None}


def _resources(summary: dict[str, Any], who: str) -> dict[str, Figure]:
    """Return the figures that con-duct's summary has a counterpart of."""
    wall, peak = amount(summary.get("wall_clock_time")), amount(summary.get("peak_rss"))
    share = amount(summary.get("average_pcpu"))
    never = f"{who} took no sample" if not summary.get("num_samples") else f"{who} does not tell"
    return {
        "wall": _sampled(wall, "s", who, never),
        "cpu": Figure(None, "s", "unavailable", reason=f"{who} keeps no seconds of CPU"),
        "cores_used": _sampled(None if share is None else share / 100, "1", f"{who}: means of ps's shares", never),
        "memory_peak": _sampled(
            None if peak is None else int(peak), "B", f"{who}: resident sizes added up, shared pages every time", never
        ),
    }


def _sampled(value: float | None, unit: str, reason: str, never: str) -> Figure:
    if value is None:
        return Figure(None, unit, "unavailable", reason=never)
    return Figure(value, unit, "sampled", reason=reason)


def _completeness(info: dict[str, Any], began: float | None) -> Completeness:
    who = writer(info)
    notes = ((JOINED, not isinstance(info.get("argv"), list)), (_NO_START, _written(began) is None))
    return Completeness(
        "portable",
        "unavailable",
        f"recorded by {who}, which looks from time to time",
        notes=tuple(note for note, holds in notes if holds),
        gaps=(Gap("con-duct", f"{who} looks neither at files nor at the network"),),
    )
