"""All evidence of a comparison: the scenarios that were run, and what their tools say of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.errors import RecordError
from vestige.scenarios import claims, evidence
from vestige.scenarios.cases import BASE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vestige.scenarios.claims import Claims
    from vestige.scenarios.evidence import Evidence
    from vestige.scenarios.left import Left


@dataclass(frozen=True, slots=True)
class Found:
    """All evidence: the scenarios that were run, and what their tools say."""

    folder: str  # of the evidence
    cases: tuple[Evidence, ...]  # that were run
    not_run: tuple[Evidence, ...]
    said: dict[str, Claims]

    @property
    def base(self) -> Evidence | None:
        """The command alone."""
        return next((case for case in self.cases if case.name == BASE), None)

    @property
    def ordinary(self) -> set[tuple[str, str]]:
        """What the command leaves by itself."""
        return {(one.place, one.path) for one in self.base.left} if self.base else set()

    def own(self, case: Evidence) -> list[Left]:
        """Return what the tools of a scenario left."""
        return list(case.left) if case.name == BASE else list(evidence.own(case, self.ordinary))


def found(folder: str, names: Iterable[str]) -> Found:
    """Read the evidence in a folder. Raises RecordError."""
    cases = [evidence.load(os.path.join(folder, name)) for name in names]
    ran = tuple(case for case in cases if not case.not_run)
    if any(not case.rounds for case in ran):
        raise RecordError(f"what is in {folder} is no evidence of a scenario: it was run, and has no rounds")
    said = {case.name: claims.of(folder, case.name) for case in ran}
    return Found(folder, ran, tuple(case for case in cases if case.not_run), said)
