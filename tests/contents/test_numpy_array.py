"""NumPy's arrays and archives."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

numpy = pytest.importorskip("numpy")

from contents.versions import compared  # noqa: E402 - nothing here works without NumPy

from vestige.contents import numpy_array  # noqa: E402
from vestige.contents.comparison import Comparison  # noqa: E402
from vestige.contents.tolerance import Tolerance  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

NUMBERS = numpy.arange(1.0, 7).reshape(2, 3)
RECORDS = numpy.dtype([("n", "i4"), ("x", "f8", (2,)), ("s", "U3")])


def saved(array: Any) -> bytes:
    file = io.BytesIO()
    numpy.save(file, array)
    return file.getvalue()


def archived(save: Callable[..., None] = numpy.savez, **arrays: Any) -> bytes:
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def arrays(then: Any, now: Any, tolerance: Tolerance | None = None) -> Comparison:
    return compared(saved(then), saved(now), "x.npy", tolerance or Tolerance())


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (NUMBERS, numpy.asfortranarray(NUMBERS)),
        (NUMBERS, NUMBERS.astype(">f8")),
        (numpy.array([numpy.nan, 0.0, numpy.inf]), numpy.array([numpy.nan, -0.0, numpy.inf]).astype(">f8")),
        (numpy.array(["NaT", "2024-01-31"], "M8[s]"), numpy.array(["NaT", "2024-01-31"], ">M8[s]")),
        (numpy.zeros((0, 3)), numpy.zeros((0, 3), ">f8")),
        (numpy.array(1.5), numpy.array(1.5, ">f8")),
        (numpy.array(["é"], "<U2"), numpy.array(["é"], ">U2")),
        (numpy.zeros(2, RECORDS), numpy.zeros(2, RECORDS.newbyteorder(">"))),
        (numpy.array([1 + 2j]), numpy.array([1 + 2j], ">c16")),
    ],
)
def test_the_same_elements(then: Any, now: Any) -> None:
    assert arrays(then, now) == Comparison("equal", "numpy", "stored in another way")


@pytest.mark.parametrize("kind", ["f8", ">f8", "c16", "f4", "g"])
def test_tolerance(kind: str) -> None:
    then = numpy.array([1, 2, 3], kind)
    now = then * numpy.array([1, 1, 1 + 1e-6], kind)
    assert arrays(then, now).verdict == "different"
    within = arrays(then, now, Tolerance(relative=1e-5))
    assert within.verdict == "equal"
    assert (within.detail or "").startswith("numbers within relative 1e-05 (up to ")
    assert arrays(then - then, now - then, Tolerance(absolute=1e-4)).verdict == "equal"


@pytest.mark.parametrize(
    ("then", "now", "detail"),
    [
        (
            NUMBERS,
            NUMBERS + numpy.array([[0, 0, 0], [0, 1, 0]]),
            "[1, 1]: 5.0 then, 6.0 now; relative difference up to 0.17",
        ),
        (NUMBERS, NUMBERS * 2, "[0, 0]: 1.0 then, 2.0 now; 6 elements differ; relative difference up to 0.5"),
        (NUMBERS, NUMBERS.T, "shape (2, 3) then, (3, 2) now"),
        (NUMBERS, NUMBERS.astype("f4"), "type float64 then, float32 now"),
        (NUMBERS, NUMBERS.astype("i8"), "type float64 then, int64 now"),
        (numpy.array([1]), numpy.array([2]), "[0]: 1 then, 2 now; relative difference up to 0.5"),
        (numpy.array([numpy.nan]), numpy.array([1.5]), "[0]: nan then, 1.5 now"),
        (numpy.array([numpy.inf]), numpy.array([1e308]), "[0]: inf then, 1e+308 now"),
        (numpy.array([True]), numpy.array([False]), "[0]: True then, False now"),
        (numpy.array(["a"]), numpy.array(["b"]), "[0]: 'a' then, 'b' now"),
        (numpy.array([b"ab"], "V2"), numpy.array([b"ac"], "V2"), "[0]: b'ab' then, b'ac' now"),
        (
            numpy.array(["NaT"], "M8[s]"),
            numpy.array(["2024-01-31"], "M8[s]"),
            "[0]: 'NaT' then, '2024-01-31T00:00:00' now",
        ),
        (numpy.array(1.5), numpy.array(2.5), "[]: 1.5 then, 2.5 now"),
    ],
)
def test_different(then: Any, now: Any, detail: str) -> None:
    found = arrays(then, now)
    assert (found.verdict, found.kind) == ("different", "numpy")
    assert (found.detail or "").startswith(detail)


def test_records() -> None:
    then = numpy.zeros(3, RECORDS)
    then["x"][1] = [1, numpy.nan]
    now = then.copy()
    now["x"][1] = [1 + 1e-12, numpy.nan]
    assert arrays(then, now).verdict == "equal"
    now["s"][2] = "x"
    assert (arrays(then, now).detail or "").startswith("[2]: (0, ")


def test_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numpy_array, "_AT_ONCE", 2)
    now = NUMBERS.copy()
    now[1, 0] = now[1, 2] = 9
    found = arrays(NUMBERS, now)
    assert found.detail == "[1, 0]: 4.0 then, 9.0 now; 2 elements differ; relative difference up to 0.56"


def test_nothing_pickled_is_loaded() -> None:
    then, now = (numpy.array([value], dtype=object) for value in ({}, {1: 2}))
    found = arrays(then, now)
    assert (found.verdict, found.kind) == ("different", "bytes")
    assert "Object arrays cannot be loaded" in (found.detail or "")
    assert "Object arrays" in (compared(archived(a=then), archived(a=now), "x.npz").detail or "")


def test_what_is_no_single_array() -> None:
    whole = saved(NUMBERS)
    assert "more than one array" in (compared(whole + saved(NUMBERS), whole + whole[:-1], "x.npy").detail or "")
    assert compared(whole, whole[:-1], "x.npy").kind == "bytes"
    huge = whole.replace(b"(2, 3)", b"(2, 9" + b"9" * 12 + b")")
    assert compared(huge, huge + b"\0", "x.npy").kind == "bytes"


def test_an_array_of_nothing_many_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numpy_array, "_MOST_ELEMENTS", 100)
    then, now = (saved(numpy.zeros(1000, kind)) for kind in ("S0", "V0"))
    assert "too many elements" in (compared(then, now, "x.npy").detail or "")


def test_archives() -> None:
    then = archived(a=NUMBERS, b=numpy.arange(3))
    packed = archived(numpy.savez_compressed, b=numpy.arange(3), a=NUMBERS)
    assert compared(then, packed, "x.npz") == Comparison("equal", "numpy", "other times or compression in the archive")
    found = compared(then, archived(a=NUMBERS, b=numpy.array([0, 1, 4])), "x.npz")
    assert (found.verdict, (found.detail or "")[:31]) == ("different", "array 'b' [2]: 2 then, 4 now; r")
    assert compared(then, archived(a=NUMBERS), "x.npz").detail == "array 'b' only then"
    assert compared(archived(a=NUMBERS), then, "x.npz").detail == "array 'b' only now"


def test_archives_that_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    then = archived(a=NUMBERS)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.npy", saved(NUMBERS))
    assert "compressed as NumPy never does" in (compared(then, file.getvalue(), "x.npz").detail or "")
    monkeypatch.setattr(numpy_array, "_MOST_BYTES", 100)
    assert "too large" in (compared(then, archived(b=NUMBERS), "x.npz").detail or "")
