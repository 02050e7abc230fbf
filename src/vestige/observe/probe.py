"""What this machine allows a recorder to see: the recorder's own probe, and what can be told without it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.observe import recorder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PATIENCE = 20  # s
_YAMA = "/proc/sys/kernel/yama/ptrace_scope"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is or is not possible here; `ok` None: it could not be told, or is neither good nor bad."""

    name: str  # `wait_killable`, as the recorder calls it
    title: str  # what it is
    ok: bool | None
    why: str  # what was seen
    remedy: str | None = None  # what would change it, where it is not ok


@dataclass(frozen=True, slots=True)
class Ability:
    """A key of the recorder's probe: what it is, and what would change it."""

    title: str
    remedy: str


ABILITIES = {
    "kernel": Ability("kernel", ""),
    "architecture": Ability("architecture", ""),
    "user_notif": Ability("every process seen (notifications)", "Linux 5.5 or newer, no outer tracer of this kind"),
    "wait_killable": Ability("notified calls wait out signals", "Linux 5.19 or newer"),
    "sync_wake_up": Ability("fast hand-over of notifications", "Linux 6.6 or newer"),
    "keeps_setuid": Ability("`sudo` works while traced", "root (CAP_SYS_ADMIN), or `--trace off` for such a command"),
    "memory_read": Ability("arguments of commands", "`sysctl kernel.yama.ptrace_scope=1`, or CAP_SYS_PTRACE"),
    "memory_peak": Ability("memory peak of each process", "a /proc that shows the user's own processes"),
    "io_counts": Ability("bytes of each process", "a kernel with CONFIG_TASK_IO_ACCOUNTING"),
    "run_queue_wait": Ability("waiting for a CPU", "a kernel with CONFIG_SCHED_INFO"),
    "process_clock": Ability("CPU of each process", "a kernel with CONFIG_POSIX_TIMERS"),
    "proportional_memory": Ability("shared memory counted once", "Linux 4.14 or newer, CONFIG_PROC_PAGE_MONITOR"),
    "children_list": Ability("process tree from /proc", "a kernel with CONFIG_PROC_CHILDREN"),
    "pidfd": Ability("process descriptors", "Linux 5.3 or newer"),
    "exit_of_strangers": Ability("how grandchildren were killed", "Linux 6.15 or newer"),
    "subreaper": Ability("daemons stay in the run", "Linux 3.4 or newer"),
    "pressure": Ability("pressure (CPU, memory, I/O)", "CONFIG_PSI; on some kernels `psi=1` at boot"),
}


def findings(environ: Mapping[str, str]) -> list[Finding]:
    """Return all findings about this machine; the program of the recorder is run once."""
    program = recorder.path(environ)
    probed, trouble = _probe(program)
    found = [_system(), _recorder(program, trouble)]
    found += [_ability(name, value) for name, value in probed.items()]
    return [*found, *_ptrace_scope(), _cgroup()]


def _system() -> Finding:
    ok = sys.platform == "linux"
    title = f"{platform.system()} {platform.release()} {platform.machine()}, Python {platform.python_version()}"
    remedy = None if ok else "the recorder needs Linux; here the portable observer takes its place"
    return Finding("system", "system", ok=ok, why=title, remedy=remedy)


def _recorder(program: str, trouble: str | None) -> Finding:
    remedy = "install a C compiler (`apt-get install gcc`) and vestige again; until then figures are sampled"
    return Finding(
        "recorder", "recorder", ok=trouble is None, why=trouble or program, remedy=remedy if trouble else None
    )


def _probe(program: str) -> tuple[dict[str, object], str | None]:
    """Return the recorder's findings, or why there are none."""
    if not os.path.exists(program):
        return {}, f"{program} is not there"
    try:
        done = subprocess.run([program, "probe"], capture_output=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return {}, f"{program} does not run: {error}"
    try:
        probed = json.loads(done.stdout)
    except ValueError:
        return (
            {},
            f"{program} does not answer: exit {done.returncode} {done.stderr.decode(errors='replace')[:200]}".strip(),
        )
    return (probed, None) if isinstance(probed, dict) else ({}, f"{program} answers with something else than an object")


def _ability(name: str, value: object) -> Finding:
    """Read one key of the probe: an object with `ok` and `why`, a plain truth, or anything to be shown as it is."""
    known = ABILITIES.get(name, Ability(name.replace("_", " "), ""))
    ok, why = _verdict(value)
    return Finding(name, known.title, ok=ok, why=why, remedy=(known.remedy or None) if ok is False else None)


def _verdict(value: object) -> tuple[bool | None, str]:
    if isinstance(value, bool):
        return value, "yes" if value else "no"
    if not isinstance(value, dict):
        return None, str(value)
    ok = value.get("ok")
    why = value.get("why") or _error_text(value.get("errno")) or ("yes" if ok else "no")
    return (ok if isinstance(ok, bool) else None), str(why)


def _error_text(number: object) -> str:
    return os.strerror(number) if isinstance(number, int) and number else ""


def _ptrace_scope() -> Iterator[Finding]:
    scope = _read(_YAMA)
    if scope is None:
        return
    ok = scope in ("0", "1") or os.geteuid() == 0
    remedy = None if ok else "`sysctl kernel.yama.ptrace_scope=1`: arguments of processes are then readable"
    yield Finding("ptrace_scope", "ptrace scope (Yama)", ok=ok, why=f"{_YAMA} is {scope}", remedy=remedy)


def _cgroup() -> Finding:
    """Whether a run may get a control group of its own, whose peak the kernel itself keeps."""
    title = "memory peak from a control group"
    text = _read("/proc/self/cgroup")
    if text is None:
        return Finding("cgroup", title, ok=None, why="no control groups here")
    unified = [line[3:] for line in text.splitlines() if line.startswith("0::")]
    if not unified or not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        return Finding(
            "cgroup", title, ok=False, why="control groups version 1", remedy="version 2 with a delegated group"
        )
    folder = f"/sys/fs/cgroup{unified[0]}".rstrip("/")
    if os.access(folder, os.W_OK):
        return Finding("cgroup", title, ok=True, why=f"version 2, {folder} is delegated")
    remedy = "`systemd-run --user --scope -p Delegate=yes vestige run …`"
    return Finding("cgroup", title, ok=False, why=f"version 2, {folder} is not writable", remedy=remedy)


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None
