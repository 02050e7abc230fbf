"""NumPy's arrays (.npy) and archives of them (.npz): type, shape and elements. Nothing pickled is ever loaded.

Byte order and memory layout don't matter; the type of the elements does.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestige.contents.finding import STORED, Finding, ForeignError, decoded, shown
from vestige.contents.libraries import needed
from vestige.contents.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.contents.tolerance import Tolerance

    Array = Any  # NumPy need not be there when types are checked

_AT_ONCE = 1 << 20  # elements compared at once
_MOST_ELEMENTS = 1 << 28  # of an array; without bytes of their own a header may claim any number
_MOST_BYTES = 256 << 20  # B of an archive's arrays, unwrapped
_MOST_MEMBERS = 10_000
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what NumPy writes; only these unwrap piece by piece
_MARK = ".npy"


def differences(then: bytes, now: bytes, tolerance: Tolerance) -> Finding:
    """Return at which indices two arrays differ."""
    one, other = decoded("NumPy array", _array, then, now)
    tally = Tally(tolerance)
    _compare(one, other, tally, "")
    return tally.finding(what="elements", otherwise=STORED)


def archive_differences(then: bytes, now: bytes, tolerance: Tolerance) -> Finding:
    """Return in which arrays, and where in them, two archives differ."""
    one, other = decoded("NumPy archive", _members, then, now)
    tally = Tally(tolerance)
    for name in sorted(one.keys() | other.keys()):
        if name not in one or name not in other:
            tally.lack(lambda name=name: f"array {shown(name)} only {'then' if name in one else 'now'}")  # type: ignore[misc]
    for name in sorted(one.keys() & other.keys()):
        if one[name] != other[name]:
            _compare(*decoded(f"array {shown(name)}", _array, one[name], other[name]), tally, f"array {shown(name)} ")
    return tally.finding(what="arrays or elements", otherwise="other times or compression in the archive")


@dataclass(frozen=True, slots=True)
class Unequal:
    """Which elements of two flat arrays of one type count as different."""

    mask: Array  # of bool
    apart: float = 0.0  # the largest distance of two numbers that do, relative to the larger
    rounded: float = 0.0  # the same for those within the tolerance


def unequal(then: Array, now: Array, tolerance: Tolerance) -> Unequal:
    """Compare two flat arrays of one type element by element."""
    kind = then.dtype.kind
    if kind in "fc":
        return _unequal_floats(then, now, tolerance)
    if kind in "mM":
        numpy = needed("numpy")
        return Unequal((then != now) & ~(numpy.isnat(then) & numpy.isnat(now)))
    if kind == "V":
        return _unequal_records(then, now, tolerance)
    mask = then != now
    return _unequal_whole(then, now, mask) if kind in "iu" and mask.any() else Unequal(mask)


def _unequal_floats(then: Array, now: Array, tolerance: Tolerance) -> Unequal:
    """Compare as `math.isclose` does: `numpy.isclose` takes the second for the larger."""
    numpy = needed("numpy")
    with numpy.errstate(all="ignore"):
        same = (then == now) | (numpy.isnan(then) & numpy.isnan(now))
        if same.all():
            return Unequal(~same)
        then, now = then[~same].astype(_wide(then)), now[~same].astype(_wide(now))
        gap = numpy.abs(then - now)
        largest = numpy.maximum(numpy.abs(then), numpy.abs(now))
        close = numpy.isfinite(gap) & (gap <= numpy.maximum(tolerance.relative * largest, tolerance.absolute))
        apart = gap / largest
    mask = ~same
    mask[mask] = ~close
    return Unequal(mask, _largest(apart[~close]), _largest(apart[close]))


def _wide(array: Array) -> Array:
    """Return the type to calculate in: that of the elements, or double where it is wider."""
    numpy = needed("numpy")
    return numpy.promote_types(array.dtype, numpy.float64)


def _unequal_whole(then: Array, now: Array, mask: Array) -> Unequal:
    one, other = then[mask].astype("f8"), now[mask].astype("f8")
    numpy = needed("numpy")
    return Unequal(mask, _largest(abs(one - other) / numpy.maximum(abs(one), abs(other))))


def _largest(apart: Array) -> float:
    finite = apart[needed("numpy").isfinite(apart)]
    return float(finite.max()) if finite.size else 0.0


def _unequal_records(then: Array, now: Array, tolerance: Tolerance) -> Unequal:
    """Compare arrays of several fields, or of bytes without a meaning."""
    numpy = needed("numpy")
    if not then.dtype.names:
        width = then.dtype.itemsize
        one, other = (numpy.frombuffer(array.tobytes(), "u1").reshape(then.size, width) for array in (then, now))
        return Unequal((one != other).any(axis=1))
    mask, apart, rounded = numpy.zeros(then.size, bool), 0.0, 0.0
    for name in then.dtype.names:
        one, other = then[name], now[name]
        found = unequal(one.reshape(-1), other.reshape(-1), tolerance)
        mask |= found.mask.reshape(then.size, -1).any(axis=1)
        apart, rounded = max(apart, found.apart), max(rounded, found.rounded)
    return Unequal(mask, apart, rounded)


def _compare(then: Array, now: Array, tally: Tally, name: str) -> None:
    kinds = [array.dtype.newbyteorder("=") for array in (then, now)]
    if kinds[0] != kinds[1]:
        tally.lack(lambda: f"{name}type {then.dtype} then, {now.dtype} now")
    elif then.shape != now.shape:
        tally.lack(lambda: f"{name}shape {then.shape} then, {now.shape} now")
    else:
        _compare_elements(then, now, tally, name)


def _compare_elements(then: Array, now: Array, tally: Tally, name: str) -> None:
    for start, one, other in _pieces(then, now):
        found = unequal(one, other, tally.tolerance)
        tally.distance(found.apart, found.rounded)
        count = int(found.mask.sum())
        if count:
            at = int(found.mask.argmax())
            where = _index(start + at, then.shape)
            tally.differ(_value(one[at]), _value(other[at]), lambda where=where: f"{name}{where}")  # type: ignore[misc]
            tally.more(count - 1)


def _value(element: Array) -> object:
    """Return an element as Python has it, a time as text: Python's have no nanoseconds."""
    return str(element) if element.dtype.kind in "mM" else element.item()


