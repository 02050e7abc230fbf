"""From a run folder to its chart, also while the run goes on."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

from vestige.finalising.points import bounded
from vestige.record.place import RECORD_NAME
from vestige.report import plot_chart, span_view
from vestige.store.runs import RunFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vestige.record.model import Point, Process, Record
    from vestige.report.plot_data import Chart, Metric
    from vestige.store.kept import KeptRun

_MOST_BANDS = 16  # spans with a bar of their own
_NAMES = (RECORD_NAME, "events.jsonl", "usage.jsonl", "processes.jsonl")


def folder_around(path: str) -> RunFolder | None:
    """Return the run folder that a path of it or of a file in it means; None if it means anything else."""
    whole = os.path.abspath(path)
    folder = whole if os.path.isdir(whole) else os.path.dirname(whole)
    named = folder == whole or (os.path.basename(path) in _NAMES and os.path.isfile(whole))
    return RunFolder(folder) if named and os.path.isfile(os.path.join(folder, RECORD_NAME)) else None


def run_chart(run: KeptRun, metrics: Sequence[Metric], *, by_process: bool = True, by_span: bool = False) -> Chart:
    """Return what there is to draw of a run that is kept. Raises RecordError, StoreError."""
    record = run.load()
    points, processes = series(run, record)
    chart = plot_chart.chart(record, points, processes, metrics=metrics, by_process=by_process)
    seen = span_view.view(run, record) if by_span else None
    return chart if seen is None else dataclasses.replace(chart, bands=seen.bands(_MOST_BANDS))


def series(run: KeptRun, record: Record) -> tuple[tuple[Point, ...], tuple[Process, ...]]:
    """Return points and processes of a run, as far as it has come. Raises RecordError, StoreError."""
    points, processes = _so_far(run) if record.status == "running" else (run.points(), run.processes())
    return bounded(points), tuple(processes)


def _so_far(run: KeptRun) -> tuple[list[Point], list[Process]]:
    """Return points and processes of a run that goes on, from what its recorder has written by now."""
    from vestige.finalising import points, processes  # noqa: PLC0415
    from vestige.observe.events import EVENTS_NAME, observe  # noqa: PLC0415 - only while a run goes on

    seen = observe(os.path.join(run.path, EVENTS_NAME))
    return list(points.points(seen)), list(processes.table(processes.family(seen)))
