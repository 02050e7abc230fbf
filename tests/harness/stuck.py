"""A file system that never answers: what a file server does that went away. Linux only, root only."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# include/uapi/linux/fuse.h
_LOOKUP, _GETATTR, _INIT = 1, 3, 26
_REQUEST = struct.Struct("<IIQQIIIHH")
_ANSWER = struct.Struct("<IiQ")
_INIT_OUT = struct.Struct("<IIIIHHIIHHI28x")
_ATTRIBUTES = struct.Struct("<QII QQQQQQIII IIIIII")
_FOLDER = 0o40755
_MNT_FORCE, _MNT_DETACH = 1, 2


@contextlib.contextmanager
def file_system(folder: str) -> Iterator[None]:
    """Mount it on a folder; whoever looks for a file in there waits until the end of this context."""
    libc = ctypes.CDLL(None, use_errno=True)
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
    if libc.mount(b"stuck", os.fsencode(folder), b"fuse", 0, options.encode()):
        os.close(device)
        raise OSError(ctypes.get_errno(), "can't mount")
    served = threading.Thread(target=_serve, args=(device,), daemon=True)
    served.start()
    try:
        yield
    finally:
        libc.umount2(os.fsencode(folder), _MNT_FORCE)  # whoever waits gets an error
        libc.umount2(os.fsencode(folder), _MNT_DETACH)
        served.join(timeout=5)
        os.close(device)


def _serve(device: int) -> None:
    """Answer what a mount needs, and nothing else."""
    while True:
        try:
            asked = os.read(device, 1 << 20)
        except OSError:
            return
        _, operation, unique, *_ = _REQUEST.unpack_from(asked)
        if operation == _INIT:
            _reply(device, unique, _INIT_OUT.pack(7, 31, 0, 0, 12, 9, 4096, 1, 1, 0, 0))
        elif operation == _GETATTR:
            attributes = _ATTRIBUTES.pack(3600, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, _FOLDER, 2, 0, 0, 0, 4096)
            _reply(device, unique, attributes + bytes(4))


def _reply(device: int, unique: int, content: bytes) -> None:
    with contextlib.suppress(OSError):
        os.write(device, _ANSWER.pack(_ANSWER.size + len(content), 0, unique) + content)
