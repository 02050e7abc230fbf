"""One count: what holds here is found out once a process, then each is a line in a file.

Nothing that goes wrong here is any matter of the program's: it is then not counted.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from vestige.errors import TelemetryError
from vestige.telemetry import counters, standing, timetable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vestige.telemetry.places import Places
    from vestige.telemetry.schema import Field, Schema
    from vestige.telemetry.source import Source
    from vestige.telemetry.standing import Standing
    from vestige.telemetry.surroundings import Surroundings


class Counting:
    """Counts events of one source for one process."""

    __slots__ = ("_context", "_standing", "_told", "around", "find", "places")

    def __init__(
        self,
        places: Places | None,
        around: Surroundings,
        find: Callable[[Mapping[str, str]], Source] | None = None,
        context: Mapping[str, object] | None = None,
    ) -> None:
        self.places = places
        self.around = around
        self.find = find
        self._context = context or {}
        self._standing: Standing | None = None
        self._told: dt.date | None = None  # the day on which this process last said its context

    @property
    def standing(self) -> Standing:
        """What holds here; found out once."""
        if self._standing is None:
            self._standing = standing.of(self.places, self.around, self.find)
        return self._standing

    def again(self) -> Standing:
        """Find out once more what holds: an answer was given."""
        self._standing = None
        return self.standing

    def count(self, event: str, fields: Mapping[str, object], day: dt.date | None = None) -> None:
        """Count once. Raises TelemetryError where the schema has no such event or field, OSError."""
        holds, places = self.standing, self.places
        if holds.source is None or places is None:
            raise TelemetryError("; ".join(holds.troubles) or "there is no home to keep counts in")
        labels = labelled(holds.source.schema, event, fields, day or dt.date.today())  # noqa: DTZ011 - the user's own day
        if labels is None or holds.mode == "off":
            self._look(places, holds)
            return
        self._append(places, holds, counters.line(holds.mark, event, labels), day or dt.date.today())  # noqa: DTZ011

    def _append(self, places: Places, holds: Standing, line: bytes, day: dt.date) -> None:
        assert holds.source is not None  # noqa: S101 - looked at by the caller
        folder = counters.folder_of(places, holds.source.schema)
        lines = (b"" if self._told == day else self._context_line(holds)) + line
        try:
            began = counters.append(folder, lines, day)
        except FileNotFoundError:
            _make(places, folder, holds.source)
            began = counters.append(folder, lines, day)
        self._told = day
        self._look(places, holds, week_began=began)

    def _look(self, places: Places, holds: Standing, *, week_began: bool = False) -> None:
        if not holds.is_off_by_variable:
            timetable.look(places, self.around.environ, week_began=week_began)

    def _context_line(self, holds: Standing) -> bytes:
        if not self._context or holds.source is None:
            return b""
        fields = holds.source.schema.context
        labels = {name: fields[name].label(value) for name, value in self._context.items() if name in fields}
        return counters.line(holds.mark, counters.CONTEXT, {name: said for name, said in labels.items() if said})


def labelled(schema: Schema, name: str, fields: Mapping[str, object], day: dt.date) -> dict[str, str] | None:
    """Return the labels for an event, None where it has expired.

    Raises TelemetryError where the schema has no such event or field.
    """
    event = schema.events.get(name)
    if event is None:
        raise TelemetryError(f"`{schema.id}` has no event `{name}`; there are {', '.join(schema.events)}")
    strange = next((key for key in fields if key not in event.fields), None)
    if strange is not None:
        raise TelemetryError(f"`{name}` has no field `{strange}`; there are {', '.join(event.fields) or 'none'}")
    if event.expires <= day:
        return None
    labels = ((key, _label(event.fields[key], value, day)) for key, value in fields.items())
    return {key: label for key, label in sorted(labels) if label is not None}


def _label(field: Field, value: object, day: dt.date) -> str | None:
    return field.label(value) if field.expires > day else None


def _make(places: Places, folder: str, source: Source) -> None:
    """Make the folder of a schema's counters, with the schema in it: reports are made without the project."""
    places.make(folder)
    with suppress(FileExistsError), open(source.path, encoding="utf-8") as file:
        content = json.loads(file.read())
        counters.write_whole(os.path.join(folder, counters.SCHEMA_NAME), json.dumps(content, indent=1))
