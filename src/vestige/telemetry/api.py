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
    from collections.abc import Callable, Iterator, Mapping

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
        self,
        schema: str | os.PathLike[str],
        *,
        context: Mapping[str, object] | None = None,
        strict: bool = False,
        is_project: bool = False,
    ) -> None:
        """`context` are values for the fields of the schema's own `context`, such as the program's version."""
        path = os.path.abspath(schema)
        self._find: Callable[[Mapping[str, str]], Source] = lambda chosen: source.of_schema(path, chosen)
        self._folder: str | None = None
        if is_project:
            self._folder = folder = path if os.path.isdir(path) else os.path.dirname(path)
            self._find = lambda chosen: source.of_project(folder, chosen)
        self._context = dict(context or {})
        self._counting: Counting | None = None
        self._pid = 0
        self.strict = strict

    @classmethod
    def of_project(
        cls, path: str | os.PathLike[str], *, context: Mapping[str, object] | None = None, strict: bool = False
    ) -> Telemetry:
        """Return that of the project around a file or folder, whose `[tool.vestige.telemetry]` names the schema."""
        return cls(path, context=context, strict=strict, is_project=True)

    def count(self, event: str, /, **fields: object) -> None:
        """Count an event once; a field is a number, a text, a bool, or None where there is nothing to say."""
        try:
            self._now().count(event, fields)
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

    def ask(self) -> None:
        """Ask the user, once, where that is right: at a terminal, with a collector named, nothing having said no.

        A program calls it at the end of what it does, when its work is shown.
        """
        try:
            from vestige.telemetry import asking  # noqa: PLC0415 - the one thing here that prints

            asking.ask(self._now())
        except Exception:  # noqa: BLE001 - as above
            return

    @property
    def standing(self) -> Standing:
        """What holds here: `.mode` is off, local or on, `.rules` say why."""
        return self._now().standing

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
