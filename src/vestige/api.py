"""The Python API: run a command and read what was kept. `import vestige` offers these names."""

from __future__ import annotations

import os
import subprocess
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vestige import full_run, invocation, running, settings
from vestige.errors import StoreError, UsageError
from vestige.record.place import stores_to_read
from vestige.store.kept import Problem
from vestige.store.runs import RunFolder, Runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vestige.history.all_runs import AllRuns
    from vestige.history.lineage import Lineage
    from vestige.record.model import FileUse, Point, Process, Record, Span

    Capture = Literal["auto", "all", "stdout", "stderr", "none"]
    Trace = Literal["auto", "off"]
    Hash = Literal["full", "fast", "none"]
    IoUring = Literal["auto", "deny"]
    from vestige.running import Redirection


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is kept: `folder` is where, `record` what its `record.json` says."""

    folder: str
    record: Record

    @property
    def id(self) -> str:
        """The run's id, a UUIDv7."""
        return self.record.id

    @property
    def exit_code(self) -> int | None:
        """What a shell would show: 128 + n for signal n; None while the command runs, or where nobody saw the end."""
        return self.record.exit.code

    @property
    def stdout(self) -> bytes | None:
        """The captured copy of stdout; None where it was not captured. Raises StoreError."""
        return self._captured("stdout")

    @property
    def stderr(self) -> bytes | None:
        """The captured copy of stderr; None where it was not captured, or is one with stdout. Raises StoreError."""
        return self._captured("stderr")

    def processes(self) -> Iterator[Process]:
        """Yield the processes of the run. Raises RecordError."""
        return RunFolder(self.folder).processes()

    def files(self) -> Iterator[FileUse]:
        """Yield the files that the run used, of all classes. Raises RecordError."""
        return RunFolder(self.folder).files()

    def spans(self) -> Iterator[Span]:
        """Yield the named parts of the run, in the order in which they began. Raises RecordError."""
        return RunFolder(self.folder).spans()

    def usage(self) -> Iterator[Point]:
        """Yield the time series: bytes, and seconds since the run's start. Raises RecordError."""
        return RunFolder(self.folder).points()

    def _captured(self, name: str) -> bytes | None:
        path = os.path.join(self.folder, name)
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"can't read {path}: {error.strerror}") from error


def run(  # noqa: PLR0913 - all keywords, as subprocess.run
    argv: Sequence[str | os.PathLike[str]],
    *,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    message: str | None = None,
    tags: Iterable[str] = (),
    capture: Capture | None = None,
    trace: Trace | None = None,
    hash: Hash | None = None,  # noqa: A002 - the option's own name
    hash_limit: int | None = None,
    io_uring: IoUring | None = None,
    deny_network: bool | None = None,
    wait: bool | None = None,
    commit: bool | None = None,
    inputs: Iterable[str] = (),
    outputs: Iterable[str] = (),
    if_changed: bool = False,
    store: str | os.PathLike[str] | None = None,
    stdin: Redirection = None,
    stdout: Redirection = None,
    stderr: Redirection = None,
) -> Run:
    """Run a command, wait for it, and return its run; the command's own failure is no exception.

    Args:
        argv: the command and its arguments, no shell between.
        cwd: the folder to run it in, which also decides on config files and store; None: the current one.
        env: the command's environment; None: this process's.
        message: a note, kept in the record.
        tags: tags to find the run by, after those of the config.
        capture: which output to copy into the run folder (`auto`: what goes into a pipe); None: as configured.
        trace: `off` for commands that need setuid helpers; None: as configured.
        hash: what to hash of the files that were used (`fast`: size and samples); None: as configured.
        hash_limit: bytes, larger files are not hashed; 0: no limit; None: as configured.
        io_uring: `deny` makes programs fall back to calls that can be seen; None: as configured.
        deny_network: whether connections to other machines fail; None: as configured.
        wait: whether the run lasts until all processes left behind have ended; None: as configured.
        commit: whether to keep what it changed as a Git commit: `Run.record.commit` says what came of it; None: as
            configured.
        inputs: with a commit, globs for inputs beyond those that are seen; content of git-annex is fetched.
        outputs: with a commit, globs for outputs beyond those that are seen; made writable.
        if_changed: return the earlier run instead, where one can stand for this one: see `docs/guide/if-changed.md`.
        store: the folder to keep the run in; None: as `vestige run` chooses.
        stdin: as for `subprocess.run`, except PIPE.
        stdout: as for `subprocess.run`; PIPE: nothing is shown, and `Run.stdout` holds it.
        stderr: likewise; STDOUT: into the same pipe or file.

    Raises:
        UsageError: `argv` is empty, a single string, or holds a null byte; `cwd` is no folder; `stdin` is PIPE;
            `hash_limit` is negative; the network is to be denied with tracing off.
        ConfigError: a config file or environment variable holds something unusable.
        StoreError: the run folder can't be made.
        RecorderError: the observer ended without a word, or can't deny the network.
        GitError: there is no repository for a commit, or content of inputs can't be had.
    """
    folder = invocation.cwd() if cwd is None else os.path.abspath(cwd)
    if cwd is not None and not os.path.isdir(cwd):
        raise UsageError(f"`cwd` is no folder: {os.fspath(cwd)}")
    if stdin == subprocess.PIPE:
        raise UsageError("`stdin=PIPE` would wait for ever: nobody could write to it; pass an open file")
    environ = dict(os.environ if env is None else env)
    request = invocation.Request()
    request.argv = _words(argv)
    request.message, request.tags = message, list(tags)
    request.capture, request.trace, request.wait = capture, trace, wait
    request.hash, request.hash_limit = hash, _checked_limit(hash_limit)
    request.io_uring, request.deny_network = io_uring, deny_network
    request.commit, request.inputs, request.outputs = commit, list(inputs), list(outputs)
    request.if_changed = if_changed
    ended = full_run.run(
        request,
        folder=folder,
        environ=environ,
        streams=running.Streams(stdin, stdout, stderr),
        store=None if store is None else os.fspath(store),
    )
    return Run(ended.folder.path, ended.record)


