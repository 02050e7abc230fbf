"""Two versions of a file, put on disk and compared."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from vestige.contents.comparison import Comparison, Tolerance, compare

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = Tolerance()


def compared(then: bytes | str, now: bytes | str, name: str, tolerance: Tolerance = DEFAULT) -> Comparison:
    """Compare two contents both ways round; the verdict has to be the same."""
    with tempfile.TemporaryDirectory() as folder:
        one, other = (_put(os.path.join(folder, side), content) for side, content in (("then", then), ("now", now)))
        found = compare(one, other, name=name, tolerance=tolerance)
        assert compare(other, one, name=name, tolerance=tolerance).verdict == found.verdict
        assert compare(one, one, name=name, tolerance=tolerance).verdict == "identical"
    return found


def of_files(then: Path, now: Path, tolerance: Tolerance = DEFAULT) -> Comparison:
    """Compare what two programs wrote; the name is that of the second."""
    return compared(then.read_bytes(), now.read_bytes(), now.name, tolerance)


def _put(path: str, content: bytes | str) -> str:
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    return path
