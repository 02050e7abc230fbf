"""What Kedro calls when a project is run: the plugin `vestige`, by its entry point in the group `kedro.hooks`.

Kedro loads this module at every command, so that it is light; outside of `vestige run` there are no hooks in it at all.
Nothing that goes wrong in here reaches the pipeline.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pluggy import HookimplMarker

from vestige.spans.file import RUN_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_hook = HookimplMarker("kedro")  # as `kedro.framework.hooks.hook_impl` is made


class _Safely:
    """Whatever goes wrong in a hook is counted and goes no further."""

    def __enter__(self) -> Any:  # noqa: ANN401 - what goes on in this process
        from vestige.kedro.recording import recording  # noqa: PLC0415

        return recording

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, Exception):
            from vestige.kedro.recording import recording  # noqa: PLC0415

            recording.faults += 1
            return True
        return False


_safely = _Safely()


class NoHooks:
    """Outside of a run."""


class Hooks:
    """The hooks. Of those before something other plugins' come first, of those after it ours: they are not timed."""

    @_hook(tryfirst=True)
    def after_catalog_created(self, conf_creds: object) -> None:
        """Learn what must not be written."""
        with _safely as recording:
            recording.learn(conf_creds)

    @_hook(trylast=True)
    def before_pipeline_run(self, run_params: Mapping[str, Any], pipeline: object, catalog: object) -> None:
        """Begin the span of the pipeline."""
        with _safely as recording:
            recording.begin_run(run_params, pipeline, catalog)

    @_hook(tryfirst=True)
    def after_pipeline_run(self, run_params: Mapping[str, Any]) -> None:
        """End it."""
        with _safely as recording:
            recording.end_run(run_params)

    @_hook(tryfirst=True)
    def on_pipeline_error(self, error: Exception, run_params: Mapping[str, Any]) -> None:
        """End it, with the load or save that failed."""
        with _safely as recording:
            recording.end_run(run_params, error)

    @_hook(trylast=True)
    def before_dataset_loaded(self, dataset_name: str, node: object) -> None:
        """Begin a load, and its node."""
        with _safely as recording:
            recording.begin_load(node, dataset_name)

    @_hook(tryfirst=True)
    def after_dataset_loaded(self, dataset_name: str, data: object, node: object) -> None:
        """End it."""
        with _safely as recording:
            recording.end_load(node, dataset_name, data)

    @_hook(trylast=True)
    def before_node_run(self, node: object, catalog: object, is_async: bool, run_id: str | None) -> None:
        """Begin the function of a node."""
        with _safely as recording:
            recording.begin_function(node, catalog, run_id, is_async=is_async)

    @_hook(tryfirst=True)
    def after_node_run(self, node: object, outputs: Mapping[str, object]) -> None:
        """End it."""
        with _safely as recording:
            recording.end_function(node, outputs)

    @_hook(tryfirst=True)
    def on_node_error(self, error: Exception, node: object) -> None:
        """End a node that failed."""
        with _safely as recording:
            recording.fail(node, error)

    @_hook(trylast=True)
    def before_dataset_saved(self, dataset_name: str, node: object) -> None:
        """Begin a save."""
        with _safely as recording:
            recording.begin_save(node, dataset_name)

    @_hook(tryfirst=True)
    def after_dataset_saved(self, dataset_name: str, data: object, node: object) -> None:
        """End it, and its node."""
        with _safely as recording:
            recording.end_save(node, dataset_name, data)


hooks = Hooks() if os.environ.get(RUN_VARIABLE) else NoHooks()
