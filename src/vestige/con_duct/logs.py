"""con-duct's logs as files: `info.json` and `usage.jsonl` (also `usage.json`) behind one prefix.

Whoever wrote them, nothing is trusted: lines that are cut, foreign or of wrong types are passed over and counted, sizes
have limits, and what can't be read at all is a RecordError of one line.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from vestige.errors import RecordError
from vestige.lines import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

INFO_NAME = "info.json"
USAGE_NAMES = ("usage.jsonl", "usage.json")
STREAM_NAMES = ("stdout", "stderr")
LARGEST = 16 << 20  # B, of an info.json, of one line, and of a list that is not in lines
_OLDEST = (0, 2, 0)  # con-duct's own `ls` passes over older ones, too
_SCHEMA = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})")
_AGE = re.compile(r"(?:(?:([0-9]{1,9})-)?([0-9]{1,9}):)?([0-9]{1,9}):([0-9]{1,9})")  # [[DD-]HH:]MM:SS
_LARGEST_NUMBER = float(1 << 63)
_POINTER = b"/annex/objects/"  # what stands in an unlocked file of git-annex whose content is elsewhere


@dataclass(frozen=True, slots=True)
class Log:
    """The logs of one command."""

    prefix: str  # what their names begin with, as found
    info: dict[str, Any]  # info.json, empty where there is none
    usage: str | None  # path of the samples, None where there are none


@dataclass(slots=True)
class Samples:
    """The lines of a usage file, one after the other; `unreadable` counts those passed over so far."""

    path: str
    unreadable: int = 0
    _lines: Iterator[dict[str, Any]] | None = field(default=None, repr=False)

    def __iter__(self) -> Samples:
        """Begin anew."""
        self.unreadable = 0
        self._lines = self._all()
        return self

    def __next__(self) -> dict[str, Any]:
        """Return the next line that holds an object. Raises RecordError where the file can't be read."""
        if self._lines is None:
            self._lines = self._all()
        return next(self._lines)

    def _all(self) -> Iterator[dict[str, Any]]:
        try:
            with open_regular(self.path) as file:
                first = file.read(1)
                while first.isspace():
                    first = file.read(1)
                file.seek(0)
                yield from self._list(file) if first == b"[" else self._each(file)
        except OSError as error:
            raise RecordError(f"can't read {self.path}: {error.strerror}") from error

    def _each(self, file: BinaryIO) -> Iterator[dict[str, Any]]:
        while line := file.readline(LARGEST):
            found = _parsed(line) if line.endswith(b"\n") or len(line) < LARGEST else None
            if found is not None:
                yield found
            elif line.strip():
                self.unreadable += 1

    def _list(self, file: BinaryIO) -> Iterator[dict[str, Any]]:
        try:
            found = json.loads(file.read(LARGEST))
        except (ValueError, RecursionError):
            self.unreadable += 1
            return
        for item in found if isinstance(found, list) else ():
            if isinstance(item, dict):
                yield item
            else:
                self.unreadable += 1


def read_log(path: str) -> Log:
    """Return the logs that a path means: an `info.json`, a file of samples, or what the names of both begin with.

    Raises RecordError.
    """
    name = os.path.basename(path)
    if name.endswith(INFO_NAME):
        prefix = path[: -len(INFO_NAME)]
        info = read_info(path)
        return Log(prefix, info, _usage_beside(path, prefix, info))
    for ending in USAGE_NAMES:
        if name.endswith(ending):
            _must_be_there(path)
            return Log(path[: -len(ending)], _info_beside(path[: -len(ending)]), path)
    if os.path.isfile(path):
        return Log(os.path.splitext(path)[0], {}, path)
    return _by_prefix(path)


def is_log(path: str) -> bool:
    """Say whether a path looks like con-duct's logs, whatever is in them."""
    if os.path.basename(path).endswith((INFO_NAME, *USAGE_NAMES)):
        return os.path.isfile(path)
    return any(os.path.isfile(path + name) for name in (INFO_NAME, *USAGE_NAMES)) and not os.path.isdir(path)


