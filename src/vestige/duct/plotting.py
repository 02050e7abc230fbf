"""`vestige duct plot`: con-duct's options and exit codes, for its logs and for vestige's own runs."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from vestige.con_duct import logs
from vestige.duct import charts, subcommand
from vestige.errors import RecordError, UsageError, VestigeError
from vestige.report import plot_canvas, plot_data, plot_figure, plot_runs, plot_text
from vestige.text import printable

if TYPE_CHECKING:
    import argparse

    from vestige.duct.messages import Messages
    from vestige.report.plot_data import Chart

EXAMPLES = (
    ("vestige duct plot .duct/logs/2026.07.01T12.00.00-4711_info.json -o run.svg", "as a picture: svg, pdf, png"),
    ("vestige duct plot x_usage.jsonl --cpu ps-cpu-timepoint -o run.png", "CPU from one look to the next"),
    ("vestige duct plot x_info.json", "in a window; as text where there is none, with exit code 1"),
)


def main(words: list[str]) -> int:
    """Draw the file that is named in `words` and return the exit code."""
    return subcommand.call(words, make_parser, _plot, "con_duct.plot")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = subcommand.parser("plot", "Draw a log over time.", EXAMPLES)
    parser.add_argument("file_path", metavar="FILE", help="a usage or info file, its prefix, or a run folder")
    parser.add_argument(
        "-o", "--output", metavar="IMAGE", help="the image to write, its type by its suffix; without: a window"
    )
    parser.add_argument(
        "--min-ratio",
        type=float,
        metavar="NUMBER",
        default=3.0,
        help="the unit of an axis is the largest that fits in it so many times; -1: seconds and bytes",
    )
    parser.add_argument(
        "--cpu",
        choices=("ps-pcpu", "ps-cpu-timepoint"),
        metavar="ps-pcpu|ps-cpu-timepoint",
        default="ps-pcpu",
        help="ps-pcpu: CPU as ps tells it, over the life of a process; ps-cpu-timepoint: from one look to the next",
    )
    return parser


def _plot(arguments: argparse.Namespace, messages: Messages) -> int:
    output = None if arguments.output is None else _image(arguments.output)
    chart = _chart(arguments, messages)
    look = plot_figure.Look(ratio=arguments.min_ratio)
    if output is not None:
        plot_figure.write([chart], output, look)
        messages.say("INFO", f"{printable(arguments.file_path)} is drawn as {printable(output)}")
        return 0
    try:
        plot_figure.show([chart], look)
    except VestigeError:
        _write(chart, arguments.min_ratio)
        raise
    return 0


def _image(output: str) -> str:
    """Return the name of the image, looked at before anything is read; without a suffix it is a PNG.

    Raises VestigeError: con-duct's exit code for a name that can't be is 1.
    """
    name = output if os.path.splitext(output)[1] else f"{output}.png"
    try:
        plot_figure.check(name)
    except UsageError as error:
        raise VestigeError(str(error)) from error
    return name


def _write(chart: Chart, ratio: float) -> None:
    """Write the plot as text: better than nothing where no window can be had."""
    width = shutil.get_terminal_size().columns
    signs = plot_canvas.BLOCKS if (sys.stdout.encoding or "").lower().startswith("utf") else plot_canvas.ASCII
    lines = plot_text.render([chart], plot_canvas.Look(width=width, signs=signs, ratio=ratio))
    subcommand.write("".join(line + "\n" for line in lines))


def _chart(arguments: argparse.Namespace, messages: Messages) -> Chart:
    folder = plot_runs.folder_around(arguments.file_path)
    if folder is not None:
        return plot_runs.run_chart(folder, plot_data.DEFAULT_METRICS)
    log = logs.read_log(arguments.file_path)
    if log.usage is None:
        raise RecordError(f"no samples are beside {arguments.file_path}: there is no usage.jsonl")
    _say_unreadable(log.usage, messages)
    return charts.ps_chart(log, arguments.cpu)


def _say_unreadable(usage: str, messages: Messages) -> None:
    """Say how many lines are passed over. Raises RecordError where these are all."""
    lines = logs.samples(usage)
    good = sum(1 for _ in lines)
    if lines.unreadable and not good:
        raise RecordError(f"{usage} holds no samples of con-duct: {lines.unreadable} lines can't be read")
    if lines.unreadable:
        messages.say("WARNING", f"{printable(usage)}: {lines.unreadable} lines can't be read and are left out")
