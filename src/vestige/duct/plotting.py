"""`vestige duct plot`: con-duct's options and exit codes, for its logs and for vestige's own runs."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from typing import TYPE_CHECKING

from vestige._version import VERSION
from vestige.duct import charts, logs
from vestige.duct.options import LEVELS
from vestige.duct.version import CON_DUCT
from vestige.errors import VestigeError
from vestige.report import plot_canvas, plot_data, plot_figure, plot_runs, plot_text

if TYPE_CHECKING:
    from vestige.report.plot_data import Chart

_FAILED = 1  # con-duct's own for whatever is wrong but the options
_PROGRAM = "vestige duct plot"


def main(words: list[str]) -> int:
    """Draw the file that is named in `words` and return the exit code."""
    try:
        arguments = _parser().parse_args(words)
    except SystemExit as end:  # argparse has said what is wrong, or shown the help
        return end.code if isinstance(end.code, int) else _FAILED
    try:
        return _plot(arguments)
    except VestigeError as error:
        _say(arguments, "ERROR", str(error))
        return _FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=_PROGRAM, description="Plot a log over time.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"con-duct plot {CON_DUCT} (vestige {VERSION})")
    parser.add_argument("file_path", help="a usage or info file, its prefix, or a run folder")
    parser.add_argument(
        "-l", "--log-level", type=str.upper, choices=LEVELS, default="INFO", help="what is said on stderr"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="the same as `-l NONE`")
    parser.add_argument("-o", "--output", help="the image to write, its type by its suffix; without: a window")
    parser.add_argument(
        "--min-ratio",
        type=float,
        default=3.0,
        help="the unit of an axis is the largest that fits in it so many times; -1: seconds and bytes",
    )
    parser.add_argument(
        "--cpu",
        choices=("ps-pcpu", "ps-cpu-timepoint"),
        default="ps-pcpu",
        help="ps-pcpu: CPU as ps tells it, over the life of a process; ps-cpu-timepoint: from one look to the next",
    )
    return parser


def _plot(arguments: argparse.Namespace) -> int:
    if arguments.output is not None:
        plot_figure.check(arguments.output)
    chart = _chart(arguments)
    look = plot_figure.Look(ratio=arguments.min_ratio)
    if arguments.output is not None:
        plot_figure.write([chart], arguments.output, look)
        _say(arguments, "INFO", f"{arguments.file_path} is drawn as {arguments.output}")
        return 0
    try:
        plot_figure.show([chart], look)
    except VestigeError:
        _write(chart, arguments.min_ratio)
        raise
    return 0


def _write(chart: Chart, ratio: float) -> None:
    """Write the plot as text: better than nothing where no window can be had."""
    width = shutil.get_terminal_size().columns
    signs = plot_canvas.BLOCKS if (sys.stdout.encoding or "").lower().startswith("utf") else plot_canvas.ASCII
    for line in plot_text.render([chart], plot_canvas.Look(width=width, signs=signs, ratio=ratio)):
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _chart(arguments: argparse.Namespace) -> Chart:
    folder = plot_runs.folder_around(arguments.file_path)
    if folder is not None:
        return plot_runs.run_chart(folder, plot_data.DEFAULT_METRICS)
    return charts.ps_chart(logs.read_log(arguments.file_path), arguments.cpu)


def _say(arguments: argparse.Namespace, level: str, words: str) -> None:
    most = "NONE" if arguments.quiet else arguments.log_level
    if LEVELS.index(level) <= LEVELS.index(most):
        sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} [{level:<8}] con_duct.plot: {words}\n")
