"""Telemetry in a folder of a test: what is around it is what the test says, everything else is the real thing."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vestige.telemetry import answers as said
from vestige.telemetry import preview, sending, source, standing
from vestige.telemetry.counting import Counting
from vestige.telemetry.places import Places
from vestige.telemetry.surroundings import Surroundings

if TYPE_CHECKING:
    from vestige.telemetry.standing import Standing

TODAY = dt.date.today()  # noqa: DTZ011 - as the code under test
LAST_WEEK = TODAY - dt.timedelta(weeks=1)


@dataclass
class Scene:
    """A user with a home in `folder`, at a machine of their own unless told otherwise."""

    folder: str
    environ: dict[str, str] = field(default_factory=dict)
    around: Surroundings = dataclasses.field(init=False)
    places: Places = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        os.makedirs(os.path.join(self.folder, "work"), exist_ok=True)
        self.places = Places(os.path.join(self.folder, "config", "telemetry.json"), os.path.join(self.folder, "state"))
        self.around = Surroundings(
            self.environ,
            os.path.join(self.folder, "work"),
            is_root=False,
            ci=None,
            container=None,
            admin_file=os.path.join(self.folder, "admin.toml"),
        )

    def name_collector(self, url: str) -> None:
        """Name a collector for vestige's own schema, as `on --collector` does."""
        answers = said.load(self.places.answers)
        answers.collectors["vestige"] = url
        said.store(self.places.answers, answers)

    def agree(self, url: str | None = None, *, word: str = "yes") -> None:
        """Say yes, or another word."""
        if url:
            self.name_collector(url)
        answers = said.load(self.places.answers)
        said.store(self.places.answers, answers.saying(source.own(answers.collectors, self.around), word, "shown"))

    def standing(self) -> Standing:
        """Return what holds."""
        return standing.of(self.places, self.around)

    def count(self, event: str, day: dt.date = LAST_WEEK, /, **fields: object) -> None:
        """Count once, on a day."""
        Counting(self.places, self.around).count(event, fields, day)

    def previews(self) -> list[bytes]:
        """Return the reports to come."""
        return [one.body for one in preview.of(self.places, self.standing(), TODAY) if one.state != "example"]

    def send(self) -> list[sending.Sent]:
        """Do what the worker does, and say what came of it."""
        with sending.holding(self.places) as is_ours:
            assert is_ours
            sending.close_weeks(self.places, TODAY)
            return sending.send_due(self.places, self.around)

    def files(self) -> list[str]:
        """Return every file that telemetry has here."""
        found = (os.path.join(at, name) for at, _, names in os.walk(self.folder) for name in names)
        return sorted(os.path.relpath(path, self.folder) for path in found)
