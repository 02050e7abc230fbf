"""`vestige run --commit --dry-run`: show what would be run."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING

from vestige import exit_codes, invocation
from vestige.errors import UsageError
from vestige.git.prepare import prepared
from vestige.text import from_os, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.git.prepare import Prepared
    from vestige.invocation import Request


def main(request: Request) -> int:
    """Print it and return the exit code. Raises UsageError, GitError."""
    folder = invocation.cwd()
    chosen = invocation.load_settings(folder)
    if invocation.commit_options(request, chosen, folder) is None or folder is None:
        raise UsageError("`--dry-run` goes with `--commit`")
    ready = prepared(request, folder, dry=True)
    lines = [shlex.join(ready.argv)] if request.dry_run == "command" else _lines(ready, request, folder)
    for line in lines:
        sys.stdout.write(f"{printable(from_os(line))}\n")
    return exit_codes.OK


def _lines(ready: Prepared, request: Request, folder: str) -> Iterator[str]:
    yield f"location: {os.path.relpath(folder, ready.repository.top)}"
    yield f"command: {ready.command or shlex.join(request.argv)}"
    if shlex.join(ready.argv) != shlex.join(request.argv):
        yield f"expanded command: {shlex.join(ready.argv)}"
    for name, expansion in (("inputs", ready.provided.inputs), ("outputs", ready.provided.outputs)):
        if expansion.paths:
            yield f"expanded {name}:"
            yield from (f"  {path}" for path in expansion.paths)
