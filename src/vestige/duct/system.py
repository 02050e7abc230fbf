"""The machine as con-duct describes it: `system`, `env` and `gpu` of info.json."""

from __future__ import annotations

import contextlib
import os
import re
import select
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENVIRONMENT = ("PBS_", "SLURM_", "OSG")
_RELEASES = ("/etc/os-release", "/usr/lib/os-release")
_DISTRO = {
    "distro_id": "ID",
    "distro_id_like": "ID_LIKE",
    "distro_name": "NAME",
    "distro_version": "VERSION",
    "distro_version_id": "VERSION_ID",
    "distro_codename": "VERSION_CODENAME",
    "distro_variant_id": "VARIANT_ID",
    "distro_pretty_name": "PRETTY_NAME",
    "distro_build_id": "BUILD_ID",
}
_GPU = ("index", "name", "bus_id", "driver_version", "memory.total", "compute_mode")
_GPU_FORM = "--format=csv"
_GPU_QUERY = "--query-gpu=index,name,pci.bus_id,driver_version,memory.total,compute_mode"
_SIGKILL = 9  # `signal` imports enum
_PATIENCE = 10.0  # s: nvidia-smi may take that long to wake the driver, and hangs where that is broken


def describe(environ: Mapping[str, str]) -> dict[str, object]:
    """Return `system`; `processor` costs a program, so it is asked for apart (`Asked`)."""
    uname = os.uname()
    release = _release()
    return {
        "cpu_total": os.sysconf("SC_NPROCESSORS_CONF"),
        "memory_total": memory_total(),
        "hostname": uname.nodename,
        "uid": os.getuid(),
        "user": environ.get("USER"),
        "os_name": uname.sysname,
        "os_release": uname.release,
        "os_version": uname.version,
        "arch": uname.machine,
        "processor": "",
        **{name: release.get(key, "") for name, key in _DISTRO.items()},
    }


def memory_total() -> int:
    """Return the machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of batch systems."""
    return {name: value for name, value in environ.items() if name.startswith(_ENVIRONMENT)}


class Asked:
    """Questions to other programs, asked while the command runs and answered when it has ended."""

    def __init__(self) -> None:
        self._asked = {"uname": _Question("uname", "-p"), "nvidia-smi": _Question("nvidia-smi", _GPU_QUERY, _GPU_FORM)}

    def processor(self) -> str:
        """Return what `uname -p` says, empty where it does not know."""
        answer = (self._asked["uname"].answer() or "").strip()
        return "" if answer == "unknown" else answer

    def gpus(self) -> list[dict[str, str]] | None:
        """Return the GPUs that nvidia-smi lists, None where there is none or it fails."""
        answer = self._asked["nvidia-smi"].answer()
        if answer is None:
            return None
        rows = [line.split(", ") for line in answer.strip().splitlines()[1:]]
        return [dict(zip(_GPU, row, strict=True)) for row in rows if len(row) == len(_GPU)]


class _Question:
    """A program and what it prints. Without `subprocess`: importing that costs as much as half of an interpreter."""

    def __init__(self, *words: str) -> None:
        self._answer: str | None = None
        self._pid = 0  # 0: nobody is asked (any more)
        self._output, end = os.pipe()
        actions = [
            (os.POSIX_SPAWN_DUP2, end, 1),
            *((os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 2)),
        ]
        with contextlib.suppress(OSError):  # there is no such program
            self._pid = os.posix_spawnp(words[0], words, os.environ, file_actions=actions)
        os.close(end)

    def answer(self) -> str | None:
        """Return what it printed, None where there is no such program, it fails or takes too long."""
        if self._pid:
            said = self._read()
            if said is None:
                os.kill(self._pid, _SIGKILL)
            _, status = os.waitpid(self._pid, 0)
            os.close(self._output)
            self._pid = 0
            self._answer = said if status == 0 else None
        return self._answer

    def _read(self) -> str | None:
        """Return everything up to the end, None where that does not come in time."""
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        deadline = time.monotonic() + _PATIENCE
        said = b""
        while poll.poll(1000 * max(deadline - time.monotonic(), 0.0)):
            piece = os.read(self._output, 1 << 16)
            if not piece:
                return said.decode("utf-8", "replace")
            said += piece
        return None


def _release() -> dict[str, str]:
    """Return os-release(5), in the reading of Python's `platform`: quotes are those of a shell."""
    found: dict[str, str] = {}
    for path in _RELEASES:
        with contextlib.suppress(OSError, UnicodeDecodeError), open(path, encoding="utf-8") as file:
            for line in file:
                name, equals, value = line.strip().partition("=")
                if equals and name.isidentifier():
                    found[name] = _unquoted(value)
            return found
    return found


def _unquoted(value: str) -> str:
    if value[:1] in ("'", '"') and value[-1:] == value[:1] and len(value) > 1:
        value = value[1:-1]
    return re.sub(r"\\(.)", r"\1", value)
