"""Anonymous counts of how a program is used: kept here, shown here, sent only after a yes.

::

    from vestige.telemetry import Telemetry

    usage = Telemetry(Path(__file__).with_name("telemetry.json"))
    usage.count("command", name="train", outcome="ok", seconds=12.4)

vestige's records of runs are another thing: they stay where they are, and nothing here reads them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vestige.telemetry.api import Telemetry

__all__ = ["Telemetry"]


def __getattr__(name: str) -> object:
    """Load the public name when it is first used: a finisher that counts a run does without."""
    if name != "Telemetry":
        raise AttributeError(f"module `vestige.telemetry` has no attribute `{name}`")
    from vestige.telemetry.api import Telemetry  # noqa: PLC0415

    return globals().setdefault(name, Telemetry)
