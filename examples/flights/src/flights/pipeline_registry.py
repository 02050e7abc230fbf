"""The pipelines of the project: each alone by its name, all of them by default."""

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline


def register_pipelines() -> dict[str, Pipeline]:
    """Map the name of each pipeline to it; `__default__` is their sum."""
    pipelines: dict[str, Pipeline] = find_pipelines(raise_errors=True)
    pipelines["__default__"] = sum(pipelines.values(), start=Pipeline([]))
    return pipelines
