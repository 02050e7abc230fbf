"""Which runs are kept and which may go: rules, and the plan that follows from them. Nothing is touched here.

Never in a plan: a run that is not over, one whose record can't be read, one of which a commit was made or is asked for,
one with a tag, one in a folder that somebody renamed, a log of con-duct, and the runs around a run that is kept.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.record.place import EVENTS_NAME, PARTS_NAME, POINTS_NAME
from vestige.store.runs import is_dated
from vestige.text import to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.history.index import Index
    from vestige.history.row import Row

THINNED = ("stdout", "stderr", POINTS_NAME, EVENTS_NAME, PARTS_NAME)  # what a run can do without
MARK = "thinned"  # a file in a run folder that says so
_BLOCK = 512  # bytes of a block: stat(2)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is kept."""

    last: int | None = None  # the newest so many of those that may go
    since: str | None = None  # those begun since, as records write times
    tags: tuple[str, ...] = ()  # only these tags keep a run; none: every tag does
    largest: int | None = None  # B that all runs may take: no more go than that needs, the oldest first
    thin: bool = False  # runs stay, without what `THINNED` names


@dataclass(frozen=True, slots=True)
class Doomed:
    """A run that may go, or is to be thinned."""

    row: Row
    size: int  # B on the disk that this would free


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done."""

    doomed: tuple[Doomed, ...]  # the oldest first
    kept: int  # runs
    reasons: dict[str, int]  # why runs are kept that no rule asks for, and how many
    beyond: int = 0  # B that the rest takes beyond what it may


def plan(index: Index, rules: Rules) -> Plan:
    """Return what follows from the rules now. Raises StoreError."""
    rows = [row for row in index.rows() if row.kind == "run"]
    reasons = _reasons(rows, rules)
    free = [row for row in rows if row.id not in reasons]
    kept = {row.id for row in free[: rules.last or 0]}
    kept |= {row.id for row in free if rules.since is not None and row.started >= rules.since}
    candidates = [row for row in reversed(free) if row.id not in kept]
    chosen, beyond = _chosen(candidates, rows, rules)
    spared = _around({row.id: row for row in rows}, {each.row.id for each in chosen}) if not rules.thin else set()
    doomed = tuple(each for each in chosen if each.row.id not in spared)
    beyond += sum(each.size for each in chosen if each.row.id in spared)
    counted: dict[str, int] = {}
    for reason in [*reasons.values(), *("around a run that is kept" for _ in spared)]:
        counted[reason] = counted.get(reason, 0) + 1
    return Plan(doomed, len(rows) - len(doomed), counted, max(beyond, 0) if rules.largest is not None else 0)


def freed(row: Row, *, thin: bool) -> int:
    """Return how many bytes on the disk a run takes, or those that thinning it would free."""
    return sum(_sizes(os.fsdecode(to_bytes(row.folder)), THINNED if thin else None))


def why_kept(row: Row, rules: Rules) -> str | None:
    """Return why a run stays whatever the rules are for its age, None where nothing speaks for it."""
    if row.status != "ended":
        return "not over"
    if row.committed is not None or row.waits_for_commit:
        return "of a commit"
    if set(row.tags) & set(rules.tags) if rules.tags else row.tags:
        return "tagged"
    return None if is_dated(row.name) else "renamed"


def _reasons(rows: Sequence[Row], rules: Rules) -> dict[str, str]:
    return {row.id: reason for row in rows if (reason := why_kept(row, rules)) is not None}


def _chosen(candidates: Sequence[Row], rows: Sequence[Row], rules: Rules) -> tuple[list[Doomed], int]:
    """Return what goes of the candidates, the oldest first, and how many bytes the rest is beyond its limit, if any."""
    sized = [Doomed(row, freed(row, thin=rules.thin)) for row in candidates]
    sized = [each for each in sized if each.size or not rules.thin]
    if rules.largest is None:
        return sized, 0
    beyond = sum(freed(row, thin=False) for row in rows) - rules.largest
    chosen = []
    for each in sized:
        if beyond <= 0:
            break
        chosen.append(each)
        beyond -= each.size
    return chosen, beyond


def _around(rows: dict[str, Row], doomed: set[str]) -> set[str]:
    """Return the runs among the doomed that others run within which are kept."""
    spared: set[str] = set()
    todo = [row.parent for row in rows.values() if row.id not in doomed]
    while todo:
        parent = todo.pop()
        if parent in doomed and parent not in spared:
            spared.add(parent)
            todo.append(rows[parent].parent)
    return spared


def _sizes(path: str, names: Sequence[str] | None = None) -> Iterator[int]:
    """Yield what a folder and all in it take; with `names` only what these name in it. What is gone takes nothing."""
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if names is not None and entry.name not in names:
                    continue
                yield entry.stat(follow_symlinks=False).st_blocks * _BLOCK
                if entry.is_dir(follow_symlinks=False):
                    yield from _sizes(entry.path)
    except OSError:
        return
