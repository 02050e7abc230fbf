"""The data of a page as JSON within it, to be used again: by its own script, and by whoever is given the file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from vestige._version import VERSION
from vestige.record import codec
from vestige.report.files import state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vestige.pages.gathered import Gathered
    from vestige.record.model import FileUse, Process
    from vestige.report.plot_data import Chart, Curve, Panel

FORMAT = "vestige.report/1"
_MOST_PROCESSES = 10_000
_DIGITS = 6
# what could end the element, or begin a comment in it; JSON in ASCII has no line separators of Unicode
_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def embedded(runs: Sequence[Gathered]) -> Markup:
    """Return what is known of runs, fit to stand in a `script` element of type `application/json`."""
    content = {"format": FORMAT, "vestige": VERSION, "runs": [_run(run) for run in runs]}
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(_ESCAPES))  # noqa: S704 - no letter in it means anything to HTML


def _run(run: Gathered) -> dict[str, Any]:
    shown = run.processes[:_MOST_PROCESSES]
    return {
        "name": run.run.short_id,
        "record": json.loads(codec.record_text(run.record)),
        "chart": _chart(run.chart),
        "processes": _processes(shown),
        "processes_left_out": len(run.processes) - len(shown),
        "files": _files(run.files),
        "files_left_out": run.files_left_out,
    }


def _chart(chart: Chart) -> dict[str, Any]:
    return {"end": chart.end, "panels": [_panel(panel) for panel in chart.panels]}


def _panel(panel: Panel) -> dict[str, Any]:
    peak = None if panel.peak is None else {"time": _short(panel.peak.time), "value": panel.peak.figure.value}
    return {
        "metric": panel.metric,
        "unit": panel.unit,
        "curves": list(map(_curve, panel.curves)),
        "layers": list(map(_curve, panel.layers)),
        "limits": [{"label": limit.label, "value": limit.value} for limit in panel.limits],
        "peak": peak,
    }


def _curve(curve: Curve) -> dict[str, Any]:
    return {
        "label": curve.label,
        "role": curve.role,
        "times": list(map(_short, curve.times)),
        "values": [None if value is None else _short(value) for value in curve.values],
    }


def _processes(processes: Sequence[Process]) -> dict[str, list[Any]]:
    """Return processes as columns: half the length of rows."""
    return {
        "pid": [process.pid for process in processes],
        "parent": [process.parent for process in processes],
        "name": [process.name for process in processes],
        "start": [_short(process.start) for process in processes],
        "end": [None if process.end is None else _short(process.end) for process in processes],
        "cpu": [process.cpu.value for process in processes],
        "memory_peak": [process.memory_peak.value for process in processes],
        "exit_code": [process.exit_code for process in processes],
        "signal": [process.signal for process in processes],
    }


def _files(uses: Sequence[FileUse]) -> dict[str, list[Any]]:
    states = list(map(state, uses))
    return {
        "path": [use.path for use in uses],
        "class": [use.kind for use in uses],
        "size": [None if state is None else state.size for state in states],
        "hash": [use.hash for use in uses],
    }


def _short(value: float) -> float | int:
    """Return a number with six digits, and whole ones as they are: nobody sees more in a chart."""
    if value == int(value):
        return int(value)
    return float(f"{value:.{_DIGITS}g}") if abs(value) < 10**_DIGITS else round(value)
