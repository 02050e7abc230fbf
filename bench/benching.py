"""`vestige bench` beside hyperfine, on the same commands, in turn: do both say the same?"""

from __future__ import annotations

import json
import math
import os
import shlex
import shutil
import statistics
import subprocess
from typing import TYPE_CHECKING

import measure
import table
from errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workloads import Workloads

_NAME = "hyperfine"
_WITHIN = 3.0  # standard errors of the difference of two means
_SLACK = 0.002  # s: what hyperfine's own start of a process and the tracing of one may make


def benching(work: Workloads) -> table.Section:
    """Measure the same commands with both."""
    text = (
        "Runs of both in blocks, in turn. `hyperfine -N` starts a process, waits for it and times that; vestige times "
    )
    text += (
        "from the command's start to its end and also traces it. Times are mean ± standard deviation, by the program."
    )
    path = shutil.which(_NAME)
    if path is None:
        return table.Section("Beside hyperfine", f"{text} It was not measured: there is no `{_NAME}` here.", ())
    with measure.scene(work.made.room) as where:
        commands = _commands(where.folder)
        found = {name: _both(work, where, path, words) for name, words in commands.items()}
    rows = tuple(_row(name, said) for name, said in found.items())
    held = sum(agree(*said) for said in found.values())
    return table.Section(
        "Beside hyperfine",
        text,
        (table.Table(("command", _NAME, "`vestige bench`", "difference of the means"), rows),),
        (
            table.Budget(
                "bench: means as hyperfine's, within three standard errors or 2 ms",
                f"{len(found)} of {len(found)}",
                f"{held} of {len(found)}",
                held == len(found),
            ),
        ),
    )


def _commands(folder: str) -> dict[str, list[str]]:
    data = os.path.join(folder, "data")
    with open(data, "wb") as file:
        file.write(bytes(place * place % 251 for place in range(3_000_000)))
    return {"sleep 0.05": ["sleep", "0.05"], "python3 -c pass": ["python3", "-c", "pass"],
            "gzip of 3 MB": ["gzip", "-k", "-c", data]}  # fmt: skip


def _both(work: Workloads, where: measure.Scene, path: str, words: list[str]) -> tuple[list[float], list[float]]:
    """Return the times that hyperfine and vestige give, s."""
    count = str(work.rounds(5))
    out = os.path.join(where.folder, "hyperfine.json")
    theirs: list[float] = []
    ours: list[float] = []
    for _ in range(work.rounds(4)):
        call = [path, "-N", "-r", count, "--style", "none", "--export-json", out, shlex.join(words)]
        _said(call, where)
        with open(out, encoding="utf-8") as file:
            theirs += json.load(file)["results"][0]["times"]
        said = _said(["vestige", "bench", "--no-keep", "--json", "-n", count, "--", *words], where)
        ours += json.loads(said)["results"][0]["times"]
    return theirs, ours


def _said(words: list[str], where: measure.Scene) -> str:
    done = subprocess.run(words, cwd=where.folder, env=where.environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"`{shlex.join(words)}` ended with {done.returncode}: {done.stderr}")
    return done.stdout


def _row(name: str, said: tuple[list[float], list[float]]) -> tuple[str, ...]:
    means = [statistics.fmean(times) for times in said]
    words = [
        f"{table.seconds(mean)} ± {table.seconds(statistics.stdev(times))}"
        for mean, times in zip(means, said, strict=True)
    ]
    return f"`{name}`", *words, f"{(means[1] - means[0]) * 1000:+.1f} ms"


def agree(theirs: Sequence[float], ours: Sequence[float]) -> bool:
    """Say whether two means are as near as their spread lets them be."""
    error = math.hypot(*(statistics.stdev(times) / math.sqrt(len(times)) for times in (theirs, ours)))
    return abs(statistics.fmean(ours) - statistics.fmean(theirs)) <= max(_WITHIN * error, _SLACK)
