"""Commands run many times, in turn: A B, A B, …, so that a slow minute of the machine falls on all of them.

Every run is a run that is kept, with tags to find it by; nothing is estimated that a record has.
"""

from __future__ import annotations

import itertools
import os
import shlex
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from vestige import api
from vestige.compare.sides import Side
from vestige.errors import RecordError, StoreError, UsageError
from vestige.store.runs import RunFolder, moment_in
from vestige.text import from_os

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vestige.api import Run, Trace
    from vestige.store.runs import Runs

TAG = "bench"
_ID_BYTES = 4
_MOST_OUTPUT = 64 << 10  # B of a failed command's output that are kept


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run, and how often."""

    commands: tuple[tuple[str, ...], ...]  # as Python's `os` has them
    runs: int = 10  # of each command
    warmup: int = 0  # of each, before those that count
    prepare: str | None = None  # for `sh -c`, before every run
    ignore_failure: bool = False
    keep: bool = True
    trace: Trace | None = None  # None: as configured
    store: str | None = None  # None: as `vestige run` chooses


@dataclass(frozen=True, slots=True)
class Failure:
    """What stopped the runs."""

    command: str  # text
    what: str  # "ended with 3", …
    output: bytes  # the last of what it printed
    may_go_on: bool = True  # whether `--ignore-failure` passes over such


@dataclass(slots=True)
class Bench:
    """What was run: for every command its runs, oldest first."""

    id: str  # eight digits; runs have the tag `bench-ID`, those of the second command `bench-ID-2`
    order: Order
    began: str  # as names of run folders begin
    runs: list[list[Run]] = field(default_factory=list)
    failure: Failure | None = None
    interrupted: KeyboardInterrupt | None = None

    def tag(self, place: int) -> str:
        """Return the tag of the runs of one command, counted from 0."""
        return f"{TAG}-{self.id}" + (f"-{place + 1}" if len(self.order.commands) > 1 else "")

    @property
    def sides(self) -> list[Side]:
        """The commands that ran, as they can be compared."""
        found = zip(self.order.commands, self.runs, strict=True)
        return [
            Side(written(words), tuple(RunFolder(run.folder) for run in reversed(runs)))
            for words, runs in found
            if runs
        ]


def bench(order: Order, progress: Callable[[int, int], None]) -> Bench:
    """Run all commands and return what there is, also where one failed or Ctrl-C came in between.

    `progress` is told how many runs are done, of how many. Raises UsageError, ConfigError, StoreError, RecorderError.
    """
    if order.runs < 1 or order.warmup < 0 or not order.commands:
        raise UsageError("a benchmark needs a command, and one run of it at least")
    began = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    made = Bench(os.urandom(_ID_BYTES).hex(), order, began, [[] for _ in order.commands])
    total = (order.warmup + order.runs) * len(order.commands)
    try:
        for done, (place, counts) in enumerate(_turns(order)):
            progress(done, total)
            run = _run(made, place, counts=counts)
            if run is None:
                break
            if counts:
                made.runs[place].append(run)
    except KeyboardInterrupt as interrupt:
        made.interrupted = interrupt
    return made


def forget(made: Bench) -> int:
    """Remove every run of a benchmark, one that was interrupted among them, and return how many. Raises StoreError."""
    kept, tag = api.kept(made.order.store), f"{TAG}-{made.id}"
    own = [folder for folder in _since(kept, made.began) if tag in _tags(folder)]
    for folder in own:
        kept.remove(folder, force=True)
    return len(own)


def written(words: Sequence[str]) -> str:
    """Return a command as one could type it, as text."""
    return from_os(shlex.join(words))


def _since(kept: Runs, began: str) -> Iterator[RunFolder]:
    """Yield the runs whose folders were made since a moment, as the names of folders begin with it."""
    return itertools.takewhile(lambda folder: moment_in(folder.name) >= began, kept.newest_first())


def _tags(folder: RunFolder) -> tuple[str, ...]:
    try:
        return folder.load().tags
    except (RecordError, StoreError):
        return ()


def _turns(order: Order) -> Iterator[tuple[int, bool]]:
    """Yield which command comes next, and whether the run counts."""
    for turn in range(order.warmup + order.runs):
        for place in range(len(order.commands)):
            yield place, turn >= order.warmup


def _run(made: Bench, place: int, *, counts: bool) -> Run | None:
    """Run a command once and return the run; None where it, or what prepares it, failed and that matters."""
    order, words = made.order, made.order.commands[place]
    with tempfile.TemporaryFile() as printed:
        if order.prepare is not None and not _prepare(made, printed):
            return None
        # Into a file and not through a pipe: then nothing stands between the command and what it prints.
        tags = (TAG, f"{TAG}-{made.id}", *([made.tag(place)] if counts and len(order.commands) > 1 else []))
        run = api.run(
            words, tags=tags if counts else (f"{TAG}-{made.id}", f"{TAG}-warmup"), trace=order.trace, commit=False,
            wait=False, store=order.store, stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT,
        )  # fmt: skip
        made.failure = _failure(run, written(words), _last(printed), ignore=order.ignore_failure)
    return run if made.failure is None else None


def _failure(run: Run, command: str, output: bytes, *, ignore: bool) -> Failure | None:
    """Return why nothing is to be had of a run; without its time it can't be compared, whatever may be ignored."""
    if run.exit_code != 0 and not ignore:
        ending = "was not seen to end" if run.exit_code is None else f"ended with {run.exit_code}"
        return Failure(command, ending, output)
    wall = run.record.resources.get("wall")
    if wall is None or wall.value is None:
        return Failure(command, "took a time that is not known", output, may_go_on=False)
    return None


def _prepare(made: Bench, printed: IO[bytes]) -> bool:
    script = made.order.prepare or ""
    done = subprocess.run(  # noqa: S602 - it is the user's own line for a shell
        script, shell=True, check=False, stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT
    )
    if done.returncode:
        made.failure = Failure(from_os(script), f"ended with {done.returncode}", _last(printed), may_go_on=False)
    return not done.returncode


def _last(printed: IO[bytes]) -> bytes:
    size = printed.seek(0, os.SEEK_END)
    printed.seek(max(0, size - _MOST_OUTPUT))
    return printed.read()
