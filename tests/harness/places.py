"""Folders with a special nature, for the tests of faults."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


@contextlib.contextmanager
def open_folder(*, owner: int | None = None) -> Iterator[str]:
    """Give a new folder that every user can enter, unlike those of pytest."""
    folder = tempfile.mkdtemp(prefix="vestige-test-")
    os.chmod(folder, 0o755)  # noqa: S103 - that is the point
    if owner is not None:
        os.chown(folder, owner, owner)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def tmpfs(folder: str, options: str) -> Iterator[str]:
    """Mount a small disk on `folder` (root only)."""
    os.makedirs(folder, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "vestige-test", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def python_for_nobody() -> str | None:
    """Return a Python that nobody can run too: this one may lie in the home of root."""
    probe = "import sys; sys.exit(sys.version_info < (3, 10))"
    for python in (sys.executable, "/usr/bin/python3"):
        call = [*AS_NOBODY, "sh", "-c", f"exec {python} -c '{probe}'"]
        with contextlib.suppress(OSError):
            if subprocess.run(call, cwd="/", stderr=subprocess.DEVNULL, check=False).returncode == 0:
                return python
    return None


def fill(folder: str) -> str:
    """Write a file until the disk is full, and return its path."""
    path = os.path.join(folder, "filler")
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass
    return path
