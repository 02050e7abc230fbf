"""Running a request from Python: the observer as a child, the record final when it has ended."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from vestige import invocation
from vestige.errors import RecorderError, Terminated
from vestige.observe import recorder
from vestige.record import start
from vestige.record.place import take_back
from vestige.store.runs import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable

    from vestige.invocation import Request
    from vestige.record.model import Record

    Redirection = int | IO[bytes] | IO[str] | None

_PIECE = 1 << 16
_STDIN, _STDOUT, _STDERR = range(3)


@dataclass(frozen=True, slots=True)
class Streams:
    """Where the command's streams go, as for `subprocess.run`; None: where this process's own go."""

    stdin: Redirection = None
    stdout: Redirection = None
    stderr: Redirection = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that was made and is over."""

    folder: RunFolder
    record: Record


def observed(
    request: Request,
    *,
    folder: str | None,
    environ: dict[str, str],
    streams: Streams = Streams(),
    store: str | None = None,
) -> Ended:
    """Run the command of a request as it is: nothing is made ready, and the commit is left to the caller.

    Raises UsageError, ConfigError, StoreError, RecorderError.
    """
    chosen = invocation.load_settings(folder)
    order = invocation.open_run(
        request,
        chosen=chosen,
        store=invocation.store(store, chosen, os.environ, folder),
        environ=environ,
        folder=folder,
        stdin=kind(streams.stdin, _STDIN),
    )
    return _ended(order, _observe(order, folder, environ, streams))


def kind(redirection: Redirection, own: int) -> str:
    """Return what the command's stream will be (`model.StreamKind`); `own`: this process's, which it may inherit."""
    if redirection is None:
        return start.stream_kind(own)
    return "device" if redirection == subprocess.DEVNULL else start.kind_of(number(redirection))


def number(redirection: int | IO[bytes] | IO[str]) -> int:
    """Return the descriptor behind a redirection."""
    return redirection if isinstance(redirection, int) else redirection.fileno()


def _observe(order: recorder.Order, folder: str | None, environ: dict[str, str], streams: Streams) -> int:
    """Run the observer to its end and return its exit code."""

    def start(*program: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*program, *order.words()],
            cwd=folder, env=environ, stdin=streams.stdin, stdout=streams.stdout, stderr=streams.stderr,
        )  # fmt: skip

    try:
        observer = start(recorder.path(os.environ))
    except OSError as error:  # none was built, or for another machine
        if order.deny_network:
            take_back(order.folder or "")
            raise RecorderError(recorder.NO_DENIAL) from error
        observer = _portable(start)
    drains = [_drain(pipe) for pipe in (observer.stdout, observer.stderr) if pipe]
    try:
        code = observer.wait()
    except KeyboardInterrupt as interrupt:
        if isinstance(interrupt, Terminated):
            observer.send_signal(interrupt.number)
        observer.wait()  # Ctrl-C reached the command too: it decides when to end
        raise  # what the command has left running may hold its output for good: nobody waits for that any more
    for drain in drains:
        drain.join()
    return code


def _portable(start: Callable[..., subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    try:
        return start(*recorder.portable(sys.executable))
    except OSError as error:
        raise RecorderError(f"can't start an observer with {sys.executable}: {error.strerror}") from error


def _drain(pipe: IO[bytes]) -> threading.Thread:
    """Read a pipe to its end for nothing: what goes through it is captured on its way."""

    def read() -> None:
        with pipe:
            while os.read(pipe.fileno(), _PIECE):  # no lock is held that the end of this process may wait for
                pass

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def _ended(order: recorder.Order, code: int) -> Ended:
    folder = RunFolder(order.folder or "")
    record = folder.load()
    if record.status == "running":
        raise RecorderError(f"the observer ended with {code} and left nothing in {folder.path}; try `vestige doctor`")
    return Ended(folder, record)
