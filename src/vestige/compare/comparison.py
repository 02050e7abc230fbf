"""Several sides compared: everything that the views show, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vestige.compare import files, parameters, surroundings
from vestige.compare.bootstrap import FEWEST
from vestige.compare.causes import Explanation, Pair, explain, medians
from vestige.compare.differences import Difference, of_words
from vestige.compare.figures import Row, rows
from vestige.compare.parts import Part, parts
from vestige.compare.sides import LOOKED_INTO, read
from vestige.errors import UsageError
from vestige.record.outcome import outcome
from vestige.words import command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vestige.compare.sides import Group, Side

Noise = Literal["known", "unknown"]
_MOST = 1_000  # differences that are kept; of the rest the number is told


@dataclass(frozen=True, slots=True)
class Compared:
    """What is said of one side."""

    name: str  # text: as it was asked for
    runs: tuple[str, ...]  # ids, newest first
    logs: tuple[str | None, ...]  # of each: the path of the log of con-duct that it is
    command: str  # that of the newest run
    outcomes: tuple[str, ...]  # "ok", "exit 3", …, those that occur
    started: str  # when the newest began
    watched: bool  # whether the files of all runs are known whole

    @property
    def count(self) -> int:
        """How many runs it is of."""
        return len(self.runs)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Sides beside the first one."""

    sides: tuple[Compared, ...]
    noise: Noise  # unknown: a side has too few runs to tell how far apart equal ones lie
    figures: tuple[Row, ...]
    differences: tuple[Difference, ...]  # by topic
    left_out: int  # differences beyond the most that are kept
    parts: tuple[Part, ...]
    explanations: tuple[Explanation, ...]  # of every side but the first
    looked_into: int  # runs of each side, at most, of which more than figures was compared

    def figure(self, name: str) -> Row | None:
        """Return one of the figures, None where no run knows it."""
        return next((row for row in self.figures if row.name == name), None)

    @property
    def same(self) -> bool:
        """Whether no figure differs by more than noise, nor anything else that was seen."""
        return not self.differences and not any(row.differs for row in self.figures)


def compare(sides: Sequence[Side]) -> Comparison:
    """Compare all sides with the first.

    Raises:
        UsageError: there are not two, or one has no runs.
        RecordError: a record is damaged, foreign or of a newer schema.
        StoreError: a store can't be read.
    """
    if len(sides) < 2:  # noqa: PLR2004 - one against another
        raise UsageError("a comparison needs two runs at least")
    if not all(side.runs for side in sides):
        raise UsageError("a side of the comparison has no runs")
    groups = read(sides)
    figures, found = tuple(rows(groups)), _differences(groups)
    named = parts(groups)
    wall = next((row for row in figures if row.name == "wall"), None)
    explanations = [explain(_verdict(wall, side), _pair(figures, found, named, side)) for side in range(1, len(groups))]
    return Comparison(
        sides=tuple(map(_compared, groups)),
        noise="known" if min(len(group.runs) for group in groups) >= FEWEST else "unknown",
        figures=figures,
        differences=found[:_MOST],
        left_out=max(0, len(found) - _MOST),
        parts=named,
        explanations=tuple(explanations),
        looked_into=LOOKED_INTO,
    )


def _differences(groups: Sequence[Group]) -> tuple[Difference, ...]:
    programs = {parameters.program(seen.record.argv) for group in groups for seen in group.looked_into}
    commands = of_words("command", groups, lambda seen: {"command": command(seen.record.argv)})
    given = of_words("parameters", groups, parameters.of_run)
    return (
        *(given if len(programs) == 1 else commands),
        *files.differences(groups),
        *surroundings.differences(groups),
    )


def _pair(figures: Sequence[Row], found: tuple[Difference, ...], named: tuple[Part, ...], side: int) -> Pair:
    between = tuple(each.beside(side) for each in found if each.is_of(side))
    return Pair(medians(figures, 0), medians(figures, side), between, named, side)


def _verdict(wall: Row | None, side: int) -> Literal["alike", "noise", "more", "less", "unknown"]:
    against = None if wall is None else wall.against[side]
    return "unknown" if against is None else against.verdict


def _compared(group: Group) -> Compared:
    newest = group.newest
    seen = [each.record.completeness for each in group.runs]
    return Compared(
        name=group.name,
        runs=tuple(each.record.id for each in group.runs),
        logs=tuple(each.run.log for each in group.runs),
        command=command(newest.record.argv),
        outcomes=tuple(dict.fromkeys(outcome(each.record) for each in group.runs)),
        started=newest.record.started,
        watched=all(state is not None and state.files == "complete" for state in seen),
    )
