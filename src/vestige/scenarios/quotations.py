"""What is quoted of a scenario: the end of what it printed, and the files that its tools left."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.scenarios import evidence
from vestige.scenarios.cases import BASE
from vestige.scenarios.trial import TERMINAL

if TYPE_CHECKING:
    from vestige.scenarios.evidence import Evidence
    from vestige.scenarios.found import Found
    from vestige.scenarios.left import Left

_LINES = 60  # of a quotation
_POINTS = 5  # lines of a series: each is like the one before
_WIDTH = 160  # letters of a line
_PRINTED = 20  # lines of what was printed
_WORTH = ("record.json", "info.json", "telemetry.toml", "usage.jsonl", "files.jsonl")
_QUESTION = re.compile(r"^\$ ", re.MULTILINE)
_MOMENT = re.compile(r"^\[[^\]]*\]")
_NUMBERS = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Quotation:
    """A text with its name and the file it is from."""

    title: str
    text: str
    link: str
    language: str = "text"


def of(found: Found, case: Evidence) -> tuple[Quotation, ...]:
    """Return what is to be shown of one scenario."""
    made = [_terminal(found, case)] if case.name == BASE else [_own_words(found, case)]
    if case.commits or case.name != BASE:
        made += _answers(found, case, evidence.GIT)
    made += _answers(found, case, evidence.AFTERWARDS)
    made += [_file(found, case, one) for one in _telling(found.own(case))]
    return tuple(quotation for quotation in made if quotation is not None)


def _telling(files: list[Left]) -> list[Left]:
    """Return the files worth reading here: of many logs these tell what a tool knows."""
    worth = [one for name in _WORTH for one in files if one.kept and one.path.endswith(name)]
    return list(dict.fromkeys(worth))


def _terminal(found: Found, case: Evidence) -> Quotation | None:
    lines = _printed(found, case)
    left_out = len(lines) - _PRINTED
    lead = [f"… {left_out} lines before"] if left_out > 0 else []
    link = f"{case.name}/{TERMINAL}"
    return Quotation("on the terminal, its last lines", _fitting([*lead, *lines[-_PRINTED:]]), link) if lines else None


def _own_words(found: Found, case: Evidence) -> Quotation | None:
    """Return what was printed beyond what the command prints by itself."""
    usual = {_timeless(line) for line in _printed(found, found.base)} if found.base else set()
    lines = [line for line in _printed(found, case) if _timeless(line) not in usual]
    title = "on the terminal, beyond what `kedro run` alone prints"
    return Quotation(title, _cut("\n".join(lines)), f"{case.name}/{TERMINAL}") if lines else None


def _printed(found: Found, case: Evidence) -> list[str]:
    return evidence.read(os.path.join(found.folder, case.name, TERMINAL)).splitlines()


def _timeless(line: str) -> str:
    """Return a line without times and other numbers, which differ from one go to the next."""
    return " ".join(_NUMBERS.sub("", _MOMENT.sub("", line)).split())


def _answers(found: Found, case: Evidence, name: str) -> list[Quotation]:
    """Return what was answered, a quotation for each question (`$ vestige show`) that had an answer."""
    path = os.path.join(found.folder, case.name, name)
    text = evidence.read(path) if os.path.exists(path) else ""
    asked = [part.partition("\n") for part in _QUESTION.split(text) if part]
    return [
        Quotation(f"`{question}`", _cut(answer.strip("\n")), f"{case.name}/{name}")
        for question, _, answer in asked
        if answer.strip()
    ]


def _file(found: Found, case: Evidence, one: Left) -> Quotation:
    link = f"{case.name}/{one.kept}"
    text = evidence.read(os.path.join(found.folder, link))
    place = "~/" if one.place == "home" else ""
    title = f"{place}{one.path}, {one.size:,} bytes"
    if not one.path.endswith(".json"):
        return Quotation(title, _cut(text, _POINTS if one.path.endswith(".jsonl") else _LINES), link)
    return Quotation(title, _cut(_pretty(text)), link, "json")


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=1)
    except ValueError:
        return text


def _cut(text: str, most: int = _LINES) -> str:
    lines = text.rstrip("\n").split("\n")
    more = [f"… {len(lines) - most} more lines"] if len(lines) > most else []
    return _fitting([*lines[:most], *more])


def _fitting(lines: list[str]) -> str:
    return "\n".join(line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…" for line in lines)
