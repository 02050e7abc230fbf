"""What is compared: sides of one or several runs, each read once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vestige.record.model import FileUse, Record, Span
    from vestige.store.kept import KeptRun

LOOKED_INTO = 10  # runs of a side whose files, software and parts are read; figures are taken of all


@dataclass(frozen=True, slots=True)
class Side:
    """One or several runs under one name."""

    name: str  # text: as it was asked for
    runs: tuple[KeptRun, ...]  # newest first


@dataclass(frozen=True)
class Seen:
    """A run as a comparison sees it; what stands in files of its own is read when it is asked for, once."""

    run: KeptRun
    record: Record

    @cached_property
    def files(self) -> tuple[FileUse, ...]:
        """What went in and what came out. Raises RecordError."""
        return tuple(self.run.files(("input", "output", "modified", "removed")))

    @cached_property
    def programs(self) -> tuple[str, ...]:
        """The files, text, that processes were started from. Raises RecordError."""
        return tuple(use.path for use in self.run.files(("software", "input")) if use.executed)

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """Its named parts. Raises RecordError."""
        return tuple(self.run.spans())


@dataclass(frozen=True, slots=True)
class Group:
    """A side that was read."""

    name: str
    runs: tuple[Seen, ...]

    @property
    def looked_into(self) -> tuple[Seen, ...]:
        """Those of which more than figures is compared: the newest."""
        return self.runs[:LOOKED_INTO]

    @property
    def newest(self) -> Seen:
        """The newest run."""
        return self.runs[0]


def read(sides: Sequence[Side]) -> tuple[Group, ...]:
    """Read the records of all runs. Raises RecordError, StoreError."""
    return tuple(Group(side.name, tuple(Seen(run, run.load()) for run in side.runs)) for side in sides)
