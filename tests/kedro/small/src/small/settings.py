"""Settings, and a hook of the project that looks at its own CPU."""

import json
import os
import resource
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


class Own:
    """What the pipeline knows of itself."""

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:  # noqa: ARG002 - Kedro's name
        self.before = _cpu()

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any]) -> None:
        own = {"before": self.before, "after": _cpu()}
        Path(run_params["project_path"], "own.json").write_text(json.dumps(own))


HOOKS = (Own(),)
DISABLE_HOOKS_FOR_PLUGINS = tuple(filter(None, os.environ.get("SMALL_WITHOUT", "").split()))
