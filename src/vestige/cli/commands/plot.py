"""`vestige plot`: CPU and memory over time, in the terminal or as an image."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from vestige import exit_codes
from vestige.cli import leftovers, named, printing, stores
from vestige.con_duct import logs
from vestige.errors import UsageError, VestigeError
from vestige.report import plot_canvas, plot_data, plot_runs, plot_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from vestige.report.plot_data import Chart, Metric

EXAMPLES = """\
examples:
  vestige plot                               CPU and memory of the last run, in the terminal
  vestige plot 7f3a -o run.png               as an image: PNG, SVG, PDF by the suffix
  vestige plot 7f3a 81bc --metric memory     the memory of two runs over each other
  vestige plot 7f3a --metric all             I/O as well
  vestige plot --dag                         nodes and datasets of a pipeline with time and memory, as a tree
  vestige plot --dag -o dag.svg              as an image; `.dot` for Graphviz
  vestige plot .duct/logs/x_info.json        a log of con-duct
"""

_SIZE = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")
_LEAST_PIXELS = 200
_METRICS = (*plot_data.METRICS, "all")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige plot`."""
    parser.add_argument("run", nargs="*", metavar="RUN", help="default: `last`; also the path of a log of con-duct")
    parser.add_argument("-o", "--output", metavar="FILE", help="write an image: .png, .svg, .pdf (needs matplotlib)")
    parser.add_argument(
        "--metric", action="append", choices=_METRICS, metavar="NAME", help="cpu, memory, io, all; may be repeated; "
        "default: cpu and memory",
    )  # fmt: skip
    parser.add_argument(
        "--by",
        choices=("process", "span", "total"),
        metavar="WHAT",
        help="process: the largest each, and spans, too; span: spans only; total: only the whole; "
        "default: process for one run, total for several",
    )
    parser.add_argument("--title", metavar="TEXT", help="default: the run and its command")
    parser.add_argument("--size", metavar="WxH", help="of an image in pixels, in the terminal in columns and lines")
    parser.add_argument("--ascii", action="store_true", help="in the terminal: ASCII only")
    parser.add_argument("--window", action="store_true", help="in a window (needs matplotlib and a display)")
    parser.add_argument(
        "--dag", action="store_true", help="what depends on what instead: nodes of Kedro and datasets, or spans"
    )
    parser.add_argument("--pipeline", metavar="NAME", help="with --dag: of several, by name or number; default: all")
    stores.add_option(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Draw them."""
    if arguments.dag:
        from vestige.cli import dag  # noqa: PLC0415 - not for curves

        return dag.draw(arguments)
    if arguments.pipeline is not None:
        raise UsageError("`--pipeline` goes with `--dag`")
    size = _size(arguments)
    if arguments.output is not None:
        from vestige.report import plot_figure  # noqa: PLC0415 - not for the terminal

        plot_figure.check(arguments.output)  # before anything is read
    leftovers.clear_up()
    charts = _charts(arguments)
    if arguments.output is not None or arguments.window:
        _draw(charts, arguments, size)
    else:
        for line in plot_text.render(charts, text_look(arguments.title, size, plain=arguments.ascii)):
            print(line)
    return exit_codes.OK


def text_look(title: str | None, size: tuple[int, int] | None, *, plain: bool) -> plot_canvas.Look:
    """Return how a plot is to be on this terminal."""
    width, rows = size or (shutil.get_terminal_size().columns, None)
    signs = plot_canvas.ASCII if plain or not printing.can_print("█╌") else plot_canvas.BLOCKS
    return plot_canvas.Look(width=width, rows=rows, signs=signs, paint=printing.paint(), title=title)


def _draw(charts: Sequence[Chart], arguments: argparse.Namespace, size: tuple[int, int] | None) -> None:
    from vestige.report import plot_figure  # noqa: PLC0415 - not for the terminal

    look = plot_figure.Look(title=arguments.title, size=size)
    if arguments.output is not None:
        plot_figure.write(charts, arguments.output, look)
        printing.say(f"{arguments.output} is written")
    if arguments.window:
        plot_figure.show(charts, look)


def _charts(arguments: argparse.Namespace) -> list[Chart]:
    """Return what there is to draw of each run. Raises VestigeError."""
    words = arguments.run or ["last"]
    if len(words) > plot_data.MOST_RUNS:
        raise UsageError(f"more than {plot_data.MOST_RUNS} runs can't be told apart in one plot")
    if arguments.by in ("process", "span") and len(words) > 1:
        raise UsageError(f"`--by {arguments.by}` goes with one run")
    charts = [_chart(word, arguments, alone=len(words) == 1) for word in words]
    if all(chart.is_empty for chart in charts):
        raise VestigeError(f"nothing to draw of {', '.join(words)}: nobody looked at it while it ran")
    return charts


def _metrics(arguments: argparse.Namespace) -> tuple[Metric, ...]:
    asked = arguments.metric or plot_data.DEFAULT_METRICS
    return tuple(metric for metric in plot_data.METRICS if metric in asked or "all" in asked)


def _chart(word: str, arguments: argparse.Namespace, *, alone: bool) -> Chart:
    metrics = _metrics(arguments)
    by_process = alone and arguments.by in (None, "process")
    by_span = alone and arguments.by in (None, "process", "span")
    folder = plot_runs.folder_around(word)
    if folder is None and logs.is_log(word):
        return _log_chart(word, metrics, by_process=by_process)
    run = folder or named.run(arguments.store, word)
    if run.log is not None:  # every process has samples there, and so a curve of its own
        return _log_chart(run.log, metrics, by_process=by_process)
    return plot_runs.run_chart(run, metrics, by_process=by_process, by_span=by_span)


def _log_chart(path: str, metrics: Sequence[Metric], *, by_process: bool) -> Chart:
    from vestige.duct import charts  # noqa: PLC0415 - only for such logs

    return charts.chart(logs.read_log(path), metrics=metrics, by_process=by_process)


def _size(arguments: argparse.Namespace) -> tuple[int, int] | None:
    """Return width and height, pixels or letters. Raises UsageError."""
    if arguments.size is None:
        return None
    match = _SIZE.fullmatch(arguments.size)
    if match is None:
        raise UsageError(f"`--size` can't be `{arguments.size}`; write width and height as in 1200x800")
    width, height = int(match.group(1)), int(match.group(2))
    least, most = (_LEAST_PIXELS, 20_000) if arguments.output or arguments.window else (1, 10_000)
    if not least <= min(width, height) <= max(width, height) <= most:
        raise UsageError(f"`--size` takes numbers from {least} to {most}")
    return width, height
