"""`vestige` as a program in a folder of its own: the package under test, with one observer or another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import vestige

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = os.path.dirname(os.path.dirname(vestige.__file__))
NONE = "/no/recorder/here"
_SPY = f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n"


@dataclass
class Front:
    """`vestige` in a folder: call it with words, get what it wrote and returned."""

    folder: Path
    environ: dict[str, str]

    def __call__(
        self, *words: str, env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        call = [sys.executable, "-m", "vestige", *words]
        settings = {"cwd": self.folder, "capture_output": True, "text": True, "timeout": 60, **options}
        environ = {**self.environ, **(env or {})}
        done: subprocess.CompletedProcess[str] = subprocess.run(call, env=environ, check=False, **settings)
        return done

    @property
    def runs(self) -> list[Path]:
        """The run folders, oldest first."""
        runs = self.folder / ".vestige" / "runs"
        return sorted(runs.iterdir()) if runs.is_dir() else []

    def record(self) -> dict[str, Any]:
        """The record of the only run, as it lies there."""
        (folder,) = self.runs
        content: dict[str, Any] = json.loads((folder / "record.json").read_text())
        return content

    def events(self) -> list[dict[str, Any]]:
        """The events of the only run."""
        (folder,) = self.runs
        return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def front(place: Path, *, recorder: str | None = None) -> Front:
    """Make a folder in `place` for `vestige` to be called in; `recorder`: a path instead of the one in the package."""
    work, home = place / "work", place / "home"
    work.mkdir()
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VESTIGE_", "XDG_", "LC_"))}
    environ = {**kept, "HOME": str(home), "PYTHONPATH": SOURCE}
    if recorder is not None:
        environ["VESTIGE_RECORDER"] = recorder
    return Front(work, environ)


def portable(place: Path) -> Front:
    """Give `vestige` without its recorder."""
    return front(place, recorder=NONE)


def spied(place: Path) -> Front:
    """Give `vestige` with a recorder that only prints how it was called, as JSON."""
    path = place / "spy"
    path.write_text(_SPY)
    path.chmod(0o755)
    return front(place, recorder=str(path))
