"""The comparison as Markdown and as a page, both from the evidence alone."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from vestige.errors import RecordError
from vestige.pages.environment import harmless, render
from vestige.scenarios import evidence, found, sections

if TYPE_CHECKING:
    from vestige.scenarios.table import Cell

MARKDOWN, PAGE = "comparison.md", "comparison.html"
EVIDENCE = "comparison"  # the folder beside them
MADE = "made.json"
_TEMPLATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")
_SUBJECTS = {True: "A pipeline of twelve nodes on 336,776 flights (vestige's example)", False: "A Kedro pipeline"}
_CODE = re.compile(r"`([^`]+)`")
_FENCE = re.compile(r"`{3,}")


def evidence_of(folder: str) -> str:
    """Return the folder of the evidence of a comparison."""
    return os.path.join(folder, EVIDENCE)


def write(folder: str) -> list[str]:
    """Make both documents from the evidence and return their paths. Raises RecordError."""
    values = _values(folder)
    paths = [os.path.join(folder, name) for name in (MARKDOWN, PAGE)]
    evidence.write(paths[0], _markdown().get_template(MARKDOWN).render(values))
    evidence.write(paths[1], "".join(render("scenarios.html", **values, inline=inline)))
    return paths


def _values(folder: str) -> dict[str, Any]:
    path = os.path.join(evidence_of(folder), MADE)
    try:
        made = json.loads(evidence.read(path))
        names = [os.path.basename(str(name)) for name in made["cases"]]
        about = _SUBJECTS[made["project"] == "the example"]
        values = {
            "made": {key: made[key] for key in ("date", "machine", "minutes", "rounds", "load")}
            | {"versions": dict(made["versions"])},
            "subject": about,
        }
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise RecordError(f"{path} does not say what was compared: {error}") from error
    read = found.found(evidence_of(folder), names)
    return values | {"sections": sections.sections(read), "found": read, "evidence": EVIDENCE}


@cache
def _markdown() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=False,  # noqa: S701 - Markdown, escaped by `cell` and `fence`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=harmless,
    )
    made.filters |= {"cell": _cell, "fence": _fence, "inline": inline}
    return made


def _cell(cell: Cell) -> str:
    """Write a cell of a Markdown table; what came from a file can't leave it."""
    text = cell.text.replace("\n", " ").replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")
    if not cell.link:
        return text
    is_away = cell.link.startswith("https://")
    return f"[{text}]({cell.link})" if is_away else f"{text} [↗]({_target(cell.link)})"


def _target(link: str) -> str:
    return f"{EVIDENCE}/{link}".replace(" ", "%20").replace("(", "%28").replace(")", "%29")


def _fence(text: str) -> str:
    """Return a fence longer than any in the text."""
    return "`" * max([3, *(len(found) + 1 for found in _FENCE.findall(text))])


def inline(text: str) -> Markup:
    """Return text for a page with what stands between backticks as code."""
    parts = _CODE.split(str(harmless(text)))
    made = [f"<code>{escape(part)}</code>" if index % 2 else str(escape(part)) for index, part in enumerate(parts)]
    return Markup("".join(made))  # noqa: S704 - every part is escaped
