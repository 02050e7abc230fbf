"""`kedro run` in a project whose config says `record = true` for Kedro: it becomes a run of vestige.

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
    """Say whether the config asks for the runs of a project to be recorded; one that can't be read asks for nothing."""
    from vestige import settings  # noqa: PLC0415 - only where a pipeline is about to run
    from vestige.errors import ConfigError  # noqa: PLC0415

    try:
        said, _ = settings.table("kedro", os.environ, project).get("record", (False, ""))
    except ConfigError:
        return False
    return said is True


cli_hooks = CliHooks()
