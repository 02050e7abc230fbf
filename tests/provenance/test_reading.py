"""Small files that others wrote."""

from __future__ import annotations

import os
import tracemalloc
from typing import TYPE_CHECKING

from vestige.provenance.reading import content

if TYPE_CHECKING:
    from pathlib import Path


def test_a_small_file_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "RECORD"
    path.write_bytes(b"a.py,,\n" * 100)
    tracemalloc.start()
    try:
        assert content(os.fsencode(path)) == b"a.py,,\n" * 100
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_no_more_is_read_than_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "RECORD"
    path.write_bytes(b"0123456789")
    assert content(os.fsencode(path), 4) == b"0123"


def test_a_file_that_does_not_tell_its_size() -> None:
    assert b"Name:" in (content(b"/proc/self/status") or b"")


def test_what_is_no_file_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", tmp_path / "nowhere"):
        assert content(os.fsencode(path)) is None
    assert content(b"/tmp/a\0b") is None
