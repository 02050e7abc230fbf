"""What one call of vestige decides before anything runs: settings, store, and the run folder with its first record.

On the start-up path of `vestige run`: imports nothing that the interpreter has not loaded already.
"""

from __future__ import annotations

import os
import time

from vestige import settings
from vestige._version import VERSION
from vestige.errors import RecorderError, UsageError
from vestige.observe import recorder
from vestige.record import place, start, tinyjson
from vestige.text import from_os

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from collections.abc import Mapping

    from vestige.settings import Settings


class Request:
    """What somebody asks for with `vestige run` or `vestige.run`; None: not said, so the settings decide."""

    __slots__ = (
        "allow_empty", "argv", "assume_ready", "capture", "chain", "command", "commit", "commit_inputs",
        "deny_network", "dry_run", "expand", "explicit", "extra_inputs", "hash", "hash_limit", "help",
        "if_changed", "inputs", "io_uring", "message", "on_failure", "others", "outputs", "quiet", "sidecar", "store",
        "strict", "summary", "tags", "top", "trace", "wait",
    )  # fmt: skip

    def __init__(self) -> None:
        self.argv: list[str] = []
        self.message: str | None = None
        self.tags: list[str] = []
        self.capture: str | None = None
        self.wait: bool | None = None
        self.store: str | None = None
        self.summary: str | None = None
        self.trace: str | None = None
        self.hash: str | None = None
        self.hash_limit: int | None = None  # bytes; 0: no limit
        self.io_uring: str | None = None
        self.deny_network: bool | None = None
        self.commit: bool | None = None
        self.command: str | None = None  # for a shell, where `argv` is not what was asked for
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self.extra_inputs: list[str] = []
        self.chain: list[str] = []
        self.others: str | None = None  # JSON
        self.top: str | None = None  # of the work tree to commit in; None: the one around the folder
        self.expand: str | None = None
        self.explicit = False
        self.assume_ready: str | None = None
        self.sidecar: str | None = None
        self.on_failure: str | None = None
        self.strict = False
        self.commit_inputs = False
        self.allow_empty = False
        self.dry_run: str | None = None
        self.if_changed = False
        self.quiet = False
        self.help = False


def cwd() -> str | None:
    """Return the current folder, None if it was removed under our feet."""
    try:
        return os.getcwd()
    except OSError:
        return None


def store(option: str | None, chosen: Settings, environ: Mapping[str, str], folder: str | None) -> place.Store:
    """Return the store that is meant in `folder`, which need not exist.

    Raises UsageError when the option names nothing.
    """
    if option == "":
        raise UsageError("`--store` needs a folder, not an empty word")
    return place.find_store(explicit=option, configured=chosen.store, environ=environ, cwd=folder or "")


def open_run(  # noqa: PLR0913 - all keywords
    request: Request,
    *,
    chosen: Settings,
    store: place.Store,
    environ: Mapping[str, str],
    folder: str | None,
    stdin: str | None = None,
) -> recorder.Order:
    """Make the run folder with its first record, and return the order for the observer, with no finisher.

    `environ`, `folder` and `stdin` (its `model.StreamKind`) are those of the command. Raises StoreError, UsageError,
    RecorderError: then nothing is left behind.
    """
    options = {**_options(request, chosen), "commit": commit_options(request, chosen, folder), "stdin": stdin}
    trace = request.trace or chosen.trace
    if options["deny_network"]:
        _check_denial(trace)
    now = time.time_ns()
    run_id = place.new_id(now)
    record = start.start_record(
        run_id=run_id,
        argv=request.argv,
        cwd=_lost_folder() if folder is None else folder,
        now_ns=now,
        version=VERSION,
        environ=environ,
        message=request.message,
        tags=(*chosen.tags, *request.tags),
        keep=chosen.environment,
        options=options,
        top=request.top or (None if folder is None else settings.git_top_level(folder)),
    )
    return recorder.Order(
        request.argv,
        folder=place.create_run(store, run_id, now, record=tinyjson.dumps(record), environ=environ),
        run_id=run_id,
        trace=trace,
        capture=request.capture or chosen.capture,
        wait=chosen.wait if request.wait is None else request.wait,
        io_uring=request.io_uring or chosen.io_uring,
        deny_network=denies_network(request, chosen),
    )


