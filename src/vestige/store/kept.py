"""What a run that is kept is, whoever recorded it: commands that look at runs ask for no more than this.

There are two: `runs.RunFolder`, which vestige wrote, and `con_duct.kept.LogRun`, a log that con-duct wrote.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from vestige.errors import RecordError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vestige.record.model import FileClass, FileUse, Point, Process, Record, Span
    from vestige.store.output import Piece


class KeptRun(Protocol):
    """A run that can be shown, listed and drawn."""

    @property
    def path(self) -> str:
        """Where it is: the run folder, or the file of the log."""

    @property
    def name(self) -> str:
        """What its folder or file is called."""

    @property
    def short_id(self) -> str:
        """The eight digits by which people call it."""

    @property
    def log(self) -> str | None:
        """The path of the log of con-duct that it is; None: it is a run folder."""

    def load(self) -> Record:
        """Return the record. Raises RecordError, StoreError."""

    def processes(self) -> Iterator[Process]:
        """Yield its processes. Raises RecordError."""

    def files(self, kinds: Iterable[FileClass] = ()) -> Iterator[FileUse]:
        """Yield the files that it used, all or those of `kinds`. Raises RecordError."""

    def points(self) -> Iterator[Point]:
        """Yield its series. Raises RecordError."""

    def spans(self) -> Iterator[Span]:
        """Yield its named parts, in the order in which they began. Raises RecordError."""

    def output(self, *, last: int | None = None) -> Iterator[Piece]:
        """Yield its captured output; `last`: only the last so many bytes. Raises StoreError."""


Run = TypeVar("Run", bound=KeptRun)
Run_co = TypeVar("Run_co", bound=KeptRun, covariant=True)  # who takes any run takes a list of run folders too


@dataclass(frozen=True, slots=True)
class Problem(Generic[Run_co]):
    """What stands where runs stand and can't be read as one, and why."""

    folder: Run_co
    reason: str


@dataclass(frozen=True, slots=True)
class Loaded(Generic[Run_co]):
    """A run of a listing."""

    folder: Run_co
    record: Record


def loaded(run: Run) -> Loaded[Run] | Problem[Run]:
    """Return a run with its record, or why it can't be read."""
    try:
        return Loaded(run, run.load())
    except (RecordError, StoreError) as error:
        return Problem(run, str(error))
