"""A fault of vestige, as a file to paste into a report."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback

from vestige._version import VERSION


def write_report(error: BaseException) -> str:
    """Write what is known of `error` into a file and return the words that name it."""
    text = "\n".join(
        [
            f"vestige {VERSION}, Python {platform.python_version()}, {platform.platform()}",
            f"command line: {sys.argv[1:]}",
            "",
            *(line.rstrip("\n") for line in traceback.format_exception(error)),
        ]
    )
    try:
        descriptor, path = tempfile.mkstemp(prefix="vestige-report-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text + "\n")
    except OSError as trouble:
        return f"a report could not be written: {trouble.strerror}"
    return f"please paste {path} into a report"
