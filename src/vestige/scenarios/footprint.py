"""What each scenario left behind: files, commits, connections, names of the machine and its user."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from vestige.quantity import number, size
from vestige.scenarios import evidence
from vestige.scenarios.cases import BASE
from vestige.scenarios.left import IN_GIT
from vestige.scenarios.table import Cell, Section, Table, known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vestige.scenarios.evidence import Evidence
    from vestige.scenarios.found import Found
    from vestige.scenarios.left import Left

_VERSION = re.compile(r" HTTP/[\d.]+$")
_MANY = 3  # files that are named; more are counted


def location(of: Found) -> Section:
    """Return which files each left, and where."""
    rows = [
        (
            Cell(case.title),
            Cell(_places(of.own(case)), case.file),
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


def network(of: Found) -> Section:
    """Return whom each called, or wanted to."""
    rows = [
        (
            Cell(case.title),
            Cell(_called(case), f"{case.name}/{evidence.NETWORK}" if case.network else ""),
            Cell(_asked(case), case.file),
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
    return Section("Does it need the network?", text, (measured, known("network")))


def _called(case: Evidence) -> str:
    seen = case.network
    if seen is None or not seen.traced:
        return seen.note or "not traced" if seen else "not traced"
    calls = {f"{_whom(call)} ({call.get('protocol')}, {call.get('outcome')})" for call in seen.calls}
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


def privacy(of: Found) -> Section:
    """Return what the files that each left tell of the machine and its user."""
    rows = [
        (
            Cell(case.title),
            *(Cell(_telling(of.own(case), kind), case.file) for kind in ("host", "user", "paths")),
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
    return Section("What does it tell, and to whom?", text, (table, known("privacy")))


def _telling(files: Sequence[Left], kind: str) -> str:
    telling = [one.path for one in files if kind in one.names]
    if not telling:
        return "no file"
    few = ", ".join(f"`{os.path.basename(path)}`" for path in telling)
    return few if len(telling) <= _MANY else f"{number(len(telling))} files"
