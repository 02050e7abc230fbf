"""What the pipeline knows of itself: the kernel's accounts of its own process.

At the end of a run `data/08_reporting/own_usage.json` gets what getrusage(2) knows of this process
and of those of its children that have ended and been waited for: figures to hold any recorder's
against. They stop at the moment of writing: ending the interpreter comes on top, and so do
processes that are no children of this one, as the workers of `KEDRO_MP_CONTEXT=forkserver`.
"""

import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog


class OwnUsageHook:
    """Saves `own_usage` in the catalog at the end of each run that succeeded."""

    @hook_impl
    def after_pipeline_run(self, catalog: DataCatalog) -> None:
        """Save the figures; called in the main process, whichever runner ran the nodes."""
        catalog.save("own_usage", own_usage())


def own_usage() -> dict[str, Any]:
    """Return the figures of this process, of its children, and its age."""
    return {
        "self": _usage(resource.RUSAGE_SELF),
        "children": _usage(resource.RUSAGE_CHILDREN),
        "wall_seconds": _seconds_since_start(),
    }


def _usage(who: int) -> dict[str, float | int]:
    """Return CPU times in seconds and the peak resident set size in bytes.

    Of children the peak is that of the largest one, not their sum, and a child that was forked
    starts with its parent's: a `lscpu` that scikit-learn calls seems as large as the pipeline.
    """
    usage = resource.getrusage(who)
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes there, KiB on Linux
    return {
        "user_seconds": usage.ru_utime,
        "system_seconds": usage.ru_stime,
        "max_rss_bytes": usage.ru_maxrss * unit,
    }


def _seconds_since_start() -> float | None:
    """Return the age of this process in seconds, to one clock tick; None where /proc is missing."""
    try:
        stat = Path("/proc/self/stat").read_bytes()
    except OSError:
        return None
    # proc_pid_stat(5): `starttime` is field 22; the name, field 2, may hold blanks and brackets.
    ticks = int(stat.rpartition(b")")[2].split()[19])
    return round(time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"), 2)
