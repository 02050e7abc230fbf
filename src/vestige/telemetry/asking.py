"""The one question: asked once, at a terminal, when the work is done; without an answer it is a no."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING

from vestige.errors import TelemetryError, Terminated
from vestige.telemetry import answers, preview, standing
from vestige.telemetry.noise import BUDGET, truth
from vestige.words import safe

if TYPE_CHECKING:
    from vestige.telemetry.counting import Counting
    from vestige.telemetry.places import Places
    from vestige.telemetry.source import Source
    from vestige.telemetry.standing import Standing

_YES = ("y", "yes")
_SHOW = ("p", "show", "preview")
_NOTHING_ELSE = "no names, paths, addresses, ids or times of day"
_MOST_LINES = 10  # read before silence is taken for a no


def ask(counting: Counting) -> None:
    """Ask if nothing but an answer is missing, and keep the answer."""
    holds, places = counting.standing, counting.places
    if not holds.may_ask or places is None or not is_terminal() or not standing.can_write(places):
        return
    try:
        _ask(places, holds)
    except TelemetryError as error:
        _say(f"vestige: {error}")
    counting.again()


def is_terminal() -> bool:
    """Say whether somebody sits there: all three streams are terminals."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def words(source: Source) -> str:
    """Return what is agreed to."""
    lines = [
        f"  to    {source.collector}  (named in {source.named_in})",
        f"  for   {source.schema.purpose}  ({source.schema.contact})",
        f"  what  weekly counts by `{source.schema.id}` in powers of two: {_NOTHING_ELSE}",
    ]
    answers_given = [field for field in source.schema.context.values() if field.kind == "answer"]
    lines += [f"        {field.name}: yes or no, true in {truth(field.epsilon):.0%} of all reports"
              for field in answers_given]  # fmt: skip
    if answers_given:
        together = sum(field.epsilon for field in answers_given)
        lines += [f"        together epsilon {together:g} a week, {BUDGET:g} at most"]
    return safe_lines(lines)


def safe_lines(lines: list[str]) -> str:
    """Return lines that no file can steer the terminal by."""
    return "\n".join(map(safe, lines))


def show(places: Places, holds: Standing) -> None:
    """Print the bytes of the next report."""
    for report in preview.of(places, holds, dt.date.today()):  # noqa: DTZ011 - the user's own week
        _say(report.body.decode("ascii"))


def _ask(places: Places, holds: Standing) -> None:
    """Ask. That it was asked is written down first: whoever closes the terminal is not asked again."""
    source = holds.source
    assert source is not None  # noqa: S101 - else there were nothing to ask
    shown = words(source)
    answers.store(places.answers, holds.answers.saying(source, "asked", shown))
    _say(f"\nvestige: may anonymous counts of how `{source.schema.name}` is used be sent, once a week?\n{shown}")
    try:
        is_yes = _answer(places, holds)
    except Terminated:
        raise
    except KeyboardInterrupt:
        _say("")
        is_yes = False
    answers.store(places.answers, holds.answers.saying(source, "yes" if is_yes else "no", shown))
    thanks = "yes: `vestige telemetry log` shows what was sent, `vestige telemetry off` ends it"
    _say("vestige: " + (thanks if is_yes else "no: counts stay here, and you are not asked again"))


def _answer(places: Places, holds: Standing) -> bool:
    for _ in range(_MOST_LINES):
        print("  [y] yes   [n] no   [p] show exactly what   (Enter: no) ", end="", file=sys.stderr, flush=True)
        word = sys.stdin.readline().strip().lower()
        if word not in _SHOW:
            return word in _YES
        show(places, holds)
    return False


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
