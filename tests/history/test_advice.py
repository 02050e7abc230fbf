"""What to ask Slurm for: told by runs that ended well; one that was killed says only that it had too little."""

from __future__ import annotations

import random
from typing import Any

import pytest

from vestige.history import advice, groups
from vestige.history.advice import Seen
from vestige.history.quantiles import quantile, trend

MB = 1_000_000
GIB = 1 << 30


def seen(**values: Any) -> Seen:
    default: dict[str, Any] = {
        "group": "train N",
        "started": "2026-07-01T00:00:00.000000Z",
        "status": "ended",
        "failed": False,
        "signal": None,
        "wall": 60.0,
        "peak_memory": 500 * MB,
        "cores_used": 1.0,
        "cores_allowed": 8.0,
        "oom_kills": None,
        "memory_limit": None,
    }
    return Seen(**{**default, **values})


def requests(*runs: Seen) -> dict[str, advice.Request]:
    found = advice.of(runs)
    assert found is not None
    return {request.option.partition("=")[0]: request for request in found.requests}


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("/usr/bin/python3.11", "train.py", "--seed", "7"), "python train.py --seed N"),
        (("python3", "/home/a/train.py", "--seed=8", "--out=/data/8/x.npz"), "python train.py --seed=N --out=x.npz"),
        (("./run", "sub-0012", "0f3a9c1e77"), "run sub-N X"),
        (("sh", "-c", "sort -k2 /data/a.tsv"), "sh -c sort -kN /data/a.tsv"),
        (("kedro", "run", "--params", "lr=1e-3,n=20"), "kedro run --params lr=N,n=N"),
        ((), ""),
        (("/",), "/"),
        (("x", "\x1b[31m"), "x \\x1b[Nm"),
    ],
)
def test_commands_that_differ_in_numbers_and_folders_are_of_one_kind(argv: tuple[str, ...], expected: str) -> None:
    assert groups.group(argv) == expected


def test_a_hundred_runs_tell_p99_and_a_fifth() -> None:
    found = requests(*(seen(peak_memory=500 * MB + number * MB, wall=100.0 + number) for number in range(101)))
    memory, time, cpus = found["--mem"], found["--time"], found["--cpus-per-task"]
    assert (memory.runs, memory.p99, memory.largest) == (101, 599 * MB, 600 * MB)
    assert memory.p99 * 1.2 <= memory.value <= memory.p99 * 1.2 * 1.1
    assert memory.option == "--mem=690M"
    assert (time.option, time.p99) == ("--time=00:04:00", 199.0)
    assert cpus.option == "--cpus-per-task=1"


def test_a_run_that_was_killed_for_memory_is_a_bound() -> None:
    good = [seen() for _ in range(20)]
    killed = seen(failed=True, oom_kills=1.0, peak_memory=2 * GIB, memory_limit=2 * GIB, signal="SIGKILL")
    memory = requests(killed, *good)["--mem"]
    assert memory.runs == 20
    assert memory.value >= 3 * GIB
    assert "killed for lack of memory" in memory.why[0]
    found = advice.of([killed, *good])
    assert found is not None
    assert (found.failed, found.out_of_memory) == (1, 1)


def test_a_kill_at_the_limit_counts_as_one_even_where_nobody_counted_it() -> None:
    assert seen(failed=True, signal="SIGKILL", peak_memory=0.95 * GIB, memory_limit=GIB).was_out_of_memory
    assert not seen(failed=True, signal="SIGKILL", peak_memory=0.2 * GIB, memory_limit=GIB).was_out_of_memory
    assert not seen(peak_memory=0.95 * GIB, memory_limit=GIB).was_out_of_memory


def test_a_run_that_failed_early_does_not_lower_anything() -> None:
    good = [seen() for _ in range(20)]
    early = [seen(failed=True, peak_memory=MB, wall=0.1) for _ in range(20)]
    assert requests(*early, *good)["--mem"].value == requests(*good)["--mem"].value
    assert requests(*early, *good)["--time"].value == requests(*good)["--time"].value


def test_a_run_that_was_stopped_for_its_time_is_a_bound() -> None:
    good = [seen() for _ in range(20)]
    assert requests(seen(failed=True, signal="SIGTERM", wall=3600.0), *good)["--time"].value == 5400


def test_few_runs_mean_more_room_and_a_word() -> None:
    found = advice.of([seen()])
    assert found is not None
    assert found.requests[0].value >= 1000 * MB
    assert "only 1 run" in found.cautions[0]
    none = advice.of([seen(failed=True)])
    assert none is not None
    assert "none of these runs ended well" in none.cautions[0]
    assert advice.of([]) is None
    assert advice.of([seen(status="running")]) is None


def test_who_used_all_cores_is_told_so() -> None:
    cpus = requests(*(seen(cores_used=7.6) for _ in range(10)))["--cpus-per-task"]
    assert (cpus.option, len(cpus.why)) == ("--cpus-per-task=8", 1)


def test_in_one_line() -> None:
    found = advice.of([seen() for _ in range(37)])
    assert found is not None
    assert advice.line(found) == "--mem=580M would do: 37 runs, p99 + 20 %"


def test_a_trend_is_told_from_noise() -> None:
    chance = random.Random(1)  # noqa: S311
    noise = [100 + chance.gauss(0, 10) for _ in range(60)]
    assert trend(noise) is None
    rising = trend([value + place for place, value in enumerate(noise)])
    assert rising is not None
    assert 0.3 < rising < 0.6
    falling = trend([value - place for place, value in enumerate(noise)])
    assert falling is not None
    assert falling < -0.5
    assert trend([5.0] * 60) is None
    assert trend([1.0, 2.0, 3.0]) is None
    assert trend([0.0] * 20) is None


def test_a_quantile_stands_between_two_values() -> None:
    assert quantile([1.0], 0.99) == 1.0
    assert quantile([0.0, 10.0], 0.25) == 2.5
    assert quantile([1.0, 2.0, 3.0], 1.0) == 3.0
