"""The virtual environments of the tools, one each, made with pip from wherever the user's pip takes packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige import flights
from vestige._version import VERSION
from vestige.errors import VestigeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vestige.scenarios.cases import Case

PROJECT = "project"
REQUIRED = {"con-duct": ("con-duct",), "datalad": ("datalad", "git-annex")}  # what pip installs for a tool
NAMED = ("kedro", "kedro-telemetry", "con-duct", "datalad", "git-annex", "vestige")  # versions that are told
_SYSTEM = ("/usr/local/bin", "/usr/bin", "/bin")
_DONE = "made-of.txt"


@dataclass(frozen=True, slots=True)
class Environments:
    """Where programs come from: folders of environments by name; none of them where what is installed is used."""

    folders: dict[str, str]
    failed: dict[str, str]  # name: why it could not be made
    launcher: str  # folder with this very `vestige` in it, as a program

    def path(self, case: Case) -> str:
        """Return the PATH of a scenario. The project's programs come first: each tool brings a `python` too."""
        names = (PROJECT, *case.tools)
        own = [os.path.join(self.folders[name], "bin") for name in names if name in self.folders]
        lent = [self.launcher] if case.plugin else []
        others = _system() if self.folders else [os.environ.get("PATH", os.defpath)]
        return os.pathsep.join([*own, *lent, *others])

    def missing(self, case: Case) -> str | None:
        """Return why a scenario can't be run, None if it can."""
        for name in (PROJECT, *case.tools):
            if name in self.failed:
                return self.failed[name]
        absent = [name for name in case.programs if not shutil.which(name, path=self.path(case))]
        return f"`{absent[0]}` is not installed" if absent else None

    def lend(self, case: Case) -> None:
        """See to it that the project's environment finds vestige in the scenarios that have it, and in no other."""
        if PROJECT in self.folders:
            (flights.lend if case.plugin else flights.take_back)(self.folders[PROJECT])

    def versions(self) -> dict[str, str]:
        """Return the versions of what is compared."""
        folders = list(self.folders.values()) or [""]
        found: dict[str, str] = {}
        for folder in folders:
            found |= _versions(os.path.join(folder, "bin", "python") if folder else sys.executable)
        return {**found, "vestige": VERSION}


def _system() -> list[str]:
    """Return where the system's programs are, and Git: what else the caller has on the PATH is no part of this."""
    git = os.path.dirname(shutil.which("git") or "")
    return list(dict.fromkeys(filter(None, [*_SYSTEM, git])))


def make(folder: str, project: str, cases: Sequence[Case], tell: Callable[[str], None]) -> Environments:
    """Make what these scenarios need; what can't be made is noted with the reason."""
    wanted: dict[str, tuple[str, ...]] = {PROJECT: ("-r", os.path.join(project, "requirements.txt"))}
    wanted |= {name: REQUIRED[name] for case in cases for name in case.tools}
    folders, failed = {}, {}
    for name, words in wanted.items():
        folders[name] = os.path.join(folder, name)
        try:
            _make_one(folders[name], words, tell)
        except VestigeError as error:
            failed[name] = str(error)
            tell(str(error))
    return Environments(folders, failed, _launcher(os.path.join(folder, "launcher")))


def installed(folder: str) -> Environments:
    """Return what is on the PATH already."""
    return Environments({}, {}, _launcher(os.path.join(folder, "launcher")))


def _make_one(folder: str, words: Sequence[str], tell: Callable[[str], None]) -> None:
    made_of = os.path.join(folder, _DONE)
    text = _text(words)
    if os.path.exists(made_of) and _read(made_of) == text:
        return  # from an earlier time, with `--keep`
    tell(f"installing {' '.join(os.path.basename(word) for word in words if word != '-r')} with pip")
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    pip = [os.path.join(folder, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *words], check=False, capture_output=True, text=True, errors="replace")
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise VestigeError(f"pip could not install {' '.join(words)}: {said[0] if said else done.returncode}")
    with open(made_of, "w", encoding="utf-8") as file:
        file.write(text)


def _text(words: Sequence[str]) -> str:
    """Return what an environment is made of: the requirements themselves where a file holds them."""
    return _read(words[1]) if words[0] == "-r" else "\n".join(words)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError as error:
        raise VestigeError(f"can't read {path}: {error.strerror}") from error


def _launcher(folder: str) -> str:
    """Make a program `vestige` that is this one: the environments of others need not have it."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "vestige")
    parent = os.path.dirname(flights.PACKAGE)
    with open(path, "w", encoding="utf-8") as file:
        file.write(
            f"#!{sys.executable}\nimport sys\n\nsys.path.append({parent!r})\n\n"
            "from vestige.cli.front import main\n\nsys.exit(main(sys.argv))\n"
        )
    os.chmod(path, 0o700)
    return folder


def _versions(python: str) -> dict[str, str]:
    program = (
        "import importlib.metadata as m, json, sys; "
        "print(json.dumps({d.name.lower(): d.version for d in m.distributions() if d.name}))"
    )
    done = subprocess.run([python, "-I", "-c", program], check=False, capture_output=True, text=True)
    if done.returncode:
        return {}
    found: dict[str, str] = json.loads(done.stdout)
    return {name: version for name, version in found.items() if name in NAMED}
