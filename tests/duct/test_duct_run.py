"""`vestige duct` beside con-duct itself, row by row, and what it does where it does more."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from duct import rows, views
from duct.sides import Outcome, outcomes
from harness import processes
from harness.command import CHECKOUT, environment
from harness.waiting import until

from vestige.duct.gather import Gatherer
from vestige.duct.options import OPTIONS, parse

if TYPE_CHECKING:
    from harness.command import Vestige

PAGE = Path(CHECKOUT) / "docs" / "reference" / "duct.md"
FIGURES = {"rss", "vsz", "pmem", "pcpu"}
needs_con_duct = pytest.mark.needs("con-duct", "duct")


def kind(value: object) -> str:
    """Return the JSON type of a value; whole numbers and others are one."""
    kinds = {bool: "boolean", int: "number", float: "number", str: "text", dict: "object", list: "list"}
    return "null" if value is None else kinds[type(value)]


def shape(value: Any) -> Any:
    return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else kind(value)


@pytest.fixture(scope="module")
def variables(tools: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("home")
    return environment(tools=tools, home=str(home)) | {"TZ": "UTC"}


@needs_con_duct
class TestBesideConDuct:
    @pytest.mark.parametrize("row", rows.ROWS, ids=lambda row: row.name.replace(" ", "_"))
    def test_the_same_comes_of_it(self, row: rows.Row, variables: dict[str, str], tools: str, tmp_path: Path) -> None:
        program = [os.path.join(tools, "vestige"), "duct"]
        theirs, ours = outcomes(row.call, ours=program, variables=variables, base=tmp_path)
        assert ours.code == (theirs.code if row.code is None else row.code), ours.stderr
        if row.code is not None:
            assert row.excuses("code")
        compare_output(row, theirs, ours)
        assert ours.names == (theirs.names if row.names is None else set(row.names))
        if theirs.info is not None and not row.excuses("info"):
            compare_info(theirs, ours)
        if not row.excuses("usage"):
            compare_usage(theirs, ours)


def compare_output(row: rows.Row, theirs: Outcome, ours: Outcome) -> None:
    if row.excuses("stdout"):
        assert row.prints is not None
        assert ours.stdout.startswith(row.prints)
    else:
        assert ours.stdout == theirs.stdout
    if row.excuses("stderr"):
        assert (row.says or "") in ours.stderr
        assert "Traceback" not in ours.stderr
    else:
        assert comparable(ours) == comparable(theirs)
    for stream in () if row.excuses("kept") else ("stdout", "stderr"):
        assert ours.kept(stream) == theirs.kept(stream)


def comparable(outcome: Outcome) -> list[str]:
    """Return what was said; a figure that con-duct could not take is a dash there."""
    return sorted(re.sub(r"(?<=: )-(?=%?$)|SIZE|SHARE", "FIGURE", line) for line in outcome.said)


def compare_info(theirs: Outcome, ours: Outcome) -> None:
    their, our = theirs.info, ours.info
    assert their is not None
    assert our is not None
    assert set(our) - set(their) == {"argv", "vestige"}
    assert our["duct_version"].startswith(their["duct_version"])
    for key in ("schema_version", "command", "message", "system", "env", "gpu"):
        assert our[key] == their[key], key
    for key in ("output_paths", "working_directory"):
        assert ours.plain(json.dumps(our[key])) == theirs.plain(json.dumps(their[key]))
    compare_execution(theirs, ours, their["execution_summary"], our["execution_summary"])


def compare_execution(theirs: Outcome, ours: Outcome, their: dict[str, Any], our: dict[str, Any]) -> None:
    assert list(our) == list(their)
    for key in ("exit_code", "command"):
        assert our[key] == their[key]
    for key in ("logs_prefix", "working_directory"):
        assert ours.plain(our[key]) == theirs.plain(their[key])
    both = {key for key in our if their[key] is not None}
    assert {key: kind(our[key]) for key in both} == {key: kind(their[key]) for key in both}
    assert all(our[key] is None or isinstance(our[key], int) for key in ("peak_rss", "peak_vsz"))
    assert our["end_time"] - our["start_time"] == pytest.approx(our["wall_clock_time"], abs=0.001)


def compare_usage(theirs: Outcome, ours: Outcome) -> None:
    for their in theirs.usage[:1]:
        assert ours.usage
        for line in ours.usage:
            assert {key: kind(value) for key, value in line.items()} == {k: kind(v) for k, v in their.items()}
            assert {*line["totals"], "num_samples"} == {*line["averages"]} == {*FIGURES, "num_samples"}
            assert {kind(value) for value in (line["totals"] | line["averages"]).values()} == {"number"}
            process = next(iter(their["processes"].values()))
            for one in line["processes"].values():
                assert shape({**one, "stat": {}}) == shape({**process, "stat": {}})


@needs_con_duct
def test_numbers_of_reports_agree(tools: str, tmp_path: Path) -> None:
    row = next(row for row in rows.ROWS if row.name == "several reports")
    home = {"home": str(tmp_path), "tools": tools}
    _, ours = outcomes(
        row.call, ours=[os.path.join(tools, "vestige"), "duct"], variables=environment(**home), base=tmp_path / "x"
    )
    assert ours.info is not None
    assert ours.info["execution_summary"]["num_reports"] == len(ours.usage) >= 3
    moments = [line["timestamp"] for line in ours.usage]
    assert moments == sorted(set(moments))


class TestThePage:
    def test_every_difference_is_on_it_with_its_reason_and_no_other(self) -> None:
        table = PAGE.read_text().partition("## Differences")[2].partition("\n## ")[0]
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "|" in line]
        named = [cell[0].strip("`") for cell in cells[2:]]
        of_views = [*views.DIFFERENCES, *views.ELSEWHERE]
        assert sorted(named) == sorted([*rows.DIFFERENCES, *rows.ALWAYS, *rows.ELSEWHERE, *of_views])
        assert all(len(cell) == 4 and all(cell) for cell in cells[2:])

    def test_every_difference_is_met_by_a_row(self) -> None:
        assert {name for row in rows.ROWS for name in row.differs} == set(rows.DIFFERENCES)
        assert {name for row in views.ROWS for name in row.differs} == set(views.DIFFERENCES)

    def test_there_are_enough_rows_and_each_has_a_name(self) -> None:
        assert len({row.name for row in rows.ROWS}) == len(rows.ROWS) >= 120
        assert len({row.name for row in views.ROWS}) == len(views.ROWS) >= 150


class Duct:
    """`vestige duct` in the folder of a test."""

    def __init__(self, vestige: Vestige) -> None:
        self.vestige = vestige
        self.folder = Path(vestige.folder)

    def __call__(self, *words: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
        return self.vestige.call("duct", "-p", "x_", *words, **more)

    def start(self, *words: str, **more: Any) -> subprocess.Popen[bytes]:
        return self.vestige.start_bare(self.vestige.executable, "duct", "-p", "x_", *words, **more)

    @property
    def info(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "x_info.json").read_text()))

    @property
    def summary(self) -> dict[str, Any]:
        return dict(self.info["execution_summary"])

    @property
    def usage(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "x_usage.jsonl").read_text().splitlines()]

    def commands(self) -> set[str]:
        return {process["cmd"] for line in self.usage for process in line["processes"].values()}


@pytest.fixture
def program(vestige: Vestige) -> Duct:
    return Duct(vestige)


HOLD = "b = bytearray({size} << 20); b[::4096] = bytes([1]) * len(b[::4096])"


def hold(size: int) -> str:
    """Return a program that holds so many MiB, as a word for a shell."""
    return f"{sys.executable} -S -c '{HOLD.format(size=size)}'"


@pytest.mark.needs("recorder")
class TestFigures:
    def test_a_short_command_has_its_peak_and_its_cpu(self, program: Duct) -> None:
        program("sh", "-c", hold(150))
        assert 150 << 20 < program.summary["peak_rss"] < 190 << 20
        assert program.summary["average_pcpu"] > 5
        assert program.summary["peak_pcpu"] >= program.summary["average_pcpu"]

    @pytest.mark.needs("strace")
    def test_a_command_that_is_over_before_anybody_looks_has_them_too(self, program: Duct) -> None:
        late = processes.delayed(**dict.fromkeys(processes.FORKS, "delay_exit=200000"))
        words = (program.vestige.executable, "duct", "-p", "x_", "true")
        done = program.vestige.bare(*late, *words, env=program.vestige.variables | {"VESTIGE_TRACE": "off"})
        assert done.returncode == 0, done.stderr
        (line,) = program.usage
        assert program.summary["average_rss"] == line["averages"]["rss"] > 0
        assert program.summary["average_pmem"] == line["averages"]["pmem"]
        assert program.summary["average_vsz"] == program.summary["peak_vsz"] == line["totals"]["vsz"] > 0
        assert program.summary["num_samples"] == line["num_samples"] == 1

    def test_a_look_at_the_dead_alone_is_none(self, tmp_path: Path) -> None:
        path = tmp_path / "usage.jsonl"
        options = parse(["true"], {})
        with subprocess.Popen(["true"]) as dead:
            until(lambda: processes.state(dead.pid) == "Z", "the end")
            over = Gatherer(options, pids=lambda: [dead.pid], path=str(path), memory=1 << 30)
            assert not over.look()
            over.write()
            assert (over.whole.looks, over.lines, path.exists()) == (0, 0, False)
            running = Gatherer(options, pids=lambda: [dead.pid, os.getpid()], path=str(path), memory=1 << 30)
            assert running.look()
            assert running.whole.looks == 1
        assert f'"{dead.pid}"' in path.read_text()

    def test_children_in_a_session_of_their_own_are_counted(self, program: Duct) -> None:
        program("setsid", "-w", "sh", "-c", hold(150) + "; sleep 0.3")
        assert 150 << 20 < program.summary["peak_rss"] < 190 << 20
        assert any("bytearray" in command for command in program.commands())

    def test_shared_memory_is_counted_once(self, program: Duct) -> None:
        fork = "import os, time\nfor i in range(5):\n  if not os.fork(): time.sleep(0.7); os._exit(0)\n"
        program(sys.executable, "-S", "-c", f"{HOLD.format(size=100)}\n{fork}for i in range(5): os.wait()")
        assert 100 << 20 < program.summary["peak_rss"] < 200 << 20

    def test_every_process_is_named(self, program: Duct) -> None:
        program("sh", "-c", "for i in 1 2 3 4 5; do /bin/true $i; done")
        assert {f"/bin/true {i}" for i in range(1, 6)} <= program.commands()
        assert program.info["vestige"]["processes_total"] == 6

    def test_a_nested_one_rolls_up(self, program: Duct) -> None:
        inner = f"{program.vestige.executable} duct -q -p y_ sh -c {json.dumps(hold(150) + '; sleep 0.3')}"
        assert program("sh", "-c", inner).returncode == 0
        inner_peak = json.loads((program.folder / "y_info.json").read_text())["execution_summary"]["peak_rss"]
        assert 150 << 20 < inner_peak < 190 << 20
        assert 150 << 20 < program.summary["peak_rss"] < 230 << 20
        assert inner_peak <= program.info["vestige"]["peak_rss_upper"]  # both peaks are samples, each by its own clock

    def test_cpu_is_a_rate_not_a_share_of_a_life(self, program: Duct) -> None:
        busy = "import time\ntime.sleep(1.2)\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
        program("--s-i", "0.3", "--r-i", "0.3", sys.executable, "-S", "-c", busy)
        shares = [line["totals"]["pcpu"] for line in program.usage]
        assert max(shares[:2]) < max(shares[-2:])
        assert program.summary["peak_pcpu"] > 1.2 * program.summary["average_pcpu"]

    def test_a_plot_gets_lifetime_shares_and_ages(self, program: Duct) -> None:
        program("--s-i", "0.5", "--r-i", "1", sys.executable, "-S", "-c",
                "import time\nend = time.time() + 2.2\nwhile time.time() < end: pass")  # fmt: skip
        (pid,) = {pid for line in program.usage for pid in line["processes"]}
        entries = [line["processes"][pid] for line in program.usage]
        assert [entry["etime"] for entry in entries][-1] in ("00:02", "00:03", "00:04")
        assert 0 < entries[-1]["pcpu"] <= 110


class TestFiles:
    def test_info_is_whole_from_the_start(self, program: Duct) -> None:
        with program.start("--fail-time", "0", "sh", "-c", "echo; exec sleep 30") as process:
            until(lambda: (program.folder / "x_stdout").exists() and (program.folder / "x_stdout").read_text(), "text")
            info = program.info
            assert info["execution_summary"]["exit_code"] is None
            assert (info["command"], info["argv"]) == ("sh -c echo; exec sleep 30", ["sh", "-c", "echo; exec sleep 30"])
            process.terminate()
            process.communicate(timeout=30)
        assert (process.returncode, program.summary["exit_code"]) == (143, 143)

    def test_the_output_grows_while_it_runs(self, program: Duct) -> None:
        with program.start("sh", "-c", "echo early; exec sleep 30") as process:
            until(lambda: (program.folder / "x_stdout").exists() and (program.folder / "x_stdout").read_text(), "text")
            process.terminate()
            process.communicate(timeout=30)

    def test_reports_grow_while_it_runs(self, program: Duct) -> None:
        with program.start("--f-t", "0", "--s-i", "0.05", "--r-i", "0.1", "sleep", "30") as process:
            path = program.folder / "x_usage.jsonl"
            until(lambda: path.exists() and path.read_text().count("\n") >= 3, "three lines")
            process.terminate()
            process.communicate(timeout=30)
        assert len(program.usage) == program.summary["num_reports"] >= 3

    def test_the_run_is_kept_as_well(self, program: Duct) -> None:
        program("-m", "a note", "sh", "-c", "echo out; echo err >&2")
        run = program.vestige.last()
        assert (run.record["tags"], run.record["message"]) == (["duct"], "a note")
        assert run.record["id"] == program.info["vestige"]["vestige_run"]
        assert (Path(run.folder) / "stdout").read_text() == "out\n"
        (program.folder / "x_stdout").unlink()
        assert (Path(run.folder) / "stdout").read_text() == "out\n"

    def test_clobbering_leaves_an_older_run_as_it_is(self, program: Duct) -> None:
        program("echo", "first")
        older = program.vestige.folders()[0]
        program("--clobber", "echo", "second")
        assert (Path(older) / "stdout").read_text() == "first\n"
        assert (program.folder / "x_stdout").read_text() == "second\n"

    def test_another_file_system(self, program: Duct) -> None:
        other = Path("/dev/shm")
        if not other.is_dir() or other.stat().st_dev == program.folder.stat().st_dev:
            pytest.skip("needs a second file system")
        store = other / f"vestige-test-{os.getpid()}"
        try:
            program("echo", "out", env=program.vestige.variables | {"VESTIGE_STORE": str(store)})
            assert (program.folder / "x_stdout").read_text() == "out\n"
            (kept,) = store.glob("runs/*/stdout")
            assert kept.read_text() == "out\n"
            assert not kept.is_symlink()
        finally:
            subprocess.run(["rm", "-rf", str(store)], check=True)

    def test_without_a_store_the_files_are_there_all_the_same(self, program: Duct) -> None:
        (program.folder / "file").write_text("")
        nowhere = program.vestige.variables | {"VESTIGE_STORE": str(program.folder / "file")}
        done = program("sh", "-c", "echo out; sleep 0.2", env=nowhere)
        assert (done.returncode, done.stdout) == (0, b"out\n")
        assert program.summary["exit_code"] == 0
        assert (program.folder / "x_stdout").read_text() == "out\n"
        assert program.info["vestige"]["vestige_run"] is None

    def test_odd_bytes_in_the_command_line(self, program: Duct) -> None:
        done = program.vestige.bare(program.vestige.executable, "duct", "-p", "x_", "printf", "%s", b"\xff")
        assert (done.returncode, done.stdout) == (0, b"\xff")
        assert program.info["argv"] == ["printf", "%s", '"\\377"']


class TestSignals:
    def test_two_go_to_the_command_the_third_kills_it(self, program: Duct) -> None:
        script = 'trap "echo got" INT; echo ready; while :; do sleep 0.1; done'
        with program.start("--fail-time", "0", "sh", "-c", script) as process:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n"
            for _ in range(2):
                process.send_signal(signal.SIGINT)
                assert process.stdout.readline() == b"got\n"
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=30)
        assert (process.returncode, program.summary["exit_code"]) == (137, 137)
        words = ("Received SIGINT, passing to command", "Received second SIGINT, again passing to command",
                 "Received third SIGINT, forcefully killing command process")  # fmt: skip
        assert all(line in stderr.decode() for line in words)

    def test_only_the_command_itself_gets_it(self, program: Duct) -> None:
        script = "sh -c 'trap \"echo child\" INT; sleep 1; echo end' & trap 'echo got' INT; echo ready; wait; wait"
        with program.start("sh", "-c", script) as process:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n"
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            stdout, _ = process.communicate(timeout=30)
        assert stdout == b"got\nend\n"

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGQUIT])
    def test_others_end_the_command_and_leave_a_record(self, program: Duct, number: signal.Signals) -> None:
        with program.start("--fail-time", "0", "sh", "-c", "ulimit -c 0; echo ready; exec sleep 30") as process:
            assert process.stdout
            process.stdout.readline()
            process.send_signal(number)
            process.communicate(timeout=30)
        assert process.returncode == 128 + number == program.summary["exit_code"]

    def test_a_command_that_ends_well_on_sigterm(self, program: Duct) -> None:
        script = 'trap "echo saved; exit 0" TERM; echo ready; while :; do sleep 0.1; done'
        with program.start("sh", "-c", script) as process:
            assert process.stdout
            process.stdout.readline()
            process.terminate()
            stdout, _ = process.communicate(timeout=30)
        assert (process.returncode, stdout) == (0, b"saved\n")

    @pytest.mark.needs("recorder")
    def test_killed_itself_it_harms_nobody(self, program: Duct) -> None:
        with program.start("sh", "-c", "echo ready; sleep 1; echo end; exit 3", stdout=subprocess.DEVNULL) as process:
            until(lambda: (program.folder / "x_stdout").exists() and (program.folder / "x_stdout").read_text(), "text")
            process.kill()
            process.communicate(timeout=30)
        until(lambda: "end" in (program.folder / "x_stdout").read_text(), "the rest of the output")
        assert program.summary["exit_code"] is None
        assert program.vestige.last().record["exit"]["code"] == 3

    def test_a_reader_that_goes_away_ends_the_command(self, program: Duct) -> None:
        piped = f"{program.vestige.executable} duct -q -p x_ yes | head -1"
        done = program.vestige.shell(f"{piped}; echo ${{PIPESTATUS[0]}}")
        assert done.stdout == b"y\n141\n"


class TestOutput:
    def test_a_file_gets_what_is_shown_and_a_copy_is_kept(self, program: Duct) -> None:
        path = program.folder / "shown"
        path.write_text("before\n")
        with path.open("ab") as shown:
            program("-q", "sh", "-c", "echo out; echo err >&2", stdout=shown, stderr=subprocess.STDOUT)
        assert path.read_text() in ("before\nout\nerr\n", "before\nerr\nout\n")
        assert (program.folder / "x_stdout").read_text() == "out\n"
        assert (program.folder / "x_stderr").read_text() == "err\n"

    def test_two_streams_into_one_pipe_are_kept_apart(self, program: Duct) -> None:
        done = program("-q", "sh", "-c", "echo out; echo err >&2", stderr=subprocess.STDOUT)
        assert sorted(done.stdout.splitlines()) == [b"err", b"out"]
        assert (program.folder / "x_stderr").read_text() == "err\n"

    def test_when_each_piece_came_is_known(self, program: Duct) -> None:
        program("sh", "-c", "echo one; sleep 0.2; echo two >&2; sleep 0.2; echo three")
        shown = json.loads(program.vestige.call("show", "--output", "--json", program.vestige.folders()[-1]).stdout)
        assert [(piece["stream"], piece["text"]) for piece in shown] == [
            ("stdout", "one\n"), ("stderr", "two\n"), ("stdout", "three\n"),
        ]  # fmt: skip

    def test_what_is_left_behind_does_not_hold_it_up(self, program: Duct) -> None:
        begun = time.monotonic()
        done = program("-o", "none", "sh", "-c", "sleep 3 & echo main")
        assert (done.returncode, (program.folder / "x_stdout").read_text()) == (0, "main\n")
        assert time.monotonic() - begun < 3
        time.sleep(max(0, 3.2 - (time.monotonic() - begun)))

    def test_a_script_without_a_first_line_is_run_by_sh(self, program: Duct) -> None:
        script = program.folder / "script"
        script.write_text("echo ran\n")
        script.chmod(0o755)
        assert program("./script").stdout == b"ran\n"

    def test_the_environment_is_that_of_the_caller(self, program: Duct) -> None:
        given = program.vestige.variables | {"X": "1"}
        seen = set(program("env", env=given).stdout.decode().splitlines())
        ours = {name for name in (line.partition("=")[0] for line in seen) if name.startswith("VESTIGE_RUN")}
        assert ours == {"VESTIGE_RUN", "VESTIGE_RUN_ID"}
        assert {line for line in seen if not line.startswith("VESTIGE_RUN")} == {f"{k}={v}" for k, v in given.items()}


class TestAttach:
    def test_a_process_that_runs_already(self, program: Duct) -> None:
        with subprocess.Popen(["sh", "-c", "sleep 1.2; exit 3"]) as running:
            done = program("--s-i", "0.2", "--attach", str(running.pid))
        assert done.returncode == 0
        assert program.summary["exit_code"] is None
        assert program.summary["num_samples"] >= 3
        assert program.commands() == {"sh -c sleep 1.2; exit 3", "sleep 1.2"}
        assert program.info["argv"] == ["sh", "-c", "sleep 1.2; exit 3"]

    def test_a_signal_ends_the_looking_not_the_process(self, program: Duct) -> None:
        with subprocess.Popen(["sleep", "30"]) as running:
            with program.start("--attach", str(running.pid)) as looking:
                until((program.folder / "x_info.json").exists, "info.json")
                looking.terminate()
                looking.communicate(timeout=30)
            assert (looking.returncode, running.poll()) == (143, None)
            running.kill()
        assert program.summary["wall_clock_time"] >= 0

    @pytest.mark.parametrize(("words", "code"), [(["999999999"], 1), (["0"], 2), (["x"], 2), (["1", "true"], 2)])
    def test_what_can_not_be(self, program: Duct, words: list[str], code: int) -> None:
        assert program("--attach", *words).returncode == code
        assert not (program.folder / "x_info.json").exists()


class TestNames:
    def test_run_is_a_subcommand_and_what_follows_is_not(self, program: Duct) -> None:
        call = program.vestige.call
        assert call("duct", "run", "-q", "echo", "x").stdout == b"x\n"
        assert call("duct", "run", "-q", "run").returncode == 127
        assert call("duct", "-q", "--", "echo", "run").stdout == b"run\n"

    def test_the_script_stands_for_duct_or_con_duct_by_its_name(self, program: Duct) -> None:
        script = "import sys; from vestige.cli.front import duct_script; sys.exit(duct_script({argv}))"
        for name, words, code in (("duct", ["run"], 127), ("con-duct", ["run", "-q", "true"], 0)):
            text = script.format(argv=[name, *words])
            assert program.vestige.bare(sys.executable, "-c", text).returncode == code

    def test_help_tells_every_option(self, program: Duct) -> None:
        page = program.vestige.call("duct", "--help").stdout.decode()
        assert page == program.vestige.call("help", "duct").stdout.decode()
        assert all(flag in page for option in OPTIONS for flag in option.flags)
