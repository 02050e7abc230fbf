"""How fast a gigabyte of output passes, captured and not, beside the shell's own means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import peers
import spread
import table
from overhead import as_it_is, under, vestige
from workloads import GIGABYTE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from measure import Contender, Spent
    from spread import Spread
    from workloads import Workloads

_PIPE = "`gen | cat`"
_TEE = "`gen | tee FILE | cat`"
_CAPTURED = "`vestige run gen | cat`"
_TWICE = "`gen | cat | cat`"
_UNCAPTURED = "`vestige run --capture none gen | cat`"
_DUCT = "`duct gen | cat`"
_CAT = ["cat"]


def output(work: Workloads) -> table.Section:
    """Measure a gigabyte through pipes."""
    length = work.number(GIGABYTE)
    spent = work.compare(_contenders(work, work.noise(length)), rounds=11)
    rows = tuple(_row(name, spent, length) for name in spent)
    return table.Section(
        "Output",
        f"{table.size(length)} of noise, written 64 KiB at a time, into a pipe, {len(spent[_PIPE])} rounds; "
        "files are kept beside each other on the same disk. The figures include each program's start.",
        (table.Table(("", "per second", "time", "CPU"), rows),),
        (
            table.at_least("captured output: speed beside `tee FILE`", 1.2, _speed(spent, _CAPTURED, _TEE)),
            table.at_least("uncaptured output: speed beside `cat`", 0.9, _speed(spent, _UNCAPTURED, _TWICE)),
        ),
    )


def _contenders(work: Workloads, noise: list[str]) -> dict[str, Contender]:
    known = {
        _PIPE: as_it_is(noise, _CAT),
        _TWICE: as_it_is(noise, _CAT, _CAT),
        _UNCAPTURED: vestige(["--capture", "none"], noise, _CAT),
        _TEE: as_it_is(noise, ["tee", "copy"], _CAT),
        _CAPTURED: vestige([], noise, _CAT),
    }
    return known | ({_DUCT: under(peers.DUCT, noise, _CAT)} if work.made.has(peers.DUCT) else {})


def _speed(spent: Mapping[str, Sequence[Spent]], name: str, base: str) -> Spread:
    return spread.of_ratios((one.wall for one in spent[base]), (one.wall for one in spent[name]))


def _row(name: str, spent: Mapping[str, Sequence[Spent]], length: int) -> tuple[str, ...]:
    wall, cpu = (spread.of(values) for values in zip(*((one.wall, one.cpu) for one in spent[name]), strict=True))
    return name, f"{table.size(length / wall.median)}", _range(wall), table.seconds(cpu.median)


def _range(wall: Spread) -> str:
    return f"{table.seconds(wall.median)} ({table.seconds(wall.low)} to {table.seconds(wall.high)})"
