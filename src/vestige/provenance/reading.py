"""Small files that others wrote: read whole, or not at all."""

from __future__ import annotations

import json
import os
import stat
from typing import Any

_LARGEST = 64 << 20  # B; the RECORD of the largest distributions has 2 MB


def content(path: bytes, most: int = _LARGEST) -> bytes | None:
    """Return what a regular file holds, cut after `most` bytes; None if it can't be had."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):  # a null byte in a foreign path
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(min(most, status.st_size or most))  # as much memory is asked for; those of /proc say 0
    except OSError:
        return None
    finally:
        os.close(descriptor)


def entries(folder: bytes) -> list[bytes]:
    """Return the names in a folder; none if it can't be read."""
    try:
        return os.listdir(folder)
    except (OSError, ValueError):
        return []


def json_object(path: bytes) -> dict[str, Any]:
    """Return the JSON object that a file holds, an empty one for anything else."""
    raw = content(path)
    if raw is None:
        return {}
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def word(value: object) -> str | None:
    """Return a foreign value if it is text of one line that can be written, else None."""
    text = value.strip() if isinstance(value, str) else ""
    return text if text and text.isprintable() else None


def header(raw: bytes, *names: str) -> dict[str, str]:
    """Return fields of the head of an e-mail-like file (METADATA, DESCRIPTION), the first of each name."""
    found: dict[str, str] = {}
    for line in raw.decode("utf-8", "replace").splitlines():
        if not line.strip():
            break
        name, colon, value = line.partition(":")
        text = word(value)
        if colon and name in names and text is not None:
            found.setdefault(name, text)
    return found
