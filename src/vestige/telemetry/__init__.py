"""Anonymous counts of how a program is used: kept here, shown here, sent only after a yes.

::

    from vestige.telemetry import Telemetry

    usage = Telemetry.of_project(__file__)
    usage.count("command", name="train", outcome="ok", seconds=12.4)
"""

from __future__ import annotations
