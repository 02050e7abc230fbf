"""`vestige demo`: an example project on real data, run and shown."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from typing import TYPE_CHECKING

from vestige import exit_codes
from vestige.errors import VestigeError
from vestige.record import place

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

EXAMPLES = """\
examples:
  vestige demo              copies a Kedro project on 336,776 flights to ./vestige-demo and runs it
  vestige demo ~/try        the same in another folder; a second time it only runs
"""

_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PLACES = (  # in the wheel; in a checkout, two folders above the package
    os.path.join(_PACKAGE, "examples", "flights"),
    os.path.join(os.path.dirname(os.path.dirname(_PACKAGE)), "examples", "flights"),
)
_IDENTITY = "pyproject.toml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige demo`."""
    parser.add_argument("folder", nargs="?", default="vestige-demo", metavar="DIR", help="default: ./vestige-demo")


def execute(arguments: argparse.Namespace) -> int:
    """Copy, prepare, run, show."""
    folder = os.path.abspath(arguments.folder)
    _copy(_source(), folder)
    place.make_store(place.Store(os.path.join(folder, place.STORE_NAME), "option"))
    environ = _with_programs(_prepared(folder))
    _say(f"running `vestige run kedro run` in {folder}")
    code = _vestige(["run", "--summary", "full", "--tag", "demo", "kedro", "run"], folder, environ)
    _vestige(["show", "--spans"], folder, environ)
    _say(f"look around: `cd {folder}`, then `vestige show`, `vestige show --processes`, `vestige ls`")
    return code


def missing(requirements: str) -> list[str]:
    """Return the lines of a requirements file whose distributions are not installed for this Python.

    Versions are not compared: what is installed is taken as it is.
    """
    lines = [line.partition("#")[0].strip() for line in requirements.splitlines()]
    return [line for line in lines if line and not _installed(re.split(r"[^\w.-]", line, maxsplit=1)[0])]


def _installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _source() -> str:
    for path in _PLACES:
        if os.path.isfile(os.path.join(path, _IDENTITY)):
            return path
    raise VestigeError(f"the example project is not in {_PLACES[0]}; install vestige from a wheel or a checkout")


def _copy(source: str, folder: str) -> None:
    """Copy the project, or leave an earlier copy as it is."""
    if os.path.isdir(folder) and os.listdir(folder):
        if _same(os.path.join(source, _IDENTITY), os.path.join(folder, _IDENTITY)):
            _say(f"using the copy in {folder}")
            return
        raise VestigeError(f"{folder} is not empty; choose another folder: `vestige demo DIR`")
    ignored = shutil.ignore_patterns("__pycache__", ".vestige", "*.egg-info", ".venv")
    try:
        shutil.copytree(source, folder, ignore=ignored, dirs_exist_ok=True)
    except OSError as error:
        raise VestigeError(f"can't copy the project to {folder}: {error}") from error
    _say(f"copied the project to {folder}")


def _same(one: str, other: str) -> bool:
    try:
        with open(one, "rb") as first, open(other, "rb") as second:
            return first.read() == second.read()
    except OSError:
        return False


def _prepared(folder: str) -> str:
    """Return the folder of programs to run the project with; installs what it needs where that is missing."""
    path = os.path.join(folder, "requirements.txt")
    with open(path, encoding="utf-8") as file:
        absent = missing(file.read())
    if not absent:
        return os.path.dirname(sys.executable)
    programs = os.path.join(folder, ".venv", "bin")
    if not os.path.exists(os.path.join(programs, "kedro")):
        _say(f"not installed here: {', '.join(absent)}; making {os.path.dirname(programs)} for it (some 500 MB)")
        _install(os.path.dirname(programs), path)
    lend(os.path.dirname(programs))
    return programs


def _install(environment: str, requirements: str) -> None:
    venv.create(environment, with_pip=True)
    pip = [os.path.join(environment, "bin", "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    done = subprocess.run([*pip, "--progress-bar", "on", "-r", requirements], check=False, stdout=sys.stderr)
    if done.returncode != 0:
        raise VestigeError(f"pip could not install {requirements}; see above, then `vestige demo` again")


def lend(environment: str) -> None:
    """Let an environment with the project's requirements alone find vestige: Kedro looks there for its plugin.

    Raises VestigeError.
    """
    try:
        own = importlib.metadata.distribution("vestige")
    except importlib.metadata.PackageNotFoundError:
        return  # called from a source tree that nobody installed: there is no plugin to be found either
    site = sysconfig.get_path("purelib", "posix_prefix", {"base": environment, "platbase": environment})
    told = os.path.join(site, f"vestige-{own.version}.dist-info")
    try:
        if not os.path.lexists(os.path.join(site, os.path.basename(_PACKAGE))):
            os.makedirs(told, exist_ok=True)
            for name, text in (("METADATA", _metadata(own)), ("entry_points.txt", own.read_text("entry_points.txt"))):
                with open(os.path.join(told, name), "w", encoding="utf-8") as file:
                    file.write(text or "")
            os.symlink(_PACKAGE, os.path.join(site, os.path.basename(_PACKAGE)))
    except OSError as error:
        raise VestigeError(f"can't write to {site}: {error}") from error


def _metadata(own: importlib.metadata.Distribution) -> str | None:
    return own.read_text("METADATA") or own.read_text("PKG-INFO")  # the latter in the source tree of an editable one


def _with_programs(programs: str) -> dict[str, str]:
    return {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def _vestige(words: Sequence[str], folder: str, environ: dict[str, str]) -> int:
    """Call vestige as somebody in `folder` would."""
    sys.stdout.flush()
    program = f"import sys; sys.path.append({os.path.dirname(_PACKAGE)!r}); from vestige.cli.front import main; "
    call = [sys.executable, "-c", program + "sys.exit(main(['vestige', *sys.argv[1:]]))", *words]
    code = subprocess.run(call, cwd=folder, env=environ, check=False).returncode
    return code if code >= 0 else exit_codes.SIGNALLED - code


def _say(words: str) -> None:
    print(f"vestige: {words}", file=sys.stderr)
