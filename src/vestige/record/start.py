"""The first record of a run: all that is known before the command starts.

On the start-up path of `vestige run`: imports nothing that the interpreter has not loaded already.
"""

from __future__ import annotations

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


def _text_or_none(name: str | None) -> str | None:
    return from_os(name) if name else None
