"""Before a command runs that somebody else may have written: it is shown, and asked for."""

from __future__ import annotations

import sys

from vestige.errors import UsageError


def agree(what: str, whence: str) -> None:
    """Ask whether to run `what`, already shown, that comes from `whence`. Raises UsageError where nobody agrees."""
    if sys.stdin is None or not sys.stdin.isatty():  # None: it was closed
        raise UsageError(f"{what}, {whence}, may be anybody's, and stdin is no terminal to ask at; `--yes` runs them")
    print(f"vestige: run {what}? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was run")
