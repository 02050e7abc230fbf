"""One command line under con-duct and under `vestige duct`, each in a folder of its own, and what came of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.command import shell_code

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 60.0
_PLACEHOLDERS = (
    (re.compile(r"\d{4}\.\d\d\.\d\dT\d\d\.\d\d\.\d\d"), "DATETIME"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}"), "MOMENT"),
    (re.compile(r"(?<![\d.])[\d.]+ (Bytes?|[kMGT]B)\b"), "SIZE"),
    (re.compile(r"(?<![\d.])\d+(\.\d+)?(?=(\x1b\[0m)?%)"), "SHARE"),
    (re.compile(r"\b\d+\.\d+ sec\b"), "WALL"),
    (re.compile(r"\b(\d+h )?(\d+m )?\d+\.\d+s\b"), "DURATION"),
    (re.compile(r"\b[A-Z][a-z]{2} \d\d, \d{4} \d\d:\d\d [AP]M\b"), "DATE"),
)
_VERSION = re.compile(r"\+vestige[\w.]+")


@dataclass(frozen=True)
class Call:
    """What is run, and around what."""

    words: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)
    files: dict[str, str | bytes] = field(default_factory=dict)  # made before, executable where they begin with `#!`
    stdin: bytes = b""


@dataclass(frozen=True)
class Outcome:
    """What came of it, with pids, moments and sizes replaced by words."""

    code: int
    stdout: bytes
    stderr: str
    files: dict[str, bytes]  # by name, without those that were there before and are as they were
    pid: int
    folder: str

    @property
    def names(self) -> set[str]:
        return {self.plain(name) for name in self.files}

    def plain(self, text: str) -> str:
        """Return a text without what differs from one run to the next."""
        text = text.replace(self.folder, "FOLDER")
        for pattern, word in _PLACEHOLDERS:
            text = pattern.sub(word, text)
        text = text.replace(f"{self.pid:08d}", "PID8")
        return re.sub(rf"(?<!\d){self.pid}(?!\d)", "PID", text)

    @property
    def said(self) -> list[str]:
        """Lines of stderr; what both say of `.env` files that are not there is left out, and our version."""
        lines = [_VERSION.sub("", self.plain(line)) for line in self.stderr.splitlines()]
        return [line for line in lines if "] con-duct: No .env files found" not in line and "[DEBUG" not in line]

    @property
    def info(self) -> dict[str, Any] | None:
        """The one info.json; None: there is none, or it is empty."""
        found = [content for name, content in self.files.items() if name.endswith("info.json") and content]
        assert len(found) <= 1
        return dict(json.loads(found[0])) if found else None

    @property
    def usage(self) -> list[dict[str, Any]]:
        found = [content for name, content in self.files.items() if name.endswith("usage.jsonl")]
        return [json.loads(line) for content in found for line in content.splitlines()]

    def kept(self, stream: str) -> bytes | None:
        found = [content for name, content in self.files.items() if name.endswith(stream)]
        return found[0] if found else None


def duct() -> str:
    """Return con-duct's program."""
    return shutil.which("duct", path=os.path.dirname(sys.executable)) or "duct"


def quick_duct() -> list[str]:
    """Return the words that start con-duct's `duct` as an installation without pyout does: in half of the time.

    Only its `ls` shows tables with pyout, and all its programs import it.
    """
    start = "import sys; sys.modules['pyout'] = None; sys.argv[0] = sys.argv.pop(1); from con_duct.cli import "
    return [sys.executable, "-c", f"{start}duct_entrypoint; sys.exit(duct_entrypoint())", duct()]


def con_duct() -> str:
    """Return con-duct's program of subcommands."""
    return os.path.join(os.path.dirname(duct()), "con-duct")


def outcomes(
    call: Call, *, ours: list[str], variables: dict[str, str], base: Path, theirs: list[str] | None = None
) -> tuple[Outcome, Outcome]:
    """Run a call under con-duct (`duct`, if no other program is given) and under `ours`, both at once."""
    programs = {"theirs": theirs or quick_duct(), "ours": ours}
    started = [_Started(call, [*program, *call.words], variables, base / name) for name, program in programs.items()]
    first, second = (one.outcome() for one in started)
    return first, second


class _Started:
    def __init__(self, call: Call, words: list[str], variables: dict[str, str], folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        for name, content in call.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            if path.read_bytes().startswith(b"#!"):
                path.chmod(0o755)
        self.before = _contents(folder)
        self.given = call.stdin
        # a session of its own: con-duct looks at its caller's, and that may be out of sight (number 0) in a container
        self.process = subprocess.Popen(
            words, cwd=folder, env={**variables, **call.variables}, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def outcome(self) -> Outcome:
        with self.process:
            try:
                stdout, stderr = self.process.communicate(self.given, timeout=LIMIT)
            except BaseException:
                self.process.kill()
                raise
        after = _contents(self.folder)
        return Outcome(
            code=shell_code(self.process.returncode),
            stdout=stdout,
            stderr=stderr.decode("utf-8", "backslashreplace"),
            files={name: content for name, content in after.items() if self.before.get(name) != content},
            pid=self.process.pid,
            folder=str(self.folder),
        )


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
