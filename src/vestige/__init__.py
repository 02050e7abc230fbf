"""vestige: run any command exactly as it is and keep what it leaves behind.

::

    import vestige

    run = vestige.run(["kedro", "run"], tags=["nightly"])
    print(run.exit_code, run.record.resources["memory_peak"])

    for run in vestige.runs():
        print(run.id, run.record.argv)

Importing this package costs next to nothing: what stands behind a name is loaded when the name is first used.
"""

from __future__ import annotations

from vestige import _version

__version__ = _version.VERSION

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from vestige.api import Run, load, run, runs, used_by, why
    from vestige.errors import (
        AmbiguousRunError,
        ConfigError,
        RecorderError,
        RecordError,
        RunNotFoundError,
        StoreError,
        UsageError,
        VestigeError,
    )
    from vestige.history.lineage import FileVersion, Lineage, Link, Step
    from vestige.record.model import (
        Completeness,
        Connection,
        Exit,
        Figure,
        FileCount,
        FileState,
        FileUse,
        Gap,
        Machine,
        Options,
        Package,
        Point,
        Process,
        Record,
        Slowest,
        Span,
        SpanCounts,
        SpanError,
        Stream,
        Survivor,
    )
    from vestige.spans.span import span

__all__ = [
    "AmbiguousRunError",
    "Completeness",
    "ConfigError",
    "Connection",
    "Exit",
    "Figure",
    "FileCount",
    "FileState",
    "FileUse",
    "FileVersion",
    "Gap",
    "Lineage",
    "Link",
    "Machine",
    "Options",
    "Package",
    "Point",
    "Process",
    "Record",
    "RecordError",
    "RecorderError",
    "Run",
    "RunNotFoundError",
    "Slowest",
    "Span",
    "SpanCounts",
    "SpanError",
    "Step",
    "StoreError",
    "Stream",
    "Survivor",
    "UsageError",
    "VestigeError",
    "__version__",
    "load",
    "run",
    "runs",
    "span",
    "used_by",
    "why",
]


def __getattr__(name: str) -> object:
    """Load a public name when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module `vestige` has no attribute `{name}`")
    if name == "span":  # used by the command itself: it must not load what reads runs
        from vestige.spans.span import span  # noqa: PLC0415

        return globals().setdefault(name, span)
    from vestige import api, errors  # noqa: PLC0415 - only when used
    from vestige.history import lineage  # noqa: PLC0415
    from vestige.record import model  # noqa: PLC0415

    for module in (api, errors, model, lineage):
        if hasattr(module, name):
            return globals().setdefault(name, getattr(module, name))
    raise AttributeError(f"module `vestige` has no attribute `{name}`")


def __dir__() -> list[str]:
    """Return the public names."""
    return __all__
