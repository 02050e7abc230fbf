"""The example project on 336,776 flights: where it is, a copy of it, and an environment that finds vestige."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sysconfig

from vestige._version import VERSION
from vestige.errors import VestigeError

IDENTITY = "pyproject.toml"
PACKAGE = os.path.dirname(os.path.abspath(__file__))
_PLACES = (  # in the wheel; in a checkout, two folders above the package
    os.path.join(PACKAGE, "examples", "flights"),
    os.path.join(os.path.dirname(os.path.dirname(PACKAGE)), "examples", "flights"),
)
_NOT_COPIED = ("__pycache__", ".vestige", "*.egg-info", ".venv")


def source() -> str:
    """Return the folder of the project. Raises VestigeError."""
    for path in _PLACES:
        if os.path.isfile(os.path.join(path, IDENTITY)):
            return path
    raise VestigeError(f"the example project is not in {_PLACES[0]}; install vestige from a wheel or a checkout")


def copy(project: str, folder: str, *also_not: str) -> None:
    """Copy a project without what runs have left in it. Raises VestigeError."""
    try:
        shutil.copytree(project, folder, ignore=shutil.ignore_patterns(*_NOT_COPIED, *also_not), dirs_exist_ok=True)
    except OSError as error:
        raise VestigeError(f"can't copy the project to {folder}: {error}") from error


def lend(environment: str) -> None:
    """Let an environment with the project's requirements alone find vestige: Kedro looks there for its plugin.

    Raises VestigeError.
    """
    try:
        own = importlib.metadata.distribution("vestige")
    except importlib.metadata.PackageNotFoundError:
        return  # called from a source tree that nobody installed: there is no plugin to be found either
    link, told = _lent(environment)
    try:
        if not os.path.lexists(link):
            os.makedirs(told, exist_ok=True)
            for name, text in (("METADATA", _metadata(own)), ("entry_points.txt", own.read_text("entry_points.txt"))):
                with open(os.path.join(told, name), "w", encoding="utf-8") as file:
                    file.write(text or "")
            os.symlink(PACKAGE, link)
    except OSError as error:
        raise VestigeError(f"can't write to {os.path.dirname(link)}: {error}") from error


def take_back(environment: str) -> None:
    """Undo `lend`. Raises VestigeError."""
    link, told = _lent(environment)
    try:
        if os.path.islink(link):
            os.unlink(link)
            shutil.rmtree(told)
    except OSError as error:
        raise VestigeError(f"can't remove {link}: {error}") from error


def _lent(environment: str) -> tuple[str, str]:
    """Return the link to the package, and the folder that tells of it."""
    site = sysconfig.get_path("purelib", "posix_prefix", {"base": environment, "platbase": environment})
    return os.path.join(site, os.path.basename(PACKAGE)), os.path.join(site, f"vestige-{VERSION}.dist-info")


def _metadata(own: importlib.metadata.Distribution) -> str | None:
    return own.read_text("METADATA") or own.read_text("PKG-INFO")  # the latter in the source tree of an editable one
