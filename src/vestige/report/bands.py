"""Spans over time: a band for each, shaded by what it was at, fit to be drawn by anybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vestige.quantity import duration, marked, number
from vestige.report.pipelines import by_span
from vestige.report.span_tree import Branch, memory
from vestige.report.stretches import GAPS, joined
from vestige.words import safe, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.record.model import Span
    from vestige.report.pipelines import Pipeline
    from vestige.report.stretches import Stretch

What = Literal["span", "around", "load", "save", "several"]

_LABEL = 48  # letters
_DEEPEST = 8  # levels that are indented


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a band, and what it was at; later parts lie over earlier ones."""

    start: float  # s since the run's start
    stop: float  # s
    what: What  # around: others are within it; several: more than one, or none for moments too short to be seen


@dataclass(frozen=True, slots=True)
class Band:
    """A span over time, or several alike of one worker."""

    label: str  # its name, indented by what is around it
    worker: str  # process and thread in words; empty where all have the same
    parts: tuple[Part, ...]
    waits: tuple[Stretch, ...] = ()  # it could have begun, but others ran
    critical: bool = False  # it is of the chain that takes longest
    ending: str = ""  # "failed", "unfinished"; empty: it went well
    figures: str = ""  # how long it took, and its memory

    @property
    def start(self) -> float:
        """When it began, s since the run's start."""
        return self.parts[0].start

    @property
    def stop(self) -> float:
        """When it ended, s since the run's start."""
        return max(part.stop for part in self.parts)


def bands(
    found: Sequence[Branch], pipelines: Sequence[Pipeline], *, end: float, most: int, pids: Sequence[int] = ()
) -> tuple[Band, ...]:
    """Return the longest branches as bands in the order in which they began, by worker; the others as one.

    `end` is that of the run, s; `pids` are those of the lines of `processes.jsonl`.
    """
    order = sorted(range(len(found)), key=lambda place: (-_wall(found[place], end), place))
    chosen = set(order[: most if len(found) <= most else most - 1])
    workers = _Workers([span for branch in found for span in branch.spans], pids)
    steps = by_span(pipelines)
    kept = [band for place, branch in enumerate(found) if place in chosen for band in _of(branch, steps, workers, end)]
    kept.sort(key=lambda band: workers.order(band.worker))
    rest = [span for place, branch in enumerate(found) if place not in chosen for span in branch.spans]
    if rest:
        kept.append(_several(f"{number(len(rest))} shorter", rest, "", end))
    return tuple(kept)


class _Workers:
    """Who ran the spans: processes, and their threads where there is more than one."""

    def __init__(self, spans: Sequence[Span], pids: Sequence[int]) -> None:
        self._pids = pids
        self.around = {span.parent for span in spans}  # ids of those that others are within
        threads: dict[int | None, set[int | None]] = {}
        for span in spans:
            threads.setdefault(span.process, set()).add(span.thread)
        self._threads = threads
        self._order: dict[str, int] = {}
        for span in spans:
            self._order.setdefault(self.of(span), len(self._order))

    def of(self, span: Span) -> str:
        """Return who ran a span; empty where all were run by the same."""
        words = []
        if len(self._threads) > 1:
            known = span.process is not None and 0 <= span.process < len(self._pids)
            words.append(f"process {self._pids[span.process or 0]}" if known else "unknown process")
        if len(self._threads.get(span.process, ())) > 1:
            words.append(f"thread {span.thread}")
        return ", ".join(words)

    def order(self, worker: str) -> int:
        """Return the place of a worker by its first span."""
        return self._order.get(worker, len(self._order))


def _of(branch: Branch, steps: dict[str, tuple[Pipeline, int]], workers: _Workers, end: float) -> Iterator[Band]:
    if branch.alone is not None:
        yield _single(branch, branch.alone, steps.get(branch.alone.id), workers, end)
        return
    by_worker: dict[str, list[Span]] = {}
    for span in branch.spans:
        by_worker.setdefault(workers.of(span), []).append(span)
    for worker, spans in by_worker.items():
        if len(spans) == 1:
            yield _single(Branch(branch.name, (spans[0],), branch.depth), spans[0], None, workers, end)
            continue
        yield _several(_label(branch, f"{branch.name} ×{number(len(spans))}"), spans, worker, end)  # noqa: RUF001


def _single(branch: Branch, span: Span, known: tuple[Pipeline, int] | None, workers: _Workers, end: float) -> Band:
    pipeline, place = known or (None, 0)
    step = None if pipeline is None else pipeline.steps[place]
    start, stop = _within(span, end)
    parts = [Part(start, stop, "around" if step is None and span.id in workers.around else "span")]
    if step is not None:
        parts += [Part(*_within(part, end), "load") for part in step.loads]
        parts += [Part(*_within(part, end), "save") for part in step.saves]
    peak = memory(branch)
    words = ["" if span.end is None else duration(stop - start), "" if peak is None else marked(peak)]
    return Band(
        label=_label(branch, branch.name),
        worker=workers.of(span),
        parts=tuple(parts),
        waits=() if pipeline is None else pipeline.waits[place],
        critical=pipeline is not None and place in pipeline.critical,
        ending="failed" if span.status == "error" else "" if span.status == "ok" else "unfinished",
        figures="  ".join(filter(None, words)),
    )


def _several(label: str, spans: Sequence[Span], worker: str, end: float) -> Band:
    stretches = joined(sorted(_within(span, end) for span in spans), end / GAPS, end)
    failed = sum(span.status == "error" for span in spans)
    total = sum(stop - start for start, stop in (_within(span, end) for span in spans))
    return Band(
        label=label,
        worker=worker,
        parts=tuple(Part(start, stop, "several") for start, stop in stretches),
        ending=f"{number(failed)} failed" if failed else "",
        figures=f"{duration(total)} in {number(len(spans))}",
    )


def _label(branch: Branch, name: str) -> str:
    return "  " * min(branch.depth, _DEEPEST) + shortened(safe(name), _LABEL)


def _within(span: Span, end: float) -> Stretch:
    """Return a span within the run; one whose end nobody saw lasts as long as it."""
    start = min(max(span.start, 0.0), end)
    return start, end if span.end is None else min(max(span.end, start), end)


def _wall(branch: Branch, end: float) -> float:
    return sum(stop - start for start, stop in (_within(span, end) for span in branch.spans))
