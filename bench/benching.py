"""`vestige bench` beside hyperfine, on the same commands, in turn: do both say the same?"""

from __future__ import annotations

import json
import math
import os
import shlex
import shutil
import statistics
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import measure
import table
from errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workloads import Workloads

_PEER = "hyperfine"
_UNTRACED, _TRACED = "`vestige bench --trace off`", "`vestige bench`"
_WITHIN = 3.0  # standard errors of the difference of two means
_SLACK = 0.001  # s: hyperfine's time has the start of a process in it
_DATA = 3_000_000  # B
_TEXT = """\
Blocks of runs, in turn; mean ± standard deviation, each as the program says it. `hyperfine -N` starts a process and
waits for it. vestige times the command from its start to its end, and traces it meanwhile unless that is off: what the
third column has more than the second is the cost of tracing a start, which a long command does not notice."""


@dataclass(frozen=True)
class Times:
    """What all three said of one command, s."""

    peer: list[float] = field(default_factory=list)
    untraced: list[float] = field(default_factory=list)
    traced: list[float] = field(default_factory=list)

    @property
    def agree(self) -> bool:
        """Whether the untraced mean is as near to hyperfine's as their spread lets it be."""
        error = math.hypot(_error(self.peer), _error(self.untraced))
        apart = abs(statistics.fmean(self.untraced) - statistics.fmean(self.peer))
        return apart <= max(_WITHIN * error, _SLACK)


def benching(work: Workloads) -> table.Section:
    """Measure the same commands with both."""
    peer = shutil.which(_PEER)
    if peer is None:
        return table.Section("Beside hyperfine", f"{_TEXT}\n\nNot measured: there is no `{_PEER}` here.", ())
    with measure.scene(work.made.room) as where:
        commands = _commands(where.folder)
        found = {name: _times(work, where, peer, words) for name, words in commands.items()}
    rows = tuple(
        (f"`{name}`", *map(_around, (times.peer, times.untraced, times.traced))) for name, times in found.items()
    )
    held = sum(times.agree for times in found.values())
    budget = table.Budget(
        "bench, untraced: means as hyperfine's, within three standard errors or 1 ms",
        f"{len(found)} of {len(found)}",
        f"{held} of {len(found)}",
        held == len(found),
    )
    return table.Section(
        "Beside hyperfine", _TEXT, (table.Table(("command", _PEER, _UNTRACED, _TRACED), rows),), (budget,)
    )


def _commands(folder: str) -> dict[str, list[str]]:
    path = os.path.join(folder, "data")
    with open(path, "wb") as file:
        file.write(bytes(place * place % 251 for place in range(_DATA)))
    zipping = ["gzip", "-9", "-k", "-c", path]
    return {"sleep 0.05": ["sleep", "0.05"], "python3 -c pass": ["python3", "-c", "pass"], "gzip of 3 MB": zipping}


def _times(work: Workloads, where: measure.Scene, peer: str, words: Sequence[str]) -> Times:
    count, out = str(work.rounds(5)), os.path.join(where.folder, "hyperfine.json")
    ours = ("vestige", "bench", "--no-keep", "--json", "-n", count)
    times = Times()
    for _ in range(work.rounds(6)):
        _said([peer, "-N", "-r", count, "--style", "none", "--export-json", out, shlex.join(words)], where)
        with open(out, encoding="utf-8") as file:
            times.peer.extend(json.load(file)["results"][0]["times"])
        times.untraced.extend(json.loads(_said([*ours, "--trace", "off", "--", *words], where))["results"][0]["times"])
        times.traced.extend(json.loads(_said([*ours, "--", *words], where))["results"][0]["times"])
    return times


def _said(words: Sequence[str], where: measure.Scene) -> str:
    done = subprocess.run(words, cwd=where.folder, env=where.environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"`{shlex.join(words)}` ended with {done.returncode}: {done.stderr}")
    return done.stdout


def _around(times: Sequence[float]) -> str:
    return f"{table.seconds(statistics.fmean(times))} ± {table.seconds(statistics.stdev(times))}"


def _error(times: Sequence[float]) -> float:
    """Return the standard error of the mean."""
    return statistics.stdev(times) / math.sqrt(len(times))
