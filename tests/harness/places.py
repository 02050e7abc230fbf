"""Folders with a special nature, for the tests of faults."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from harness.waiting import until

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


def postgresql() -> str | None:
    """Return the folder of the newest PostgreSQL server's programs, which Debian keeps off the PATH."""
    found = shutil.which("postgres") or max(glob.glob("/usr/lib/postgresql/*/bin/postgres"), default=None)
    return os.path.dirname(os.path.realpath(found)) if found else None


@contextlib.contextmanager
def postgresql_server() -> Iterator[str]:
    """Start a PostgreSQL server of its own, which only this machine can reach, and give its URL."""
    programs = postgresql()
    assert programs, "mark the test as needing `postgresql`"
    as_other = AS_NOBODY if os.geteuid() == 0 else ()  # it refuses to run as root
    with open_folder(owner=NOBODY if as_other else None) as folder:
        data = os.path.join(folder, "data")
        make = [
            f"{programs}/initdb",
            "--pgdata",
            data,
            "--username",
            "reports",
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
        ]
        subprocess.run([*as_other, *make, "--no-locale"], cwd="/", check=True, stdout=subprocess.DEVNULL)
        serve = [f"{programs}/postgres", "-D", data, "-k", folder, "-c", "listen_addresses="]
        server = subprocess.Popen([*as_other, *serve], cwd="/", stderr=subprocess.DEVNULL)
        ready = [f"{programs}/pg_isready", "--quiet", "--host", folder]
        try:
            until(lambda: subprocess.run(ready, check=False).returncode == 0, "PostgreSQL to start")
            yield f"postgresql://reports@/postgres?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)  # "fast": it ends its connections
            server.wait(30)


def fill(folder: str) -> str:
    """Write a file until the disk is full, and return its path."""
    path = os.path.join(folder, "filler")
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass
    return path
