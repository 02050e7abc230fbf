"""How long `vestige duct ls` takes over many logs, beside con-duct's."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import measure
import peers
import spread
import table

if TYPE_CHECKING:
    from measure import Scene, Spent
    from workloads import Workloads

_FORMATS = ("pyout", "summaries", "json", "json_pp", "yaml")
_FILTER = "exit_code == 0 and re.search('tru.', command)"
_CALLS = {f"-f {form}": ["-f", form] for form in _FORMATS} | {
    f'-f json -e "{_FILTER}"': ["-f", "json", "-e", _FILTER],
    "-f json --sort-by peak_rss": ["-f", "json", "--sort-by", "peak_rss"],
}
_LIMIT = 0.1
_ROUNDS = 5
_FOLDER = os.path.join(".duct", "logs")


def listing(work: Workloads) -> table.Section:
    """Measure both listings of a folder with very many logs."""
    number = work.number(10_000)
    with measure.scene(work.made.room) as where:
        _make_logs(where, number)
        spent = {name: _in_turn(work, where, options) for name, options in _CALLS.items()}
    rows = tuple(_row(name, *sides) for name, sides in spent.items())
    ratios = {name: _ratios(*sides) for name, sides in spent.items()}
    return table.Section(
        "Listing logs of con-duct",
        f"A folder of {number:,} logs, each with the four files that `duct true` leaves; both listings start anew each "
        "time. The table (`-f pyout`) is what both show if nothing else is asked for. Times are CPU.",
        (table.Table((f"{number:,} logs", "con-duct ls", "vestige duct ls", "beside con-duct", "time"), rows),),
        (table.at_most("`vestige duct ls`: CPU beside con-duct's", _LIMIT, ratios["-f pyout"]),),
    )


def _in_turn(work: Workloads, where: Scene, options: list[str]) -> tuple[list[Spent], list[Spent]]:
    """Return what both took, con-duct first, in turn."""
    theirs, ours = ["con-duct", "ls", "-q", *options], ["vestige", "duct", "ls", *options]
    rounds = [(measure.run([theirs], where), measure.run([ours], where)) for _ in range(work.rounds(_ROUNDS))]
    return [first for first, _ in rounds], [second for _, second in rounds]


def _ratios(theirs: list[Spent], ours: list[Spent]) -> spread.Spread:
    return spread.of_ratios((one.cpu for one in ours), (one.cpu for one in theirs))


def _row(name: str, theirs: list[Spent], ours: list[Spent]) -> tuple[str, ...]:
    cpu = (table.seconds(spread.of(one.cpu for one in side).median) for side in (theirs, ours))
    wall = table.seconds(spread.of(one.wall for one in ours).median)
    return (f"`{name}`", *cpu, table.ratio(_ratios(theirs, ours)), wall)


def _make_logs(where: Scene, number: int) -> None:
    """Make logs like one that con-duct really makes, under other names."""
    measure.run([peers.DUCT.words(["true"], where.folder)], where)
    with open(os.path.join(where.folder, "report_info.json"), encoding="utf-8") as file:
        info: dict[str, Any] = json.load(file)
    folder = os.path.join(where.folder, _FOLDER)
    os.makedirs(folder)
    for index in range(number):
        prefix = os.path.join(folder, f"2026.01.{index % 28 + 1:02}T12.00.00-{index + 1000}_")
        info["execution_summary"]["wall_clock_time"] = index / 100
        for name in ("stdout", "stderr", "usage.jsonl"):
            with open(prefix + name, "wb"):
                pass
        with open(f"{prefix}info.json", "w", encoding="utf-8") as file:
            json.dump(info, file)
