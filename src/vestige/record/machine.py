"""Where a run runs: cores and memory as far as affinity and control groups let the command see them.

On the start-up path of `vestige run`: imports nothing that the interpreter has not loaded already. What can't be read
is None.
"""

from __future__ import annotations

import os

_NO_LIMIT = 1 << 60  # version 1 writes "no limit" as the largest multiple of the page size below 2 ** 63


def describe() -> dict[str, object]:
    """Return the JSON form of `model.Machine` for this process."""
    uname = os.uname()
    groups = control_groups()
    return {
        "host": uname.nodename,
        "system": uname.sysname,
        "release": uname.release,
        "architecture": uname.machine,
        "cpus": os.cpu_count() or 1,
        "cpus_allowed": _cpus_allowed(),
        "cpu_quota": cpu_quota(groups),
        "memory": _memory(),
        "memory_limit": memory_limit(groups),
    }


def control_groups(proc: str = "/proc/self") -> dict[str, list[str]]:
    """Return the folders of the control groups around this process, innermost first, by controller.

    The key is the controller of version 1 (`memory`, `cpu`) or `""` for version 2. cgroups(7): /proc/PID/cgroup names
    the group, /proc/PID/mountinfo where its hierarchy is mounted and from which group on.
    """
    mounts = _mounts(_read(f"{proc}/mountinfo"))
    groups: dict[str, list[str]] = {}
    for line in _read(f"{proc}/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for controller in controllers.split(","):
            if controller in mounts:
                groups[controller] = _folders_upward(*mounts[controller], path)
    return groups


def cpu_quota(groups: dict[str, list[str]]) -> float | None:
    """Return the cores granted by the tightest quota of these groups, None where there is none."""
    quotas = [_quota(*_read(f"{folder}/cpu.max").split()) for folder in groups.get("", ())]
    older = [f"{folder}/cpu.cfs" for folder in groups.get("cpu", ())]
    quotas += [_quota(_read(f"{stem}_quota_us").strip(), _read(f"{stem}_period_us").strip()) for stem in older]
    return min((quota for quota in quotas if quota is not None), default=None)


def memory_limit(groups: dict[str, list[str]]) -> int | None:
    """Return the smallest memory limit of these groups in bytes, None where there is none."""
    files = [f"{folder}/memory.max" for folder in groups.get("", ())]
    files += [f"{folder}/memory.limit_in_bytes" for folder in groups.get("memory", ())]
    limits = [int(text) for text in (_read(name).strip() for name in files) if text.isdigit()]
    return min((limit for limit in limits if limit < _NO_LIMIT), default=None)


def _quota(quota: str = "", period: str = "100000") -> float | None:
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:  # "max" or "-1": no quota
        return None
    return int(quota) / int(period)


def _mounts(mountinfo: str) -> dict[str, tuple[str, str]]:
    """Return (group at its top, mount point) by controller, `""` for version 2; proc_pid_mountinfo(5)."""
    found: dict[str, tuple[str, str]] = {}
    for line in mountinfo.splitlines():
        left, separator, right = line.partition(" - ")
        if not separator or not right.startswith("cgroup"):
            continue
        root, point = left.split(" ")[3:5]
        kind, _, options = right.split(" ", 2)
        for controller in [""] if kind == "cgroup2" else options.split(","):
            found.setdefault(controller, (root, point))
    return found


def _folders_upward(root: str, point: str, path: str) -> list[str]:
    if path == root or path.startswith(root.rstrip("/") + "/"):
        path = path[len(root.rstrip("/")) :]
    folder = os.path.normpath(point + "/" + path)
    folders = []
    while folder.startswith(point) and folder != point:
        folders.append(folder)
        folder = os.path.dirname(folder)
    return [*folders, point]


def _cpus_allowed() -> int | None:
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not on macOS
        return None


def _memory() -> int | None:
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def _read(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        parts = []
        while part := os.read(descriptor, 1 << 16):
            parts.append(part)
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    return b"".join(parts).decode("utf-8", "surrogateescape")
