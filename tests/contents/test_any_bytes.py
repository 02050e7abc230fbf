"""Whatever is in a file, under whatever name, a comparison comes of it."""

from __future__ import annotations

import functools
import gzip
import io
import json
from typing import Any, get_args

import pytest
from contents.versions import compared
from hypothesis import given, settings
from hypothesis import strategies as st

from vestige.contents.comparison import Verdict
from vestige.contents.kinds import KINDS

SUFFIXES = sorted({suffix for kind in KINDS for suffix in kind.suffixes} | {"", ".txt", ".bin"})
MAGIC = sorted({magic for kind in KINDS for magic in kind.magic} | {b"", b"\x1f\x8b\x08", b"PK\3\4", b"a,b\n1,2\n"})
NAMES = st.builds(
    "{}{}{}".format, st.sampled_from(["x", "a/b.c/x", ".", ""]), st.sampled_from(SUFFIXES), st.sampled_from(["", ".gz"])
)
BYTES = st.builds(lambda magic, rest: magic + rest, st.sampled_from(MAGIC), st.binary(max_size=200))


@settings(deadline=None)
@given(BYTES, BYTES, NAMES)
def test_any_bytes(then: bytes, now: bytes, name: str) -> None:
    check(then, now, name)


@functools.cache
def sound() -> dict[str, bytes]:
    """Return a sound file of each kind whose library is there."""
    numpy, arrow, image = (pytest.importorskip(name) for name in ("numpy", "pyarrow", "PIL.Image"))
    columns = {"n": [1, 2], "x": [0.5, None], "s": ["a", "b"], "l": [[1], []]}
    files: dict[str, Any] = {suffix: io.BytesIO() for suffix in (".npy", ".npz", ".parquet", ".arrow", ".png")}
    numpy.save(files[".npy"], numpy.arange(6.0).reshape(2, 3))
    numpy.savez_compressed(files[".npz"], a=numpy.arange(3), b=numpy.zeros(2))
    pytest.importorskip("pyarrow.parquet").write_table(arrow.table(columns), files[".parquet"])
    pytest.importorskip("pyarrow.feather").write_feather(arrow.table(columns), files[".arrow"])
    image.new("RGB", (5, 5)).save(files[".png"], "PNG")
    texts = {".json": json.dumps(columns), ".jsonl": '{"a": 1}\n' * 3, ".csv": "a,b\n1,x\n2,y\n"}
    return {**{name: file.getvalue() for name, file in files.items()}, **{k: v.encode() for k, v in texts.items()}}


KNOWN = [".npy", ".npz", ".parquet", ".arrow", ".png", ".json", ".jsonl", ".csv"]
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4), st.integers(0, 4)), min_size=1, max_size=3)


@settings(deadline=None)
@given(st.sampled_from(KNOWN), CHANGES, st.booleans())
def test_damaged_files(suffix: str, changes: list[tuple[float, bytes, int]], wrap: bool) -> None:
    then = sound()[suffix]
    now = then
    for part, inserted, removed in changes:
        at = int(part * len(now))
        now = now[:at] + inserted + now[at + removed :]
    if wrap:
        check(gzip.compress(then), gzip.compress(now), f"x{suffix}.gz")
    else:
        check(then, now, f"x{suffix}")


def check(then: bytes, now: bytes, name: str) -> None:
    found = compared(then, now, name)
    assert found.verdict in get_args(Verdict)
    assert (found.verdict == "identical") == (then == now)
    assert then == now or found.detail
    assert "\n" not in (found.detail or "")
    assert (found.detail or "").isprintable()
