"""What it costs to keep a run as a commit, beside DataLad and beside doing it by hand."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import repositories
import spread
import table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from measure import Contender, Spent
    from repositories import Repository
    from workloads import Workloads

_HAND, _VESTIGE, _DATALAD = "by hand: command, git add, git commit", "vestige run --commit", "datalad run"
_MANY = 20_000
_OUTPUTS = 500
_INPUTS = 11_100
_NOW = "date +%s%N"


def committing(work: Workloads) -> table.Section:
    """Measure one input and one output in three kinds of repositories, then many of each."""
    one = f"cat d00/00001.txt > out; {_NOW} >> out"
    small = _in_turn(work, "small", repositories.plain, files=100, script=one)
    annexed = _in_turn(work, "text2git", repositories.dataset, files=100, script=one)
    large = _in_turn(work, "large", repositories.plain, files=work.number(_MANY), script=one)
    outputs = _in_turn(
        work, "outputs", repositories.plain, files=100, rounds=3,
        script=f"mkdir -p made; i=0; while [ $i -lt {work.number(_OUTPUTS)} ]; do {_NOW} > made/$i; i=$((i+1)); done",
        outputs="made",
    )  # fmt: skip
    globs = "d0*/*.txt" if work.quick else "d0*/*.txt d10/*.txt d11/110*.txt"
    inputs = _in_turn(
        work, "inputs", repositories.plain, files=work.number(_MANY), rounds=3, inputs=globs,
        script=f"cat {globs} | wc -c > out; {_NOW} >> out",
    )  # fmt: skip
    tables = (
        _table("one input, one output, 100 files tracked", small),
        _table("the same in a DataLad dataset (text2git)", annexed),
        _table(f"the same, {work.number(_MANY):,} files tracked", large),
        _table(f"{work.number(_OUTPUTS)} outputs", outputs),
        _table(f"{work.number(_INPUTS):,} inputs", inputs),
    )
    counts = ", ".join(f"{name}: {number}" for name, number in _processes(work).items())
    return table.Section(
        "Keeping a run in Git",
        "The command writes a file of another content each time; DataLad is told inputs and outputs, vestige sees "
        "them. Every contender has a repository of its own, all alike. Programs started in the small repository, the "
        f"command's own (3) included: {counts}.",
        tables,
        (
            table.at_most("`--commit`, small repository: time beside `datalad run`", 0.1, _beside(small)),
            table.at_most(f"`--commit`, {_MANY:,} tracked files: time beside `datalad run`", 0.05, _beside(large)),
        ),
    )


def _in_turn(  # noqa: PLR0913 - all keywords
    work: Workloads,
    name: str,
    make: Callable[..., Repository],
    *,
    files: int,
    script: str,
    inputs: str = "d00/00001.txt",
    outputs: str = "out",
    rounds: int = 7,
) -> dict[str, list[Spent]]:
    """Measure the contenders, each in its own repository."""
    made = {who: make(work.made, f"{name}-{index}", files) for index, who in enumerate((_HAND, _VESTIGE, _DATALAD))}
    contenders: dict[str, Contender] = {
        _HAND: _told(made[_HAND], ["sh", "-c", f"{script}; git add {outputs} && git commit -qm run"]),
        _VESTIGE: _told(made[_VESTIGE], ["vestige", "run", "--commit", "-m", "run", "sh", "-c", script]),
        _DATALAD: _told(made[_DATALAD], _datalad(script, inputs.split(), outputs)),
    }
    return work.compare(contenders, rounds=rounds)


def _datalad(script: str, inputs: Sequence[str], outputs: str) -> list[str]:
    given = [word for pattern in inputs for word in ("-i", pattern)]
    return ["datalad", "run", "-m", "run", *given, "-o", outputs, script]


def _told(repository: Repository, words: list[str]) -> Contender:
    return lambda _: repository.inside(words)


def _processes(work: Workloads) -> dict[str, int]:
    """Return how many programs each contender starts for one commit."""
    script = f"cat d00/00001.txt > out; {_NOW} >> out"
    words = {
        _VESTIGE: ["vestige", "run", "--commit", "--trace", "off", "-o", "out", "sh", "-c", script],
        _DATALAD: _datalad(script, ["d00/00001.txt"], "out"),
    }
    found = {}
    for index, who in ((1, _VESTIGE), (2, _DATALAD)):
        top = os.path.join(work.made.folder, "repositories", f"small-{index}")
        log = os.path.join(work.made.folder, f"execs-{index}")
        call = ["strace", "-f", "-qq", "-e", "trace=execve", "-o", log, *words[who]]
        subprocess.run(call, cwd=top, env=work.made.environment, capture_output=True, check=False)
        with open(log, encoding="utf-8", errors="replace") as lines:
            found[who] = sum(line.rstrip().endswith(" = 0") for line in lines)
    return found


def _beside(spent: Mapping[str, Sequence[Spent]]) -> spread.Spread:
    return spread.of_ratios((one.wall for one in spent[_VESTIGE]), (one.wall for one in spent[_DATALAD]))


def _table(title: str, spent: Mapping[str, Sequence[Spent]]) -> table.Table:
    rows = tuple(
        (
            who,
            table.seconds(spread.of(one.wall for one in found).median),
            table.ratio(spread.of_ratios((one.wall for one in found), (one.wall for one in spent[_DATALAD]))),
            table.seconds(spread.of(one.cpu for one in found).median),
        )
        for who, found in spent.items()
    )
    return table.Table((title, "time", "beside datalad run", "CPU"), rows)
