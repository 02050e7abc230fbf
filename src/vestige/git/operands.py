"""What a record names, as a program can be given it."""

from __future__ import annotations

import os

from vestige.errors import RecordError
from vestige.text import to_bytes


def operand(text: str) -> str:
    """Return an argument or a path as Python's `os` has it. Raises RecordError for one that no program can be given."""
    raw = to_bytes(text)
    if b"\0" in raw:
        raise RecordError(f"the record holds `{ascii(text)[1:-1]}`: no program can be given a null byte")
    return os.fsdecode(raw)