def load(run: str | os.PathLike[str], *, store: str | os.PathLike[str] | None = None) -> Run:
    """Return a run that is kept.

    Args:
        run: `last`, `last~N`, the start of its id or of its folder's name, or the path of a run folder.
        store: the folder it is kept in; None: as `vestige run` chooses.

    Raises:
        RunNotFoundError: there is none.
        AmbiguousRunError: there are several.
        StoreError: the store can't be read.
        RecordError: the record is damaged, foreign or of a newer schema.
    """
    found = kept(store).find(os.fspath(run))
    return Run(found.path, found.load())


def runs(*, store: str | os.PathLike[str] | None = None) -> Iterator[Run]:
    """Yield the runs that are kept, newest first; one that can't be read is passed over with a warning.

    Args:
        store: the folder they are kept in; None: as `vestige run` chooses.

    Raises:
        StoreError: the store can't be read.
    """
    for entry in kept(store).records():
        if isinstance(entry, Problem):
            warnings.warn(f"{entry.folder.path} can't be read: {entry.reason}", stacklevel=2)
        else:
            yield Run(entry.folder.path, entry.record)


def why(
    path: str | os.PathLike[str],
    *,
    depth: int | None = None,
    everything: bool = False,
    store: str | os.PathLike[str] | None = None,
) -> Lineage:
    """Return which run wrote a file, from what, and so on back through the runs that are kept.

    Args:
        path: the file; it may be gone by now, or a symbolic link.
        depth: how many runs to go back; None: to the beginning.
        everything: follow software, config and caches too, not only inputs.
        store: the folder the runs are kept in; None: as `vestige run` chooses.

    Raises:
        UsageError: `path` is empty.
        StoreError: the store can't be read. A run that can't be read is in `problems` of the result.
    """
    from vestige.history import lineage  # noqa: PLC0415 - only for these two

    return lineage.why(kept(store), _named(path), depth=depth, everything=everything)


def used_by(
    path: str | os.PathLike[str],
    *,
    depth: int | None = None,
    everything: bool = False,
    store: str | os.PathLike[str] | None = None,
) -> Lineage:
    """Return which runs read a file, what these wrote, and so on forward. Arguments and errors as for `why`."""
    from vestige.history import lineage  # noqa: PLC0415 - only for these two

    return lineage.used_by(kept(store), _named(path), depth=depth, everything=everything)


def _named(path: str | os.PathLike[str]) -> str:
    name = os.fspath(path)
    if not name or "\0" in name:
        raise UsageError("`path` is empty or holds a null byte: no file has such a name")
    return name


def kept(store: str | os.PathLike[str] | None = None) -> Runs:
    """Return the runs that are kept where an invocation from here would keep them. Raises ConfigError."""
    folder = invocation.cwd()
    chosen = invocation.load_settings(folder)
    found = invocation.store(None if store is None else os.fspath(store), chosen, os.environ, folder)
    return Runs(tuple(stores_to_read(found, os.environ)))


def all_kept(store: str | os.PathLike[str] | None = None) -> AllRuns:
    """Return the same runs, and the logs of con-duct here, at the top of the Git work tree, or where it was told to.

    Where `store` names one, it is that store alone. Raises ConfigError.
    """
    from vestige.history import all_runs  # noqa: PLC0415 - only for those who read

    folder = invocation.cwd() if store is None else None
    return all_runs.here(kept(store), folder, None if folder is None else settings.git_top_level(folder), os.environ)


def _words(argv: Sequence[str | os.PathLike[str]]) -> list[str]:
    if isinstance(argv, str | bytes | os.PathLike):
        raise UsageError("`argv` is a list of words, as in `vestige.run(['ls', '-l'])`")
    words = [os.fspath(word) for word in argv]
    if not words:
        raise UsageError("`argv` is empty: there is nothing to run")
    if any("\0" in word for word in words):
        raise UsageError("a word of `argv` holds a null byte, which no program can be given")
    return words


def _checked_limit(limit: int | None) -> int | None:
    if limit is not None and limit < 0:
        raise UsageError("`hash_limit` is a number of bytes; 0 is no limit")
    return limit
