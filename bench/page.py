"""The page that is there already: some of its sections renewed, all others as they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from table import Section

_HEADING = re.compile(r"^(?=## )", re.MULTILINE)
_BUDGETS = "Budgets"
_HEAD_OF_TABLE = 2  # lines


def renewed(page: str, sections: Sequence[Section], *, made: str) -> str:
    """Return the page with these sections, each with a word on how it was `made`; new ones stand at its end.

    The budgets of these sections take the place of those of the same name.
    """
    parts = {_title(part): part for part in _HEADING.split(page)}
    for section in sections:
        parts[section.title] = table.markdown(section, made)
    parts[_BUDGETS] = _with_budgets(parts[_BUDGETS], sections)
    return "\n\n".join(part.strip("\n") for part in parts.values()) + "\n"


def _title(part: str) -> str:
    return part.partition("\n")[0].removeprefix("## ")


def _with_budgets(part: str, sections: Sequence[Section]) -> str:
    heading, _, lines = part.strip("\n").partition("\n\n")
    rows = {line.split(" | ")[0]: line for line in lines.splitlines()}
    renewed = table.budgets(sections).splitlines()[_HEAD_OF_TABLE:]
    rows |= {line.split(" | ")[0]: line for line in renewed}
    return "\n".join([heading, "", *rows.values()])
