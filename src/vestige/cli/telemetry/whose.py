"""Whose telemetry a command line is about: vestige's own, or that of a project."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vestige.errors import TelemetryError, UsageError
from vestige.telemetry import places, source, surroundings
from vestige.telemetry.counting import Counting

if TYPE_CHECKING:
    import argparse

    from vestige.telemetry.places import Places
    from vestige.telemetry.source import Source
    from vestige.telemetry.standing import Standing


def counting(arguments: argparse.Namespace, *, default: str | None = None) -> Counting:
    """Return what counts for the project that is named, or for vestige itself. Raises TelemetryError."""
    folder: str | None = arguments.project or default
    if folder is None:
        return Counting(places.of_user(os.environ), surroundings.of_process())
    if not os.path.isdir(folder):
        raise UsageError(f"`{folder}` is no folder")
    found = Counting(
        places.of_user(os.environ), surroundings.of_process(folder), lambda chosen: source.of_project(folder, chosen)
    )
    if found.standing.source is None:
        raise TelemetryError("; ".join(found.standing.troubles))
    return found


def kept(counting: Counting) -> Places:
    """Return where it is kept. Raises TelemetryError without a home."""
    if counting.places is None:
        raise TelemetryError("there is no home folder: nothing is kept, and nothing sent")
    return counting.places


def found(holds: Standing) -> Source:
    """Return the source. Raises TelemetryError where what names it can't be used."""
    if holds.source is None:
        raise TelemetryError("; ".join(holds.troubles) or "nothing says what is counted")
    return holds.source


def name(arguments: argparse.Namespace, counting: Counting) -> str | None:
    """Return the name of the schema that `--project` means, None for all."""
    return found(counting.standing).schema.name if arguments.project else None
