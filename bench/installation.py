"""The virtual environment that the bench makes: vestige as a wheel of the checkout, its peers, the compiled victims."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from errors import BenchError
from measure import Room

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import Peer

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VICTIMS = os.path.join(CHECKOUT, "tests", "victims")
FROM_PYPI = ("con-duct", "datalad", "git-annex", "kedro", "psrecord", "psutil", "reprozip", "setuptools<81")
_NOT_COPIED = (".*", "build", "dist", "_bin", "*.egg-info", "__pycache__", "tests", "docs", "bench", "data")
_AUTHOR = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
_GIT_CONFIG = "[user]\n\tname = bench\n\temail = bench@localhost\n[init]\n\tdefaultBranch = main\n"
_COMPILED = ("actor", "blob", "nothing")


@dataclass(frozen=True)
class Installation:
    """Where everything is: `folder` is the bench's own, to be removed at the end."""

    folder: str

    @property
    def room(self) -> Room:
        """Where measurements are made."""
        return Room(self.environment, os.path.join(self.folder, "scratch"))

    @property
    def python(self) -> str:
        """The interpreter of the environment."""
        return os.path.join(self.folder, "venv", "bin", "python")

    @property
    def environment(self) -> dict[str, str]:
        """Return what every measured command gets: nothing of the caller's but PATH."""
        return {
            "PATH": os.pathsep.join([os.path.dirname(self.python), os.environ["PATH"]]),
            "HOME": self.folder,
            "LANG": "C.UTF-8",
            "USER": "bench",
        }

    def victim(self, name: str) -> str:
        """Return the path of a compiled victim."""
        return os.path.join(self.folder, "victims", name)

    def small_files(self, number: int) -> str:
        """Return a folder of so many files of 1.5 kB, made when it is first asked for."""
        folder = os.path.join(self.folder, "small", str(number))
        if not os.path.isdir(folder):
            for index in range(number):
                place = os.path.join(folder, str(index // 100))
                os.makedirs(place, exist_ok=True)
                with open(os.path.join(place, f"{index}.txt"), "wb") as file:
                    file.write(b"%07d\n" % index * 187)
        return folder

    def repository(self) -> str:
        """Return a Git repository of 100 files, made when it is first asked for."""
        folder = os.path.join(self.folder, "repository")
        if not os.path.isdir(folder):
            shutil.copytree(self.small_files(100), folder)
            for words in (["init", "--quiet"], ["add", "."], [*_AUTHOR, "commit", "--quiet", "-m", "files"]):
                _do(["git", "-C", folder, *words], self)
        return folder

    def has(self, peer: Peer) -> bool:
        """Say whether a peer can be called."""
        return shutil.which(peer.program, path=self.environment["PATH"]) is not None

    def version(self, peer: Peer) -> str:
        """Return what a peer says of its version."""
        if not self.has(peer):
            return f"not installed: {peer.package}"
        if peer.package in FROM_PYPI:
            return f"{peer.package} {self._distribution(peer.package)}"
        said = self._output([shutil.which(peer.program, path=self.environment["PATH"]) or "", "--version"])
        first = said.splitlines()[0].strip()
        return self._packaged(peer.program) or first if "UNKNOWN" in first else first

    def _packaged(self, program: str) -> str | None:
        """Return the version of the Debian package of that name: what Debian builds of GNU time knows none."""
        query = shutil.which("dpkg-query")
        version = self._output([query, "-W", "-f", "${Version}", program]) if query else ""
        return f"{program} {version}" if version[:1].isdigit() else None

    def _distribution(self, name: str) -> str:
        return self._output([self.python, "-c", f"import importlib.metadata as m; print(m.version({name!r}))"]).strip()

    def _output(self, words: Sequence[str]) -> str:
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, check=False)
        return done.stdout or done.stderr


def install(folder: str) -> Installation:
    """Make everything in an empty folder. Raises BenchError."""
    made = Installation(folder)
    os.makedirs(made.room.folder)
    _do([sys.executable, "-m", "venv", os.path.join(folder, "venv")], made)
    _pip(made, [_copy_of_checkout(folder), *FROM_PYPI])
    recorder = made.environment["PATH"].split(os.pathsep)[0]
    if not shutil.which("vestige", path=recorder):
        raise BenchError(f"the wheel put no `vestige` into {recorder}")
    _compile_victims(made)
    with open(os.path.join(folder, ".gitconfig"), "w", encoding="ascii") as file:
        file.write(_GIT_CONFIG)
    return made


def _pip(made: Installation, wanted: Sequence[str]) -> None:
    _do([made.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted], made)


def _copy_of_checkout(folder: str) -> str:
    """Copy what the wheel is made of: setuptools would leave traces in the checkout, and take old ones from there."""
    source = os.path.join(folder, "source")
    shutil.copytree(CHECKOUT, source, ignore=shutil.ignore_patterns(*_NOT_COPIED))
    return source


def _compile_victims(made: Installation) -> None:
    os.makedirs(os.path.dirname(made.victim("")))
    for name in _COMPILED:
        source = os.path.join(VICTIMS, f"{name}.c")
        _do(["cc", "-std=gnu11", "-O1", "-pthread", "-o", made.victim(name), source], made)


def _do(words: Sequence[str], made: Installation) -> None:
    variables = made.environment | {name: os.environ[name] for name in os.environ if name.startswith("PIP_")}
    variables["HOME"] = os.environ.get("HOME", made.folder)  # pip's own configuration and cache
    try:
        done = subprocess.run(words, env=variables, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise BenchError(f"`{words[0]}` is not installed") from error
    if done.returncode:
        raise BenchError(f"`{' '.join(words)}` ended with {done.returncode}:\n{done.stderr.strip()}")
