"""Runs to hold against each other, made in memory: for causes that a machine can't be asked to have."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vestige.compare.comparison import Comparison, compare
from vestige.compare.sides import Side
from vestige.record.model import (
    Completeness,
    Exit,
    Figure,
    FileCount,
    FileState,
    FileUse,
    Machine,
    Package,
    Record,
    Span,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vestige.record.model import FileClass, Point, Process
    from vestige.store.output import Piece

MACHINE = Machine("node1", "Linux", "6.1.0", "x86_64", 8, 8, None, 16 << 30, None)
UNITS = {"wall": "s", "cpu": "s", "cpu_user": "s", "cpu_system": "s", "run_queue_wait": "s", "pressure_cpu": "s",
         "pressure_memory": "s", "pressure_io": "s"}  # fmt: skip
BYTES = ("memory_peak", "read_bytes", "written_bytes", "read_chars", "written_chars")


@dataclass(frozen=True)
class MadeRun:
    """A run that is kept nowhere."""

    record: Record
    uses: tuple[FileUse, ...] = ()
    parts: tuple[Span, ...] = ()
    log: str | None = "in memory"

    @property
    def path(self) -> str:
        return f"/nowhere/{self.record.id}"

    @property
    def name(self) -> str:
        return self.record.id

    @property
    def short_id(self) -> str:
        return self.record.id[-8:]

    def load(self) -> Record:
        return self.record

    def files(self, kinds: Iterable[FileClass] = ()) -> Iterator[FileUse]:
        wanted = tuple(kinds)
        return (use for use in self.uses if not wanted or use.kind in wanted)

    def spans(self) -> Iterator[Span]:
        return iter(self.parts)

    def processes(self) -> Iterator[Process]:
        return iter(())

    def points(self) -> Iterator[Point]:
        return iter(())

    def output(self, *, last: int | None = None) -> Iterator[Piece]:  # noqa: ARG002 - as every run has it
        return iter(())


@dataclass
class Maker:
    """Makes runs that are like each other but for what is asked for."""

    count: int = 0
    figures: dict[str, float] = field(
        default_factory=lambda: {
            "wall": 10.0, "cpu": 8.0, "cpu_user": 7.5, "cpu_system": 0.5, "run_queue_wait": 0.1, "memory_peak": 1e8,
            "cores_allowed": 8, "processes": 3, "read_chars": 5e7, "read_bytes": 0, "written_bytes": 1e6,
            "page_faults_major": 0, "pressure_cpu": 0.1, "pressure_memory": 0, "pressure_io": 0,
        }
    )  # fmt: skip

    def run(
        self,
        *argv: str,
        uses: Iterable[FileUse] = (),
        parts: Iterable[Span] = (),
        software: Iterable[Package] = (),
        methods: dict[str, Any] | None = None,
        record: dict[str, Any] | None = None,
        **figures: float,
    ) -> MadeRun:
        self.count += 1
        known = {**self.figures, **figures}
        uses = tuple(uses)
        given: dict[str, Any] = {
            "id": f"01980d2a-7c00-7abc-8def-{self.count:012x}",
            "argv": argv or ("python3", "train.py", "--trees", "100"),
            "cwd": "/data",
            "status": "ended",
            "started": f"2026-07-01T12:{self.count % 60:02d}:00.000000Z",
            "ended": f"2026-07-01T12:{self.count % 60:02d}:30.000000Z",
            "exit": Exit(code=0),
            "vestige": "0",
            "machine": MACHINE,
            "environment": {"LANG": "C"},
            "software": tuple(software),
            "completeness": Completeness("recorder", "on", files="complete"),
            "resources": {
                name: Figure(value, UNITS.get(name, "B" if name in BYTES else "1"), (methods or {}).get(name, "exact"))
                for name, value in known.items()
            },
            "files": _counts(uses),
        }
        return MadeRun(Record(**{**given, **(record or {})}), uses, tuple(parts))


def used(kind: FileClass, path: str, content: bytes, *, size: int | None = None) -> FileUse:
    """Return a file with this content; `size` is what it says to have."""
    state = FileState("file", len(content) if size is None else size, 1)
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    return FileUse(path, kind, before=None if kind == "output" else state, after=state, hash=digest)


def beside(then: MadeRun | list[MadeRun], now: MadeRun | list[MadeRun]) -> Comparison:
    """Compare one side, `A`, with another, `B`."""
    return compare([Side(name, tuple(side) if isinstance(side, list) else (side,))
                    for name, side in (("A", then), ("B", now))])  # fmt: skip


def _counts(uses: tuple[FileUse, ...]) -> dict[str, FileCount]:
    kinds = {use.kind for use in uses}
    return {
        kind: FileCount(
            sum(use.kind == kind for use in uses),
            sum(use.after.size or 0 for use in uses if use.kind == kind and use.after),
        )
        for kind in kinds
    }
