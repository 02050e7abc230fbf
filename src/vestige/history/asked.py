"""A command as it would be run now: all of it that an earlier run is held against."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from vestige import invocation
from vestige.record import start
from vestige.text import from_os

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vestige.history.descriptors import Descriptor
    from vestige.invocation import Request
    from vestige.record.model import StreamKind
    from vestige.settings import Settings


@dataclass(frozen=True, slots=True)
class Outlet:
    """What a standard stream of the command would be now."""

    kind: StreamKind
    is_null: bool = False  # /dev/null
    takes: bool = True  # what was captured can be given to it again


NULL = Outlet("device", is_null=True)
CLOSED = Outlet("closed", takes=False)


@dataclass(frozen=True, slots=True)
class Standard:
    """The standard streams."""

    stdin: Outlet
    stdout: Outlet
    stderr: Outlet
    merged: bool = False  # stdout and stderr are one pipe


@dataclass(frozen=True, slots=True)
class Asked:
    """A command as it would be run now. Strings are text, as in the record."""

    argv: tuple[str, ...]
    cwd: str
    environment: Mapping[str, str]  # the variables that a record keeps
    environment_hash: str
    search: tuple[str, ...]  # the folders of PATH
    inputs: tuple[str, ...]  # canonical paths of those that are declared
    trace: str
    deny_network: bool
    io_uring: str
    classes: Mapping[str, tuple[str, ...]]
    standard: Standard
    handed: frozenset[Descriptor] = frozenset()  # descriptors beside the standard ones


def asked(  # noqa: PLR0913 - all keywords
    request: Request,
    *,
    chosen: Settings,
    folder: str | None,
    environ: Mapping[str, str],
    standard: Standard,
    handed: frozenset[Descriptor] = frozenset(),
) -> Asked:
    """Return what is asked for. Strings are as Python's `os` gives them; `folder` None: it is gone.

    Raises UsageError, GitError where something is declared that can't be had.
    """
    invocation.commit_options(request, chosen, folder)  # words that go with a commit only are wrong in any case
    here = folder or ""
    argv, inputs = _prepared(request, chosen, here)
    return Asked(
        argv=tuple(map(from_os, argv)),
        cwd=from_os(here),
        environment=start.kept_environment(environ, chosen.environment),
        environment_hash=start.environment_hash(environ),
        search=tuple(map(from_os, os.get_exec_path(environ))),
        inputs=tuple(from_os(os.path.realpath(os.path.join(here, path))) for path in inputs),
        trace=request.trace or chosen.trace,
        deny_network=invocation.denies_network(request, chosen),
        io_uring=request.io_uring or chosen.io_uring,
        classes=chosen.classes,
        standard=standard,
        handed=handed,
    )


def outlet(descriptor: int, *, takes: bool = True) -> Outlet:
    """Return what a descriptor of this process is when it becomes a standard stream of the command."""
    kind = cast("StreamKind", start.kind_of(descriptor))
    if kind == "closed":
        return CLOSED
    null = kind == "device" and os.fstat(descriptor).st_rdev == os.stat(os.devnull).st_rdev
    return Outlet(kind, is_null=null, takes=takes)


def own_outlet(descriptor: int, *, takes: bool = True) -> Outlet:
    """Return what a standard stream of this process is, which the command inherits."""
    return outlet(descriptor, takes=takes) if start.stream_kind(descriptor) != "closed" else CLOSED


def _prepared(request: Request, chosen: Settings, folder: str) -> tuple[list[str], list[str]]:
    """Return the words as they are executed, and the inputs that are declared for a commit."""
    if not invocation.needs_preparation(request, chosen, folder):
        return request.argv, []
    from vestige.git.prepare import prepared  # noqa: PLC0415 - only where something is declared

    ready = prepared(request, folder, dry=True)
    return ready.argv, list(ready.provided.inputs.paths)