def _pieces(then: Array, now: Array) -> Iterator[tuple[int, Array, Array]]:
    one, other = then.reshape(-1), now.reshape(-1)
    for start in range(0, then.size, _AT_ONCE):
        yield start, one[start : start + _AT_ONCE], other[start : start + _AT_ONCE]


def _index(flat: int, shape: tuple[int, ...]) -> str:
    index = needed("numpy").unravel_index(flat, shape)
    return f"[{', '.join(str(int(step)) for step in index)}]"


def _array(content: bytes) -> Array:
    numpy = needed("numpy")
    file = io.BytesIO(content)
    array = numpy.lib.format.read_array(file, allow_pickle=False)
    if file.read(1):
        raise ForeignError("more than one array in the file")
    if array.size > _MOST_ELEMENTS:
        raise ForeignError("an array of too many elements")
    return array


def _members(content: bytes) -> dict[str, bytes]:
    """Return what an archive holds, by name without the mark of an array; only as much of it as is bearable."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        _check(members)
        return {member.filename.removesuffix(_MARK): archive.read(member) for member in members}


def _check(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > _MOST_MEMBERS or sum(member.file_size for member in members) > _MOST_BYTES:
        raise ForeignError(f"too large to compare as NumPy archive (more than {_MOST_BYTES >> 20} MB unwrapped)")
    if len({member.filename for member in members}) < len(members):
        raise ForeignError("a name twice in the archive")
    if any(member.compress_type not in _PLAIN for member in members):
        raise ForeignError("compressed as NumPy never does")
