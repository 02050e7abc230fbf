"""Running a request from Python: the observer as a child, the record final when it has ended."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from vestige import invocation
from vestige.errors import RecorderError
from vestige.observe import recorder
from vestige.record.place import take_back
from vestige.record.store import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable

    from vestige.invocation import Request
    from vestige.record.model import Record

    Redirection = int | IO[bytes] | IO[str] | None

_SITE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PORTABLE = (
    f"import sys; sys.path.append({_SITE!r}); from vestige.observe.portable import main; sys.exit(main(sys.argv[1:]))"
)
_PIECE = 1 << 16


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


def run(
    request: Request,
    *,
    folder: str | None,
    environ: dict[str, str],
    streams: Streams = Streams(),
    store: str | None = None,
) -> Ended:
    """Run the command of a request in `folder`, and make the commit that it asks for.

    Raises:
        UsageError: the request contradicts itself.
        ConfigError: a config file or environment variable holds something unusable.
        StoreError: the run folder can't be made.
        RecorderError: the observer ended without a word, or can't deny the network.
        GitError: there is no repository for a commit, or content of inputs can't be had.
    """
    chosen = invocation.load_settings(folder)
    kept_in = invocation.store(store, chosen, os.environ, folder)
    if invocation.needs_preparation(request, chosen, folder):
        from vestige.git.prepare import prepare  # noqa: PLC0415 - only where something is declared

        prepare(request, folder or "")
    order = invocation.open_run(request, chosen=chosen, store=kept_in, environ=environ, folder=folder)
    code = _observe(order, folder, environ, streams)
    ended = _ended(order, code)
    if ended.record.options.commit is None:
        return ended
    from vestige.git.commit import commit_and_note  # noqa: PLC0415 - only where one is asked for

    return Ended(ended.folder, commit_and_note(ended.folder, ended.record, ended.record.options.commit))


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
        return observer.wait()
    except KeyboardInterrupt:  # Ctrl-C reached the command too: it decides when to end
        observer.wait()
        raise
    finally:
        for drain in drains:
            drain.join()


def _portable(start: Callable[..., subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    try:
        return start(sys.executable, "-c", _PORTABLE)
    except OSError as error:
        raise RecorderError(f"can't start an observer with {sys.executable}: {error.strerror}") from error


def _drain(pipe: IO[bytes]) -> threading.Thread:
    """Read a pipe to its end for nothing: what goes through it is captured on its way."""

    def read() -> None:
        with pipe:
            while pipe.read(_PIECE):
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
