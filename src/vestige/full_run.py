"""A request run with all that belongs to it: an earlier run that can stand for it, what is made ready, the commit."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from vestige import invocation, running
from vestige.record.place import stores_to_read
from vestige.running import Ended
from vestige.store.runs import Runs

if TYPE_CHECKING:
    from vestige.history.asked import Outlet, Standard
    from vestige.invocation import Request
    from vestige.running import Redirection, Streams

_STDIN, _STDOUT, _STDERR = range(3)


def run(
    request: Request,
    *,
    folder: str | None,
    environ: dict[str, str],
    streams: Streams,
    store: str | None = None,
) -> Ended:
    """Run the command of a request in `folder`, and make the commit that it asks for.

    With `if_changed` that is the end of an earlier run, where one can stand for it: then no commit is made.

    Raises:
        UsageError: the request contradicts itself.
        ConfigError: a config file or environment variable holds something unusable.
        StoreError: the run folder can't be made.
        RecorderError: the observer ended without a word, or can't deny the network.
        GitError: there is no repository for a commit, or content of inputs can't be had.
    """
    chosen = invocation.load_settings(folder)
    kept_in = invocation.store(store, chosen, os.environ, folder)
    if request.if_changed:
        from vestige.history import asked, unchanged  # noqa: PLC0415 - only where it is asked for

        now = asked.asked(request, chosen=chosen, folder=folder, environ=environ, standard=_standard(streams))
        found = unchanged.earlier_run(Runs(tuple(stores_to_read(kept_in, os.environ))), now)
        if isinstance(found, unchanged.Earlier):
            return Ended(found.folder, found.record)
    if invocation.needs_preparation(request, chosen, folder):
        from vestige.git.prepare import prepare  # noqa: PLC0415 - only where something is declared

        prepare(request, folder or "")
    ended = running.observed(request, folder=folder, environ=environ, streams=streams, store=store)
    if ended.record.options.commit is None:
        return ended
    from vestige.git.commit import commit_and_note  # noqa: PLC0415 - only where one is asked for

    return Ended(ended.folder, commit_and_note(ended.folder, ended.record, ended.record.options.commit))


def _standard(streams: Streams) -> Standard:
    """Return the standard streams as they would be; what an earlier run printed can only be given to a pipe again."""
    from vestige.history.asked import NULL, Outlet, Standard, outlet, own_outlet  # noqa: PLC0415

    def as_outlet(redirection: Redirection, own: int) -> Outlet:
        if redirection is None:
            return own_outlet(own, takes=False)
        if redirection in (subprocess.PIPE, subprocess.DEVNULL):
            return Outlet("pipe") if redirection == subprocess.PIPE else NULL
        return outlet(running.number(redirection), takes=False)

    stdout = as_outlet(streams.stdout, _STDOUT)
    merged = streams.stderr == subprocess.STDOUT
    stderr = stdout if merged else as_outlet(streams.stderr, _STDERR)
    return Standard(as_outlet(streams.stdin, _STDIN), stdout, stderr, merged=merged and stdout.kind == "pipe")
