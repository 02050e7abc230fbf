"""What is quoted of a scenario: the end of what it printed, and the files that its tools left."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.scenarios import evidence
from vestige.scenarios.cases import BASE
from vestige.scenarios.trial import TERMINAL

if TYPE_CHECKING:
    from vestige.scenarios.evidence import Evidence
    from vestige.scenarios.left import Left
    from vestige.scenarios.sections import Found

_LINES = 40  # of a quotation
_WIDTH = 160  # letters of a line
_PRINTED = 20  # lines of what was printed
_FILES = 4  # quoted of a scenario: of many logs of a kind the first tell all


@dataclass(frozen=True, slots=True)
class Quotation:
    """A text with its name and the file it is from."""

    title: str
    text: str
    link: str
    language: str = "text"


def of(found: Found, case: Evidence) -> tuple[Quotation, ...]:
    """Return what is to be shown of one scenario."""
    made = [_terminal(found, case)]
    if case.commits or case.name != BASE:
        made.append(_whole(found, case, evidence.GIT, "Git: commits, and what is changed"))
    made.append(_whole(found, case, evidence.AFTERWARDS, "what it shows when asked"))
    files = [one for one in found.own(case) if one.kept and case.name != BASE]
    made += [_file(found, case, one) for one in _telling(files)]
    return tuple(quotation for quotation in made if quotation is not None)


def _telling(files: list[Left]) -> list[Left]:
    """Return the few files worth reading: the command's own output is quoted already, and records before series."""
    worth = [one for one in files if not one.path.endswith(("stdout", "stderr", ".csv"))]
    return sorted(worth, key=lambda one: (not one.path.endswith(".json"), one.path))[:_FILES]


def _terminal(found: Found, case: Evidence) -> Quotation | None:
    link = f"{case.name}/{TERMINAL}"
    lines = evidence.read(os.path.join(found.folder, link)).splitlines()
    if not lines:
        return None
    left_out = len(lines) - _PRINTED
    lead = [f"… {left_out} lines before"] if left_out > 0 else []
    return Quotation("on the terminal, its last lines", _fitting([*lead, *lines[-_PRINTED:]]), link)


def _whole(found: Found, case: Evidence, name: str, title: str) -> Quotation | None:
    path = os.path.join(found.folder, case.name, name)
    text = evidence.read(path) if os.path.exists(path) else ""
    return Quotation(title, _cut(text), f"{case.name}/{name}") if text.strip() else None


def _file(found: Found, case: Evidence, one: Left) -> Quotation:
    link = f"{case.name}/{one.kept}"
    text = evidence.read(os.path.join(found.folder, link))
    place = "~/" if one.place == "home" else ""
    title = f"{place}{one.path}, {one.size:,} bytes"
    if not one.path.endswith(".json"):
        return Quotation(title, _cut(text), link)
    return Quotation(title, _cut(_pretty(text)), link, "json")


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=1)
    except ValueError:
        return text


def _cut(text: str) -> str:
    lines = text.rstrip("\n").split("\n")
    more = [f"… {len(lines) - _LINES} more lines"] if len(lines) > _LINES else []
    return _fitting([*lines[:_LINES], *more])


def _fitting(lines: list[str]) -> str:
    return "\n".join(line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…" for line in lines)
