"""A run with all that its page shows, read once."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from vestige.con_duct import logs
from vestige.duct import charts
from vestige.report import largest, plot_chart, plot_runs, span_view
from vestige.report.counts import CLASSES, ORDER, SHOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.record.model import FileUse, Process, Record
    from vestige.report.plot_data import Chart, Curve
    from vestige.report.span_view import View
    from vestige.store.kept import KeptRun

_WORTH_SEEING = 0.02  # of the largest layer
MOST_BANDS = 40  # spans with a bar of their own
MOST_FILES = 5_000
_MOST_OF_CLASS = 2_000  # files: whoever reads very many shall not hide what it wrote


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is known of a run, in memory: bounded, however long it was."""

    run: KeptRun
    record: Record
    chart: Chart  # with all panels, its bands, and no lanes
    processes: tuple[Process, ...]
    files: tuple[FileUse, ...]  # inputs and outputs first
    files_left_out: int
    spans: View | None

    @property
    def is_log(self) -> bool:
        """Whether con-duct recorded it, which looks at no files."""
        return self.run.log is not None


def gather(run: KeptRun) -> Gathered:
    """Return a run with all that its page shows. Raises RecordError, StoreError."""
    record = run.load()
    points, processes = plot_runs.series(run, record)
    chart = plot_chart.chart(record, points, processes, metrics=("memory", "cpu", "io"), by_process=False)
    seen = span_view.view(run, record)
    files = tuple(_files(run))
    return Gathered(
        run=run,
        record=record,
        chart=dataclasses.replace(
            _layered(chart, _layers(run, processes, chart.end)), bands=() if seen is None else seen.bands(MOST_BANDS)
        ),
        processes=processes,
        files=files,
        files_left_out=_left_out(record, files),
        spans=seen,
    )


def _layers(run: KeptRun, processes: tuple[Process, ...], end: float) -> tuple[Curve, ...]:
    if run.log is not None:
        return charts.layers(logs.read_log(run.log))
    return largest.layers(run.path, processes, end)


def _layered(chart: Chart, layers: tuple[Curve, ...]) -> Chart:
    """Return a chart whose memory is also told by process, where more than one had any."""
    heights = sorted(max((value or 0.0 for value in layer.values), default=0.0) for layer in layers)
    if len(heights) < 2 or heights[-2] < heights[-1] * _WORTH_SEEING:  # noqa: PLR2004 - one alone repeats the whole
        return chart
    panels = (
        dataclasses.replace(panel, layers=layers) if panel.metric == "memory" else panel for panel in chart.panels
    )
    return dataclasses.replace(chart, panels=tuple(panels))


def _files(run: KeptRun) -> Iterator[FileUse]:
    """Yield the files by class, a bounded number of each; lines of other classes are not even parsed."""
    room = MOST_FILES
    for kinds in (*((kind,) for kind in SHOWN), tuple(kind for kind in CLASSES if kind not in SHOWN)):
        uses = (use for use in run.files(kinds) if use.kind in kinds)
        found = sorted(islice(uses, min(room, _MOST_OF_CLASS)), key=lambda use: ORDER[use.kind])
        room -= len(found)
        yield from found


def _left_out(record: Record, files: Sequence[FileUse]) -> int:
    """Return how many files there are beyond these; folders, which are in the list too, are not counted in records."""
    found: Counter[str] = Counter(use.kind for use in files)
    others = sum(number for kind, number in found.items() if kind not in SHOWN)
    if max([others, *(found[kind] for kind in SHOWN)]) < _MOST_OF_CLASS:
        return 0
    return sum(max(count.count - found[kind], 0) for kind, count in record.files.items())
