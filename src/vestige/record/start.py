"""The first record of a run: all that is known before the command starts.

On the start-up path of `vestige run`: imports nothing that the interpreter has not loaded already.
"""

from __future__ import annotations

import os
import stat
import sys

from vestige.record import head, machine
from vestige.record.place import utc_text
from vestige.text import from_os

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SCHEMA = "vestige.record/1"  # the same as model.SCHEMA, which costs dataclasses (a test holds them together)
RUN_VARIABLE = "VESTIGE_RUN"  # the run folder, in the environment of the command
RUN_ID_VARIABLE = "VESTIGE_RUN_ID"
MASK = "***"

# What decides how a program behaves and says nothing about the person: never all of the environment.
KEPT_NAMES = {
    "CC", "CFLAGS", "CI", "CONDA_DEFAULT_ENV", "CONDA_PREFIX", "CXX", "CXXFLAGS", "DISPLAY", "HIP_VISIBLE_DEVICES",
    "JAVA_HOME", "JULIA_DEPOT_PATH", "JULIA_NUM_THREADS", "LANG", "LANGUAGE", "LDFLAGS", "LD_LIBRARY_PATH",
    "LD_PRELOAD", "LOADEDMODULES", "MAKEFLAGS", "NVIDIA_VISIBLE_DEVICES", "PATH", "RAYON_NUM_THREADS",
    "ROCR_VISIBLE_DEVICES", "R_HOME", "R_LIBS", "R_LIBS_SITE", "R_LIBS_USER", "SHELL", "SOURCE_DATE_EPOCH", "TEMP",
    "TERM", "TMP", "TMPDIR", "TZ", "VIRTUAL_ENV",
}  # fmt: skip
KEPT_PREFIXES = (
    "BLIS_", "CUDA_", "DASK_", "GOMP_", "KEDRO_", "KMP_", "LC_", "MALLOC_", "MKL_", "NUMBA_", "NUMEXPR_", "OMP_",
    "OPENBLAS_", "PYTHON", "TORCH_", "VECLIB_",
)  # fmt: skip
JOB_NAMES = {
    "LSB_BATCH_JID", "LSB_JOBID", "LSB_JOBINDEX", "PBS_ARRAYID", "PBS_ARRAY_ID", "PBS_ARRAY_INDEX", "PBS_JOBID",
    "PBS_NODENUM", "PBS_TASKNUM", "SGE_TASK_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_CLUSTER_NAME",
    "SLURM_JOBID", "SLURM_JOB_ID", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_PROCID", "SLURM_RESTART_COUNT",
    "SLURM_STEP_ID",
}  # fmt: skip
JOB_PREFIXES = ("OSG",)
# What differs from one terminal, session or job to the next and says nothing about results: not in the hash of the
# environment. Whole names where a prefix might catch a variable of somebody's own. The place of a process among its
# siblings does say something (SLURM_ARRAY_TASK_ID, SLURM_PROCID, PBS_ARRAY_INDEX, SGE_TASK_ID), so it is in it.
# MAKEFLAGS is for another make; PWD is `cwd` of the record.
VOLATILE_NAMES = {
    "COLORFGBG", "COLORTERM", "COLUMNS", "CONDA_PROMPT_MODIFIER", "CONDA_SHLVL", "DBUS_SESSION_BUS_ADDRESS",
    "DBUS_SESSION_BUS_PID", "DBUS_SESSION_BUS_WINDOWID", "DBUS_STARTER_ADDRESS", "DBUS_STARTER_BUS_TYPE",
    "DESKTOP_STARTUP_ID", "DISPLAY", "GPG_AGENT_INFO", "GPG_TTY", "HISTCONTROL", "HISTFILE", "HISTFILESIZE",
    "HISTIGNORE", "HISTSIZE", "HISTTIMEFORMAT", "ICEAUTHORITY", "INVOCATION_ID", "JOURNAL_STREAM", "LINES",
    "LSB_BATCH_JID", "LSB_JOBID", "LS_COLORS", "MAIL", "MAKEFLAGS", "MAKELEVEL", "MAKE_TERMERR", "MAKE_TERMOUT",
    "MANAGERPID", "MFLAGS", "OLDPWD", "PBS_JOBID", "PROMPT_COMMAND", "PROMPT_DIRTRIM", "PS0", "PS1", "PS2", "PS3",
    "PS4", "PWD", "SESSION_MANAGER", "SHLVL", "SLURMD_NODENAME", "SLURM_ARRAY_JOB_ID", "SLURM_JOBID",
    "SLURM_JOB_END_TIME", "SLURM_JOB_ID", "SLURM_JOB_NODELIST", "SLURM_JOB_START_TIME", "SLURM_LAUNCH_NODE_IPADDR",
    "SLURM_NODELIST", "SLURM_RESTART_COUNT", "SLURM_SRUN_COMM_HOST", "SLURM_SRUN_COMM_PORT", "SLURM_STEPID",
    "SLURM_STEP_ID", "SLURM_STEP_LAUNCHER_PORT", "SLURM_STEP_NODELIST", "SLURM_SUBMIT_HOST", "SLURM_TASK_PID",
    "SLURM_TOPOLOGY_ADDR", "SSH_AGENT_PID", "SSH_ASKPASS", "SSH_AUTH_SOCK", "SSH_CLIENT", "SSH_CONNECTION",
    "SSH_TTY", "STY", "SYSTEMD_EXEC_PID", "TERM", "TERMCAP", "TERMINFO", "TERMINFO_DIRS", "TMUX", "TMUX_PANE",
    "VIRTUAL_ENV_PROMPT", "VTE_VERSION", "WINDOWID", "WINDOWPATH", "WT_PROFILE_ID", "WT_SESSION", "XAUTHORITY",
    "XDG_ACTIVATION_TOKEN", "XDG_SEAT", "XDG_VTNR", "_",
}  # fmt: skip
VOLATILE_PREFIXES = (
    "ALACRITTY_", "GNOME_TERMINAL_", "ITERM_", "KITTY_", "KONSOLE_", "TERM_", "VESTIGE_", "VSCODE_", "WEZTERM_",
    "XDG_SESSION_", "ZELLIJ_",
)  # fmt: skip
_SECRET_WORDS = ("AUTH", "COOKIE", "CREDENTIAL", "KEY", "PASS", "PRIVATE", "PWD", "SECRET", "SESSION", "TOKEN")
_SECRET_STARTS = (
    "AIza", "AKIA", "ASIA", "Basic ", "Bearer ", "eyJ", "ghp_", "gho_", "ghs_", "ghu_", "github_pat_", "glpat-", "hf_",
    "npm_", "pypi-", "sk-", "sk_live_", "xoxb-", "xoxp-", "-----BEGIN",
)  # fmt: skip


