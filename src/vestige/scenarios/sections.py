"""The comparison as sections: words, tables and quotations, each measured cell with the file it came from."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.quantity import duration, number, size
from vestige.scenarios import claims, evidence, facts, quotations, spread
from vestige.scenarios.cases import BASE, CASES
from vestige.scenarios.left import IN_GIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vestige.scenarios.claims import Claim, Claims
    from vestige.scenarios.evidence import Evidence
    from vestige.scenarios.facts import Subject
    from vestige.scenarios.left import Left
    from vestige.scenarios.quotations import Quotation

NOTHING = "–"  # noqa: RUF001 - a dash on purpose
_RESETTING = frozenset(case.name for case in CASES if case.plugin)  # set the kernel's peak back
_VERSION = re.compile(r" HTTP/[\d.]+$")
_MANY = 3  # files that are named; more are counted


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a table, and the file or page it came from."""

    text: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under titles."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One subject."""

    title: str
    text: str
    tables: tuple[Table, ...] = ()
    quotations: tuple[Quotation, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """All evidence: the scenarios that were run, and what their tools say."""

    folder: str  # of the evidence
    cases: tuple[Evidence, ...]  # that were run
    not_run: tuple[Evidence, ...]
    said: dict[str, Claims]

    @property
    def base(self) -> Evidence | None:
        """The command alone."""
        return next((case for case in self.cases if case.name == BASE), None)

    @property
    def ordinary(self) -> set[tuple[str, str]]:
        """What the command leaves by itself."""
        return {(one.place, one.path) for one in self.base.left} if self.base else set()

    def own(self, case: Evidence) -> list[Left]:
        """Return what the tools of a scenario left."""
        return list(case.left) if case.name == BASE else list(evidence.own(case, self.ordinary))


def found(folder: str, names: Iterable[str]) -> Found:
    """Read the evidence in a folder. Raises RecordError."""
    cases = [evidence.load(os.path.join(folder, name)) for name in names]
    ran = tuple(case for case in cases if not case.not_run)
    said = {case.name: claims.of(folder, case.name) for case in ran}
    return Found(folder, ran, tuple(case for case in cases if case.not_run), said)


def sections(all_of_it: Found) -> tuple[Section, ...]:
    """Return the whole document below its head."""
    made = (
        Section("What each is for", "", (_facts("purpose"),)),
        _resources(all_of_it),
        _commands(all_of_it),
        _provenance(all_of_it),
        _accuracy(all_of_it),
        _time(all_of_it),
        _location(all_of_it),
        _network(all_of_it),
        _privacy(all_of_it),
        Section("How to be without it", "", (_facts("opt-out"),)),
        Section("Where another is the better choice", "", (_facts("better"),)),
        _not_run(all_of_it),
        *_quoted(all_of_it),
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
    lines = [(Cell(title), *(_claim(getattr(of.said[case.name], key)) for case in told)) for title, key in rows.items()]
    return Table(("", *(case.title for case in told)), tuple(lines))


def _claim(claim: Claim | None) -> Cell:
    return Cell(claim.text, claim.file) if claim else Cell(NOTHING)


def _accuracy(of: Found) -> Section:
    rows = [_accurate(case, of) for case in of.cases if of.said[case.name].peak is not None]
    text = (
        "The referee is the kernel: wait4(2) gives the largest resident peak of any process and the CPU time of all. "
        "For con-duct it judges the same go, for vestige `kedro run` alone: its Kedro plugin sets the kernel's own "
        "peak back at every node, so as to have one for each. The kernel's CPU time is always that of the same go, "
        "with what the tool used itself."
    )
    columns = ("", "peak, by the tool", "by the kernel", "share", "CPU, by the tool", "by the kernel, tool included")
    return Section("Are the figures right?", text, (Table(columns, tuple(rows)),))


def _accurate(case: Evidence, of: Found) -> tuple[Cell, ...]:
    said, last = of.said[case.name], case.rounds[-1]
    judge = of.base if of.base and case.name in _RESETTING else case
    truth = spread.of(one.largest for one in (judge.rounds if judge is not case else [last]))
    peak, source = said.peak or 0.0, said.memory.file if said.memory else ""
    cpu = Cell(duration(said.cpu_seconds), source) if said.cpu_seconds is not None else _claim(said.cpu)
    return (
        Cell(case.title),
        Cell(size(peak), source),
        Cell(_spread(truth, size), _case_file(judge)),
        Cell(f"{peak / truth.median:.0%}" if truth.median else NOTHING),
        cpu,
        Cell(duration(last.cpu), _case_file(case)),
    )


def _time(of: Found) -> Section:
    rows = [_timed(case, of.base) for case in of.cases]
    text = (
        "Every scenario once in every round; the median, and the smallest and largest. What is added is taken within a "
        "round. A difference smaller than its own spread is no difference. "
        "The proxy refused kedro-telemetry at once; an answer from afar takes longer. For DataLad the project is a "
        "dataset with git-annex, made before the time is taken; else it is a plain Git repository."
    )
    return Section("What time does it add?", text, (Table(("", "time", "added to `kedro run` alone"), tuple(rows)),))


def _timed(case: Evidence, base: Evidence | None) -> tuple[Cell, ...]:
    time = Cell(_spread(spread.of(one.wall for one in case.rounds), duration), _case_file(case))
    if base is None or case.name == BASE:
        return (Cell(case.title), time, Cell(NOTHING))
    pairs = zip(case.rounds, base.rounds, strict=False)
    return (Cell(case.title), time, Cell(_signed(spread.of(one.wall - alone.wall for one, alone in pairs))))


def _spread(found_one: spread.Spread, words: Callable[[float], str]) -> str:
    median, low, high = words(found_one.median), words(found_one.low), words(found_one.high)
    return median if low == high else f"{median} ({low} to {high})"


def _signed(added: spread.Spread) -> str:
    median, low, high = (
        f"{'+' if value >= 0 else '−'}{abs(value):.2f}"  # noqa: RUF001 - a minus sign on purpose
        for value in (added.median, added.low, added.high)
    )
    return f"{median} s" if low == high else f"{median} s ({low} to {high} s)"


def _location(of: Found) -> Section:
    rows = [
        (
            Cell(case.title),
            Cell(_places(of.own(case)), _case_file(case)),
            Cell(size(sum(one.size for one in of.own(case) if one.how != IN_GIT))),
            Cell(_git(case), f"{case.name}/{evidence.GIT}"),
        )
        for case in of.cases
    ]
    text = (
        "Beyond what `kedro run` alone leaves (its first line). Files in `~` are in the home folder of whoever ran "
        "it, which was empty before."
    )
    return Section("Where is it kept?", text, (Table(("", "files", "bytes", "in Git"), tuple(rows)),))


def _places(files: Sequence[Left]) -> str:
    """Return the files by folder, as far as they are few."""
    by_folder: dict[str, list[Left]] = {}
    for one in files:
        if one.how != IN_GIT:
            by_folder.setdefault(_folder(one), []).append(one)
    words = [_group(folder, group) for folder, group in by_folder.items()]
    return "; ".join(words) or "nothing"


def _folder(one: Left) -> str:
    """Return the first two folders of a path, or "" for a file by itself."""
    parts = one.path.split("/")
    lead = "~/" if one.place == "home" else ""
    return f"{lead}{'/'.join(parts[:2])}/" if len(parts) > 2 else f"{lead}{'/'.join(parts[:-1])}"  # noqa: PLR2004


def _group(folder: str, group: Sequence[Left]) -> str:
    if len(group) == 1:
        one = group[0]
        lead = "~/" if one.place == "home" else ""
        return f"`{lead}{one.path}`{' changed' if one.how == 'changed' else ''}"
    return f"{len(group)} in `{folder or '.'}`"


def _git(case: Evidence) -> str:
    grown = sum(one.size for one in case.left if one.how == IN_GIT)
    return f"{case.commits} commit{'' if case.commits == 1 else 's'}, +{size(grown)}" if case.commits else "no commit"


def _network(of: Found) -> Section:
    rows = [
        (
            Cell(case.title),
            Cell(_called(case), f"{case.name}/{evidence.NETWORK}" if case.network else ""),
            Cell(_asked(case), _case_file(case)),
        )
        for case in of.cases
    ]
    text = (
        "Seen twice. In a go of its own every scenario was traced by vestige with `--deny-network`: connections out of "
        "the machine fail, and each attempt is noted. In the timed goes a proxy on the same machine stood for the "
        "network, wrote down whom it was asked for, and let nothing through. A program that can't get an answer from "
        "its name server gives up there, so that the first shows that it tried, and the second for whom."
    )
    measured = Table(("", "wanted to connect to", "asked the proxy for"), tuple(rows))
    return Section("Does it need the network?", text, (measured, _facts("network")))


def _called(case: Evidence) -> str:
    network = case.network
    if network is None or not network.traced:
        return network.note or "not traced" if network else "not traced"
    calls = {f"{_whom(call)} ({call['protocol']}, {call['outcome']})" for call in network.calls}
    return ", ".join(sorted(calls)) or "nobody"


def _whom(call: dict[str, object]) -> str:
    who = f"{call.get('host') or call.get('address')}:{call.get('port')}"
    return f"the name server, {who}" if call.get("port") == 53 else who  # noqa: PLR2004 - the port of DNS


def _asked(case: Evidence) -> str:
    counts = {line: case.asked.count(line) for line in dict.fromkeys(case.asked)}
    return (
        ", ".join(
            f"`{_VERSION.sub('', line)}`{f', {count} times' if count > 1 else ''}" for line, count in counts.items()
        )
        or "nobody"
    )


def _privacy(of: Found) -> Section:
    rows = [
        (
            Cell(case.title),
            *(Cell(_telling(of.own(case), kind), _case_file(case)) for kind in ("host", "user", "paths")),
        )
        for case in of.cases
        if case.name != BASE
    ]
    text = (
        "In how many of the files that it left stand the name of the machine, the name of its user, and paths of its "
        "folders? (They were counted before they were taken out of the evidence. The user's name is not looked for "
        "where it is a word as common as `root`.)"
    )
    table = Table(("", "name of the machine", "name of the user", "paths"), tuple(rows))
    return Section("What does it tell, and to whom?", text, (table, _facts("privacy")))


def _telling(files: Sequence[Left], kind: str) -> str:
    telling = [one.path for one in files if kind in one.names]
    if not telling:
        return "no file"
    few = ", ".join(f"`{os.path.basename(path)}`" for path in telling)
    return few if len(telling) <= _MANY else f"{number(len(telling))} files"


def _facts(subject: Subject) -> Table:
    rows = tuple((Cell(fact.tool), Cell(fact.text), _source(fact.source)) for fact in facts.about(subject))
    return Table(("", "known, not measured", "source"), rows)


def _source(source: str) -> Cell:
    address = source.removeprefix("https://")
    return Cell(address.partition("/")[0], source) if address != source else Cell(source)


def _not_run(of: Found) -> Section | None:
    if not of.not_run:
        return None
    rows = tuple(
        (Cell(case.title), Cell(f"`{case.command}`"), Cell(case.not_run or "", _case_file(case))) for case in of.not_run
    )
    return Section("What was not run", "", (Table(("", "command", "reason"), rows),))


def _quoted(of: Found) -> list[Section]:
    head = Section(
        "What each of them left", "The commands, and what they left, as it is; long texts are cut and linked."
    )
    return [head, *(Section(case.title, f"`{case.command}`", (), quotations.of(of, case)) for case in of.cases)]


def _case_file(case: Evidence) -> str:
    return f"{case.name}/{evidence.CASE}"
