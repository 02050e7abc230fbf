"""`vestige bench`: how often, in which order, what stops it, and what is left behind."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from harness.beside import Maker
from harness.waiting import until

from vestige.api import Run
from vestige.cli import dispatch
from vestige.cli.commands import bench as bench_command
from vestige.compare.spread import Measured, Spread, doubts, measured, times_faster
from vestige.errors import UsageError
from vestige.record.model import Figure
from vestige.report import bench_text

if TYPE_CHECKING:
    from harness.command import Vestige


def benched(vestige: Vestige, *words: str) -> dict[str, Any]:
    done = vestige.call("bench", "--json", *words)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def kept(vestige: Vestige, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(vestige.call("ls", "--json", *words).stdout)
    return found


def test_commands_run_in_turn_and_are_kept(vestige: Vestige) -> None:
    found = benched(
        vestige, "-n", "2", "--warmup", "1", "--vs", "sh -c 'echo b >> order'", "--", "sh", "-c", "echo a >> order"
    )
    with open(vestige.path("order"), encoding="utf-8") as file:
        assert file.read().split() == ["a", "b"] * 3
    results = found["results"]
    assert [result["command"] for result in results] == [f"sh -c 'echo {name} >> order'" for name in "ab"]
    assert [len(result["times"]) for result in results] == [2, 2]
    runs = kept(vestige, "--tag", "bench")
    assert {run["id"] for run in runs} == {run for result in results for run in result["runs"]}
    assert vestige.call("compare", *(f"tag:{result['tag']}" for result in results)).returncode == 0
    memory = results[0]["figures"]["memory_peak"]
    assert 100_000 < memory["median"] < 100_000_000


def test_nothing_is_left_where_nothing_is_to_be_kept(vestige: Vestige) -> None:
    vestige.run("true")
    benched(vestige, "-n", "2", "--warmup", "1", "--no-keep", "--", "true")
    assert len(kept(vestige)) == 1


def test_preparation_comes_before_every_run(vestige: Vestige) -> None:
    benched(vestige, "-n", "3", "--prepare", "echo p >> order", "--", "sh", "-c", "echo r >> order")
    with open(vestige.path("order"), encoding="utf-8") as file:
        assert file.read().split() == ["p", "r"] * 3
    failed = vestige.call("bench", "-n", "3", "--ignore-failure", "--prepare", "exit 4", "--", "true")
    assert (failed.returncode, failed.stderr) == (2, b"vestige: exit 4 ended with 4\n")


def test_failure_stops_and_shows_what_was_printed(vestige: Vestige) -> None:
    failed = vestige.call("bench", "-n", "5", "--", "sh", "-c", "echo hello; exit 3")
    assert failed.returncode == 2
    assert b"hello" in failed.stderr
    assert b"ended with 3" in failed.stderr
    assert len(kept(vestige)) == 1
    found = benched(vestige, "-n", "2", "--ignore-failure", "--", "sh", "-c", "echo hello; exit 3")
    assert found["results"][0]["exit_codes"] == [3, 3]
    assert "failed" in found["results"][0]["doubts"]


def test_without_its_time_a_run_is_not_compared(vestige: Vestige) -> None:
    """The events of a run that it has spoiled itself tell no time."""
    of_runs = f"for file in {vestige.path('apart')}/runs/*/events.jsonl; do"
    script = f"{of_runs} until test -s $file; do sleep 0.01; done; done; {of_runs} echo junk > $file; done"
    failed = vestige.call("bench", "--store", vestige.path("apart"), "-n", "2", "--", "sh", "-c", script)
    assert (failed.returncode, failed.stdout) == (2, b"")
    assert failed.stderr.endswith(b" took a time that is not known\n")
    assert failed.stderr.count(b"\n") == 1


def test_commands_are_named_as_they_can_be_typed(vestige: Vestige) -> None:
    done = vestige.call("bench", "-n", "1", "--vs", "sh -c 'sleep 0.2; exit'", "--", "sh", "-c", "exit 0")
    assert done.stdout.splitlines()[-1].startswith(b"`sh -c 'sleep 0.2; exit'` took ")
    failed = vestige.call("bench", "-n", "1", "--", "sh", "-c", "exit 3")
    assert b"vestige: sh -c 'exit 3' ended with 3; " in failed.stderr


def test_interrupted_it_gives_what_there_is(vestige: Vestige) -> None:
    words = ("bench", "--no-keep", "-n", "50", "--", "sh", "-c", "echo x >> count; sleep 0.1")
    process = vestige.start_bare(
        vestige.executable, *words, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        start_new_session=True,
    )  # fmt: skip
    until(lambda: os.path.exists(vestige.path("count")) and os.path.getsize(vestige.path("count")) >= 6, "runs")
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"median" in out
    assert b"interrupted: this is what there is" in err
    assert kept(vestige) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_terminated_it_ends_the_command_too_and_gives_what_there_is(vestige: Vestige, number: int) -> None:
    script = "echo x >> count; test $(wc -l < count) -lt 3 || exec sleep 1000"
    process = vestige.start_bare(vestige.executable, "bench", "--no-keep", "-n", "50", "--", "sh", "-c", script)
    until(lambda: os.path.exists(vestige.path("count")) and os.path.getsize(vestige.path("count")) >= 6, "runs")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == -number
    assert b"median" in out
    assert b"interrupted: this is what there is" in err
    assert kept(vestige) == []


def test_forms_have_the_names_of_hyperfine(vestige: Vestige) -> None:
    text = vestige.call("bench", "-n", "2", "--no-keep", "--csv", "--", "true").stdout.decode()
    (row,) = csv.DictReader(text.splitlines())
    assert list(row)[:8] == ["command", "mean", "stddev", "median", "user", "system", "min", "max"]
    assert 0 < float(row["min"]) <= float(row["median"]) <= float(row["max"]) < 10
    table = bench_text.markdown([_measured(1.0, 2.0), _measured(3.0, 4.0)]).splitlines()
    assert table[0] == "| Command | Mean ± s.d. | Median | Min | Max | Memory | Relative |"
    assert table[3] == "| x | 3.50 s ± 707 ms | 3.50 s | 3.00 s | 4.00 s |  | 2.33 ± 1.20 |"


def test_nothing_to_run() -> None:
    for words in ([], ["-n", "0", "--", "true"], ["--vs", "'", "--", "true"], ["--vs", "", "--", "true"]):
        with pytest.raises(UsageError):
            bench_command.execute(dispatch.parser_of("bench").parse(words))


def _measured(*walls: float, queued: float = 0.0) -> Measured:
    figures = {"wall": Spread(walls), "run_queue_wait": Spread((queued,) * len(walls))}
    return Measured("x", "bench", ("1",), (0,), figures, dict.fromkeys(figures, "exact"))


def test_doubts() -> None:
    assert doubts(_measured(1.0, 1.01, 0.99, 1.0)) == []
    assert doubts(_measured(9.0, 1.01, 0.99, 1.0, 1.0)) == ["slow first"]
    assert doubts(_measured(1.0, 1.01, 9.0, 0.99, 1.0)) == ["outliers"]
    assert doubts(_measured(0.001, 0.001)) == ["short"]
    assert doubts(_measured(1.0, 1.0, queued=0.5)) == ["crowded"]


@pytest.mark.parametrize(
    ("walls", "found"),
    [
        ((0.005, 0.005), []),
        ((0.0049, 0.0049), ["short"]),
        ((1.1, 1.0, 1.05, 0.95, 1.0), []),
        ((1.75, 1.05, 0.95, 1.0, 1.0), ["slow first"]),
        ((1.74, 1.05, 0.95, 1.0, 1.0), []),
        ((1.75, 1.05, 1.75, 0.95, 1.0, 0.9), []),  # the median absolute deviation grows with the odd ones
        ((0.1, 1.05, 0.95, 1.0, 1.0), []),  # faster is not odd
        ((9.0, 1.0, 1.0, 1.0), []),  # they do not vary: nobody knows how much is odd
        ((9.0, 1.0), []),
        ((9.0, 1.0, 1.01), ["slow first"]),
    ],
)
def test_which_runs_are_odd(walls: tuple[float, ...], found: list[str]) -> None:
    assert doubts(_measured(*walls)) == found


def test_a_tenth_of_the_time_in_the_queue_is_no_crowd() -> None:
    assert doubts(_measured(1.0, 1.0, queued=0.1)) == []


@pytest.mark.parametrize(("codes", "found"), [((0, 0), []), ((0, 3), ["failed"]), ((None, 0), [])])
def test_a_run_that_failed_is_a_doubt(codes: tuple[int | None, ...], found: list[str]) -> None:
    assert doubts(dataclasses.replace(_measured(1.0, 1.0), exit_codes=codes)) == found


def test_spread() -> None:
    spread = Spread((4.0, 1.0, 1.0))
    assert (spread.mean, spread.median) == (2.0, 1.0)
    assert spread.deviation == pytest.approx(3**0.5)
    assert Spread((1.0, 3.0)).deviation == pytest.approx(2**0.5)
    assert Spread((1.0,)).deviation is None


def test_what_all_runs_of_a_command_have_is_measured() -> None:
    maker = Maker()
    one = maker.run(wall=2.0, memory_peak=1e8, processes=3, methods={"wall": "exact", "cpu": "bound"}).record
    two = maker.run(wall=4.0, memory_peak=3e8, processes=0, methods={"wall": "sampled", "cpu": "estimate"}).record
    lacking = {name: figure for name, figure in two.resources.items() if name != "read_chars"}
    lacking["pressure_io"] = Figure(None, "s", "unavailable", reason="the kernel does not tell")
    runs = [Run("/nowhere", one), Run("/nowhere", dataclasses.replace(two, resources=lacking))]
    found = measured("x", "bench", runs)
    assert (found.command, found.tag, found.exit_codes) == ("x", "bench", (0, 0))
    assert found.runs == (one.id, two.id)
    assert set(one.resources) - set(found.figures) == {"read_chars", "pressure_io"}
    assert (found.wall.values, found.figures["processes"].values) == ((2.0, 4.0), (3.0, 0.0))
    assert (found.methods["wall"], found.methods["cpu"], found.methods["memory_peak"]) == (
        "sampled",
        "estimate",
        "exact",
    )
    assert found.methods.keys() == found.figures.keys()


def test_times_faster() -> None:
    ratio, deviation = times_faster(_measured(2.0, 2.2, 1.8), _measured(5.0, 6.0, 4.0))
    assert ratio == 2.5
    assert deviation == pytest.approx(2.5 * (0.1**2 + 0.2**2) ** 0.5)
    assert times_faster(_measured(1.0), _measured(3.0)) == (3.0, None)
