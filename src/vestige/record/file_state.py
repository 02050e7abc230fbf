"""What the kernel says of a file, as the record has it."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from vestige.record.model import FileState

if TYPE_CHECKING:
    import os

    from vestige.record.model import FileType

_TYPES: dict[int, FileType] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
}


def file_state(status: os.stat_result) -> FileState:
    """Return the state of a file that was looked at."""
    return FileState(
        type=_TYPES.get(stat.S_IFMT(status.st_mode), "other"),
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        dev=status.st_dev,
        ino=status.st_ino,
    )
