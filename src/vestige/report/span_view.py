"""From a run folder to what is to be seen of its spans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.pipelines.plan import plans
from vestige.report import plot_text, span_tree
from vestige.report.bands import bands
from vestige.report.pipelines import pipelines
from vestige.report.plot_data import Chart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.record.model import Record, Span
    from vestige.report.bands import Band
    from vestige.report.pipelines import Pipeline
    from vestige.report.plot_canvas import Look
    from vestige.report.span_tree import Branch
    from vestige.store.kept import KeptRun

_SHORTEST = 1e-6  # s, of an axis
_MOST_BANDS = 60  # in the timeline


@dataclass(frozen=True, slots=True)
class View:
    """The spans of a run, and what is worked out of them."""

    spans: tuple[Span, ...]  # by their start
    branches: tuple[Branch, ...]
    pipelines: tuple[Pipeline, ...]
    pids: tuple[int, ...]  # of the lines of `processes.jsonl`
    end: float  # s, when the run ended

    def bands(self, most: int) -> tuple[Band, ...]:
        """Return the longest of them over time."""
        return bands(self.branches, self.pipelines, end=self.end, most=most, pids=self.pids)


def view(run: KeptRun, record: Record, *, whole: bool = False) -> View | None:
    """Return the spans of a run, None where it has none; `whole`: none are taken together. Raises RecordError."""
    spans = tuple(sorted(run.spans(), key=lambda span: span.start))
    if not spans:
        return None
    wall = record.resources.get("wall")
    last = max(span.start if span.end is None else span.end for span in spans)
    return View(
        spans=spans,
        branches=tuple(span_tree.branches(spans, whole=whole)),
        pipelines=pipelines(spans, plans(run.path)),
        pids=tuple(process.pid for process in run.processes()),
        end=max(_SHORTEST, float(wall.value) if wall is not None and wall.value else last),
    )


def timeline(seen: View, look: Look) -> Iterator[str]:
    """Yield the spans over the time of the run."""
    chart = Chart(name="", command="", ending="", end=seen.end, panels=(), bands=seen.bands(_MOST_BANDS))
    yield from (line for line in plot_text.render([chart], look) if line.strip())
