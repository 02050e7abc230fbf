"""info.json: everything that con-duct says of a run, in its schema, and a block of our own under unused names."""

from __future__ import annotations

import os

from vestige.duct.version import DUCT_VERSION, SCHEMA
from vestige.record import tinyjson
from vestige.text import from_os

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from collections.abc import Sequence

    from vestige.con_duct.paths import Paths

UNKNOWN = (
    "peak_rss", "average_rss", "peak_vsz", "average_vsz", "peak_pmem", "average_pmem", "peak_pcpu", "average_pcpu",
)  # fmt: skip


def command_line(argv: Sequence[str]) -> str:
    """Return a command as con-duct writes it: its words with blanks between, nothing quoted."""
    return os.fsencode(" ".join(argv)).decode("utf-8", "replace")


class Head:
    """What is known before the command starts."""

    __slots__ = ("argv", "folder", "message", "paths", "run_folder", "run_id", "started")

    def __init__(self, argv: Sequence[str], paths: Paths, message: str) -> None:
        self.argv = argv
        self.paths = paths
        self.message = message
        self.folder = _cwd()
        self.started: float | None = None  # s since 1970
        self.run_id: str | None = None
        self.run_folder: str | None = None

    def execution(self) -> dict[str, object]:
        """Return `execution_summary` with nothing but what is known before; the rest is None."""
        return {
            "exit_code": None,
            "command": command_line(self.argv),
            "logs_prefix": _text(self.paths.prefix),
            "wall_clock_time": None,
            **dict.fromkeys(UNKNOWN),
            "num_samples": 0,
            "num_reports": 0,
            "start_time": self.started,
            "end_time": None,
            "working_directory": _text(self.folder),
        }

    def info(
        self,
        execution: dict[str, object],
        *,
        system: dict[str, object] | None,
        environment: dict[str, str] | None,
        gpus: list[dict[str, str]] | None = None,
        more: dict[str, object] | None = None,
    ) -> dict[str, object]:
        """Return info.json. Names below `vestige` are used nowhere else: con-duct's `ls` knows leaves by name alone."""
        paths = self.paths
        return {
            "command": execution["command"],
            "system": system,
            "env": None if environment is None else {_text(name): _text(environment[name]) for name in environment},
            "gpu": gpus,
            "duct_version": DUCT_VERSION,
            "schema_version": SCHEMA,
            "execution_summary": execution,
            "output_paths": {
                "stdout": _text(paths.stdout),
                "stderr": _text(paths.stderr),
                "usage": _text(paths.usage),
                "info": _text(paths.info),
                "prefix": _text(paths.prefix),
            },
            "working_directory": execution["working_directory"],
            "message": _text(self.message),
            "argv": [from_os(word) for word in self.argv],
            "vestige": {
                "vestige_run": self.run_id,
                "vestige_folder": None if self.run_folder is None else from_os(self.run_folder),
                **(more or {}),
            },
        }


def text(info: dict[str, object]) -> bytes:
    """Return info.json as one line."""
    return tinyjson.dumps(info)


def _cwd() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""


def _text(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace")
