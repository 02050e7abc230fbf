"""What is around a command, as far as it decides about telemetry: variables, folder, user, container, CI."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MODE_VARIABLE = "VESTIGE_TELEMETRY"
MODES_BY_WORD = {
    "0": "off", "false": "off", "no": "off", "off": "off", "local": "local", "on": "on", "1": "on", "true": "on"
}  # fmt: skip
ADMIN_FILE = "etc/vestige/telemetry.toml"
CI_VARIABLES = (  # `CI` is set by nearly all; these by those that do not, and by kedro-telemetry's list
    "CI",
    "CONTINUOUS_INTEGRATION",
    "BITBUCKET_BUILD_NUMBER",
    "BUILDKITE",
    "CIRCLECI",
    "CODEBUILD_BUILD_ID",
    "GITHUB_ACTION",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "JENKINS_URL",
    "TEAMCITY_VERSION",
    "TF_BUILD",
    "TRAVIS",
)
_CONTAINER_FILES = (".dockerenv", "run/.containerenv", "run/systemd/container", ".singularity.d")
_CONTAINER_VARIABLES = ("container", "KUBERNETES_SERVICE_HOST", "APPTAINER_CONTAINER", "SINGULARITY_CONTAINER")
_CONTAINER_GROUPS = (b"docker", b"kubepods", b"containerd", b"libpod", b"lxc")
_NO = ("", "0", "false", "no")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What decides. `ci` and `container` say what tells it, None: nothing does."""

    environ: Mapping[str, str]
    folder: str | None  # where the command works; None: it is gone
    is_root: bool
    ci: str | None
    container: str | None
    admin_file: str = "/" + ADMIN_FILE


def of_process(folder: str | None = None) -> Surroundings:
    """Return what is around this process; `folder` instead of the current one."""
    return of(os.environ, folder or _current(), top="/", is_root=os.geteuid() == 0)


def of(environ: Mapping[str, str], folder: str | None, *, top: str, is_root: bool) -> Surroundings:
    """Return what is around a command with these variables, under the file system at `top`."""
    return Surroundings(
        environ,
        folder,
        is_root=is_root,
        ci=next((name for name in CI_VARIABLES if is_said(environ, name)), None),
        container=_container(environ, top),
        admin_file=os.path.join(top, ADMIN_FILE),
    )


def refusals(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield what variables say no to all counting, in words; asked before anything else of telemetry is loaded."""
    if is_said(environ, "DO_NOT_TRACK"):
        yield "`DO_NOT_TRACK` is set"
    if environ.get("KEDRO_DISABLE_TELEMETRY"):  # any text, as Kedro reads it
        yield "`KEDRO_DISABLE_TELEMETRY` is set"
    word = environ.get(MODE_VARIABLE, "")
    if MODES_BY_WORD.get(word.strip().lower()) == "off":
        yield f"`{MODE_VARIABLE}` is `{word}`"


def is_refused(environ: Mapping[str, str]) -> bool:
    """Say whether a variable says no to all counting."""
    return next(refusals(environ), None) is not None


def is_said(environ: Mapping[str, str], name: str) -> bool:
    """Say whether a variable is set to anything but empty, 0, false and no."""
    return environ.get(name, "").strip().lower() not in _NO


def _current() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None


def _container(environ: Mapping[str, str], top: str) -> str | None:
    """Return what shows that this is a container: a file, a variable, or the control group of the first process."""
    for name in _CONTAINER_FILES:
        if os.path.lexists(os.path.join(top, name)):
            return f"/{name}"
    for name in _CONTAINER_VARIABLES:
        if environ.get(name):
            return name
    try:
        with open(os.path.join(top, "proc/1/cgroup"), "rb") as file:
            groups = file.read(1 << 16)
    except OSError:
        return None
    return "/proc/1/cgroup" if any(name in groups for name in _CONTAINER_GROUPS) else None
