"""Whether a command need not run: an earlier run of it, watched to the end, found everything as it is now.

Strict on purpose. Whatever was not seen, or can't be compared, is a reason to run the command again.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.errors import RecordError, StoreError
from vestige.history import descriptors, earlier, lookers
from vestige.history.same_files import Comparison
from vestige.lines import open_regular
from vestige.record import codec, place, start
from vestige.record.place import EVENTS_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vestige.history.asked import Asked, Outlet
    from vestige.provenance.hashing import Progress
    from vestige.record.model import Connection, Record, Stream
    from vestige.store.runs import RunFolder, Runs

_MOST = 5  # runs that are looked into
_NONE_KEPT = "no earlier run of this command in this folder is kept"
_STDINS = ("terminal", "device", "closed")
# who tells names of users, hosts and services, or takes messages: what is asked there is not data
_SYSTEM_SOCKETS = ("/run/nscd/", "/run/systemd/userdb/", "/run/systemd/journal/", "/var/lib/sss/pipes/", "/dev/log")


@dataclass(frozen=True, slots=True)
class Earlier:
    """The run that stands for the command."""

    folder: RunFolder
    record: Record


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the command has to run: one sentence, of the newest run that might have stood for it."""

    reason: str


def earlier_run(runs: Runs, asked: Asked, progress: Progress | None = None) -> Earlier | Refusal:
    """Return the newest of the last few runs of a command that can stand for it now, or why none can.

    `progress` is told now and then how many bytes of files are read, and of how many.
    """
    if asked.trace == "off":
        return Refusal("tracing is off")
    try:
        candidates, other = _candidates(runs, asked)
    except StoreError as error:
        return Refusal(str(error))
    reasons = []
    for folder in candidates:
        try:
            record = folder.load()
            rest = [each for each in candidates if each is not folder]
            reason = next(_doubts(folder, record, asked, rest, progress), None)
        except (OSError, RecordError, StoreError) as error:
            reason = str(error)
        if reason is None:
            return Earlier(folder, record)
        reasons.append(reason)
    return Refusal(reasons[0] if reasons else _why_no_candidate(other, asked))


def _candidates(runs: Runs, asked: Asked) -> tuple[list[RunFolder], RunFolder | None]:
    """Return the newest runs of this command in this environment, and the newest one in another, if it was met."""
    same: list[RunFolder] = []
    other = None
    for folder in earlier.of_command(runs, asked.argv, asked.cwd):
        if _is_in(folder, asked.environment_hash):
            same.append(folder)
            if len(same) == _MOST:
                break
        else:
            other = other or folder
    return same, other


def _is_in(folder: RunFolder, environment: str) -> bool:
    """Say whether a run may be of an environment, told from the raw bytes: there may be thousands."""
    try:
        with open_regular(os.path.join(folder.path, place.RECORD_NAME)) as file:
            return json.dumps(environment).encode() in file.read(codec.LARGEST_RECORD)
    except OSError:
        return False


def _why_no_candidate(other: RunFolder | None, asked: Asked) -> str:
    """Return why there is no run to look into; `other` is one of the same command in another environment."""
    if other is None:
        return _NONE_KEPT
    try:
        record = other.load()
    except (RecordError, StoreError) as error:
        return str(error)
    if record.environment_hash is None:
        return f"{_name(other)} was recorded by a vestige that did not look at the whole environment"
    for name in sorted({*record.environment, *asked.environment}):
        if not start.is_volatile(name) and record.environment.get(name) != asked.environment.get(name):
            return f"the environment variable `{name}` is not as in {_name(other)}"
    return f"the environment is not as in {_name(other)}"


def _doubts(
    folder: RunFolder, record: Record, asked: Asked, others: Iterable[RunFolder], progress: Progress | None
) -> Iterator[str]:
    """Yield why a run can't stand for the command, one sentence each, what costs least first."""
    run = _name(folder)
    yield from _of_ending(record, run)
    yield from _of_options(record, asked, run)
    yield from of_sight(record, run)
    yield from of_network(record.network, run)
    yield from _of_streams(folder, record, asked, run)
    streams = {stream.path for stream in record.streams.values() if stream.path is not None}
    uses = [use for use in folder.files() if use.path not in streams or use.kind in ("input", "modified")]
    comparison = Comparison(record, run, uses)
    yield from comparison.of_states(asked.search)
    yield from lookers.doubts(folder.processes(), uses, record.software)
    yield from descriptors.doubts(os.path.join(folder.path, EVENTS_NAME), asked.handed, uses, run)
    yield from comparison.of_declared(asked.inputs)
    yield from comparison.of_others(others, streams)
    yield from comparison.of_contents(progress)


