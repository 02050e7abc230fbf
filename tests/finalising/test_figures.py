"""Every figure says how it was got, and is no better than that."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from harness.written import COMMAND, MB, MS, RECORDER, Events, S, folder, rusage, simple, ticks

from vestige.finalising.figures import resources
from vestige.finalising.finalise import finalise
from vestige.finalising.processes import MAXRSS_SLACK, family
from vestige.observe.events import observe
from vestige.record import codec
from vestige.record.model import FIGURES, Figure, Machine

if TYPE_CHECKING:
    from pathlib import Path

    from vestige.record.model import Process

LOOKED_AT_BEFORE = "it was last looked at before its end"
MAYBE_CHILDREN = "children may be in it"


def figures(tmp_path: Path, events: Events) -> dict[str, Figure]:
    return finalise(folder(tmp_path, events)).resources


def processes(tmp_path: Path, events: Events) -> list[Process]:
    path = folder(tmp_path, events)
    finalise(path)
    return list(codec.read_processes(os.path.join(path, "processes.jsonl")))


def made(events: Events, **end: Any) -> Events:
    """End a run whose command has waited for all."""
    t = max(line["t"] for line in events.lines)
    return events.exit(t + MS, COMMAND, ppid=RECORDER).reap(t + 2 * MS, COMMAND).end(t + 2 * MS, **end)


def shell() -> Events:
    return Events().opening().exec(2 * MS, COMMAND, ["sh"], ppid=RECORDER)


def test_all_figures_are_there_in_order_with_their_units(tmp_path: Path) -> None:
    found = figures(tmp_path, simple())
    assert list(found) == list(FIGURES)
    assert [figure.unit for figure in found.values()] == [unit for unit, _ in FIGURES.values()]


def test_all_figures_are_there_when_nothing_was_seen(tmp_path: Path) -> None:
    found = figures(tmp_path, Events().begin())
    assert list(found) == list(FIGURES)
    for name, figure in found.items():
        assert (figure.value is None) == (figure.method == "unavailable"), name
        assert figure.value is not None or figure.reason, name
        assert figure.unit == FIGURES[name][0]


def test_exact_figures_of_a_simple_run(tmp_path: Path) -> None:
    found = figures(tmp_path, simple())
    expected = {
        "wall": 0.5,
        "cpu_user": 0.006,
        "cpu_system": 0.002,
        "cpu": 0.008,
        "cores_used": 0.016,
        "memory_peak": 4 * MB,
        "memory_peak_process": 4 * MB,
        "processes": 1,
        "read_bytes": 4096,
        "written_bytes": 0,
        "read_chars": 1000,
        "written_chars": 100,
        "context_switches_voluntary": 7,
        "context_switches_involuntary": 2,
        "page_faults_minor": 300,
        "page_faults_major": 1,
        "pressure_cpu": 0.0015,
        "pressure_io": 0.00002,
        "oom_kills": 0,
        "recorder_cpu": 0.002,
        "recorder_memory": 1_500_000,
    }
    assert {name: found[name].value for name in expected} == expected
    assert {found[name].method for name in expected} == {"exact"}
    assert found["memory_peak_cgroup"].reason == "the run had no control group of its own"
    assert (found["run_queue_wait"].value, found["run_queue_wait"].method) == (0.001, "bound")


def test_figures_of_a_run_that_nobody_saw_the_end_of(tmp_path: Path) -> None:
    found = figures(tmp_path, shell().sample(100 * MS, 3 * MB, top={"pid": COMMAND, "rss": 3 * MB}))
    no_end = "nobody saw the end of the run"
    assert found["wall"] == Figure(0.099, "s", "bound", lower=0.099, reason=no_end)
    assert found["cpu"] == Figure(0.05, "s", "bound", lower=0.05, reason=no_end)
    assert found["cores_used"] == Figure(0.505051, "1", "estimate", reason=no_end)
    untold = ("cpu_user", "cpu_system", "page_faults_minor", "oom_kills", "pressure_cpu", "memory_peak_cgroup",
              "recorder_cpu", "recorder_memory")  # fmt: skip
    assert {(name, found[name].method, found[name].reason) for name in untold} == {
        (name, "unavailable", no_end) for name in untold
    }
    assert found["processes"] == Figure(1, "1", "bound", lower=1, reason="processes between two looks were not seen")
    unread = "it could not be read of any process"
    for name in ("read_chars", "run_queue_wait"):
        assert found[name] == Figure(None, FIGURES[name][0], "unavailable", reason=unread)
    assert figures(tmp_path / "cpu", shell())["cpu"] == Figure(None, "s", "unavailable", reason=no_end)
    over = figures(tmp_path / "over", shell().exit(9 * MS, COMMAND, ppid=RECORDER))
    assert {name: over[name].method for name in ("read_chars", "memory_peak_process", "processes")} == {
        "read_chars": "bound", "memory_peak_process": "bound", "processes": "bound"
    }  # fmt: skip
    nobody = "no process could be looked at"
    unseen = figures(tmp_path / "nobody", Events().begin())["memory_peak_process"]
    assert unseen == Figure(None, "B", "unavailable", reason=nobody)


def test_what_was_reaped_is_added_up_where_the_end_is_missing(tmp_path: Path) -> None:
    events = shell().reap(50 * MS, 1001, maxrss=9 * MB, minor_faults=None, user_us=1000)
    found = figures(tmp_path, events.reap(60 * MS, COMMAND))
    reason = "nobody saw the end of the run"
    assert found["cpu_user"] == Figure(0.007, "s", "bound", lower=0.007, reason=reason)
    assert found["cpu"] == Figure(0.011, "s", "bound", lower=0.011, reason=reason)
    assert found["context_switches_voluntary"].value == 14
    assert found["page_faults_minor"] == Figure(None, "1", "unavailable", reason=reason)
    assert found["memory_peak_process"] == Figure(9 * MB, "B", "bound", lower=9 * MB, reason=reason)


def test_the_largest_of_all_that_were_reaped_is_known_without_tracing_and_end(tmp_path: Path) -> None:
    events = Events().begin().add("trace", 1, state="off", reason="asked for").add("start", MS, pid=COMMAND)
    events.reap(40 * MS, 1002, maxrss=None).reap(50 * MS, 1001, maxrss=9 * MB).reap(60 * MS, COMMAND)
    found = figures(tmp_path, events)["memory_peak_process"]
    assert found == Figure(9 * MB, "B", "bound", lower=9 * MB, reason="nobody saw the end of the run")


def test_totals_are_those_of_whoever_knows_more(tmp_path: Path) -> None:
    ended = shell().exit(9 * MS, COMMAND, ppid=RECORDER).reap(10 * MS, COMMAND, user_us=7000, major_faults=None)
    found = figures(tmp_path, ended.end(10 * MS, system_us=5000, minor_faults=None))
    assert (found["cpu_user"], found["cpu_system"]) == (Figure(0.007, "s", "exact"), Figure(0.005, "s", "exact"))
    assert (found["page_faults_minor"].value, found["page_faults_major"].value) == (300, 1)


@pytest.mark.parametrize("missing", ["user_us", "system_us"])
def test_cpu_without_the_kernels_totals_is_at_least_what_was_looked_at(tmp_path: Path, missing: str) -> None:
    lacking: dict[str, Any] = {missing: None}
    events = shell().exit(9 * MS, COMMAND, ppid=RECORDER, cpu_ns=5 * MS).reap(10 * MS, COMMAND, **lacking)
    found = figures(tmp_path, events.end(10 * MS, cost=lacking, **lacking))
    unread = "it could not be read"
    assert found["cpu"] == Figure(0.005, "s", "bound", lower=0.005, reason=unread)
    name = f"cpu_{missing.partition('_')[0]}"
    assert found[name] == Figure(None, "s", "unavailable", reason=unread)
    assert found["recorder_cpu"] == Figure(None, "s", "unavailable", reason=unread)
    assert found["recorder_memory"] == Figure(None, "B", "unavailable", reason=unread)


@pytest.mark.parametrize(("burnt", "method"), [(13_160_000, "exact"), (13_160_001, "bound")])
def test_clocks_may_be_two_per_cent_and_ten_milliseconds_above_the_kernels_total(
    tmp_path: Path, burnt: int, method: str
) -> None:
    events = shell().exec(10 * MS, 1001, ["burn"]).exit(20 * MS, 1001, cpu_ns=burnt)  # of 8 ms in all, 5 by the shell
    found = figures(tmp_path, made(events))
    assert (found["cpu"].method, found["read_chars"].method) == (method, method)


def test_survivors_are_no_sign_of_a_parent_that_waits_for_nobody(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["daemon"])
    events.add("survivor", 20 * MS, pid=1001, ppid=1, comm="daemon", cpu_ns=300 * MS, hwm=30 * MB)
    completeness = finalise(folder(tmp_path, made(events))).completeness
    assert completeness is not None
    assert completeness.notes == ()


def test_cores_used_are_as_well_known_as_the_cpu(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["daemon"])
    events.add("survivor", 20 * MS, pid=1001, ppid=1, comm="daemon", cpu_ns=300 * MS, hwm=30 * MB)
    reason = "1 process was still alive when the run ended"
    used = figures(tmp_path, made(events))["cores_used"]
    assert used == Figure(14.666667, "1", "bound", lower=14.666667, reason=reason)


@pytest.mark.parametrize(
    ("affinity", "quota", "allowed"), [(4, None, 4), (4, 1.5, 1.5), (2, 6.0, 2), (None, 0.5, 0.5), (None, None, None)]
)
def test_cores_allowed_are_the_fewest_of_affinity_and_quota(
    tmp_path: Path, affinity: int | None, quota: float | None, allowed: float | None
) -> None:
    machine = Machine("host", "Linux", "6.1", "x86_64", 8, affinity, quota, memory=None, memory_limit=None)
    found = resources(family(observe(simple().write(tmp_path))), machine)["cores_allowed"]
    assert (found.value, found.unit, found.method) == (allowed, "1", "exact" if allowed else "unavailable")


def test_children_that_nobody_waited_for(tmp_path: Path) -> None:
    events = shell()
    for index in range(10):
        events.exec((10 + index) * MS, 1001 + index, ["burn"]).exit((20 + index) * MS, 1001 + index, cpu_ns=50 * MS)
    cpu = figures(tmp_path, made(events))["cpu"]
    assert cpu.value == pytest.approx(0.505)
    assert (cpu.method, cpu.lower) == ("bound", cpu.value)
    assert cpu.reason == "some processes were never waited for; what they used before their end is counted"


def test_survivors_count_so_far(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["daemon"])
    events.add("survivor", 20 * MS, pid=1001, ppid=1, comm="daemon", cpu_ns=300 * MS, hwm=30 * MB)
    cpu = figures(tmp_path, made(events))["cpu"]
    assert (cpu.value, cpu.method, cpu.lower) == (0.308, "bound", 0.308)
    assert cpu.reason == "1 process was still alive when the run ended"


def test_own_control_group_knows_all_cpu_and_its_peak(tmp_path: Path) -> None:
    group = {"path": "/x", "version": 2, "own": True, "memory_peak": 77 * MB, "oom_kills": 2, "cpu_us": 9000}
    found = figures(tmp_path, made(shell(), cgroup=group, oom_kills=5))
    assert found["cpu"] == Figure(0.009, "s", "exact")
    assert found["memory_peak_cgroup"] == Figure(77 * MB, "B", "exact")
    assert found["oom_kills"] == Figure(2, "1", "exact", reason="of the run's own control group")


@pytest.mark.parametrize(
    ("group", "machine_kills", "kills", "peak"),
    [
        ({"own": False, "cpu_us": 9000, "oom_kills": 2, "memory_peak": 7}, 5, "whole", "own"),
        ({"own": True}, 5, "whole", "tell"),
        ({"own": True}, None, "tell", "tell"),
        ({"own": True, "oom_kills": 0}, 5, "group", "tell"),
        (None, None, "tell", "own"),
    ],
)
def test_a_control_group_that_knows_less_is_asked_for_less(
    tmp_path: Path, group: dict[str, Any] | None, machine_kills: int | None, kills: str, peak: str
) -> None:
    known = None if group is None else {"path": "/x", "version": 2, **group}
    found = figures(tmp_path, made(shell(), cgroup=known, oom_kills=machine_kills))
    assert found["cpu"] == Figure(0.008, "s", "exact")
    assert (
        found["oom_kills"]
        == {
            "whole": Figure(5, "1", "exact", reason="of the whole machine"),
            "group": Figure(0, "1", "exact", reason="of the run's own control group"),
            "tell": Figure(None, "1", "unavailable", reason="the kernel does not tell"),
        }[kills]
    )
    reason = {"own": "the run had no control group of its own", "tell": "the kernel does not tell"}[peak]
    assert found["memory_peak_cgroup"] == Figure(None, "B", "unavailable", reason=reason)


def test_somebody_whom_nobody_looked_at_was_the_largest(tmp_path: Path) -> None:
    assert figures(tmp_path, made(shell(), maxrss=90 * MB))["memory_peak_process"] == Figure(90 * MB, "B", "exact")


def test_untraced_totals_are_a_bound(tmp_path: Path) -> None:
    events = Events().begin().add("trace", 1, state="off", reason="asked for").add("start", MS, pid=COMMAND)
    found = figures(tmp_path, events.reap(9 * MS, COMMAND).end(9 * MS))
    assert (found["cpu"].value, found["cpu"].method, found["cpu"].lower) == (0.008, "bound", 0.008)
    assert found["processes"].method == "bound"
    assert (found["memory_peak"].value, found["memory_peak"].method) == (3_800_000, "bound")


def test_peak_of_one_process_is_exact_beside_small_ones(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["big"]).exit(60 * MS, 1001, hwm=500 * MB)
    peak = figures(tmp_path, made(events))["memory_peak"]
    assert (peak.value, peak.method) == (500 * MB, "exact")
    assert (peak.lower, peak.upper) == (500 * MB, 504 * MB)


def test_two_processes_one_after_the_other(tmp_path: Path) -> None:
    events = shell()
    for at, pid in ((10, 1001), (60, 1002)):
        events.exec(at * MS, pid, ["big"]).exit((at + 40) * MS, pid, hwm=300 * MB)
    peak = figures(tmp_path, made(events))["memory_peak"]
    assert (peak.value, peak.method, peak.upper) == (300 * MB, "sampled", 304 * MB) or peak.method == "bound"
    assert peak.upper == 304 * MB


def test_forks_that_share_their_pages(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["python"])
    for pid in range(1002, 1006):
        events.exit(500 * MS, pid, ppid=1001, start=ticks(100 * MS), hwm=400 * MB)
    events.sample(300 * MS, 2005 * MB, processes=6, pss=402 * MB, pss_rss=2004 * MB, top={"pid": 1001, "rss": 401 * MB})
    events.exit(600 * MS, 1001, hwm=401 * MB)
    peak = figures(tmp_path, made(events))["memory_peak"]
    assert (peak.value, peak.method) == (402 * MB, "sampled")
    assert (peak.lower, peak.upper) == (401 * MB, 2005 * MB)


def test_sample_in_which_one_process_holds_all_counts_as_pss(tmp_path: Path) -> None:
    events = shell()
    events.add("gone", 90 * MS, pid=1001, ppid=COMMAND, comm="f", first_t=5 * MS, hwm=100 * MB)
    events.sample(50 * MS, 101 * MB, top={"pid": 1001, "rss": 100_500_000})
    events.sample(60 * MS, 150 * MB, top={"pid": 1001, "rss": 100_500_000})
    peak = figures(tmp_path, made(events))["memory_peak"]
    assert (peak.value, peak.method, peak.lower) == (101 * MB, "sampled", 100 * MB)


def test_killed_process_is_bounded_by_whoever_waited_for_it(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["victim"], start=14)
    events.add("kill", 60 * MS, pid=COMMAND, target=1001, signal=9, hwm=200 * MB, cpu_ns=30 * MS)
    events.add("gone", 61 * MS, pid=1001, start=14, ppid=COMMAND, comm="victim", first_t=20 * MS, hwm=150 * MB)
    events.exit(70 * MS, COMMAND, ppid=RECORDER).reap(71 * MS, COMMAND, maxrss=201 * MB)
    lines = processes(tmp_path, events.end(71 * MS, **{**rusage(), "maxrss": 201 * MB}))
    victim = lines[1]
    assert (victim.signal, victim.exit_code, victim.end) == ("SIGKILL", None, 0.06)
    peak = victim.memory_peak
    assert (peak.value, peak.method, peak.lower) == (200 * MB, "bound", 200 * MB)
    assert peak.upper == 201 * MB + (256 << 10)


def test_process_of_which_nothing_was_heard_after_a_signal_ended_by_it(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["victim"], start=14)
    events.add("kill", 61 * MS, pid=COMMAND, target=1001, signal=9, cpu_ns=30 * MS)
    victim = processes(tmp_path, events)[1]
    assert (victim.end, victim.signal, victim.survived) == (0.06, "SIGKILL", False)
    assert victim.cpu == Figure(0.03, "s", "bound", lower=0.03, reason=LOOKED_AT_BEFORE)
    assert victim.memory_peak == Figure(None, "B", "unavailable", reason=LOOKED_AT_BEFORE)


def test_process_that_outlived_a_signal_has_no_end(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["daemon"], start=14)
    events.add("kill", 15 * MS, pid=COMMAND, target=1001, signal=15)
    events.add("survivor", 20 * MS, pid=1001, start=14, ppid=1, comm="daemon", hwm=30 * MB)
    command, daemon = processes(tmp_path, made(events))
    assert (command.survived, daemon.survived, daemon.end, daemon.signal) == (False, True, None, None)
    reason = "it was still alive when the run ended"
    assert daemon.memory_peak == Figure(30 * MB, "B", "bound", lower=30 * MB, reason=reason)
    assert daemon.cpu == Figure(None, "s", "unavailable", reason=reason)


def test_killed_process_that_a_smaller_maxrss_does_not_cover_has_no_upper_bound(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["victim"], start=14)
    events.add("gone", 61 * MS, pid=1001, start=14, ppid=COMMAND, comm="victim", first_t=20 * MS, hwm=150 * MB)
    found = figures(tmp_path, made(events))
    assert (found["memory_peak"].lower, found["memory_peak"].upper) == (150 * MB, None)
    assert (found["memory_peak_process"].lower, found["memory_peak_process"].method) == (150 * MB, "bound")


def test_killed_process_at_its_peak_is_known_to_a_hair(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["victim"], start=14)
    events.add("kill", 60 * MS, pid=COMMAND, target=1001, signal=9, hwm=200 * MB)
    events.exit(70 * MS, COMMAND, ppid=RECORDER).reap(71 * MS, COMMAND, maxrss=200 * MB)
    found = figures(tmp_path, events.end(71 * MS, **{**rusage(), "maxrss": 200 * MB}))
    assert (found["memory_peak_process"].value, found["memory_peak_process"].method) == (200 * MB, "exact")
    peak = found["memory_peak"]
    assert (peak.value, peak.lower, peak.upper) == (200 * MB, 200 * MB, 204 * MB + (256 << 10))


def test_name_is_that_of_the_last_exec(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["sleep", "9"])
    events.add("survivor", 20 * MS, pid=1001, ppid=1, comm="sh", hwm=MB)
    events.add("survivor", 20 * MS, pid=1002, ppid=1, comm="fork", hwm=MB)
    events.exec(30 * MS, 1003, ["./tool", "x"], path=None).exit(31 * MS, 1004)
    assert [line.name for line in processes(tmp_path, made(events))] == ["sh", "sleep", "fork", "tool", None]


def test_killed_process_that_we_reaped_ourselves_is_exact(tmp_path: Path) -> None:
    events = Events().opening().exec(2 * MS, COMMAND, ["hungry"], ppid=RECORDER)
    events.reap(60 * MS, COMMAND, status=9, maxrss=321 * MB)
    path_events = events.end(60 * MS, status=9, **{**rusage(), "maxrss": 321 * MB})
    (line,) = processes(tmp_path, path_events)
    assert (line.memory_peak, line.signal) == (Figure(321 * MB, "B", "exact"), "SIGKILL")
    assert line.cpu == Figure(0.008, "s", "exact")
    assert line.read_chars.reason == "it was last looked at before its end"


def test_process_that_ended_without_a_word(tmp_path: Path) -> None:
    line = processes(tmp_path, made(shell().exec(10 * MS, 1001, ["lost"])))[1]
    assert (line.end, line.exit_code, line.signal, line.survived) == (None, None, None, False)
    for figure in (line.cpu, line.read_bytes, line.run_queue_wait):
        assert (figure.value, figure.method) == (None, "unavailable")
        assert figure.reason == "it ended without a word: killed by a signal nobody saw"
    assert (line.memory_peak.method, line.memory_peak.upper) == ("bound", 3_800_000 + (256 << 10))


def test_process_whose_end_the_recorder_did_not_live_to_see(tmp_path: Path) -> None:
    line = processes(tmp_path, shell().exec(10 * MS, 1001, ["lost"]))[1]
    assert line.cpu.reason == "nobody saw its end: the recorder was gone by then"


def test_image_that_was_replaced_counts_for_the_peak(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["sh"], start=ticks(9 * MS))
    events.exec(20 * MS, 1001, ["tiny"], start=ticks(9 * MS), prior={"hwm": 90 * MB}).exit(30 * MS, 1001, hwm=2 * MB)
    assert processes(tmp_path, made(events))[1].memory_peak == Figure(90 * MB, "B", "exact")


def test_io_of_waited_children_is_taken_off_their_parent(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["cat"]).exit(20 * MS, 1001, read_chars=70_000)
    events.exec(30 * MS, 1002, ["cat"]).exit(40 * MS, 1002, read_chars=30_000)
    events.exit(50 * MS, COMMAND, ppid=RECORDER, read_chars=105_000).reap(51 * MS, COMMAND).end(51 * MS)
    path = folder(tmp_path, events)
    found = finalise(path).resources
    assert found["read_chars"] == Figure(105_000, "B", "exact")
    lines = codec.read_processes(os.path.join(path, "processes.jsonl"))
    assert [line.read_chars for line in lines] == [Figure(size, "B", "exact") for size in (5_000, 70_000, 30_000)]


@pytest.mark.parametrize(
    ("parent", "children", "expected"),
    [
        (105, [70, 30], Figure(5, "B", "exact")),
        (100, [70, 30], Figure(0, "B", "exact")),
        (99, [70, 30], Figure(0, "B", "bound", upper=99, reason=MAYBE_CHILDREN)),
        (105, [70, None], Figure(35, "B", "bound", upper=105, reason=MAYBE_CHILDREN)),
        (105, [70, -30], Figure(5, "B", "bound", upper=105, reason=MAYBE_CHILDREN)),
        (-105, [], Figure(105, "B", "bound", lower=105, reason=LOOKED_AT_BEFORE)),
        (-105, [70], Figure(35, "B", "bound", lower=35, reason=LOOKED_AT_BEFORE)),
        (None, [70], Figure(None, "B", "unavailable", reason="it could not be read")),
    ],
)
def test_own_io_of_a_process_is_as_well_known_as_that_of_its_children(
    tmp_path: Path, parent: int | None, children: list[int | None], expected: Figure
) -> None:
    """Below 0: killed after it was looked at."""
    events = shell().exec(10 * MS, 1001, ["sh"])
    for pid, chars in [*enumerate(children, 1002), (1001, parent)]:
        above = COMMAND if pid == 1001 else 1001
        if chars is not None and chars < 0:
            events.add("gone", 30 * MS, pid=pid, ppid=above, comm="sh", first_t=20 * MS, read_chars=-chars)
        else:
            events.exit((20 if above == 1001 else 40) * MS, pid, ppid=above, read_chars=chars)
    lines = {line.pid: line for line in processes(tmp_path, made(events))}
    assert lines[1001].read_chars == expected


def test_of_processes_that_a_dead_recorder_may_have_missed_nothing_is_taken_for_exact(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["sh"]).exit(20 * MS, 1002, ppid=1001, read_chars=70)
    events.exit(30 * MS, 1001, read_chars=105).exit(40 * MS, 1003, read_chars=8)
    events.add("takeover", 50 * MS, reason="killed").reap(60 * MS, COMMAND).end(60 * MS, via="guard")
    command, parent, _, other = processes(tmp_path, events)
    assert parent.read_chars == Figure(35, "B", "bound", upper=105, reason=MAYBE_CHILDREN)
    assert other.read_chars == Figure(8, "B", "bound", upper=8, reason=MAYBE_CHILDREN)
    limit = 3_800_000 + MAXRSS_SLACK
    assert command.memory_peak == Figure(3_800_000, "B", "bound", upper=limit, reason=LOOKED_AT_BEFORE)
    assert command.cpu == Figure(0.008, "s", "bound", upper=0.008, reason="the children that it waited for are in it")
    assert command.run_queue_wait == Figure(None, "s", "unavailable", reason=LOOKED_AT_BEFORE)


def test_what_a_command_was_reaped_with_after_the_recorders_death_may_be_that_of_children(tmp_path: Path) -> None:
    events = shell().add("takeover", 50 * MS, reason="killed").reap(60 * MS, COMMAND).end(60 * MS, via="guard")
    (command,) = processes(tmp_path, events)
    assert (command.memory_peak.method, command.memory_peak.value) == ("bound", 3_800_000)
    assert (command.cpu.method, command.cpu.upper) == ("bound", 0.008)


def test_a_process_of_a_run_without_a_beginning_starts_when_it_was_seen(tmp_path: Path) -> None:
    events = shell()
    del events.lines[0]
    _, other = processes(tmp_path, events.exec(1234 * MS, 1001, ["a"]).exit(2 * S, 1001))
    assert other.start == 1.233


@pytest.mark.parametrize(("died", "method"), [(20, "exact"), (19, "bound")])
def test_a_recorder_that_died_with_the_last_process_missed_none(tmp_path: Path, died: int, method: str) -> None:
    events = shell().exit(20 * MS, COMMAND, ppid=RECORDER)
    events.lines.insert(-1, {"seq": 99, "t": died * MS, "event": "takeover", "reason": "killed"})
    found = figures(tmp_path, events.reap(20 * MS, COMMAND).end(20 * MS, via="guard"))
    assert found["processes"].method == method


def test_what_a_command_with_children_was_reaped_with_is_not_its_own(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["cat"]).exit(20 * MS, 1001, hwm=MB).reap(60 * MS, COMMAND, status=9)
    command, _ = processes(tmp_path, events.end(60 * MS, status=9))
    limit = 3_800_000 + MAXRSS_SLACK
    assert command.memory_peak == Figure(3_800_000, "B", "bound", upper=limit, reason=LOOKED_AT_BEFORE)
    assert command.cpu == Figure(0.008, "s", "bound", upper=0.008, reason="the children that it waited for are in it")


def test_cpu_of_a_process_that_waited_lies_between_its_clock_and_what_it_was_reaped_with(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["cat"]).exit(20 * MS, 1001, cpu_ns=MS)
    events.exit(50 * MS, COMMAND, ppid=RECORDER, cpu_ns=5 * MS).reap(60 * MS, COMMAND)
    command, cat = processes(tmp_path, events.end(60 * MS))
    later = "the end of a process comes after its last reading"
    assert command.cpu == Figure(0.005, "s", "bound", lower=0.005, upper=0.008, reason=later)
    assert cat.cpu == Figure(0.001, "s", "bound", lower=0.001, reason=later)
    assert cat.run_queue_wait == Figure(0.001, "s", "bound", lower=0.001, reason="first thread only")


@pytest.mark.parametrize("unknown", ["clock_ticks", "boottime_ns"])
def test_a_start_that_the_kernel_can_not_be_asked_for_is_when_it_was_first_seen(tmp_path: Path, unknown: str) -> None:
    lacking: dict[str, Any] = {unknown: None}
    events = Events().opening(**lacking).exec(2 * MS, COMMAND, ["sh"], ppid=RECORDER)
    command, other = processes(tmp_path, made(events.exec(1234 * MS, 1001, ["a"]).exit(2 * S, 1001)))
    assert (command.start, other.start, other.start_method) == (0.0, 1.233, "bound")


def test_a_start_is_never_before_the_run_nor_after_the_first_look(tmp_path: Path) -> None:
    events = shell().exec(20 * MS, 1001, ["old"], start=1).exec(30 * MS, 1002, ["new"], start=ticks(9 * S))
    assert [line.start for line in processes(tmp_path, made(events))] == [0.0, 0.0, 0.029]


def test_the_parent_of_a_reused_pid_is_the_one_that_was_there_at_the_end(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["first"]).exec(15 * MS, 1002, ["child"], ppid=1001)
    events.exit(20 * MS, 1001, read_chars=50)
    events.exec(30 * MS, 1001, ["second"]).exit(40 * MS, 1002, ppid=1001, read_chars=7)
    events.exit(50 * MS, 1001, start=ticks(30 * MS), read_chars=9)
    found = [line.read_chars.value for line in processes(tmp_path, made(events))]
    assert found == [941, 50, 7, 2]


def test_nobody_waited_for_a_survivor(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["daemon"], start=14)
    events.exit(50 * MS, COMMAND, ppid=RECORDER, read_chars=1000).reap(51 * MS, COMMAND)
    events.add("survivor", 51 * MS, pid=1001, start=14, ppid=COMMAND, comm="daemon", read_chars=600)
    command, daemon = processes(tmp_path, events.end(51 * MS))
    assert (command.read_chars, daemon.read_chars.value) == (Figure(1000, "B", "exact"), 600)


def test_io_of_a_daemon_that_we_reaped_stays_its_own(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["daemon"]).exit(40 * MS, 1001, ppid=COMMAND, read_chars=70_000)
    events.exit(50 * MS, COMMAND, ppid=RECORDER, read_chars=1_000).reap(51 * MS, 1001)
    found = figures(tmp_path, events.reap(51 * MS, COMMAND).end(51 * MS))
    assert found["read_chars"] == Figure(71_000, "B", "exact")


def test_io_of_a_killed_child_is_in_its_parents(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["cat"], start=14)
    events.add("gone", 30 * MS, pid=1001, start=14, ppid=COMMAND, comm="cat", first_t=10 * MS, read_chars=10_000)
    events.exit(50 * MS, COMMAND, ppid=RECORDER, read_chars=95_000).reap(51 * MS, COMMAND).end(51 * MS)
    path = folder(tmp_path, events)
    assert finalise(path).resources["read_chars"] == Figure(95_000, "B", "exact")
    command, cat = codec.read_processes(os.path.join(path, "processes.jsonl"))
    assert (command.read_chars.method, command.read_chars.upper) == ("bound", 95_000)
    assert (cat.read_chars.method, cat.read_chars.lower) == ("bound", 10_000)


@pytest.mark.parametrize(
    ("parent", "method"),
    [
        ({"read_chars": 95_000}, "exact"),
        ({"read_chars": 10_000}, "exact"),
        ({"read_chars": 9_999}, "bound"),  # less than its child's: it did not wait for it
        ({"read_chars": None}, "bound"),
        (None, "bound"),  # killed as well
    ],
)
def test_io_of_a_killed_child_is_known_by_a_parent_that_was_read_at_its_exit(
    tmp_path: Path, parent: dict[str, Any] | None, method: str
) -> None:
    events = shell().exec(10 * MS, 1001, ["sh"], start=14).exec(11 * MS, 1002, ["cat"], ppid=1001, start=15)
    events.add("gone", 30 * MS, pid=1002, start=15, ppid=1001, comm="cat", first_t=11 * MS, read_chars=10_000)
    if parent is None:
        events.add("gone", 40 * MS, pid=1001, start=14, ppid=COMMAND, comm="sh", first_t=10 * MS, read_chars=95_000)
    else:
        events.exit(40 * MS, 1001, start=14, **parent)
    events.exit(50 * MS, COMMAND, ppid=RECORDER, read_chars=200_000).reap(51 * MS, COMMAND).end(51 * MS)
    assert figures(tmp_path, events)["read_chars"].method == method


def test_starts_are_at_the_kernels_ticks(tmp_path: Path) -> None:
    events = shell().exec(1234 * MS, 1001, ["a"]).exit(2 * S, 1001)
    command, other = processes(tmp_path, made(events))
    assert (command.start, command.start_method) == (0.0, "exact")
    assert (other.start, other.start_method) == (1.229, "bound")


def test_portable_observer_does_not_believe_an_inherited_maxrss(tmp_path: Path) -> None:
    events = Events().begin(observer="portable").add("trace", 1, state="unavailable", reason="no recorder")
    events.add("start", MS, pid=COMMAND).sample(5 * MS, 3 * MB, top={"pid": COMMAND, "rss": 3 * MB})
    events.reap(9 * MS, COMMAND, maxrss=310 * MB).end(9 * MS, **{**rusage(), "maxrss": 310 * MB})
    path = folder(tmp_path, events)
    found = finalise(path).resources
    assert (found["memory_peak"].value, found["memory_peak"].method) == (3 * MB, "sampled")
    (line,) = codec.read_processes(os.path.join(path, "processes.jsonl"))
    assert (line.memory_peak.method, line.memory_peak.lower) == ("bound", None)


def test_bounds_contain_their_value(tmp_path: Path) -> None:
    bounds = [figure for figure in figures(tmp_path, simple()).values() if (figure.lower, figure.upper) != (None, None)]
    assert len(bounds) > 1
    for figure in bounds:
        assert figure.value is not None
        assert figure.lower is None or figure.lower <= figure.value
        assert figure.upper is None or figure.upper >= figure.value


def test_recorder_that_died_when_all_was_over_took_nothing_along(tmp_path: Path) -> None:
    events = simple()
    last = events.lines.pop()
    for key in ("cost", "pressure", "oom_kills"):
        del last[key]
    events.add("takeover", 600 * MS, reason="killed").add(
        "end",
        600 * MS,
        **{"via": "guard"} | {key: value for key, value in last.items() if key not in {"seq", "t", "event"}},
    )
    found = figures(tmp_path, events)
    assert {found[name].method for name in ("cpu", "memory_peak", "processes", "read_chars")} == {"exact"}
    assert found["recorder_cpu"].reason == "the recorder, which would have told, died before the end"


def test_what_came_after_the_recorders_death_is_in_no_figure(tmp_path: Path) -> None:
    events = shell().exec(10 * MS, 1001, ["big"]).sample(50 * MS, 500 * MB, pss=450 * MB, pss_rss=500 * MB)
    events.exit(60 * MS, 1001, hwm=400 * MB).add("takeover", 301 * MS, reason="killed")
    events.exit(500 * MS, COMMAND, ppid=RECORDER).reap(501 * MS, COMMAND)
    group = {"path": "/x", "version": 2, "own": True, "memory_peak": 77 * MB, "oom_kills": 2}
    found = figures(tmp_path, events.end(501 * MS, via="guard", cgroup=group, cost=None))
    told = {
        "wall",
        "cores_allowed",
        "pressure_cpu",
        "pressure_memory",
        "pressure_io",
        "oom_kills",
        "memory_peak_cgroup",
    }
    unknown = {"recorder_cpu", "recorder_memory"}
    assert {name for name, figure in found.items() if figure.method == "exact"} == told
    assert {name for name, figure in found.items() if figure.method == "unavailable"} == unknown
    died = "the recorder died 0.3 s after the start; what came after it was not seen"
    assert found["memory_peak"] == Figure(450 * MB, "B", "sampled", lower=400 * MB, reason=died)
    for name in set(found) - told - unknown - {"memory_peak"}:
        figure = found[name]
        assert figure == Figure(figure.value, figure.unit, "bound", lower=figure.value, reason=died), name
