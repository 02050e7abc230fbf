"""The command under test: which `vestige` it is, and how the tests call it."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness import recorded
from harness.waiting import until

if TYPE_CHECKING:
    from harness.recorded import Run

CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHOULD_END_WITHIN = 60.0
FINALISED_WITHIN = 1.0  # mostly; a second process that does the same work beside the first takes twice the CPU
_KEPT = ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "VESTIGE_RECORDER")


def install(folder: str) -> str:
    """Put an executable `vestige` into `folder` and return its path.

    It stands for, in this order: the words in VESTIGE_TEST_COMMAND, the command installed beside this Python, or the
    checkout.
    """
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "vestige")
    given = os.environ.get("VESTIGE_TEST_COMMAND")
    installed = shutil.which("vestige", path=os.path.dirname(sys.executable))
    if given:
        _write_script(path, f'#!/bin/sh\nexec {shlex.join(shlex.split(given))} "$@"\n')
    elif installed:
        os.symlink(installed, path)
    else:
        install_for(folder, sys.executable)
    return path


def install_for(folder: str, python: str) -> str:
    """Put a `vestige` into `folder` that runs the package under test with another Python, and return its path."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "vestige")
    start = "from vestige.cli.front import main\nsys.exit(main(sys.argv))\n"
    _write_script(path, f"#!{python}\nimport sys\nsys.path.insert(0, {package_parent()!r})\n{start}")
    return path


def package_parent() -> str:
    """Return the folder that holds the package under test."""
    found = importlib.util.find_spec("vestige")
    return os.path.dirname(os.path.dirname(found.origin)) if found and found.origin else os.path.join(CHECKOUT, "src")


def recorder() -> str:
    """Return where the recorder of the `vestige` under test is, which need not exist."""
    inside = os.path.join(package_parent(), "vestige", "_bin", "vestige-recorder")
    return os.environ.get("VESTIGE_RECORDER") or inside


def shell_code(code: int) -> int:
    """Return a code of `subprocess` as a shell shows it: 128 + n for signal n."""
    return 128 - code if code < 0 else code


def environment(*, tools: str, home: str) -> dict[str, str]:
    """Return a small environment that is the same on every machine; `tools` is the folder of `vestige` itself."""
    path = os.pathsep.join([tools, os.path.dirname(sys.executable), os.environ["PATH"]])
    fixed = {
        "PATH": path,
        "HOME": home,
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        "XDG_CACHE_HOME": os.path.join(tools, "cache"),  # of all tests: asking dpkg once is enough
        "XDG_CONFIG_HOME": os.path.join(home, "config"),
        "XDG_STATE_HOME": os.path.join(home, "state"),
        "VESTIGE_STORE": os.path.join(home, "store"),
    }
    return fixed | {name: os.environ[name] for name in _KEPT if name in os.environ}


@dataclass(frozen=True)
class Recorded:
    """What a recorded command did, and its run."""

    completed: subprocess.CompletedProcess[bytes]
    run: Run


@dataclass(frozen=True)
class Vestige:
    """`vestige` with a store, a home and a working folder of its own."""

    executable: str
    folder: str  # where commands run
    home: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> str:
        """The folder that holds the runs."""
        return self.variables["VESTIGE_STORE"]

    def path(self, name: str) -> str:
        """Return the path of a file in the working folder."""
        return os.path.join(self.folder, name)

    def words(self, *command: str | bytes, options: tuple[str, ...] = ()) -> list[str | bytes]:
        """Return the command line that runs `command` under vestige."""
        return [self.executable, "run", *options, *command]

    def start(self, *command: str | bytes, options: tuple[str, ...] = (), **more: Any) -> subprocess.Popen[bytes]:
        """Start a command under vestige, with pipes for its output."""
        return self.start_bare(*self.words(*command, options=options), **more)

    def start_bare(self, *command: str | bytes, **more: Any) -> subprocess.Popen[bytes]:
        """Start any command as the tests start everything."""
        settled: dict[str, Any] = {"cwd": self.folder, "env": self.variables, "stdin": subprocess.DEVNULL}
        settled |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
        process: subprocess.Popen[bytes] = subprocess.Popen(command, **settled)
        return process

    def run(
        self, *command: str | bytes, options: tuple[str, ...] = (), **more: Any
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command under vestige to its end."""
        return self.bare(*self.words(*command, options=options), **more)

    def bare(self, *command: str | bytes, **more: Any) -> subprocess.CompletedProcess[bytes]:
        """Run a command as it is to its end, within `limit` seconds; its code is as a shell shows it."""
        given = more.pop("input", None)
        limit = more.pop("limit", SHOULD_END_WITHIN)
        if given is not None:
            more["stdin"] = subprocess.PIPE
        with self.start_bare(*command, **more) as process:
            try:
                out, err = process.communicate(given, timeout=limit)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, shell_code(process.returncode), out, err)

    def shell(self, script: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
        """Run a script with bash; `vestige` is in its PATH."""
        return self.bare("bash", "-c", script, **more)

    def call(self, *words: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
        """Call vestige with these words: `call("ls", "--json")`."""
        return self.bare(self.executable, *words, **more)

    def record(self, *command: str | bytes, options: tuple[str, ...] = (), **more: Any) -> Recorded:
        """Run a command under vestige and return what it did, with its finalised run."""
        completed = self.run(*command, options=options, **more)
        return Recorded(completed, self.last())

    def folders(self) -> list[str]:
        """Return the folders of all runs, oldest first: their names tell seconds, the ids within tell the rest."""
        runs = os.path.join(self.store, "runs")
        names = os.listdir(runs) if os.path.isdir(runs) else []
        return sorted((os.path.join(runs, name) for name in names), key=recorded.order)

    def new_folder(self) -> str:
        """Wait for the only run to appear, and return its folder."""
        until(self.folders, "a run folder")
        (folder,) = self.folders()
        return folder

    def last(self) -> Run:
        """Wait until the newest run is over, have it finalised, and return it."""
        return self.finalised(self.folders()[-1])

    def finalised(self, folder: str) -> Run:
        """Wait until a run is over and its record final, and return it; where nobody makes it final, have it done."""
        until(lambda: recorded.is_over(folder), f"the end of {folder}")
        try:
            until(lambda: recorded.is_finalised(folder), f"the record of {folder}", limit=FINALISED_WITHIN)
        except TimeoutError:
            shown = self.call("show", "--json", folder)
            assert shown.returncode == 0, shown.stderr.decode()
        return recorded.load(folder)

    def pids(self, folder: str) -> dict[str, int]:
        """Wait for the recorder to be there, and return the pids of front, guard and recorder."""
        begin = until(lambda: recorded.begun(folder), "the first event")
        return {role: pid for role, pid in begin["pids"].items() if pid}

    def command_pid(self, folder: str) -> int:
        """Wait for the command to be started, and return its pid."""
        return int(until(lambda: _started(folder), "the start of the command"))


def _started(folder: str) -> int | None:
    try:
        events = recorded.read_lines(os.path.join(folder, "events.jsonl"))
    except FileNotFoundError:
        return None
    return next((int(event["pid"]) for event in events if event["event"] == "start"), None)


def _write_script(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o755)  # noqa: S103 - a command
