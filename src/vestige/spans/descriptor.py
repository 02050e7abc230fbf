"""A descriptor inside a program that does not know of it."""

from __future__ import annotations

import os


class Descriptor:
    """A file that is kept open. A program may close all descriptors, and open its own file under the number."""

    __slots__ = ("_identity", "number")

    def __init__(self, path: str, flags: int) -> None:
        """Open a file. Raises OSError."""
        self.number = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        self._identity = _identity(self.number)

    def is_ours(self) -> bool:
        """Say whether the number still stands for the file."""
        try:
            return _identity(self.number) == self._identity
        except OSError:
            return False

    def write(self, content: bytes) -> int:
        """Write at the end of the file and return how many bytes were. Raises OSError."""
        if not self.is_ours():
            raise BlockingIOError
        return os.write(self.number, content)

    def read(self, most: int) -> bytes:
        """Return the first bytes of the file. Raises OSError."""
        if not self.is_ours():
            raise BlockingIOError
        return os.pread(self.number, most, 0)

    def close(self) -> None:
        """Close it, unless somebody did."""
        if self.is_ours():
            os.close(self.number)


def _identity(number: int) -> tuple[int, int]:
    status = os.fstat(number)
    return status.st_dev, status.st_ino
