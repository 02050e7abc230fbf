"""`vestige demo`: an example project on real data, run and shown."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import venv
from typing import TYPE_CHECKING

from vestige import exit_codes, flights
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


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige demo`."""
    parser.add_argument("folder", nargs="?", default="vestige-demo", metavar="DIR", help="default: ./vestige-demo")


def execute(arguments: argparse.Namespace) -> int:
    """Copy, prepare, run, show."""
    folder = os.path.abspath(arguments.folder)
    _copy(flights.source(), folder)
    place.mark_store(place.Store(os.path.join(folder, place.STORE_NAME), "option"))
    environ = _with_programs(_prepared(folder))
    _say(f"running `vestige run kedro run` in {folder}")
    code = _vestige(["run", "--summary", "full", "--tag", "demo", "kedro", "run"], folder, environ)
    _vestige(["show", "--spans"], folder, environ)
    program = "vestige" if shutil.which("vestige") else os.path.abspath(sys.argv[0])
    _say(f"look around: `cd {folder}`, then `{program} show`, `{program} show --processes`, `{program} ls`")
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


def _copy(source: str, folder: str) -> None:
    """Copy the project, or leave an earlier copy as it is."""
    if os.path.isdir(folder) and os.listdir(folder):
        if _same(os.path.join(source, flights.IDENTITY), os.path.join(folder, flights.IDENTITY)):
            _say(f"using the copy in {folder}")
            return
        raise VestigeError(f"{folder} is not empty; choose another folder: `vestige demo DIR`")
    flights.copy(source, folder)
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
        _say(f"not installed here: {', '.join(absent)}; making {os.path.dirname(programs)} for it (some 700 MB)")
        _install(os.path.dirname(programs), path)
    flights.lend(os.path.dirname(programs))
    return programs


def _install(environment: str, requirements: str) -> None:
    venv.create(environment, with_pip=True)
    pip = [os.path.join(environment, "bin", "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    done = subprocess.run([*pip, "--progress-bar", "on", "-r", requirements], check=False, stdout=sys.stderr)
    if done.returncode != 0:
        raise VestigeError(f"pip could not install {requirements}; see above, then `vestige demo` again")


def _with_programs(programs: str) -> dict[str, str]:
    return {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def _vestige(words: Sequence[str], folder: str, environ: dict[str, str]) -> int:
    """Call vestige as somebody in `folder` would."""
    sys.stdout.flush()
    program = f"import sys; sys.path.append({os.path.dirname(flights.PACKAGE)!r}); from vestige.cli.front import main; "
    call = [sys.executable, "-c", program + "sys.exit(main(['vestige', *sys.argv[1:]]))", *words]
    code = subprocess.run(call, cwd=folder, env=environ, check=False).returncode
    return code if code >= 0 else exit_codes.SIGNALLED - code


def _say(words: str) -> None:
    print(f"vestige: {words}", file=sys.stderr)
