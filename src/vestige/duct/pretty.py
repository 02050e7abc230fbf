"""`vestige duct pp`: one file of a log as Python's `pprint` shows it, as in con-duct."""

from __future__ import annotations

import json
import os
import pprint
from typing import TYPE_CHECKING, Any

from vestige.con_duct.logs import LARGEST, USAGE_NAMES
from vestige.duct import subcommand, units
from vestige.errors import RecordError
from vestige.lines import open_regular

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from vestige.duct.messages import Messages

    Convert = Callable[[Any], Any]

EXAMPLES = (
    ("vestige duct pp .duct/logs/2026.07.01T12.00.00-4711_info.json", "what is known of a run"),
    ("vestige duct pp -H x_info.json", "the same with `3.6 MB` and `1m 2.0s`"),
    ("vestige duct pp x_usage.jsonl", "its samples"),
)
_WIDTH = 80  # columns, pprint's own default
_IN_LIST = _WIDTH - 2  # a bracket or blank before, a comma or bracket after
_SHORT = 1 << 16  # B: shown at once, perhaps on one line
_WORDS = (
    dict.fromkeys(("average_pcpu", "average_pmem", "peak_pcpu", "peak_pmem"), "{:.2f}%".format)
    | dict.fromkeys(("average_rss", "average_vsz", "memory_total", "peak_rss", "peak_vsz"), units.size)
    | dict.fromkeys(("start_time", "end_time"), units.date)
    | {"wall_clock_time": units.duration}
)


def main(words: list[str]) -> int:
    """Show the file that is named in `words` and return the exit code."""
    return subcommand.call(words, make_parser, _show, "con_duct.pprint_json")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = subcommand.parser("pp", "Show a file of a log, with its names sorted and indented.", EXAMPLES)
    parser.add_argument("file_path", metavar="FILE", help="an info.json or a usage.jsonl; any JSON")
    parser.add_argument("-H", "--humanize", action="store_true", help="sizes, shares, durations and dates in words")
    return parser


def _show(arguments: argparse.Namespace, _: Messages) -> int:
    convert = humanized if arguments.humanize else _same
    path: str = arguments.file_path
    try:
        with _opened(path) as file:
            if path.endswith((*USAGE_NAMES, ".jsonl")):
                for piece in _in_list(file, convert):
                    subcommand.write(piece)
            else:
                subcommand.write(pprint.pformat(convert(_whole(file))) + "\n")
    except RecursionError as error:
        raise RecordError(f"Error decoding JSON: {path} is nested too deeply") from error
    return 0


def humanized(content: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON with sizes, shares, durations and dates in words."""
    if isinstance(content, dict):
        return {name: humanized(_in_words(name, value)) for name, value in content.items()}
    return [humanized(item) for item in content] if isinstance(content, list) else content


def _same(content: Any) -> Any:  # noqa: ANN401
    return content


def _in_words(name: str, value: Any) -> Any:  # noqa: ANN401
    words = _WORDS.get(name.lower())
    if words is None or not isinstance(value, int | float) or isinstance(value, bool):
        return value
    try:
        return words(float(value))
    except (ValueError, OverflowError):
        return value


def _opened(path: str) -> BinaryIO:
    """Open a file. Raises RecordError."""
    try:
        return open_regular(path)
    except FileNotFoundError as error:
        raise RecordError(f"File not found: {path}") from error
    except OSError as error:
        raise RecordError(f"can't read {path}: {error.strerror}") from error


def _whole(file: BinaryIO) -> Any:  # noqa: ANN401
    """Return what a file of one JSON text holds. Raises RecordError."""
    content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise RecordError(f"it has more than {LARGEST} bytes: no log of con-duct")
    return _parsed(content, "")


def _in_list(file: BinaryIO, convert: Convert) -> Iterator[str]:
    """Yield a file of lines as pprint shows a list of them, however long it is. Raises RecordError.

    It is read twice: where a line is damaged, nothing at all is shown, as in con-duct.
    """
    is_short = os.fstat(file.fileno()).st_size <= _SHORT
    lines = [convert(line) for line in _lines(file) if is_short]
    if is_short:
        yield pprint.pformat(lines) + "\n"
        return
    file.seek(0)
    before = "["
    for line in _lines(file):
        yield before + pprint.pformat(convert(line), width=_IN_LIST).replace("\n", "\n ")
        before = ",\n "
    yield "]\n"


def _lines(file: BinaryIO) -> Iterator[Any]:
    number = 0
    while line := file.readline(LARGEST + 1):
        number += 1
        if len(line) > LARGEST:
            raise RecordError(f"line {number} has more than {LARGEST} bytes: no log of con-duct")
        if line.strip():
            yield _parsed(line, f"line {number}: ")


def _parsed(content: bytes, where: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(content.decode("utf-8"))
    except ValueError as error:
        raise RecordError(f"Error decoding JSON: {where}{error}") from error