def start_record(  # noqa: PLR0913 - all keywords: what the front knows, one by one
    *,
    run_id: str,
    argv: Sequence[str],
    cwd: str,
    now_ns: int,
    version: str,
    environ: Mapping[str, str],
    message: str | None = None,
    tags: Iterable[str] = (),
    keep: Iterable[str] = (),
    options: Mapping[str, object] | None = None,
    top: str | None = None,
) -> dict[str, object]:
    """Return the record of a run that is about to start, in its JSON form.

    All strings are as Python's `os` gives them (surrogateescape). `environ` is that of the command. `keep` names more
    environment variables worth keeping, a trailing `*` stands for any ending. `options` is what was
    asked for, `top` the Git work tree around `cwd`.
    """
    return {
        "schema": SCHEMA,
        "id": run_id,
        "argv": [from_os(word) for word in argv],
        "cwd": from_os(cwd),
        "status": "running",
        "started": utc_text(now_ns),
        "ended": None,
        "exit": {"code": None, "signal": None, "reason": None},
        "vestige": version,
        "machine": machine.describe(),
        "environment": kept_environment(environ, keep),
        "environment_hash": environment_hash(environ),
        "message": None if message is None else from_os(message),
        "tags": [from_os(tag) for tag in tags],
        "parent": _text_or_none(environ.get(RUN_ID_VARIABLE)),
        "parent_folder": _text_or_none(environ.get(RUN_VARIABLE)),
        "job": job_ids(environ),
        "resources": {},
        "streams": {},
        "survivors": [],
        "processes": None,
        "completeness": None,
        "options": _options(options or {}),
        "files": {},
        "software": [],
        "network": [],
        "code": None if top is None else _code(top),
        "commit": None,
        "spans": None,
    }


