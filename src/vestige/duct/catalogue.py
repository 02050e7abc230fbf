"""Many logs of con-duct at once: the `info.json` of each, read in one go and flattened to names and values.

con-duct's own `ls` decides what is a log and what a name means: of leaves of the same name the last one counts, logs of
schemas before 0.2.0 and empty files (the command still runs) are passed over without a word.
"""

from __future__ import annotations

import functools
import json
import os
import stat

from vestige.con_duct.prefixes import INFO_NAME
from vestige.duct.fields import SINCE_0_2_3
from vestige.errors import RecordError, StoreError

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from vestige.duct.messages import Messages

_OLDEST = (0, 2, 0)
_PIECE = 1 << 16  # B: more than nearly all have
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC  # a FIFO must not block
_DECODER = json.JSONDecoder()


class Catalogue:
    """The logs at some paths, one after the other; `unreadable` counts those that could not be opened."""

    def __init__(self, paths: Iterable[str], messages: Messages) -> None:
        self._paths = paths
        self._messages = messages
        self.unreadable = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield each log as names and values."""
        self.unreadable = 0
        for path in self._paths:
            try:
                log = _read(path)
            except StoreError as error:  # noqa: PERF203 - one damaged log must not hide the others
                self.unreadable += 1
                self._messages.say("ERROR", str(error))
            except (RecordError, ValueError, RecursionError) as error:
                self.refuse(path, error)
            else:
                if log is None:
                    self._messages.say("DEBUG", f"Skipping {path}: it is empty or of a schema before 0.2.0")
                else:
                    yield log

    def refuse(self, path: str, reason: object) -> None:
        """Say that a log is not shown."""
        self._messages.say("WARNING", f"Failed to load file {path}: {reason}")


def flattened(content: dict[str, Any]) -> dict[str, Any]:
    """Return the leaves of nested objects by their names alone; the last one of a name counts."""
    leaves: dict[str, Any] = {}
    for name, value in content.items():
        if type(value) is dict:
            leaves.update(flattened(value))
        else:
            leaves[name] = value
    return leaves


def _leaves(info: dict[str, Any], text: str) -> dict[str, Any]:
    """Return a log flattened, in a third of the time where its objects are one level deep, as con-duct's are.

    That is certain if its text has no more braces than these objects.
    """
    leaves: dict[str, Any] = {}
    objects = 1
    for name, value in info.items():
        if type(value) is dict:
            leaves.update(value)
            objects += 1
        else:
            leaves[name] = value
    return leaves if text.count("{") == objects else flattened(info)


def _read(path: str) -> dict[str, Any] | None:
    """Return a log, None for what is passed over. Raises StoreError, RecordError, ValueError, RecursionError."""
    text = _content(path).decode("utf-8")
    info = _parsed(text)
    if info is None:
        return None
    if type(info) is not dict:
        raise RecordError("one JSON object is expected")
    version = _version(info.get("schema_version"))
    if version < _OLDEST:
        return None
    if version < (0, 2, 3):
        _complete(info, version)
    leaves = _leaves(info, text)
    leaves["prefix"] = path.removesuffix(INFO_NAME)
    return leaves


def _content(path: str) -> bytes:
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            content = os.read(descriptor, _PIECE)
            if not content and not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise StoreError(f"can't read {path}: not a regular file")
            if len(content) == _PIECE:
                content = _rest(descriptor, content)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StoreError(f"can't read {path}: {error.strerror}") from error
    return content


def _rest(descriptor: int, content: bytes) -> bytes:
    """Return the whole of a file that is longer than one piece. Raises OSError, RecordError."""
    from vestige.con_duct.logs import LARGEST  # noqa: PLC0415 - `datetime` and `dataclasses`, for what is rare

    pieces = [content]
    length = len(content)
    while length <= LARGEST and (piece := os.read(descriptor, LARGEST)):
        pieces.append(piece)
        length += len(piece)
    if length > LARGEST:
        raise RecordError(f"it has more than {LARGEST} bytes")
    return b"".join(pieces)


def _parsed(text: str) -> Any:  # noqa: ANN401 - JSON
    """Return what JSON says, None where there is none; its own way is twice as fast as `loads`. Raises ValueError."""
    try:
        content, end = _DECODER.raw_decode(text)
    except ValueError:
        end = -1
    if end == len(text):
        return content
    return json.loads(text) if text and not text.isspace() else None


def _complete(info: dict[str, Any], version: tuple[int, ...]) -> None:
    """Fill in what later schemas have. Raises RecordError."""
    if version < (0, 2, 2):
        info["message"] = ""
    execution, system = info.get("execution_summary"), info.get("system")
    if not isinstance(system, dict) or (version < (0, 2, 1) and not isinstance(execution, dict)):
        raise RecordError("`system` or `execution_summary` is missing")
    if version < (0, 2, 1) and isinstance(execution, dict):
        execution["working_directory"] = ""
    system.update(dict.fromkeys(SINCE_0_2_3, ""))


def _version(value: object) -> tuple[int, ...]:
    if not isinstance(value, str):
        raise RecordError("it has no `schema_version`")
    return _numbers(value)


@functools.lru_cache
def _numbers(version: str) -> tuple[int, ...]:
    numbers = tuple(int(part) for part in version.split("."))
    if len(numbers) != 3:  # noqa: PLR2004
        raise RecordError(f"its schema {version} is not of three numbers")
    return numbers