def _of_ending(record: Record, run: str) -> Iterator[str]:
    if record.status == "running":
        yield f"{run} goes on"
    elif record.status != "ended":
        yield f"{run} was interrupted"
    elif record.exit.code != 0:
        yield f"{run} failed" + ("" if record.exit.code is None else f" with exit code {record.exit.code}")
    if record.survivors:
        yield f"{run} left processes behind, which went on unseen; `--wait` would wait for them"


def _of_options(record: Record, asked: Asked, run: str) -> Iterator[str]:
    options = record.options
    if (record.argv, record.cwd, record.environment_hash) != (asked.argv, asked.cwd, asked.environment_hash):
        yield f"{run} is of another command"
    if (options.deny_network, options.io_uring) != (asked.deny_network, asked.io_uring):
        yield f"`--deny-network` or `--io-uring` is not as in {run}"
    if options.classes != asked.classes:
        yield f"the config's classes of files are not as in {run}"
    stdin = asked.standard.stdin
    if stdin.kind not in _STDINS or (stdin.kind == "device" and not stdin.is_null):
        yield f"stdin is a {stdin.kind}: what comes from there is not seen"
    elif options.stdin != stdin.kind:
        yield f"stdin is not what it was in {run}"


def of_sight(record: Record, run: str) -> Iterator[str]:
    """Doubt a run that was not seen whole."""
    sight = record.completeness
    if sight is None or sight.observer != "recorder" or sight.trace != "on" or sight.files != "complete":
        gaps = () if sight is None else sight.gaps
        yield f"{run} was not seen whole" + (f": {gaps[0].reason}" if gaps else "")
    elif sight.gaps or sight.events_dropped or sight.events_unreadable:
        yield f"{run} was not seen whole"


def of_network(network: Iterable[Connection], run: str) -> Iterator[str]:
    """Doubt a run that asked others, but those of the system, or that listened."""
    own = {call.address for call in network if call.family == "unix" and call.direction == "in"}
    for call in network:
        if call.family == "netlink" or (call.family == "unix" and (call.address in own or _is_of_system(call))):
            continue
        where = f"{call.host or call.address or 'somewhere'}" + ("" if call.port is None else f":{call.port}")
        yield f"{run} " + (f"listened at {where}" if call.direction == "in" else f"called {where}")


def _is_of_system(call: Connection) -> bool:
    """Say whether a unix socket is one of the system's, or nobody was and is there."""
    path = call.address or ""
    if path.removeprefix("/var").startswith(_SYSTEM_SOCKETS) or path.startswith(_SYSTEM_SOCKETS):
        return True
    return call.outcome in ("failed", "refused") and path.startswith("/") and not os.path.lexists(path)


def _of_streams(folder: RunFolder, record: Record, asked: Asked, run: str) -> Iterator[str]:
    for name, now in (("stdout", asked.standard.stdout), ("stderr", asked.standard.stderr)):
        then = record.streams.get(name)
        if then is None:
            yield f"{run} does not say where its {name} went"
        elif then.merged:
            yield from _of_merged(record.streams.get("stdout", then), now, asked, run)
        else:
            yield from _of_stream(name, then, now, os.path.join(folder.path, name), run)


def _of_merged(both: Stream, now: Outlet, asked: Asked, run: str) -> Iterator[str]:
    """Doubt stderr where all that was printed is kept as stdout, and nobody knows which of it was whose."""
    if both.length == 0 or asked.standard.merged or (asked.standard.stdout.is_null and now.is_null):
        return
    if "terminal" not in (both.kind, now.kind) or both.kind != now.kind:
        yield f"stdout and stderr of {run} were one, and are not now"


def _of_stream(name: str, then: Stream, now: Outlet, copy: str, run: str) -> Iterator[str]:
    """Doubt a stream of which what was printed can neither be given again nor passed over."""
    if then.length == 0 or then.kind == now.kind == "closed":
        return
    if then.kind == "file":
        yield f"{run} wrote its {name} into a file"
    elif now.is_null or (then.kind == now.kind == "terminal" and not then.captured):
        return
    elif not then.captured or then.reason is not None or not _is_whole(copy, then.length):
        yield f"what {run} wrote to {name} was not kept whole"
    elif then.kind == "terminal" and now.kind != "terminal":
        yield f"{name} of {run} was a terminal"
    elif not now.takes:
        yield f"what {run} wrote to {name} can't be given again"


def _is_whole(path: str, length: int | None) -> bool:
    try:
        return os.stat(path).st_size == length
    except OSError:
        return False


def is_shown_again(found: Earlier, asked: Asked) -> bool:
    """Say whether all that a run printed can be given again; not so where it went to a terminal uncaptured."""
    outlets = (("stdout", asked.standard.stdout), ("stderr", asked.standard.stderr))
    streams = [(found.record.streams[name], now) for name, now in outlets]
    return all(then.captured or then.merged or then.length == 0 or now.is_null for then, now in streams)


def _name(folder: RunFolder) -> str:
    return f"run {folder.short_id}"