def _code(top: str) -> dict[str, object]:
    found = head.head(top)
    branch = None if found.branch is None else from_os(found.branch)
    return {"top": from_os(top), "commit": found.commit, "branch": branch}


def _options(given: Mapping[str, object]) -> dict[str, object]:
    """Return what was asked for, the defaults where nothing was; globs as text."""
    default: dict[str, object] = {
        "hash": "full",
        "hash_limit": None,
        "deny_network": False,
        "io_uring": "auto",
        "classes": {},
        "commit": None,
        "stdin": None,
    }
    classes = given.get("classes")
    texts = {name: list(map(from_os, globs)) for name, globs in classes.items()} if isinstance(classes, dict) else {}
    return {**default, **given, "classes": texts}


def kept_environment(environ: Mapping[str, str], keep: Iterable[str] = ()) -> dict[str, str]:
    """Return the variables worth keeping, sorted by name, with `***` for the value of what looks like a secret."""
    names = KEPT_NAMES.union(name for name in keep if not name.endswith("*"))
    prefixes = KEPT_PREFIXES + tuple(name[:-1] for name in keep if name.endswith("*"))
    chosen = sorted(name for name in environ if name in names or name.startswith(prefixes))
    return {from_os(name): MASK if looks_secret(name, environ[name]) else from_os(environ[name]) for name in chosen}


def environment_hash(environ: Mapping[str, str]) -> str:
    """Return `sha256:…` over all variables and their values, but those that say nothing about results."""
    pairs = sorted(os.fsencode(f"{name}={environ[name]}") for name in environ if not is_volatile(name))
    return "sha256:" + _sha256(b"\0".join(pairs))


def is_volatile(name: str) -> bool:
    """Say whether a variable differs between terminals, sessions or jobs and says nothing about results."""
    return name in VOLATILE_NAMES or name.startswith(VOLATILE_PREFIXES)


def stream_kind(descriptor: int) -> str:
    """Return what a standard stream of this process is (`model.StreamKind`), as a command inherits it."""
    try:
        if not os.get_inheritable(descriptor):
            return "closed"  # what stands here was opened since, by Python
    except OSError:
        return "closed"
    return kind_of(descriptor)


def kind_of(descriptor: int) -> str:
    """Return what a descriptor is (`model.StreamKind`)."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return "closed"
    for is_it, kind in ((stat.S_ISREG, "file"), (stat.S_ISFIFO, "pipe"), (stat.S_ISSOCK, "socket")):
        if is_it(mode):
            return kind
    return "terminal" if os.isatty(descriptor) else "device"


def looks_secret(name: str, value: str) -> bool:
    """Say whether a variable's name or its value looks like a password, a key or a token."""
    if any(word in name.upper() for word in _SECRET_WORDS) and name != "PWD":
        return True
    return value.startswith(_SECRET_STARTS) or _has_password(value)


def job_ids(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which a batch system names this job."""
    chosen = sorted(name for name in environ if name in JOB_NAMES or name.startswith(JOB_PREFIXES))
    return {from_os(name): MASK if looks_secret(name, environ[name]) else from_os(environ[name]) for name in chosen}


def _has_password(value: str) -> bool:
    """Say whether a URL in `value` carries a password: `scheme://user:password@host`."""
    for rest in value.split("://")[1:]:
        user, at, _ = rest.partition("/")[0].rpartition("@")
        if at and ":" in user:
            return True
    return False


def _sha256(content: bytes) -> str:
    """Return the hash by Python's own code: `hashlib` loads OpenSSL, which takes 4 ms, this 0.3."""
    try:
        if sys.version_info >= (3, 12):
            from _sha2 import sha256  # noqa: PLC0415
        else:
            from _sha256 import sha256  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
    except ImportError:  # a Python built without
        from hashlib import sha256  # noqa: PLC0415
    return str(sha256(content).hexdigest())


def _text_or_none(name: str | None) -> str | None:
    return from_os(name) if name else None
