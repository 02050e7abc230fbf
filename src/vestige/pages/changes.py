"""What is not as it was when the same command last ran in the same folder."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from vestige.errors import RecordError, StoreError
from vestige.record.place import Store
from vestige.record.store import Runs
from vestige.report.files import hash_start, is_folder, relative
from vestige.report.quantity import marked, number
from vestige.report.terminal import outcome
from vestige.report.words import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vestige.pages.gathered import Gathered
    from vestige.record.model import FileClass, FileUse, Package, Record
    from vestige.record.store import RunFolder

_MOST_RUNS = 200  # that are looked into
_MOST_FILES = 5_000
_MOST_NAMED = 12
_FIGURES = {"wall": "Wall time", "cpu": "CPU time", "memory_peak": "Peak memory", "read_chars": "Read",
            "written_chars": "Written", "processes": "Processes"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FigureChange:
    """A figure then and now."""

    name: str
    before: str
    now: str
    ratio: str  # how many times it is; empty where that can't be said


@dataclass(frozen=True, slots=True)
class Change:
    """Something else that is not the same."""

    what: str  # "input", "output", "software", …
    name: str
    words: str


@dataclass(frozen=True, slots=True)
class Changes:
    """A run beside the last one like it."""

    earlier: str  # its short id
    started: str
    figures: tuple[FigureChange, ...]
    others: tuple[Change, ...]
    left_out: int  # of the others


def since_last(run: Gathered) -> Changes | None:
    """Return what changed since the last run of the same command that is kept beside this one; None: there is none."""
    if run.is_log:
        return None
    found = _earlier(run)
    if found is None:
        return None
    folder, before = found
    others = list(_others(run, folder, before))
    return Changes(
        earlier=folder.short_id,
        started=before.started,
        figures=tuple(_figures(before, run.record)),
        others=tuple(others[:_MOST_NAMED]),
        left_out=max(len(others) - _MOST_NAMED, 0),
    )


def _earlier(run: Gathered) -> tuple[RunFolder, Record] | None:
    store = os.path.dirname(os.path.dirname(os.path.abspath(run.run.path)))
    with suppress(StoreError):
        older = (folder for folder in Runs((Store(store, "option"),)).newest_first() if folder.name < run.run.name)
        for folder in islice(older, _MOST_RUNS):
            with suppress(RecordError, StoreError):
                record = folder.load()
                if (record.argv, record.cwd) == (run.record.argv, run.record.cwd) and record.status != "running":
                    return folder, record
    return None


def _figures(before: Record, now: Record) -> Iterator[FigureChange]:
    for name, title in _FIGURES.items():
        one, other = before.resources.get(name), now.resources.get(name)
        if one is not None and other is not None:
            ratio = f"{other.value / one.value:.2f} ×" if one.value and other.value else ""  # noqa: RUF001
            yield FigureChange(title, marked(one), marked(other), ratio)


def _others(run: Gathered, folder: RunFolder, before: Record) -> Iterator[Change]:
    now = run.record
    if outcome(before) != outcome(now):
        yield Change("outcome", "", f"{outcome(before)} → {outcome(now)}")
    yield from _code(before, now)
    yield from _files(run, folder)
    yield from _software(before, now)
    yield from _environment(before, now)


def _code(before: Record, now: Record) -> Iterator[Change]:
    commits = [record.code.commit if record.code is not None else None for record in (before, now)]
    if commits[0] != commits[1]:
        words = [safe(commit[:10]) if commit else "none" for commit in commits]
        yield Change("code", "commit", " → ".join(words))


def _files(run: Gathered, folder: RunFolder) -> Iterator[Change]:
    """Yield inputs and outputs with another content, and those that are new or gone."""
    kinds: tuple[FileClass, ...] = ("input", "modified", "output")
    with suppress(RecordError):
        then = {use.path: use for use in islice(folder.files(kinds), _MOST_FILES) if not is_folder(use)}
        now = {use.path: use for use in run.files if use.kind in kinds and not is_folder(use)}
        for path, use in now.items():
            words = _file_words(then.get(path), use)
            if words:
                yield Change(use.kind, relative(path, run.record.cwd), words)
        for path in then.keys() - now.keys() if not run.files_left_out else ():
            yield Change(then[path].kind, relative(path, run.record.cwd), "not used any more")


def _file_words(before: FileUse | None, now: FileUse) -> str:
    if before is None:
        return "new"
    if before.hash is None or now.hash is None or before.hash == now.hash:
        return ""
    return f"another content: {hash_start(before.hash)} → {hash_start(now.hash)}"


def _software(before: Record, now: Record) -> Iterator[Change]:
    then, these = _versions(before), _versions(now)
    for package, version in these.items():
        if package not in then:
            yield Change("software", package, f"new: {version}")
        elif then[package] != version:
            yield Change("software", package, f"{then[package]} → {version}")
    gone = len(then.keys() - these.keys())
    if gone:
        yield Change("software", "", f"{number(gone)} {'package' if gone == 1 else 'packages'} not used any more")


def _versions(record: Record) -> Mapping[str, str]:
    return {safe(package.name): _version(package) for package in record.software}


def _version(package: Package) -> str:
    return safe(package.version or "unknown version")


def _environment(before: Record, now: Record) -> Iterator[Change]:
    for name in sorted({*before.environment, *now.environment}):
        if before.environment.get(name) != now.environment.get(name):
            yield Change("environment", safe(name), "another value")
