"""Captured output as a download: bytes that no browser shows as a page."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, BinaryIO

from starlette.responses import StreamingResponse

from vestige.con_duct import logs
from vestige.store.output import STREAMS
from vestige.web.envelope import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.store.kept import KeptRun

_CHUNK = 1 << 18


def download(run: KeptRun, stream: str) -> StreamingResponse:
    """Return what was captured of a stream so far. Raises Refusal."""
    try:
        file = _opened(_prefix(run) + stream) if stream in STREAMS else None
    except OSError:
        file = None
    if file is None:
        raise Refusal(404, "output", "nothing of this stream was captured")
    length = os.fstat(file.fileno()).st_size
    headers = {
        "Content-Disposition": f'attachment; filename="vestige-{stream}.txt"',
        "Content-Length": str(length),
    }
    return StreamingResponse(_chunks(file, length), media_type="text/plain", headers=headers)


def streams(run: KeptRun) -> tuple[str, ...]:
    """Return of which streams there is something."""
    return tuple(name for name in STREAMS if _size(_prefix(run) + name))


def _prefix(run: KeptRun) -> str:
    return os.path.join(run.path, "") if run.log is None else logs.prefix_of(run.log) or run.log


def _size(path: str) -> int:
    try:
        found = os.lstat(path)
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _opened(path: str) -> BinaryIO:
    """Open a file, and neither what a link leads to nor what blocks: the folder may be somebody else's work."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return open(descriptor, "rb")


def _chunks(file: BinaryIO, length: int) -> Iterator[bytes]:
    with file:
        while length and (chunk := file.read(min(_CHUNK, length))):
            length -= len(chunk)
            yield chunk
