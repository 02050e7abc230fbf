"""What to ask Slurm for: told by runs that ended well; one that was killed says only that it had too little."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from harness.kept import Store

from vestige.history import advice, groups, index
from vestige.history.advice import Seen
from vestige.history.all_runs import AllRuns
from vestige.history.quantiles import quantile, trend
from vestige.record.model import Figure

if TYPE_CHECKING:
    from pathlib import Path

MB = 1_000_000
GIB = 1 << 30


def seen(**values: Any) -> Seen:
    default: dict[str, Any] = {
        "template": "train N",
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
    assert seen(failed=True, signal="SIGKILL", peak_memory=0.9 * 1000, memory_limit=1000).was_out_of_memory
    assert not seen(failed=True, signal="SIGTERM", peak_memory=0.95 * GIB, memory_limit=GIB).was_out_of_memory
    assert not seen(failed=True, signal="SIGKILL", peak_memory=None, memory_limit=GIB).was_out_of_memory
    assert not seen(failed=True, signal="SIGKILL", peak_memory=GIB).was_out_of_memory
    assert seen(peak_memory=0.95 * GIB, memory_limit=GIB, oom_kills=1.0).was_out_of_memory is False


@pytest.mark.parametrize(("peak", "limit"), [(3.0, 2.0), (2.0, 3.0), (3.0, None), (None, 3.0)])
def test_it_needed_more_than_it_had_or_was_granted(peak: float | None, limit: float | None) -> None:
    granted = None if limit is None else limit * GIB
    killed = seen(failed=True, oom_kills=1.0, peak_memory=None if peak is None else peak * GIB, memory_limit=granted)
    memory = requests(killed, seen())["--mem"]
    assert memory.option == "--mem=4700M"  # 3 GiB and a half, to two digits
    assert memory.why == ("1 run killed for lack of memory: what they had was not enough",)


def test_of_a_kill_of_which_nothing_else_is_known_no_figure_is_made() -> None:
    memory = requests(seen(failed=True, oom_kills=2.0, peak_memory=None), *(seen() for _ in range(20)))["--mem"]
    assert memory.value == requests(*(seen() for _ in range(20)))["--mem"].value
    assert "1 run killed" in memory.why[0]


def test_a_run_that_failed_with_more_than_any_is_covered() -> None:
    good = [seen(peak_memory=100 * MB), *(seen(peak_memory=500 * MB) for _ in range(20))]
    failed = [seen(failed=True, peak_memory=peak) for peak in (800 * MB, None, 10 * MB)]
    memory = requests(*failed, *good)["--mem"]
    assert (memory.option, memory.largest) == ("--mem=920M", 500 * MB)  # 800 MB and a fifth
    assert memory.why == ("a run that failed used more than those that ended well",)
    as_much = requests(seen(failed=True, peak_memory=500 * MB), *good)["--mem"]
    assert (as_much.option, as_much.why) == ("--mem=580M", ())
    alone = requests(seen(failed=True, peak_memory=800 * MB))["--mem"]
    assert (alone.option, alone.why, alone.runs) == ("--mem=920M", ("what a run that failed used",), 0)
    assert (alone.p99, alone.largest) == (0.0, 0.0)


def test_a_run_that_ended_well_counts_once() -> None:
    well = requests(seen(peak_memory=900 * MB), *(seen() for _ in range(300)))["--mem"]
    assert (well.option, well.why) == ("--mem=860M", ())  # no less than the largest, and no room on top of that


def test_what_is_not_known_is_not_asked_for() -> None:
    found = advice.of([seen(peak_memory=None, wall=None, cores_used=None)])
    assert found is not None
    assert found.requests == ()
    assert found.cautions[1] == "the memory of 1 run is not known"
    assert advice.line(found) == ""
    several = advice.of([seen(peak_memory=None), seen(peak_memory=None), *(seen() for _ in range(5))])
    assert several is not None
    assert several.cautions == ("the memory of 2 runs is not known",)
    nothing = advice.of([seen(peak_memory=None) for _ in range(5)])
    assert advice.line(nothing) == ""


def test_a_run_that_failed_early_does_not_lower_anything() -> None:
    good = [seen() for _ in range(20)]
    early = [seen(failed=True, peak_memory=MB, wall=0.1) for _ in range(20)]
    assert requests(*early, *good)["--mem"].value == requests(*good)["--mem"].value
    assert requests(*early, *good)["--time"].value == requests(*good)["--time"].value


def test_a_run_that_was_stopped_for_its_time_is_a_bound() -> None:
    good = [seen() for _ in range(20)]
    for signal in ("SIGTERM", "SIGXCPU", "SIGKILL"):
        time = requests(seen(failed=True, signal=signal, wall=3600.0), *good)["--time"]
        assert time.value == 5400
        assert time.why == ("1 run stopped after longer than any that ended well",)


def test_a_run_that_was_not_stopped_or_not_late_is_no_bound() -> None:
    good = [seen() for _ in range(20)]
    short = [seen(failed=True, signal="SIGTERM", wall=wall) for wall in (59.9, None)]
    other = [seen(failed=True, signal="SIGSEGV", wall=3600.0), seen(failed=True, signal=None, wall=3600.0)]
    killed = seen(failed=True, signal="SIGKILL", wall=3600.0, oom_kills=1.0)
    unmoved = requests(*short, *other, killed, seen(signal="SIGTERM", wall=1.0), *good)["--time"]
    assert (unmoved.value, unmoved.why) == (120, ())
    late = requests(seen(failed=True, signal="SIGTERM", wall=60.0), *good)["--time"]
    assert late.why == ("1 run stopped after longer than any that ended well",)
    alone = requests(*(seen(failed=True, signal="SIGTERM", wall=60.0 * number) for number in (1, 2)))["--time"]
    assert (alone.value, alone.why) == (180, ("2 runs stopped after longer than any that ended well",))


@pytest.mark.parametrize(
    ("wall", "option"),
    [(0.1, "00:01:00"), (50.0, "00:01:00"), (50.1, "00:02:00"), (3000.0, "01:00:00"), (71_951.0, "1-00:00:00"),
     (72_000.1, "1-00:01:00"), (72_000.0 * 3 + 50 * 61, "3-01:01:00")],
)  # fmt: skip
def test_time_is_written_as_slurm_reads_it(wall: float, option: str) -> None:
    assert requests(*(seen(wall=wall) for _ in range(9)))["--time"].option == f"--time={option}"


@pytest.mark.parametrize(
    ("mebibytes", "option"), [(1, "100"), (83, "100"), (84, "110"), (832.5, "1000"), (834, "1100"), (9999, "12000")]
)
def test_memory_is_rounded_upward_to_two_digits(mebibytes: float, option: str) -> None:
    assert requests(*(seen(peak_memory=mebibytes * (1 << 20)) for _ in range(9)))["--mem"].option == f"--mem={option}M"


@pytest.mark.parametrize(
    ("number", "room", "option"),
    [(1, 2.0, "2000"), (2, 1.75, "1800"), (3, 1.5, "1500"), (4, 1.5, "1500"), (5, 1.2, "1200"), (6, 1.2, "1200")],
)
def test_the_fewer_runs_the_more_room(number: int, room: float, option: str) -> None:
    memory = requests(*(seen(peak_memory=1000 * (1 << 20)) for _ in range(number)))["--mem"]
    assert (memory.room, memory.option) == (room, f"--mem={option}M")


def test_what_a_request_rests_on() -> None:
    found = requests(*(seen() for _ in range(5)))
    assert advice.basis(found["--time"]) == "5 runs, p99 + 20 %"
    assert advice.basis(found["--cpus-per-task"]) == "5 runs, p90"
    assert advice.basis(requests(seen())["--mem"]) == "1 run, p99 + 100 %"


@pytest.mark.parametrize(("good", "failed", "is_there"), [(5, 0, True), (4, 0, False), (4, 9, False), (5, 9, True)])
def test_a_line_only_where_five_ended_well(good: int, failed: int, is_there: bool) -> None:
    found = advice.of([*(seen() for _ in range(good)), *(seen(failed=True) for _ in range(failed))])
    assert found is not None
    assert (found.runs, found.failed) == (good + failed, failed)
    assert bool(advice.line(found)) == is_there
    assert bool(found.cautions) != is_there


def test_only_the_newest_five_hundred_count() -> None:
    found = advice.of([seen(status="running"), *(seen(started=f"{number:04d}") for number in range(600, 0, -1))])
    assert found is not None
    assert (found.runs, found.since) == (500, "0101")


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
    assert cpus.option == "--cpus-per-task=8"
    assert cpus.why == ("it used all of the 8 cores that it had: with more it may be faster",)
    exactly = requests(seen(cores_used=0.9 * 4, cores_allowed=4.0), seen(cores_used=1.0, cores_allowed=2.0))
    assert exactly["--cpus-per-task"].why == ()
    assert requests(seen(cores_used=3.6, cores_allowed=4.0))["--cpus-per-task"].why
    assert requests(seen(cores_used=3.6, cores_allowed=None))["--cpus-per-task"].why == ()
    assert requests(seen(cores_used=3.5, cores_allowed=4.0))["--cpus-per-task"].why == ()


def test_in_one_line() -> None:
    found = advice.of([seen() for _ in range(37)])
    assert found is not None
    assert advice.line(found) == "--mem=580M would do: 37 runs, p99 + 20 %"


def test_the_line_of_show_is_told_by_the_index_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "_SETTLED", -1.0)  # what is fresh is not remembered: nobody is to wait for that
    store = Store(tmp_path / "store")
    for number in range(70):
        peak = Figure(500 * MB, "B", "exact")
        run_id = store.run(argv=("train", str(number)), resources={"memory_peak": peak})
    folder = str(store.folder(run_id))
    assert advice.of_snapshot(folder, ("train", "7")) == ""
    opened = index.open_index(AllRuns(store.runs, ()))
    assert opened.count() == 70
    assert advice.of_snapshot(folder, ("train", "7")) == "--mem=580M would do: 70 runs, p99 + 20 %"
    assert advice.line(advice.advice(opened, "train N")) == "--mem=580M would do: 70 runs, p99 + 20 %"
    assert advice.advice(opened, "other") is None
    assert advice.of_snapshot(folder, ("other",)) == ""
    for _ in range(66):
        store.run()
    assert advice.of_snapshot(folder, ("train", "7")) == ""  # it lacks many runs


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