def denies_network(request: Request, chosen: Settings) -> bool:
    """Say whether the command is to be kept from the network: then it must not run without a recorder."""
    return chosen.deny_network if request.deny_network is None else request.deny_network


def commit_options(request: Request, chosen: Settings, folder: str | None) -> dict[str, object] | None:
    """Return what is asked for about a commit (`model.CommitOptions`), None where none is.

    Raises UsageError where there can be none, unless only the config asks for it.
    """
    if not wants_commit(request, chosen):
        _check_no_commit(request)
        return None
    if folder is None or settings.git_top_level(folder) is None:
        if request.commit:
            raise UsageError("`--commit` needs a Git repository around the current folder; `git init` makes one")
        return None
    return {
        "asked": bool(request.commit),
        "command": None if request.command is None else from_os(request.command),
        "inputs": [from_os(word) for word in request.inputs],
        "outputs": [from_os(word) for word in request.outputs],
        "extra_inputs": [from_os(word) for word in request.extra_inputs],
        "chain": request.chain,
        "others": request.others,
        "expand": request.expand or "none",
        "explicit": request.explicit,
        "sidecar": request.sidecar or "auto",
        "on_failure": request.on_failure or "nothing",
        "strict": request.strict,
        "commit_inputs": request.commit_inputs,
        "allow_empty": request.allow_empty,
    }


def wants_commit(request: Request, chosen: Settings) -> bool:
    """Say whether a commit is asked for, on the command line or by the config."""
    return chosen.commit == "auto" if request.commit is None else request.commit


def needs_preparation(request: Request, chosen: Settings, folder: str | None) -> bool:
    """Say whether anything is to be resolved, fetched or unlocked before the command.

    Without `--commit`, `-i` or `-o` on the command line, braces are nothing but braces, and a word is a program.
    """
    if not wants_commit(request, chosen) or folder is None or settings.git_top_level(folder) is None:
        return False
    if request.inputs or request.outputs:
        return True
    return bool(request.commit) and (len(request.argv) == 1 or any("{" in word for word in request.argv))


def _check_no_commit(request: Request) -> None:
    """Raise where words that speak of a commit stand without one."""
    words = {
        "-i": request.inputs, "-o": request.outputs, "--expand": request.expand, "--explicit": request.explicit,
        "--assume-ready": request.assume_ready, "--sidecar": request.sidecar, "--on-failure": request.on_failure,
        "--strict": request.strict, "--commit-inputs": request.commit_inputs, "--allow-empty": request.allow_empty,
        "--dry-run": request.dry_run,
    }  # fmt: skip
    for flag, value in words.items():
        if value:
            raise UsageError(f"`{flag}` goes with `--commit`")


def _options(request: Request, chosen: Settings) -> dict[str, object]:
    """Return what the record says was asked for (`model.Options`)."""
    limit = chosen.hash_limit if request.hash_limit is None else request.hash_limit
    return {
        "hash": request.hash or chosen.hash,
        "hash_limit": limit or None,
        "deny_network": denies_network(request, chosen),
        "io_uring": request.io_uring or chosen.io_uring,
        "classes": chosen.classes,
    }


def _check_denial(trace: str) -> None:
    """Raise unless the network can be denied, as far as that can be known before the recorder tries."""
    if trace == "off":
        raise UsageError("the network can't be denied with tracing off; `--trace auto` or `--allow-network`")
    if not os.access(recorder.path(os.environ), os.X_OK):
        raise RecorderError(recorder.NO_DENIAL)


def load_settings(folder: str | None) -> Settings:
    """Return the settings for an invocation in `folder`. Raises ConfigError."""
    return settings.load(os.environ, folder)


def _lost_folder() -> str:
    try:
        return os.readlink("/proc/self/cwd")  # "/where/it/was (deleted)"
    except OSError:
        return ""
