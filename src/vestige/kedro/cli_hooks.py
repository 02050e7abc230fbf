"""`kedro run` in a project that says `record = true` in `[tool.vestige.kedro]`: it becomes a run of vestige.

Kedro calls this before every command in a project. The program is replaced by itself under `vestige run`, so that all
of it is recorded, but for the second that Kedro took to come here.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from pluggy import HookimplMarker

if TYPE_CHECKING:
    from collections.abc import Sequence

_hook = HookimplMarker("kedro_cli")  # as `kedro.framework.cli.hooks.cli_hook_impl` is made
_FILE = "pyproject.toml"


class CliHooks:
    """What Kedro calls around its commands."""

    @_hook(tryfirst=True)
    def before_command_run(self, project_metadata: Any, command_args: Sequence[str]) -> None:  # noqa: ANN401
        """Become a run of vestige, where the project asks for it."""
        if list(command_args[:1]) != ["run"] or project_metadata is None or os.environ.get("VESTIGE_RUN"):
            return
        if os.environ.get("VESTIGE_KEDRO_PLAN") or not is_recorded(str(project_metadata.project_path)):
            return
        words = [sys.executable, "-m", "vestige", "run", "--", sys.executable, *sys.orig_argv[1:]]
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(sys.executable, words)  # noqa: S606 - no shell is wanted


def is_recorded(project: str) -> bool:
    """Say whether a project asks for its runs to be recorded; a file that can't be read asks for nothing."""
    try:
        with open(os.path.join(project, _FILE), "rb") as file:
            content = file.read()
        if b"tool.vestige.kedro" not in content:
            return False
        try:
            import tomllib as toml  # noqa: PLC0415 - only where it is asked for
        except ImportError:  # Python 3.10
            import tomli as toml  # type: ignore[import-not-found,no-redef,unused-ignore]  # noqa: PLC0415
        found: Any = toml.loads(content.decode("utf-8"))
        return found["tool"]["vestige"]["kedro"].get("record") is True
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


cli_hooks = CliHooks()
