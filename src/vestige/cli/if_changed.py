"""`vestige run --if-changed`: skip a command that an earlier run stands for, and give its output again."""

from __future__ import annotations

import datetime as dt
import os
import signal
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from vestige import exit_codes, invocation
from vestige.cli.progress import Progress
from vestige.errors import StoreError
from vestige.history import descriptors, unchanged
from vestige.history.asked import Standard, asked, own_outlet
from vestige.history.unchanged import Earlier
from vestige.observe import events
from vestige.record.place import EVENTS_NAME, stores_to_read
from vestige.store.runs import Runs
from vestige.words import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.history.asked import Asked
    from vestige.invocation import Request

_STDIN, _STDOUT, _STDERR = range(3)
_DESCRIPTORS = {"stdout": _STDOUT, "stderr": _STDERR}
_PIECE = 1 << 20  # B


def skipped(request: Request) -> int | None:
    """Return the exit code if the command need not run; None: it has to, and stderr says why if somebody reads it.

    Raises VestigeError where `vestige run` would raise it as well.
    """
    folder = invocation.cwd()
    chosen = invocation.load_settings(folder)
    store = invocation.store(request.store, chosen, os.environ, folder)
    runs = Runs(tuple(stores_to_read(store, os.environ)))
    standard = Standard(own_outlet(_STDIN), own_outlet(_STDOUT), own_outlet(_STDERR), merged=_is_one_pipe())
    handed = descriptors.handed_now()
    now = asked(request, chosen=chosen, folder=folder, environ=os.environ, standard=standard, handed=handed)
    found = _look(runs, now)
    if not isinstance(found, Earlier):
        _say(request, f"not skipped: {found.reason}")
        return None
    return _stand_for(found, now, request, wants_commit=invocation.wants_commit(request, chosen))


def _look(runs: Runs, now: Asked) -> Earlier | unchanged.Refusal:
    """Look for the run while somebody waits, who is told if it lasts."""
    progress = Progress(hint="")
    try:
        return unchanged.earlier_run(runs, now, progress)
    finally:
        progress.clear()


def _is_one_pipe() -> bool:
    try:
        one, other = os.fstat(_STDOUT), os.fstat(_STDERR)
    except OSError:
        return False
    return stat.S_ISFIFO(one.st_mode) and (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _stand_for(earlier: Earlier, now: Asked, request: Request, *, wants_commit: bool) -> int:
    """Give the output of an earlier run again, say which one it was, and return the exit code."""
    run = earlier.folder.short_id
    try:
        _replay(earlier)
    except (OSError, StoreError) as error:  # too late for the command to run: part of its output is out
        print(f"vestige: can't give the output of run {run} again: {error}", file=sys.stderr)
        return exit_codes.NOT_STARTED
    words = [f"skipped: nothing changed since run {run} ({_local(earlier.record.started)})"]
    if not unchanged.is_shown_again(earlier, now):
        words.append("what it printed is not shown again")
    if wants_commit and (earlier.record.commit is None or earlier.record.commit.status in ("refused", "failed")):
        words.append(f"`vestige commit {run}` commits what it changed")
    _say(request, "; ".join(words))
    return exit_codes.OK


def _local(started: str) -> str:
    """Return a moment of the record in local time, to the minute."""
    moment = dt.datetime.fromisoformat(started.replace("Z", "+00:00"))
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def _replay(earlier: Earlier) -> None:
    """Write what an earlier run printed, in the order in which it came as far as that was noted.

    A reader that goes away ends this process by SIGPIPE, as it would have ended the command.
    """
    streams = [name for name, stream in earlier.record.streams.items() if stream.captured and stream.length]
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    copies = {name: os.open(os.path.join(earlier.folder.path, name), os.O_RDONLY | os.O_CLOEXEC) for name in streams}
    try:
        done = dict.fromkeys(copies, 0)
        for name, end in (*_ends(earlier, streams), *((name, None) for name in streams)):
            if name in copies:
                done[name] = _copy(copies[name], _DESCRIPTORS[name], done[name], end)
    finally:
        for copy in copies.values():
            os.close(copy)


def _ends(earlier: Earlier, streams: list[str]) -> Iterator[tuple[str, int | None]]:
    """Yield, in order, which stream went on to which offset; nothing where there is but one stream."""
    if len(streams) > 1:
        noted = events.output(os.path.join(earlier.folder.path, EVENTS_NAME))
        for piece in sorted(noted, key=lambda piece: piece.seq):
            yield piece.stream, piece.offset + piece.length


def _copy(source: int, target: int, offset: int, end: int | None) -> int:
    """Copy a file from an offset to another one, or to its end, and return where that was."""
    while end is None or offset < end:
        piece = os.pread(source, _PIECE if end is None else min(_PIECE, end - offset), offset)
        if not piece:
            break
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(target, rest) :]
        offset += len(piece)
    return offset


def _say(request: Request, text: str) -> None:
    """Say something on stderr if that is a terminal, or if a summary was asked for."""
    if request.quiet or request.summary == "none" or not (request.summary or os.isatty(_STDERR)):
        return
    with suppress(OSError, ValueError):
        print(f"vestige: {safe(text)}", file=sys.stderr, flush=True)
