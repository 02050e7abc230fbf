"""What the user said: a mode for everything, and a yes or no for each collector, purpose and schema.

The file is the user's own and small: `$XDG_CONFIG_HOME/vestige/telemetry.json`. One that can't be read is a no.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from vestige.errors import TelemetryError

if TYPE_CHECKING:
    from vestige.telemetry.source import Source

MODES = ("off", "local", "on")  # the first is the most private
FORMAT = 1
_MOST_ANSWERS = 64
_LARGEST = 1 << 20  # B
_PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said to one question. `mark` stands in every line that was counted under this yes."""

    said: str  # "yes", "no", "asked": nobody answered
    schema: str  # name/version
    hash: str  # of the schema
    collector: str
    purpose: str
    day: str  # ISO
    text: str  # as it was shown
    mark: str = ""  # random; never leaves the machine

    def answers(self, source: Source) -> bool:
        """Say whether it is about this collector, this purpose and this very schema."""
        asked = (source.collector, source.schema.purpose, source.schema.hash)
        return (self.collector, self.purpose, self.hash) == asked


@dataclass(frozen=True, slots=True)
class Answers:
    """The file. `mode` can only lower what holds; `collectors` are those that the user named, by schema name."""

    mode: str = "on"
    answers: tuple[Answer, ...] = ()
    collectors: dict[str, str] = field(default_factory=dict)

    def to(self, source: Source) -> Answer | None:
        """Return what was last said to this question, None where it was never asked."""
        return next((answer for answer in reversed(self.answers) if answer.answers(source)), None)

    def yes(self, hash_: str, mark: str) -> Answer | None:
        """Return the yes, still standing, under which lines of a schema were counted."""
        found = (one for one in self.answers if one.said == "yes" and one.hash == hash_ and one.mark == mark)
        return next(found, None)

    def saying(self, source: Source, said: str, text: str) -> Answers:
        """Return the same with an answer in the place of any other to the same question."""
        kept = tuple(one for one in self.answers if not one.answers(source))
        mark = os.urandom(4).hex() if said == "yes" else ""
        schema = source.schema
        new = Answer(said, schema.id, schema.hash, source.collector or "", schema.purpose, _today(), text, mark)
        return replace(self, answers=(*kept, new)[-_MOST_ANSWERS:])

    def withdrawn(self, name: str | None = None) -> Answers:
        """Return the same with every yes, or those for one schema, turned into a no."""
        changed = (
            replace(one, said="no", day=_today(), mark="")
            if one.said == "yes" and name in (None, one.schema.split("/")[0])
            else one
            for one in self.answers
        )
        return replace(self, answers=tuple(changed))


def _today() -> str:
    return dt.datetime.now(dt.timezone.utc).date().isoformat()


def load(path: str) -> Answers:
    """Return what the file says; nothing where there is none. Raises TelemetryError where it can't be used."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            content = json.loads(file.read(_LARGEST))
        return _answers(content)
    except (FileNotFoundError, NotADirectoryError):
        return Answers()
    except OSError as error:
        raise TelemetryError(f"can't read `{path}`: {error.strerror}; nothing is sent") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise TelemetryError(f"`{path}` can't be used, so nothing is sent: remove it to begin anew") from error


def store(path: str, answers: Answers) -> None:
    """Write the file in one piece. Raises TelemetryError: then the answer is no."""
    content = {
        "format": FORMAT,
        "mode": answers.mode,
        "collectors": answers.collectors,
        "answers": [{name: getattr(one, name) for name in Answer.__slots__} for one in answers.answers],
    }
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), _PRIVATE, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(json.dumps(content, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise TelemetryError(f"can't write `{path}`: {error.strerror}; nothing is sent") from error


def _answers(content: Any) -> Answers:  # noqa: ANN401 - JSON comes in
    if content["format"] != FORMAT or content["mode"] not in MODES:
        raise ValueError
    if not isinstance(content["collectors"], dict):
        raise TypeError
    collectors = {_word(name): _word(url) for name, url in content["collectors"].items()}
    return Answers(content["mode"], tuple(map(_answer, content["answers"])), collectors)


def _answer(content: Any) -> Answer:  # noqa: ANN401
    return Answer(**{name: _word(content[name]) for name in Answer.__slots__})


def _word(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
