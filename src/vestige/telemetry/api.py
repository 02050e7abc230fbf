"""Counting from Python: two lines in a program, and nothing that could go wrong in it."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vestige.errors import TelemetryError
from vestige.telemetry import places, source, surroundings
from vestige.telemetry.counting import Counting

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Mapping

    from vestige.telemetry.answers import Answers
    from vestige.telemetry.source import Source
    from vestige.telemetry.standing import Standing


class Telemetry:
    """Counts of a program whose schema lies in a file of its package.

    ::

        usage = Telemetry(Path(__file__).with_name("telemetry.json"), context={"tool": __version__})
        usage.count("command", name="train", outcome="ok")

    Nothing is read before the first count, nothing raised, nothing printed, and nothing sent before the user's yes.
    `strict=True` is for the tests of a program: what its schema does not have then raises TelemetryError.
    """

    __slots__ = ("_context", "_counting", "_find", "_folder", "_pid", "strict")

    def __init__(
        self, schema: str | os.PathLike[str], *, context: Mapping[str, object] | None = None, strict: bool = False
    ) -> None:
        """`context` are values for the fields of the schema's own `context`, such as the program's version."""
        path = os.fspath(schema)
        self._set(lambda answers: source.of_schema(path, answers), None, context, strict=strict)

    @classmethod
    def of_project(
        cls, path: str | os.PathLike[str], *, context: Mapping[str, object] | None = None, strict: bool = False
    ) -> Telemetry:
        """Return that of the project around a file or folder, whose `[tool.vestige.telemetry]` names the schema."""
        given = os.path.abspath(path)
        folder = given if os.path.isdir(given) else os.path.dirname(given)
        made = cls.__new__(cls)
        made._set(lambda answers: source.of_project(folder, answers), folder, context, strict=strict)
        return made

    def count(self, event: str, /, *, day: dt.date | None = None, **fields: object) -> None:
        """Count an event once; a field is a number, a text, a bool, or None where there is nothing to say."""
        try:
            self._now().count(event, fields, day)
        except TelemetryError:
            if self.strict:
                raise
        except Exception:  # noqa: BLE001 - of no fault here may the program hear
            return

    @contextmanager
    def measure(self, event: str, /, **fields: object) -> Iterator[dict[str, object]]:
        """Count the block: with `outcome` ("ok", "failed") and `seconds`, if the event has such fields.

        What is put into the yielded dictionary is counted with it.
        """
        began = time.monotonic()
        said = dict(fields)
        try:
            yield said
        except BaseException:
            self._measured(event, {"outcome": "failed", "seconds": time.monotonic() - began, **said})
            raise
        self._measured(event, {"outcome": "ok", "seconds": time.monotonic() - began, **said})

    @property
    def standing(self) -> Standing:
        """What holds here: `.mode` is off, local or on, `.rules` say why."""
        return self._now().standing

    def _set(
        self,
        find: Callable[[Answers], Source],
        folder: str | None,
        context: Mapping[str, object] | None,
        *,
        strict: bool,
    ) -> None:
        self._find = find
        self._folder = folder
        self._context = dict(context or {})
        self._counting: Counting | None = None
        self._pid = 0
        self.strict = strict

    def _now(self) -> Counting:
        """Return what counts in this process; a forked one finds out anew."""
        if self._counting is None or self._pid != os.getpid():
            around = surroundings.of_process(self._folder)
            self._counting = Counting(places.of_user(os.environ), around, self._find, self._context)
            self._pid = os.getpid()
        return self._counting

    def _measured(self, event: str, fields: dict[str, object]) -> None:
        """Count without those of the two fields of its own that the event does not have."""
        try:
            holds = self.standing
            known = holds.source.schema.events[event].fields if holds.source else {}
        except Exception:  # noqa: BLE001 - as above; `count` says what is wrong where it is to be said
            known = {}
        own = ("outcome", "seconds")
        self.count(event, **{name: value for name, value in fields.items() if name not in own or name in known})
