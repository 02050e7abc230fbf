"""What Kedro calls when a command or a run begins and ends, so that they are counted; by entry points of its own.

Kedro loads this module at every command, so that it is light. Nothing that goes wrong in here reaches the pipeline, and
nothing is done before it that takes any time.
"""

from __future__ import annotations

import importlib
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pluggy import HookimplMarker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vestige.kedro.usage import Shape

_hook = HookimplMarker("kedro")  # as `kedro.framework.hooks.hook_impl` is made
_command_hook = HookimplMarker("kedro_cli")  # as `cli_hook_impl`


class CommandHooks:
    """The hook of the group `kedro.cli_hooks`."""

    @_command_hook(trylast=True)
    def after_command_run(self, project_metadata: Any, command_args: list[str], exit_code: object) -> None:  # noqa: ANN401
        """Count the command."""
        with suppress(Exception):
            from vestige.kedro.usage import count_command  # noqa: PLC0415

            count_command(command_args, exit_code, _path(getattr(project_metadata, "project_path", None)))


class RunHooks:
    """The hooks of the group `kedro.hooks`; a session may have several runs, one after the other or in threads."""

    def __init__(self) -> None:
        self._began: dict[str, tuple[float, Shape | None]] = {}

    @_hook(tryfirst=True)
    def before_pipeline_run(self, run_params: Mapping[str, Any], catalog: object) -> None:
        """Note when it began, and how large the project is: the runner adds to the catalog."""
        with suppress(Exception):
            self._began[_id(run_params)] = (time.monotonic(), _shape(catalog))

    @_hook(trylast=True)
    def after_pipeline_run(self, run_params: Mapping[str, Any]) -> None:
        """Count it."""
        with suppress(Exception):
            self._count(run_params, None)

    @_hook(trylast=True)
    def on_pipeline_error(self, error: Exception, run_params: Mapping[str, Any]) -> None:
        """Count it with the class of the error."""
        with suppress(Exception):
            self._count(run_params, error)

    def _count(self, run_params: Mapping[str, Any], error: Exception | None) -> None:
        from vestige.kedro import usage  # noqa: PLC0415

        began, shape = self._began.pop(_id(run_params), (time.monotonic(), None))
        usage.count_run(
            seconds=time.monotonic() - began,
            error=error,
            runner=run_params.get("runner"),
            version=str(run_params.get("kedro_version") or ""),
            shape=shape or usage.Shape(),
            folder=_path(run_params.get("project_path")),
        )


def _shape(catalog: object) -> Shape | None:
    with suppress(Exception):
        from vestige.kedro import usage  # noqa: PLC0415

        return usage.shape(catalog, importlib.import_module("kedro.framework.project").pipelines)
    return None


def _id(run_params: Mapping[str, Any]) -> str:
    return str(run_params.get("run_id") or run_params.get("session_id"))


def _path(given: object) -> str | None:
    return None if given is None else str(given)


command_hooks = CommandHooks()
run_hooks = RunHooks()
