"""The parsers of /proc on what a hostile or merely odd machine may put there."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[2] / "native"


class StatLine(ctypes.Structure):
    """`struct stat_line` of native/proc.h."""

    _fields_ = (
        ("comm", ctypes.c_char * 64),
        ("state", ctypes.c_char),
        ("ppid", ctypes.c_int),
        ("threads", ctypes.c_uint64),
        ("start", ctypes.c_uint64),
    )


@pytest.fixture(scope="module")
def proc(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    library = tmp_path_factory.mktemp("native") / "proc.so"
    subprocess.run(["cc", "-std=c11", "-shared", "-fPIC", "-o", library, NATIVE / "proc.c"], check=True)
    return ctypes.CDLL(str(library))


def stat_of(proc: ctypes.CDLL, line: bytes) -> StatLine | None:
    stat = StatLine()
    ok = proc.parse_stat(line, ctypes.c_size_t(len(line)), ctypes.byref(stat))
    return stat if ok & 0xFF else None


REST = b" S 12 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 98765 1000 200"


@pytest.mark.parametrize("name", [b"sh", b"a) R 99 (b", b"))))", b"", b"tab\tand space", b"\xff\xfe", b"x" * 80])
def test_a_name_can_hold_anything(proc: ctypes.CDLL, name: bytes) -> None:
    stat = stat_of(proc, b"42 (" + name + b")" + REST)
    assert stat is not None
    assert (stat.ppid, stat.threads, stat.start, stat.state) == (12, 3, 98765, b"S")
    assert stat.comm == name[:63]


@pytest.mark.parametrize("line", [b"", b"(", b")(", b"42 (sh)", b"42 (sh) S", b"42 (sh) S 12 1 1", b"x" * 500])
def test_a_cut_line_is_refused(proc: ctypes.CDLL, line: bytes) -> None:
    assert stat_of(proc, line) is None


def test_a_number_cut_at_the_end_of_the_buffer_is_no_child(proc: ctypes.CDLL) -> None:
    pids = (ctypes.c_int * 8)()
    line = b"101 102 10"
    proc.parse_children.restype = ctypes.c_size_t
    assert proc.parse_children(line, ctypes.c_size_t(len(line)), pids, ctypes.c_size_t(8)) == 2
    assert list(pids)[:3] == [101, 102, 0]
