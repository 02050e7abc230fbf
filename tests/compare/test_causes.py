"""Each rule on what the time went into and what else differs, with one cause planted; and what must not be claimed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from harness.beside import MACHINE, Maker, beside, used

from vestige.compare.comparison import compare
from vestige.compare.differences import Difference
from vestige.compare.sides import Side
from vestige.record.model import Exit, Package, Span
from vestige.report import compare_words
from vestige.report.compare_words import sentence

if TYPE_CHECKING:
    from harness.beside import MadeRun

    from vestige.compare.comparison import Comparison

CSV = [used("input", "/data/in.csv", b"a", size=10_000_000)]
LARGER = [used("input", "/data/in.csv", b"aa", size=20_000_000)]
SLOW, FAST = Package("python", "slowlib", "1.1"), Package("python", "slowlib", "1.0")


def why(then: MadeRun, now: MadeRun) -> tuple[str, list[str], str]:
    """Return what most of the time went into, which hints there are, and the sentence."""
    found = beside(then, now)
    (explanation,) = found.explanations
    went = explanation.spent[0].what if explanation.spent else "nothing"
    return went, [hint.what for hint in explanation.hints], sentence(found, explanation)


def made(**figures: Any) -> tuple[MadeRun, MadeRun]:
    maker = Maker()
    return maker.run(), maker.run(**figures)


def test_work() -> None:
    maker = Maker()
    went, hints, words = why(maker.run(uses=CSV), maker.run(uses=LARGER, wall=18.0, cpu=16.0))
    assert (went, hints[0]) == ("work", "data")
    assert "8.00 s more work on the CPU" in words
    assert "2.00 times the input (10.0 MB → 20.0 MB: in.csv 10.0 MB → 20.0 MB)" in words


def test_faster_is_told_as_faster() -> None:
    maker = Maker()
    went, _, words = why(maker.run(uses=LARGER, wall=18.0, cpu=16.0), maker.run(uses=CSV))
    assert went == "work"
    assert words.startswith("`B` was 1.80 times as fast as `A`")
    assert "8.00 s less work on the CPU" in words
    assert "2.00 times less input" in words


def test_starved_of_a_cpu() -> None:
    went, hints, words = why(*made(wall=18.0, run_queue_wait=8.1, pressure_cpu=8.5))
    assert (went, hints) == ("starved", ["busy"])
    assert "8.00 s more waiting for a CPU; with more pressure on the machine's CPUs (100 ms → 8.50 s)" in words


def test_fewer_cpus_at_once() -> None:
    maker = Maker()
    machine = dataclasses.replace(MACHINE, cpus_allowed=2)
    then = maker.run(wall=10.0, cpu=40.0)
    went, hints, words = why(then, maker.run(wall=20.0, cpu=40.0, cores_allowed=2, record={"machine": machine}))
    assert (went, hints[0]) == ("together", "cores")
    assert "10.0 s from the same work with fewer CPUs at work at once" in words
    assert "8 → 2 CPUs allowed" in words


def test_workers_in_line_for_few_cpus() -> None:
    maker = Maker()
    then, now = maker.run(wall=10.0, cpu=40.0, run_queue_wait=0), maker.run(wall=20.0, cpu=40.0, run_queue_wait=40.0)
    assert why(then, now)[0] == "starved"


def test_cold_cache() -> None:
    went, hints, words = why(*made(wall=14.0, read_bytes=5e7, page_faults_major=900))
    assert (went, hints) == ("storage", ["cold"])
    assert "as much read, but 0 B → 50.0 MB of it from storage (a colder cache)" in words


def test_pages_from_storage_are_a_cold_cache_too() -> None:
    assert why(*made(wall=14.0, page_faults_major=900))[:2] == ("storage", ["cold"])


def test_more_from_storage_is_no_cold_cache_where_more_was_read() -> None:
    went, hints, _ = why(*made(wall=14.0, read_bytes=5e7, read_chars=1e8))
    assert (went, hints) == ("storage", [])


def test_less_from_storage_is_no_cause_of_more_waiting() -> None:
    maker = Maker()
    went, hints, _ = why(maker.run(read_bytes=5e7), maker.run(wall=14.0))
    assert (went, hints) == ("asleep", [])


def test_a_warm_cache_makes_faster() -> None:
    maker = Maker()
    went, hints, words = why(maker.run(wall=14.0, read_bytes=5e7), maker.run())
    assert (went, hints) == ("storage", ["cold"])
    assert "(a warmer cache)" in words


def test_what_was_starved_is_faster_without() -> None:
    maker = Maker()
    then, now = maker.run(wall=20.0, cpu=40.0, run_queue_wait=40.0), maker.run(wall=10.0, cpu=40.0, run_queue_wait=0)
    went, _, words = why(then, now)
    assert went == "starved"
    assert "10.0 s less waiting for a CPU" in words


def test_asleep() -> None:
    maker = Maker()
    went, hints, words = why(maker.run(software=[FAST]), maker.run(software=[SLOW], wall=14.0))
    assert (went, hints) == ("asleep", ["software"])
    assert "4.00 s more waiting, not seen to be for a CPU or for storage" in words
    assert "with other software: slowlib 1.0 → 1.1" in words


def test_short_of_memory() -> None:
    went, hints, words = why(*made(wall=14.0, page_faults_major=9_000, pressure_memory=3.0, read_chars=9e7))
    assert (went, hints) == ("storage", ["memory"])
    assert "more pressure on the machine's memory (0 ms → 3.00 s)" in words


def test_more_processes() -> None:
    went, hints, words = why(*made(wall=18.0, cpu=16.0, processes=400))
    assert (went, hints) == ("work", ["processes"])
    assert "3 → 400 processes" in words


def test_a_parameter() -> None:
    maker = Maker()
    now = maker.run("python3", "train.py", "--trees", "200", wall=18.0, cpu=16.0)
    assert why(maker.run(), now)[1] == ["parameters"]
    assert "with --trees 100 → 200" in why(maker.run(), now)[2]


def test_code() -> None:
    maker = Maker()
    then, now = (used("input", "/data/train.py", content) for content in (b"1", b"22"))
    _, hints, words = why(maker.run(uses=[then]), maker.run(uses=[now], wall=18.0, cpu=16.0))
    assert "code" in hints
    assert "other code: train.py" in words


def test_an_input_of_git_annex_is_known_by_its_link() -> None:
    """Each content is another object, and the file that people know is one."""
    maker = Maker()
    then, now = (
        dataclasses.replace(use, path=f"/data/.git/annex/objects/{digit}/KEY{digit}", names=(use.path,))
        for digit, (use,) in enumerate((CSV, LARGER))
    )
    _, _, words = why(maker.run(uses=[then]), maker.run(uses=[now], wall=18.0, cpu=16.0))
    assert "2.00 times the input (10.0 MB → 20.0 MB: in.csv 10.0 MB → 20.0 MB)" in words


def test_another_machine_and_environment() -> None:
    maker = Maker()
    machine = dataclasses.replace(MACHINE, host="node2")
    record = {"machine": machine, "environment": {"LANG": "C", "OMP_NUM_THREADS": "1"}}
    _, hints, words = why(maker.run(), maker.run(wall=18.0, cpu=16.0, record=record))
    assert hints == ["machine", "environment"]
    assert "another machine: host node1 → node2" in words
    assert "OMP_NUM_THREADS – → 1" in words  # noqa: RUF001


def test_another_command() -> None:
    maker = Maker()
    assert why(maker.run(), maker.run("make", wall=18.0, cpu=16.0))[1] == ["command"]


def test_part_of_the_run() -> None:
    maker = Maker()

    def spans(second: float) -> list[Span]:
        return [Span("1", "load", 0, 2.0, kind="kedro.node"), Span("2", "fit", 2.0, 2.0 + second, kind="kedro.node")]

    _, hints, words = why(maker.run(parts=spans(7)), maker.run(parts=spans(15), wall=18.0, cpu=16.0))
    assert hints == ["part"]
    assert "most of it in `fit` (7.00 s → 15.0 s)" in words


def test_two_causes_are_both_named() -> None:
    found = beside(*made(wall=20.0, cpu=13.0, run_queue_wait=5.1))
    assert [spent.what for spent in found.explanations[0].spent] == ["work", "starved"]


def test_nothing_is_claimed_where_no_cpu_was_measured() -> None:
    maker = Maker()
    maker.figures = {"wall": 10.0}
    went, _, words = why(maker.run(), maker.run(wall=20.0))
    assert went == "nothing"
    assert "what it went into was not measured" in words


def test_what_it_waited_for_is_not_claimed_where_that_was_not_measured() -> None:
    maker = Maker()
    maker.figures = {"wall": 10.0, "cpu": 8.0}
    went, _, words = why(maker.run(), maker.run(wall=20.0))
    assert went == "waiting"
    assert "10.0 s more waiting, for what was not measured" in words


def test_a_failure_comes_first() -> None:
    maker = Maker()
    failed = maker.run("python3", "train.py", "--trees", "9", wall=1.0, cpu=0.5, record={"exit": Exit(code=3)})
    _, hints, words = why(maker.run(), failed)
    assert hints == ["outcome", "parameters"]
    assert "with outcome ok → exit 3; --trees 100 → 9" in words


def test_nothing_is_claimed_of_a_wall_that_is_not_known() -> None:
    maker = Maker()
    maker.figures = {"cpu": 10.0}
    assert why(maker.run(), maker.run(cpu=20.0))[2] == "`B` beside `A`: how long they took is not known of both"


@pytest.mark.parametrize("count", [1, 5])
def test_equal(count: int) -> None:
    maker = Maker()
    found = beside([maker.run(uses=CSV) for _ in range(count)], [maker.run(uses=CSV) for _ in range(count)])
    assert found.same
    assert _outcome(found) == "equal"
    words = sentence(found, found.explanations[0])
    assert words.startswith("`B` took as long as `A`")
    assert words.endswith("; nothing else that was seen differs")


def test_equal_times_tell_what_else_differs() -> None:
    maker = Maker()
    found = beside(maker.run(software=[FAST]), maker.run(software=[SLOW], memory_peak=4e8))
    assert sentence(found, found.explanations[0]).endswith("what differs: memory peak 4.00×, software")  # noqa: RUF001


def test_what_differs_is_of_the_side_that_is_spoken_of() -> None:
    maker = Maker()
    runs = maker.run(), maker.run("python3", "train.py", "--trees", "200"), maker.run(cpu=16.0)
    found = compare([Side(name, (run,)) for name, run in zip("ABC", runs, strict=True)])
    first, second = (sentence(found, explanation) for explanation in found.explanations)
    assert first.endswith("what differs: parameters")
    assert second.endswith("what differs: cpu 2.00×")  # noqa: RUF001


def test_what_came_out_is_no_cause_and_differs_all_the_same() -> None:
    maker = Maker()
    then, now = ([used("output", "/data/out.csv", content)] for content in (b"a", b"b"))
    words = why(maker.run(uses=then), maker.run(wall=18.0, cpu=16.0, uses=now))[2]
    assert words.endswith("8.00 s more work on the CPU; what else differs: outputs")


def test_a_small_difference_that_is_sure_is_not_called_noise() -> None:
    maker = Maker()
    found = beside([maker.run(wall=0.001) for _ in range(5)], [maker.run(wall=0.004) for _ in range(5)])
    words = sentence(found, found.explanations[0])
    assert words.startswith("`B` took as long as `A`, or nearly: 4.00× (4.00–4.00), too small a difference to matter")  # noqa: RUF001
    assert compare_words.verdict(found.figures[0].against[1]) == "too small to matter"


def test_two_runs_are_not_called_one() -> None:
    maker = Maker()
    found = beside([maker.run(), maker.run()], [maker.run(), maker.run()])
    assert "as far as 2 runs can tell" in sentence(found, found.explanations[0])


def _outcome(found: Comparison) -> str:
    (explanation,) = found.explanations
    return explanation.outcome


def test_long_values_that_begin_alike_are_cut_before_they_differ() -> None:
    begin = "import time; " * 10
    found = Difference("parameters", "-c", (f"{begin}size = 1", f"{begin}size = 20; more = {'9' * 40}", None))
    assert compare_words.values(found) == [
        "…ime; size = 1", "…ime; size = 20; more = 999999999999999…", "–",  # noqa: RUF001 - a dash on purpose
    ]  # fmt: skip
