"""Real environments: what a run imported, against what pip itself says is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.command import Vestige

pytestmark = [pytest.mark.needs("recorder", "git"), pytest.mark.timeout(300)]

BACKEND = '''
"""A build backend that needs nothing: a wheel is a zip file (PEP 517, 660, 427)."""
import os, zipfile

VERSION = "1.2"

def _write(folder, files):
    info = f"{NAME}-{VERSION}.dist-info"
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\\nName: {NAME}\\nVersion: {VERSION}\\n"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[f"{info}/RECORD"] = "".join(f"{name},,\\n" for name in [*files, f"{info}/RECORD"])
    name = f"{NAME}-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name

def build_wheel(folder, settings=None, metadata=None):
    return _write(folder, {f"{NAME}_code/__init__.py": open(f"src/{NAME}_code/__init__.py").read()})

def build_editable(folder, settings=None, metadata=None):
    return _write(folder, {f"_{NAME}.pth": os.path.abspath("src") + "\\n"})
'''
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def project(parent: Path, name: str) -> Path:
    folder = parent / name
    (folder / "src" / f"{name}_code").mkdir(parents=True)
    (folder / "src" / f"{name}_code" / "__init__.py").write_text("answer = 42\n")
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND + f"NAME = {name!r}\n")
    return folder


def committed(folder: Path) -> str:
    def git(*words: str) -> str:
        call = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *words]
        return subprocess.run(call, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "x")
    return git("rev-parse", "HEAD")


def pip(python: Path, *words: str) -> str:
    call = [str(python), "-I", "-m", "pip", "--disable-pip-version-check", *words]
    environ = {**os.environ, "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_ROOT_USER_ACTION": "ignore"}
    done = subprocess.run(call, env=environ, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(name="python", scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment with a distribution of every origin, and one that nobody imports."""
    parent = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", str(parent / "venv")], check=True)
    python = parent / "venv" / "bin" / "python"
    local, unused, tree, cloned, vcs = (project(parent, name) for name in ("local", "unused", "tree", "cloned", "vcs"))
    committed(vcs)
    committed(cloned)
    remote = str(parent / "remote.git")
    subprocess.run(["git", "clone", "-q", "--bare", str(cloned), remote], check=True)
    subprocess.run(["git", "-C", str(cloned), "remote", "add", "origin", remote], check=True)
    pip(python, "install", "-e", str(tree), "-e", str(cloned), str(local), str(unused), f"git+file://{vcs}")
    return python


def test_requirements_are_what_pip_says_less_what_was_not_imported(python: Path, vestige: Vestige) -> None:
    code = "import local_code, tree_code, cloned_code, vcs_code, importlib.metadata as m; m.version('unused')"
    vestige.record(str(python), "-c", code)
    shown = vestige.call("show", "--software", "--requirements")
    ours = [line for line in shown.stdout.decode().splitlines() if not line.startswith(("pip", "setuptools"))]
    frozen = [line for line in pip(python, "freeze").splitlines() if not line.startswith(("#", "unused"))]
    plain = [line.partition(" @ ")[2] + "#egg=vcs" if line.startswith("vcs @ ") else line for line in frozen]
    assert sorted(ours) == sorted(plain)
    assert len(ours) == 4
    (Path(vestige.folder) / "requirements.txt").write_text("\n".join(ours))
    pip(python, "install", "--dry-run", "--no-deps", "-r", vestige.path("requirements.txt"))


def test_packages_of_a_run(python: Path, vestige: Vestige) -> None:
    vestige.record(str(python), "-c", "import tree_code, importlib.metadata as m; m.version('unused')")
    packages: list[dict[str, Any]] = json.loads(vestige.call("show", "--software", "--json").stdout)
    ours = {package["name"]: package for package in packages if package["kind"] == "python"}
    assert (ours["tree"]["version"], ours["tree"]["editable"], ours["tree"]["imported"]) == ("1.2", True, True)
    assert not ours["unused"]["imported"]
    assert not ours.get("local", {"imported": False})["imported"]
    table = vestige.call("show", "--software").stdout.decode()
    assert "not imported" in table


def test_a_run_of_true_is_cheap_and_needs_no_python(vestige: Vestige) -> None:
    run = vestige.record("true").run
    assert all(package["kind"] != "python" for package in run.record["software"])
    assert run.record["completeness"]["files"] == "complete"


def test_a_portable_run_says_that_nobody_watched(vestige: Vestige) -> None:
    vestige.run("true", env={**vestige.variables, "VESTIGE_RECORDER": "/nowhere"})
    vestige.last()
    for part in ("--software", "--network"):
        shown = vestige.call("show", part)
        assert (shown.returncode, shown.stdout) == (0, b"")
        assert b"nobody watched: files and connections are seen by the recorder only" in shown.stderr
        assert json.loads(vestige.call("show", part, "--json").stdout) == []


@pytest.mark.parametrize("words", [["--requirements"], ["--software", "--requirements", "--json"]])
def test_requirements_go_with_software_alone(vestige: Vestige, words: list[str]) -> None:
    shown = vestige.call("show", *words)
    assert shown.returncode == 2
    assert b"`--requirements` goes with `--software`" in shown.stderr


def test_connections_of_a_run(vestige: Vestige) -> None:
    code = (
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "clients = [socket.create_connection(server.getsockname()) for _ in range(3)]\n"
        "import time; time.sleep(0.1)  # for a look at them: the end of a server resets them\n"
        "port = server.getsockname()[1]; server.close()\n"
        "socket.socket().connect_ex(('127.0.0.1', port))\n"
    )
    vestige.record(sys.executable, "-c", code)
    found = json.loads(vestige.call("show", "--network", "--json").stdout)
    ours = [(one["direction"], one["outcome"], one["count"]) for one in found if one["address"] == "127.0.0.1"]
    assert sorted(ours) == [("in", "listening", 1), ("out", "connected", 3), ("out", "refused", 1)]
    assert b"127.0.0.1" in vestige.call("show", "--network").stdout


def test_a_network_that_is_denied(vestige: Vestige) -> None:
    code = (
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0)); socket.create_connection(server.getsockname())\n"
        "print(socket.socket().connect_ex(('203.0.113.1', 443)))\n"
        "import time; time.sleep(0.1)\n"
    )
    done = vestige.record(sys.executable, "-c", code, options=("--deny-network",))
    assert done.completed.stdout == b"13\n"
    assert done.run.record["options"]["deny_network"] is True
    found = {one["address"]: one["outcome"] for one in done.run.record["network"] if one["direction"] == "out"}
    assert (found["203.0.113.1"], found["127.0.0.1"]) == ("denied", "connected")
