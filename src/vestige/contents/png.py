"""PNG images: size, mode and pixels of every frame. What else is in the file is named, and does not count.

Decoding is Pillow's. Of 16 bits a channel it keeps 8 in colour, so nothing is said of such images.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestige.contents import metadata
from vestige.contents.finding import Finding, ForeignError, decoded
from vestige.contents.libraries import needed
from vestige.quantity import counted, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.contents.tolerance import Tolerance

    Image = Any  # Pillow's and NumPy's types need not be there when types are checked
    Array = Any

_MOST_PIXELS = 100_000_000  # of all frames: four bytes each, and what the comparison takes
_AT_ONCE = 1 << 20  # pixels compared at once
_DEPTH = 24  # where the header says how many bits a channel has; the type of colour follows
_HALVED = 16
_GREY = 0
_FULL = {"bool": 1, "uint8": 255}  # the largest value of a channel, by the type of the array
_DEEP = 65535


def differences(then: bytes, now: bytes, _tolerance: Tolerance) -> Finding:
    """Return how many pixels of two images differ, where and how much."""
    needed("numpy")
    one, other = decoded("PNG", _Picture, then, now)
    layout = _layout(one, other)
    if layout is not None:
        return Finding(equal=False, detail=layout)
    changed = [_changed(frame, other_frame) for frame, other_frame in zip(one.frames(), other.frames(), strict=True)]
    found = [(place, change) for place, change in enumerate(changed, 1) if change is not None]
    if not found:
        return Finding(equal=True, detail=metadata.other(one.metadata, other.metadata))
    place, first = found[0]
    frame = f"frame {place}: " if len(changed) > 1 else ""
    more = f"; {len(found)} of {len(changed)} frames differ" if len(found) > 1 else ""
    return Finding(equal=False, detail=f"{frame}{first}{more}")


@dataclass(slots=True)
class _Change:
    """The pixels of a frame that differ."""

    pixels: int
    count: int
    largest: int
    of: int  # the largest value that a channel can have
    box: tuple[int, int, int, int]  # left, top, right, bottom, the last ones included

    def __str__(self) -> str:
        left, top, right, bottom = self.box
        many = f"{number(self.count)} of {number(self.pixels)} pixels differ by up to {self.largest} of {self.of}"
        return f"{many}, within ({left}, {top}) to ({right}, {bottom})"


class _Picture:
    """An image that was looked at, and is decoded frame by frame."""

    def __init__(self, content: bytes) -> None:
        self.image: Image = needed("PIL.Image").open(io.BytesIO(content), formats=["PNG"])
        self.count = int(getattr(self.image, "n_frames", 1))
        depth, colour = content[_DEPTH], content[_DEPTH + 1]
        if self.image.width * self.image.height * self.count > _MOST_PIXELS:
            raise ForeignError(f"too many pixels (more than {_MOST_PIXELS // 1_000_000} million)")
        if depth == _HALVED and (colour != _GREY or "transparency" in self.image.info):
            raise ForeignError("16 bits a channel, not all of which Pillow reads")
        self.image.load()

    def frames(self) -> Iterator[Array]:
        """Yield the pixels of each frame: rows, columns, channels."""
        for frame in range(self.count):
            self.image.seek(frame)
            yield _pixels(self.image)

    @property
    def metadata(self) -> dict[str, object]:
        """What the file says beside the pixels."""
        self.image.load()
        return {str(name): value for name, value in self.image.info.items()}


def _pixels(image: Image) -> Array:
    if image.mode in ("P", "PA") or ("transparency" in image.info and image.mode in ("1", "L", "RGB")):
        image = image.convert("RGBA")
    numpy = needed("numpy")
    pixels = numpy.asarray(image)
    return pixels.reshape(image.height, image.width, -1)


def _layout(then: _Picture, now: _Picture) -> str | None:
    """Return in what two images differ before any pixel does."""
    if then.image.size != now.image.size:
        return "{}×{} pixels then, {}×{} now".format(*then.image.size, *now.image.size)  # noqa: RUF001
    if then.image.mode != now.image.mode:
        return f"mode {then.image.mode} then, {now.image.mode} now"
    return None if then.count == now.count else f"{counted(then.count, 'frame')} then, {now.count} now"


def _changed(then: Array, now: Array) -> _Change | None:
    """Return which pixels differ, None if none does; some rows at a time, for gaps take more room than pixels."""
    if then.shape != now.shape:
        raise ForeignError("transparent in one version only")
    numpy = needed("numpy")
    mask, largest = numpy.zeros(then.shape[:2], bool), 0
    rows = max(1, _AT_ONCE // then.shape[1])
    for top in range(0, then.shape[0], rows):
        gap = abs(then[top : top + rows].astype("i4") - now[top : top + rows].astype("i4"))
        mask[top : top + rows] = gap.any(axis=2)
        largest = max(largest, int(gap.max()))
    full = _FULL.get(then.dtype.name, _DEEP)
    return _Change(mask.size, int(mask.sum()), largest, full, _box(mask)) if largest else None


def _box(mask: Array) -> tuple[int, int, int, int]:
    numpy = needed("numpy")
    rows, columns = (numpy.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])
