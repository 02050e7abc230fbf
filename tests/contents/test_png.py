"""PNG images."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest

numpy = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")
PngImagePlugin = pytest.importorskip("PIL.PngImagePlugin")

from contents.versions import compared  # noqa: E402 - nothing here works without Pillow

from vestige.contents import png  # noqa: E402
from vestige.contents.comparison import Comparison  # noqa: E402


def picture(mode: str = "RGB", size: tuple[int, int] = (20, 10)) -> Any:
    values = numpy.arange(size[0] * size[1] * 4, dtype="u1").reshape(size[1], size[0], 4)
    return Image.fromarray(values).convert(mode)


def written(image: Any, text: dict[str, str] | None = None, **options: Any) -> bytes:
    about = PngImagePlugin.PngInfo()
    for name, value in (text or {}).items():
        about.add_text(name, value)
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=about, **options)
    return file.getvalue()


def pictures(then: bytes, now: bytes) -> Comparison:
    return compared(then, now, "x.png")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_the_same_pixels(mode: str) -> None:
    image = picture("L" if mode == "I;16" else mode)
    image = image.convert("I;16") if mode == "I;16" else image
    found = pictures(written(image, compress_level=0), written(image, compress_level=9))
    assert found == Comparison("equal", "png", "stored in another way")


def test_metadata_is_named() -> None:
    then = written(picture(), {"Software": "Matplotlib 3.9", "Creation Time": "2024-01-31"})
    now = written(picture(), {"Software": "Matplotlib 3.10", "Title": "x"}, dpi=(100, 100))
    assert pictures(then, then[:-1] + b"x").kind == "png"
    assert pictures(then, now) == Comparison("equal", "png", "other metadata: Software, Creation Time, Title, dpi")


def test_pixels_that_differ() -> None:
    image = picture()
    image.putpixel((3, 4), (0, 9, 0))
    image.putpixel((5, 8), (0, 1, 0))
    then = written(picture("RGB"))
    plain = Image.new("RGB", (20, 10))
    changed = plain.copy()
    changed.putpixel((3, 4), (0, 9, 0))
    changed.putpixel((5, 8), (0, 1, 0))
    found = pictures(written(plain), written(changed))
    assert (found.verdict, found.detail) == (
        "different",
        "2 of 200 pixels differ by up to 9 of 255, within (3, 4) to (5, 8)",
    )
    assert pictures(then, written(image)).verdict == "different"


@pytest.mark.parametrize(("mode", "value", "of"), [("1", 1, 1), ("L", 7, 255), ("I;16", 300, 65535), ("P", 3, 255)])
def test_modes(mode: str, value: int, of: int) -> None:
    plain = Image.new(mode, (4, 4))
    if mode == "P":
        plain.putpalette([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
    changed = plain.copy()
    changed.putpixel((1, 2), value)
    found = pictures(written(plain), written(changed))
    assert found.detail == f"1 of 16 pixels differ by up to {value} of {of}, within (1, 2) to (1, 2)"


def test_layout() -> None:
    then = written(picture())
    assert pictures(then, written(picture(size=(10, 20)))).detail == "20×10 pixels then, 10×20 now"  # noqa: RUF001
    assert pictures(then, written(picture("RGBA"))).detail == "mode RGB then, RGBA now"


def test_palettes_in_another_order() -> None:
    then, now = Image.new("P", (4, 4), 0), Image.new("P", (4, 4), 1)
    then.putpalette([9, 9, 9, 5, 5, 5])
    now.putpalette([5, 5, 5, 9, 9, 9])
    assert pictures(written(then), written(now)).verdict == "equal"


def test_transparency_counts() -> None:
    plain = Image.new("RGB", (4, 4))
    found = pictures(written(plain), written(plain, transparency=(0, 0, 0)))
    assert found.verdict == "different"
    assert pictures(written(plain, transparency=(9, 0, 0)), written(plain, transparency=(0, 0, 0))).kind == "png"


def test_frames() -> None:
    frames = [Image.new("L", (4, 4), value) for value in (0, 50, 100)]
    other = [frames[0], Image.new("L", (4, 4), 51), frames[2]]

    def animated(images: list[Any], **options: Any) -> bytes:
        return written(images[0], save_all=True, append_images=images[1:], **options)

    then = animated(frames)
    assert pictures(then, animated(frames, compress_level=0)).verdict == "equal"
    found = pictures(then, animated(other))
    assert (found.verdict, (found.detail or "")[:35]) == ("different", "frame 2: 16 of 16 pixels differ by ")
    assert pictures(then, animated(frames[:2])).detail == "3 frames then, 2 now"


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def raw(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_what_pillow_would_halve_is_not_called_equal() -> None:
    then, now = (raw(1, 1, 16, 2, b"\0\1" + low + b"\1\1\1\1") for low in (b"\1", b"\2"))
    found = pictures(then, now)
    assert (found.verdict, found.kind) == ("different", "bytes")
    assert "16 bits a channel" in (found.detail or "")


def test_too_many_pixels() -> None:
    then, now = (raw(60_000, 60_000, 8, 0, row) for row in (b"\0", b"\1"))
    found = pictures(then, now)
    assert (found.verdict, found.kind) == ("different", "bytes")


def test_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = written(picture())
    assert pictures(whole, whole[:-40]).kind == "bytes"
    assert pictures(whole, whole[:30]).kind == "bytes"
    monkeypatch.setattr(png, "_MOST_PIXELS", 10)
    assert "too many pixels" in (pictures(whole, whole + b"\0").detail or "")
