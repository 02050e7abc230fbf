"""What the recorder starts when the command has ended: make the record final, print a summary if wanted."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from vestige.cli.progress import Progress
from vestige.errors import VestigeError
from vestige.record.codec import read_processes
from vestige.record.finalise import PROCESSES_NAME, finalise

if TYPE_CHECKING:
    from vestige.record.model import Record

_STDERR = 2
_WIDTH = 100
_INTERRUPTED = "vestige: interrupted; the run is kept, `vestige show` makes its record"


def main(words: list[str]) -> int:
    """Finalise the run whose folder is the last word; `--summary full|line|none` before it says what to print."""
    folder = words[-1]
    wanted = words[words.index("--summary") + 1] if "--summary" in words else "none"
    try:
        text = _text(folder, wanted)
    except VestigeError as error:
        text = f"vestige: {error}"
    except KeyboardInterrupt:
        text = _INTERRUPTED
    if text and wanted != "none":
        _print(text)
    return 0


def _text(folder: str, wanted: str) -> str:
    if wanted == "none":
        finalise(folder)
        return ""
    record = _finalised(folder)
    from vestige.report import terminal  # noqa: PLC0415 - only to print

    paint = terminal.Paint(colours=_colours())
    if wanted == "line":
        return terminal.line(record, width=_width(), paint=paint)
    processes = tuple(read_processes(os.path.join(folder, PROCESSES_NAME)))
    return terminal.summary(record, processes=processes, width=_width(), paint=paint)


def _finalised(folder: str) -> Record:
    """Finalise while somebody waits, who is told if it lasts."""
    progress = Progress()
    try:
        return finalise(folder, progress)
    finally:
        progress.clear()


def _colours() -> bool:
    return os.isatty(_STDERR) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _width() -> int:
    try:
        return os.get_terminal_size(_STDERR).columns or _WIDTH
    except OSError:
        return _WIDTH


def _print(text: str) -> None:
    """Print to stderr, where the terminal is; one that is gone or full is no matter of the command's."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)
