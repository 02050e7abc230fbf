"""The named parts of a run, from what its processes wrote to what the record says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vestige.finalising.spans.places import Places
from vestige.finalising.spans.table import table
from vestige.record.model import Slowest, SpanCounts
from vestige.spans.kinds import NODE
from vestige.spans.lines import lines_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vestige.finalising.processes import Family
    from vestige.record.model import FileUse, Machine, Span


class Parts:
    """What the processes of a run wrote of its parts."""

    def __init__(self, folder: str) -> None:
        """Read it from the run's folder."""
        self.lines = lines_of(folder)

    def give_back_peaks(self, relations: Family, machine: Machine | None) -> None:
        """Give processes the peaks of memory that were set back for spans; none beyond what the machine has."""
        places = Places(relations)
        most = math.inf if machine is None or machine.memory is None else machine.memory
        for life, peak in self.lines.peaks:
            place = places.of(life.pid, life.start)
            if place is not None and peak <= most:
                place.life.replaced_hwm = max(place.life.replaced_hwm, peak)

    def table(self, relations: Family, uses: Sequence[FileUse]) -> list[Span]:
        """Return the spans in the order in which they began."""
        return table(self.lines, relations, uses)

    def counts(self, found: Sequence[Span]) -> SpanCounts | None:
        """Return what the record says of them; None where there is nothing to say."""
        if not found and not self.lines.lost:
            return None
        around = {span.parent for span in found}
        nodes = [span for span in found if span.kind == NODE] or [span for span in found if span.id not in around]
        ended = [(span.end - span.start, span) for span in nodes if span.end is not None]
        wall, slowest = max(ended, key=lambda pair: pair[0], default=(0.0, None))
        return SpanCounts(
            count=len(found),
            failed=sum(span.status == "error" for span in found),
            unfinished=sum(span.status == "unfinished" for span in found),
            lost=self.lines.lost,
            slowest=None if slowest is None else Slowest(slowest.name, slowest.kind, wall, len(nodes)),
        )
