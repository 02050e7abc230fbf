"""A result in a file that the user has named."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING, Literal

from vestige.cli import printing
from vestige.errors import VestigeError
from vestige.words import safe

if TYPE_CHECKING:
    from collections.abc import Iterable

_OPEN_ALREADY = ("/dev/", "/proc/")  # names of what is open, as `/dev/stdout`: root could put a file in their place


def write(path: str, pieces: Iterable[str]) -> None:
    """Write a file as a whole or not at all, and say so: half a page looks like a whole one. Raises VestigeError.

    A device or a pipe is written to, never replaced, and a link stays one.
    """
    try:
        if path.startswith(_OPEN_ALREADY) or (os.path.exists(path) and not os.path.isfile(path)):
            _fill(path, pieces, mode="a")  # what `/dev/stdout` holds already stays
        else:
            _replace(os.path.realpath(path), pieces)
    except OSError as error:
        raise VestigeError(f"can't write {path}: {error.strerror}") from error
    printing.say(f"{safe(path)} is written")


def _replace(path: str, pieces: Iterable[str]) -> None:
    half = f"{path}.{os.getpid()}.part"
    try:
        _fill(half, pieces, mode="w")
        if os.path.exists(path):
            shutil.copymode(path, half)
        os.replace(half, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(half)
        raise


def _fill(path: str, pieces: Iterable[str], *, mode: Literal["a", "w"]) -> None:
    with open(path, mode, encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(pieces)
