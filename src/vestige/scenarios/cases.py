"""The scenarios: which tools stand around the one command, and what each needs before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

BASE = "alone"  # what all others are compared with
_KEDRO = ("kedro", "run")
# named by hand, as DataLad asks for: the code and settings that the project has, and where its catalog writes
_DATALAD = ("datalad", "run", "-m", "late flights", "-i", "conf", "-i", "src", "-o", "data")

_RERUN = (("datalad", "rerun", "--script", "-"),)
_SHOW = (("vestige", "show"), ("vestige", "show", "--spans"), ("vestige", "why", "data/08_reporting/delays.png"))


@dataclass(frozen=True, slots=True)
class Case:
    """One scenario."""

    name: str  # what `--only` takes, and the folder of its evidence
    title: str
    words: tuple[str, ...]  # the command line
    tools: tuple[str, ...] = ()  # environments (`environments.REQUIRED`) beyond the project's own
    telemetry: bool = False  # kedro-telemetry as it comes; else the project refuses it in `.telemetry`
    dataset: bool = False  # the project is a DataLad dataset; else a Git repository
    plugin: bool = False  # vestige is installed where the project is
    afterwards: tuple[tuple[str, ...], ...] = ()  # what one would ask the tool next

    @property
    def programs(self) -> tuple[str, ...]:
        """Return what must be found on the PATH."""
        extra = ("git-annex",) if self.dataset else ()
        return (*(word for word in self.words if word in ("kedro", "duct", "datalad", "vestige")), *extra)


CASES = (
    Case(BASE, "kedro run alone", _KEDRO),
    Case("con-duct", "under con-duct", ("duct", *_KEDRO), tools=("con-duct",), afterwards=(("con-duct", "ls"),)),
    Case("datalad", "under DataLad", (*_DATALAD, *_KEDRO), tools=("datalad",), dataset=True, afterwards=_RERUN),
    Case("kedro-telemetry", "with kedro-telemetry", _KEDRO, telemetry=True),
    Case(
        "all-three",
        "all three together",
        (*_DATALAD, "duct", *_KEDRO),
        tools=("con-duct", "datalad"),
        telemetry=True,
        dataset=True,
        afterwards=(("con-duct", "ls"), *_RERUN),
    ),
    Case("vestige", "vestige run", ("vestige", "run", "--summary", "full", *_KEDRO), plugin=True, afterwards=_SHOW),
    Case(
        "vestige-commit",
        "vestige run --commit",
        ("vestige", "run", "--summary", "full", "--commit", "-m", "late flights", *_KEDRO),
        plugin=True,
        afterwards=_SHOW,
    ),
)


def chosen(names: Iterable[str] | None) -> tuple[Case, ...]:
    """Return the cases of these names in their usual order, `alone` always among them; all if None.

    Raises UsageError.
    """
    if names is None:
        return CASES
    wanted = {BASE, *names}
    unknown = sorted(wanted - {case.name for case in CASES})
    if unknown:
        raise UsageError(f"no scenario `{unknown[0]}`; there are {', '.join(case.name for case in CASES)}")
    return tuple(case for case in CASES if case.name in wanted)
