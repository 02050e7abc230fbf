"""The comparison as sections: words, tables and quotations, each measured cell with the file it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.scenarios import footprint, measured, quotations
from vestige.scenarios.table import Cell, Section, Table, known, quoted

if TYPE_CHECKING:
    from vestige.scenarios.found import Found


def sections(of: Found) -> tuple[Section, ...]:
    """Return the whole document below its head."""
    made = (
        Section("What each is for", "", (known("purpose"),)),
        _resources(of),
        _commands(of),
        _provenance(of),
        measured.accuracy(of),
        measured.time(of),
        footprint.location(of),
        footprint.network(of),
        footprint.privacy(of),
        Section("How to be without it", "", (known("opt-out"),)),
        Section("Where another is the better choice", "", (known("better"),)),
        _not_run(of),
        *_quotations(of),
    )
    return tuple(section for section in made if section is not None)


def _resources(of: Found) -> Section:
    rows = {
        "time": "wall",
        "CPU": "cpu",
        "memory, at its peak": "memory",
        "read and written": "io",
        "processes": "processes",
        "over time": "series",
        "node by node": "nodes",
    }
    text = (
        "What each says of the same work; a dash: nothing. kedro-telemetry keeps nothing for who runs the pipeline. "
        "vestige says with every figure how it was got; whether the figures are right is a section of its own below."
    )
    return Section("What did it use?", text, (_questions(of, rows),))


def _commands(of: Found) -> Section:
    rows = {
        "the command": "command",
        "how it ended": "outcome",
        "the code": "code",
        "what it printed": "printed",
        "to run it again": "again",
    }
    return Section("What was run?", "", (_questions(of, rows),))


def _provenance(of: Found) -> Section:
    rows = {
        "files it read": "inputs",
        "files it wrote": "outputs",
        "hashes": "hashes",
        "software": "software",
        "whom it called": "network",
    }
    text = (
        "DataLad records the inputs and outputs that its user names, and commits whatever changed; vestige records "
        "those that it sees opened, wherever they lie."
    )
    return Section("What went in, and what came out?", text, (_questions(of, rows),))


def _questions(of: Found, rows: dict[str, str]) -> Table:
    """Return a table of questions by tools; scenarios whose tools have no word to say are left out."""
    told = [case for case in of.cases if any(getattr(of.said[case.name], key) for key in rows.values())]
    told = [case for case in of.cases if case in told or case.name == "kedro-telemetry"]
    lines = [(Cell(title), *(quoted(getattr(of.said[case.name], key)) for case in told)) for title, key in rows.items()]
    return Table(("", *(case.title for case in told)), tuple(lines))


def _not_run(of: Found) -> Section | None:
    if not of.not_run:
        return None
    rows = tuple(
        (Cell(case.title), Cell(f"`{case.command}`"), Cell(case.not_run or "", case.file)) for case in of.not_run
    )
    return Section("What was not run", "", (Table(("", "command", "reason"), rows),))


def _quotations(of: Found) -> list[Section]:
    head = Section(
        "What each of them left", "The commands, and what they left, as it is; long texts are cut and linked."
    )
    return [head, *(Section(case.title, f"`{case.command}`", (), quotations.of(of, case)) for case in of.cases)]
