"""What the recorder starts when the command has ended: make the record final, print a summary if wanted."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from vestige import exit_codes
from vestige.cli.progress import Progress
from vestige.errors import VestigeError
from vestige.finalising.finalise import finalise
from vestige.record.codec import read_processes
from vestige.record.place import PROCESSES_NAME

if TYPE_CHECKING:
    from vestige.record.model import Record

_STDERR = 2
_WIDTH = 100
_INTERRUPTED = "vestige: interrupted; the run is kept, `vestige show` makes its record"


def main(words: list[str]) -> int:
    """Finalise the run whose folder is the last word, make its commit if one was asked for, and say so.

    `--summary full|line|problems|none` before it says what to print. Returns NOT_COMMITTED where a commit was asked for
    on the command line, which `--commit` says, and was not made.
    """
    folder = words[-1]
    wanted = words[words.index("--summary") + 1] if "--summary" in words else "none"
    code = exit_codes.NOT_COMMITTED if "--commit" in words else exit_codes.OK
    record = None
    try:
        record = _committed(folder, finalise(folder) if wanted == "none" else _finalised(folder))
        code = code if _is_uncommitted(record) else exit_codes.OK
        text = _text(folder, record, wanted)
    except VestigeError as error:
        text = f"vestige: {error}"
    except KeyboardInterrupt:
        text = _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the outermost edge: a traceback helps nobody, a file to paste does
        from vestige.cli.report_file import write_report  # noqa: PLC0415 - only when there is one

        text = f"vestige: unexpected {type(error).__name__}: {error}; {write_report(error)}"
    if text and wanted != "none":
        _print(text)
    if record is not None and record.status == "ended":
        _count(record)
    return code


def _count(record: Record) -> None:
    """Count the run, once its summary is printed; no fault of that is any matter of the run's."""
    try:
        from vestige.telemetry import surroundings  # noqa: PLC0415 - when all else is done

        if not surroundings.is_refused(os.environ):
            from vestige.telemetry.own import count_run  # noqa: PLC0415 - ten milliseconds

            count_run(record)
    except Exception:  # noqa: BLE001 - the outermost edge
        return


def _committed(folder: str, record: Record) -> Record:
    if record.options.commit is None or record.commit is not None:
        return record
    from vestige.git.commit import commit_and_note  # noqa: PLC0415 - only where one is asked for
    from vestige.store.runs import RunFolder  # noqa: PLC0415

    return commit_and_note(RunFolder(folder), record, record.options.commit)


def _is_uncommitted(record: Record) -> bool:
    return record.commit is not None and record.commit.status not in ("committed", "unchanged")


def _text(folder: str, record: Record, wanted: str) -> str:
    if wanted in ("none", "problems"):
        made = record.commit
        return f"vestige: not committed: {made.reason}" if made is not None and _is_uncommitted(record) else ""
    from vestige.report import summary  # noqa: PLC0415 - only to print
    from vestige.report.paint import Paint  # noqa: PLC0415 - the same

    paint = Paint(colours=_colours())
    if wanted == "line":
        return summary.line(record, width=_width(), paint=paint)
    processes = tuple(read_processes(os.path.join(folder, PROCESSES_NAME)))
    return summary.summary(record, processes=processes, width=_width(), paint=paint)


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
