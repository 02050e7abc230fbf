"""Which kinds of file there are, by suffix and by first bytes, and up to which size each is compared by content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.contents import csv_table, json_values, numpy_array, parquet, png, text
from vestige.contents.finding import ForeignError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.contents.finding import Differences, Finding
    from vestige.contents.tolerance import Tolerance

LARGEST = 256 << 20  # B of one version, whatever its kind
_LARGEST_JSON = 64 << 20  # B: as Python objects it takes up to twenty times as much


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file."""

    name: str
    label: str  # as a person calls it
    differences: Differences
    suffixes: tuple[str, ...]
    magic: tuple[bytes, ...] = ()  # the bytes it begins with, one of these
    limit: int = LARGEST  # B of one version


def _never_loaded(_then: bytes, _now: bytes, _tolerance: Tolerance, /) -> Finding:
    raise ForeignError("a pickle is never loaded: it could run anything")


TEXT = Kind("text", "text", text.differences, ())
_JSON = Kind(
    "json",
    "JSON",
    json_values.differences,
    (".json", ".geojson", ".jsonld", ".ipynb", ".webmanifest"),
    (b"{", b"["),
    _LARGEST_JSON,
)
KINDS = (
    _JSON,
    Kind("json lines", "JSON lines", json_values.line_differences, (".jsonl", ".ndjson", ".geojsonl")),
    Kind("csv", "CSV", csv_table.differences, (".csv", ".tsv", ".tab")),
    Kind("parquet", "Parquet", parquet.differences, (".parquet", ".pq"), (b"PAR1",)),
    Kind("arrow", "Arrow", parquet.arrow_differences, (".feather", ".arrow", ".arrows", ".ipc"), (b"ARROW1",)),
    Kind("png", "PNG", png.differences, (".png", ".apng"), (b"\x89PNG\r\n\x1a\n",)),
    Kind("numpy", "NumPy", numpy_array.differences, (".npy",), (b"\x93NUMPY",)),
    Kind("numpy", "NumPy archive", numpy_array.archive_differences, (".npz",)),
    Kind("pickle", "pickle", _never_loaded, (".pkl", ".pickle", ".joblib")),
)


def candidates(name: str, then: bytes, now: bytes) -> Iterator[Kind]:
    """Yield the kinds to compare two contents by, likeliest first; `then` and `now` are their first bytes.

    The suffix comes first, then what the bytes look like, then text. What no kind can decode is compared as bytes.
    """
    yield from dict.fromkeys((*_by_suffix(name), *_by_magic(name, then, now)))
    if b"\0" not in then and b"\0" not in now:  # as Git tells text from the rest
        yield TEXT


def _by_suffix(name: str) -> Iterator[Kind]:
    lower = name.lower()
    return (kind for kind in KINDS if lower.endswith(kind.suffixes))


def _by_magic(name: str, then: bytes, now: bytes) -> Iterator[Kind]:
    for kind in KINDS:
        if kind is _JSON and "." in name.rpartition("/")[2].lstrip("."):  # `{` begins many a kind of text
            continue
        if kind.magic and all(head.lstrip(b" \t\r\n").startswith(kind.magic) for head in (then, now)):
            yield kind
