"""A file of columns that is written once and never changed: what an index remembers, all of which can be made again.

The first line is a JSON object: `format`, the version of what is in the columns, the number of rows, and for each
column its length and CRC, in their order. A column is a JSON list, or one of the different values and one of where they
stand, or one value for all rows. Who writes makes a new file and gives it the name
of the old one, so that readers see the old or the new, on any file system and without a lock; of several who write at
once, the last one wins, and nothing but time is lost. A file that is cut, damaged, foreign or of another version
counts as none.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

from vestige.lines import open_regular
from vestige.record.place import write_temporary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FORMAT = "vestige.index"
_LONGEST_HEAD = 1 << 16  # bytes
LARGEST = 4 << 30  # bytes: far more than a million runs take


class DamagedError(ValueError):
    """What a snapshot holds can't be what was written."""


class Snapshot:
    """A snapshot that is there and whole; columns are parsed when they are asked for."""

    def __init__(self, path: str, content: str) -> None:
        """Read the snapshot at `path`. Raises DamagedError, OSError; `content` names what its columns hold."""
        self.path = path
        with open_regular(path) as file:
            try:
                head = _head(file.readline(_LONGEST_HEAD), content)
                self.rows: int = head["rows"]
                places: dict[str, list[int]] = head["columns"]
                if self.rows > sum(size for size, _ in places.values()):  # each row takes a few bytes somewhere
                    raise DamagedError("it has fewer rows than it says")
                self._parts = {name: _part(file, size, crc) for name, (size, crc) in places.items()}
            except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
                raise DamagedError(str(error)) from error

    def column(self, name: str) -> list[Any]:
        """Return the values of a column. Raises DamagedError."""
        try:
            found = _unpacked(json.loads(self._parts[name]), self.rows)
        except (ValueError, RecursionError, TypeError, LookupError) as error:
            raise DamagedError(f"column `{name}` can't be read") from error
        if len(found) != self.rows:
            raise DamagedError(f"column `{name}` has not {self.rows} values")
        return found


def write(path: str, content: str, columns: Mapping[str, Sequence[object]]) -> None:
    """Put a snapshot of these columns in the place of what is at `path`. Raises OSError."""
    parts = {name: json.dumps(_packed(column), separators=(",", ":")).encode() for name, column in columns.items()}
    temporary = write_temporary(path, [_head_line(content, columns, parts), *parts.values()])
    try:
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _head_line(content: str, columns: Mapping[str, Sequence[object]], parts: Mapping[str, bytes]) -> bytes:
    places = {name: (len(part), zlib.crc32(part)) for name, part in parts.items()}
    rows = max(map(len, columns.values()), default=0)
    body = json.dumps({"rows": rows, "columns": places})
    head = {"format": FORMAT, "content": content, "crc": zlib.crc32(body.encode()), "body": body}
    return json.dumps(head).encode() + b"\n"


def _head(line: bytes, content: str) -> dict[str, Any]:
    """Return what the first line says. Raises ValueError, KeyError, TypeError."""
    head = json.loads(line)
    if head["format"] != FORMAT or head["content"] != content:
        raise DamagedError("it is of another version")
    if zlib.crc32(head["body"].encode()) != head["crc"]:
        raise DamagedError("its head is damaged")
    body: dict[str, Any] = json.loads(head["body"])
    counts = [body["rows"], *(number for place in body["columns"].values() for number in place)]
    if any(type(count) is not int or not 0 <= count <= LARGEST for count in counts):
        raise DamagedError("its head is damaged")
    return body


def _part(file: BinaryIO, size: int, crc: int) -> bytes:
    """Return the next column. Raises DamagedError."""
    found = file.read(size)
    if len(found) != size or zlib.crc32(found) != crc:
        raise DamagedError("it is cut or damaged")
    return found


def _packed(column: Sequence[Any]) -> list[Any] | dict[str, Any]:
    """Return a column without saying the same over and over: 100,000 runs have few different commands and machines."""
    try:
        different = dict.fromkeys((type(value), value) for value in column)  # 1, 1.0 and true are equal
    except TypeError:  # lists
        return list(column)
    if len(different) > len(column) // 2:
        return list(column)
    places = {key: place for place, key in enumerate(different)}
    values = [value for _, value in different]
    if len(values) == 1:
        return {"values": values}
    return {"values": values, "at": [places[type(value), value] for value in column]}


def _unpacked(found: Any, rows: int) -> list[Any]:  # noqa: ANN401 - JSON comes in
    if isinstance(found, list):
        return found
    values = found["values"]
    return [*map(values.__getitem__, found["at"])] if "at" in found else [values[0]] * rows


def temporaries(folder: str) -> Iterable[str]:
    """Yield the files that writers left who were killed."""
    with contextlib.suppress(OSError):
        yield from (entry.path for entry in os.scandir(folder) if entry.name.endswith(".tmp"))