def read_info(path: str) -> dict[str, Any]:
    """Return what an `info.json` holds. Raises RecordError."""
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > LARGEST:
                raise RecordError(f"{path} has more than {LARGEST} bytes: no log of con-duct")
            content = file.read(LARGEST)
    except OSError as error:
        raise RecordError(why_not(path, error)) from error
    if content.startswith(_POINTER):
        raise RecordError(_elsewhere(path))
    if not content.strip():
        raise RecordError(f"{path} is empty: the command still runs, or con-duct was ended by force")
    found = _parsed(content)
    if found is None:
        raise RecordError(f"{path} is damaged or foreign: one JSON object is expected")
    _check_schema(found.get("schema_version"), path)
    return found


def prefix_of(path: str) -> str | None:
    """Return what the names of a log begin with, from the path of any of its files; None for any other path."""
    for ending in (INFO_NAME, *USAGE_NAMES, *STREAM_NAMES):
        if os.path.basename(path).endswith(ending):
            return path[: -len(ending)]
    return None


def why_not(path: str, error: OSError) -> str:
    """Return why a file of a log can't be read: one of git-annex may have its content elsewhere."""
    if isinstance(error, FileNotFoundError) and os.path.islink(path):
        return _elsewhere(path)
    return f"can't read {path}: {error.strerror}"


def samples(path: str) -> Samples:
    """Return the lines of a usage file; those that are no JSON objects are passed over and counted."""
    return Samples(path)


def inner(content: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return an object within an object, empty where it is anything else."""
    for name in names:
        found = content.get(name)
        content = found if isinstance(found, dict) else {}
    return content


def text(value: object) -> str | None:
    """Return text without halves of surrogate pairs; None for anything else."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else None


def amount(value: object) -> float | None:
    """Return a number from 0 on; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _LARGEST_NUMBER and math.isfinite(value) else None


def moment(value: object) -> float | None:
    """Return an ISO timestamp as seconds since 1970, local where it has no zone; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        return dt.datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def age(value: object) -> float | None:
    """Return ps's `etime` in seconds; None for anything else."""
    match = _AGE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60.0 + seconds


def _elsewhere(path: str) -> str:
    return f"the content of {path} is not here; in a dataset `git annex get` fetches it"


def _parsed(content: bytes) -> dict[str, Any] | None:
    """Return the object that JSON holds, None where it holds anything else; Python's NaN and Infinity may be in it."""
    try:
        found = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _check_schema(version: object, path: str) -> None:
    match = _SCHEMA.fullmatch(version) if isinstance(version, str) else None
    if match is None:
        raise RecordError(f"{path} is no log of con-duct: it has no `schema_version` of three numbers")
    if tuple(int(part) for part in match.groups()) < _OLDEST:
        raise RecordError(f"{path} is of con-duct's schema {version}; those from 0.2.0 on can be read")


def _usage_beside(path: str, prefix: str, info: dict[str, Any]) -> str | None:
    """Return the samples beside an `info.json`; logs are moved, so only the last part of the name in it counts."""
    named = inner(info, "output_paths").get("usage")
    names = [prefix + name for name in USAGE_NAMES]
    if isinstance(named, str) and os.path.basename(named) and "\0" not in named:
        names.insert(0, os.path.join(os.path.dirname(path), os.path.basename(named)))
    return next((name for name in names if os.path.isfile(name)), None)


def _info_beside(prefix: str) -> dict[str, Any]:
    """Return what is in the `info.json` of a prefix; samples can be read without."""
    try:
        return read_info(prefix + INFO_NAME)
    except RecordError:
        return {}


def _by_prefix(path: str) -> Log:
    prefix = os.path.join(path, "") if os.path.isdir(path) else path
    if os.path.isfile(prefix + INFO_NAME):
        return read_log(prefix + INFO_NAME)
    for name in USAGE_NAMES:
        if os.path.isfile(prefix + name):
            return Log(prefix, {}, prefix + name)
    return _nothing(path)


def _must_be_there(path: str) -> None:
    if not os.path.isfile(path):
        _nothing(path)


def _nothing(path: str) -> NoReturn:
    raise RecordError(f"no log of con-duct at {path}: neither an info.json nor a usage.jsonl")
