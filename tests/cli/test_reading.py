"""`vestige ls`, `show`, `rm`, `init`, `doctor` and what stands around them."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
import venv
from typing import TYPE_CHECKING, Any

import pytest
from harness.front import Front, front, portable

import vestige
from vestige.observe import probe, recorder
from vestige.record import start, tinyjson
from vestige.record.place import Store, create_run, new_id

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400 * 10**9


def keep(program: Front, *argv: str, age_ns: int = 0, tags: tuple[str, ...] = (), code: int | None = 0) -> str:
    """Lay down a run as an observer would have left it, and return its id."""
    import time  # noqa: PLC0415

    now = time.time_ns() - age_ns
    run_id = new_id(now)
    record = start.start_record(
        run_id=run_id, argv=argv, cwd="/somewhere", now_ns=now, version="0", environ={}, tags=tags
    )
    if code is not None:
        record |= {
            "status": "ended",
            "ended": record["started"],
            "exit": {"code": code, "signal": None, "reason": None},
        }
        record["resources"] = {"wall": {"value": 1.5, "unit": "s", "method": "exact"}}
    store = Store(str(program.folder / ".vestige"), "here")
    folder = create_run(store, run_id, now, record=tinyjson.dumps(record), environ={})
    if code is not None:
        (program.folder / folder / "events.jsonl").write_text("{}\n")
    return run_id


def json_of(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def listed(program: Front, *words: str) -> list[str]:
    return [record["id"] for record in json_of(program("ls", "--json", *words))]


class TestLs:
    def test_newest_first_and_filters(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        old = keep(program, "make", "all", age_ns=10 * DAY, tags=("a", "b"))
        failed = keep(program, "python", "train.py", age_ns=2 * DAY, code=3, tags=("a",))
        new = keep(program, "true")
        assert listed(program) == [new, failed, old]
        assert listed(program, "--last", "2") == [new, failed]
        assert listed(program, "--failed") == [failed]
        assert listed(program, "--tag", "a") == [failed, old]
        assert listed(program, "--tag", "a", "--tag", "b") == [old]
        assert listed(program, "--command", "*train.py*") == [failed]
        assert listed(program, "--command", "train.py") == []
        assert listed(program, "--since", "3d") == [new, failed]
        assert listed(program, "--since", "1h") == [new]
        assert listed(program, "--since", "2000-01-01") == [new, failed, old]
        assert listed(program, "--last", "1", "--tag", "a") == [failed]

    def test_the_table(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        run_id = keep(program, "echo", "two words", "\x1b[31m", code=3, tags=("x", "y"))
        done = program("ls")
        title, line = done.stdout.splitlines()
        assert title.split() == ["run", "started", "took", "outcome", "cpu", "memory", "tags", "command"]
        assert line.startswith(run_id[-8:])
        assert line.endswith("x y   echo 'two words' '\\x1b[31m'")
        assert "  1.50 s  exit 3 " in line
        assert "\x1b" not in done.stdout

    def test_csv(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        run_id = keep(program, "echo", 'a "b", c', code=0)
        (row,) = csv.DictReader(io.StringIO(program("ls", "--csv").stdout))
        assert (row["id"], row["command"], row["wall_s"], row["wall_s_method"]) == (
            run_id,
            "echo 'a \"b\", c'",
            "1.5",
            "exact",
        )
        assert (row["cpu_s"], row["cpu_s_method"]) == ("", "unavailable")

    def test_json_is_the_record_and_its_folder(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        keep(program, "true")
        (found,) = json_of(program("ls", "--json"))
        assert found.pop("folder") == str(program.runs[0])
        assert found["exit"] == {"code": 0, "signal": None, "reason": None}
        assert set(program.record()) <= set(found)

    def test_nothing_yet(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        assert (program("ls").stdout, program("ls").stderr) == ("", "vestige: no runs\n")
        assert json_of(program("ls", "--json")) == []
        assert not (program.folder / ".vestige").exists()

    def test_a_damaged_run_is_named_and_the_others_are_listed(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        run_id = keep(program, "true")
        bad = program.folder / ".vestige" / "runs" / "20200101T000000Z-00000000"
        bad.mkdir()
        (bad / "record.json").write_text("[")
        done = program("ls", "--json")
        assert [record["id"] for record in json.loads(done.stdout)] == [run_id]
        assert f"vestige: {bad.name} can't be read" in done.stderr

    @pytest.mark.parametrize(
        "words", [("--since", "soon"), ("--last", "0"), ("--last", "x"), ("--json", "--csv"), ("x",)]
    )
    def test_mistakes(self, tmp_path: Path, words: tuple[str, ...]) -> None:
        done = front(tmp_path)("ls", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("vestige: ")
        assert done.stderr.count("\n") == 1

    def test_a_reader_that_goes_away(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        for _ in range(3):
            keep(program, "x" * 60_000)
        script = f"{sys.executable} -m vestige ls --json | head -c 1; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", script], cwd=program.folder, env=program.environ, capture_output=True, text=True, check=True
        )
        assert (done.stdout, done.stderr) == ("[141\n", "")

    def test_a_full_disk(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        keep(program, "true")
        with open("/dev/full", "w") as full:
            done = program("ls", capture_output=False, stdout=full, stderr=subprocess.PIPE)
        assert done.returncode == 2
        assert done.stderr == "vestige: can't write the output: No space left on device\n"


class TestShow:
    def test_by_last_prefix_and_path(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        old, new = keep(program, "old", age_ns=DAY), keep(program, "new")

        def ask(*words: str) -> object:
            return json_of(program("show", "--json", *words))["id"]

        assert ask() == ask("last") == ask(new[-8:]) == ask(new) == new
        assert ask("last~1") == ask(old[-8:-3]) == ask(str(program.runs[0])) == old

    def test_unknown_and_ambiguous(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        done = program("show", "12345678")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        first, second = keep(program, "a"), keep(program, "b")
        assert first[:6] == second[:6]
        done = program("show", first[:6])
        assert done.returncode == 2
        assert "give more of the id" in done.stderr

    def test_the_page_says_who_what_and_how(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        program("run", "-m", "a note", "--tag", "t", "sh", "-c", "exit 3")
        page = program("show").stdout
        for words in (
            "sh -c 'exit 3'",
            "exit 3",
            "a note",
            "figures",
            "wall",
            "exact",
            "to know",
            str(program.runs[0]),
        ):
            assert words in page

    def test_processes_as_a_tree(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        program("run", "sh", "-c", "sleep 0.5; true")
        rows = program("show", "--processes").stdout.splitlines()
        assert rows[0].split()[0] == "pid"
        assert rows[1].endswith("  sh -c 'sleep 0.5; true'")
        assert rows[2].endswith("    sleep 0.5")
        (shell, sleep) = json_of(program("show", "--processes", "--json"))
        assert (shell["argv"][0], sleep["parent"]) == ("sh", shell["pid"])

    def test_usage(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        program("run", "sleep", "0.4")
        points = json_of(program("show", "--usage", "--json"))
        assert points
        assert all(point["processes"] == 1 and point["rss_max"] > 0 for point in points)
        assert len(program("show", "--usage").stdout.splitlines()) == len(points) + 1

    def test_output_in_true_order(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        script = (
            "echo one; sleep 0.1; echo two >&2; sleep 0.1; printf thr; sleep 0.1; echo oops >&2; sleep 0.1; echo ee"
        )
        done = program("run", "sh", "-c", script)
        assert (done.stdout, done.stderr) == ("one\nthree\n", "two\noops\n")
        lines = program("show", "--output").stdout.splitlines()
        assert [line.split(maxsplit=1)[1] for line in lines] == [
            "stdout  one",
            "stderr  two",
            "stdout  thr\\",
            "stderr  oops",
            "stdout  ee",
        ]
        times = [float(line.split()[0]) for line in lines]
        assert times == sorted(times)
        pieces = json_of(program("show", "--output", "--json"))
        assert [piece["text"] for piece in pieces] == ["one\n", "two\n", "thr", "oops\n", "ee\n"]

    def test_output_cannot_steer_the_terminal(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        program("run", "printf", r"\033]0;owned\007\377\n", text=False)
        assert program("show", "--output").stdout.endswith("stdout  \\x1b]0;owned\\x07\\xff\n")

    def test_output_that_was_not_captured_is_said_so(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        program("run", "--capture", "none", "echo", "x")
        done = program("show", "--output")
        assert done.stdout == ""
        assert "vestige: stdout was not captured" in done.stderr


class TestRm:
    def test_with_yes(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        old, new = keep(program, "old", age_ns=DAY), keep(program, "new")
        done = program("rm", "--yes", old[-8:])
        assert done.returncode == 0
        assert listed(program) == [new]

    def test_a_wrong_name_removes_nothing(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        run_id = keep(program, "true")
        assert program("rm", "--yes", "last", "zzzz").returncode == 2
        assert listed(program) == [run_id]

    def test_nobody_to_ask(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        run_id = keep(program, "true")
        done = program("rm", "last", stdin=subprocess.DEVNULL)
        assert (done.returncode, "--yes" in done.stderr) == (2, True)
        assert listed(program) == [run_id]

    @pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
    def test_it_asks(self, tmp_path: Path, answer: str, left: int) -> None:
        program = front(tmp_path)
        keep(program, "make", "it")
        control, terminal = pty.openpty()
        os.write(control, answer.encode())
        done = program("rm", "last", stdin=terminal)
        os.close(terminal)
        os.close(control)
        assert "make it" in done.stderr
        assert len(program.runs) == left

    def test_a_running_one_is_refused(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        running = subprocess.Popen(
            [sys.executable, "-m", "vestige", "run", "sh", "-c", "echo ready; read line"],
            cwd=program.folder, env=program.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert running.stdin
        assert running.stdout
        assert running.stdout.readline() == b"ready\n"
        done = program("rm", "--yes", "last")
        assert (done.returncode, "still running" in done.stderr) == (2, True)
        assert json_of(program("show", "--json"))["status"] == "running"
        running.communicate(b"\n")
        assert json_of(program("show", "--json"))["status"] == "ended"


class TestOthers:
    def test_init(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        store = program.folder / ".vestige"
        assert program("init").stdout == f"made: {store}\n"
        assert (store / ".gitignore").read_text().splitlines()[-1] == "*"
        assert program("init").stdout == f"already there: {store}\n"
        below = program.folder / "a" / "b"
        below.mkdir(parents=True)
        program("run", "true", cwd=below, env={"VESTIGE_RECORDER": "/none"})
        assert len(program.runs) == 1

    def test_init_where_nothing_can_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        done = front(tmp_path)("init", str(tmp_path / "file"))
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)

    def test_doctor_without_a_recorder(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        done = program("doctor")
        assert done.returncode == 0
        assert "/no/recorder/here is not there" in done.stdout
        assert "to change it: install a C compiler" in done.stdout
        found = {finding["name"]: finding for finding in json_of(program("doctor", "--json"))}
        assert (found["recorder"]["ok"], found["store"]["ok"]) == (False, True)

    def test_doctor_shows_whatever_the_recorder_says(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        answer = {
            "kernel": "6.1",
            "pidfd": {"ok": True, "why": ""},
            "pressure": {"ok": False, "errno": 1},
            "keeps_setuid": {"ok": False, "why": "not root"},
            "a_new_one": {"ok": False, "why": "because"},
            "odd": 3,
        }
        path = tmp_path / "recorder"
        path.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(answer)}\nEND\n")
        path.chmod(0o755)
        env = {"VESTIGE_RECORDER": str(path), "VESTIGE_CAPTURE": "all"}
        found = {finding["name"]: finding for finding in json_of(program("doctor", "--json", env=env))}
        assert (found["kernel"]["ok"], found["kernel"]["why"]) == (None, "6.1")
        assert (found["pidfd"]["ok"], found["pidfd"]["remedy"]) == (True, None)
        assert (found["pressure"]["ok"], found["pressure"]["why"]) == (False, "Operation not permitted")
        assert (found["keeps_setuid"]["ok"], "--trace off" in found["keeps_setuid"]["remedy"]) == (False, True)
        assert (found["a_new_one"]["title"], found["a_new_one"]["why"]) == ("a new one", "because")
        assert found["odd"]["why"] == "3"
        assert found["capture"]["why"] == "set by VESTIGE_CAPTURE"
        assert "no   pressure" in program("doctor", env=env).stdout

    def test_the_recorder_has_a_name_for_nothing_that_doctor_does_not_know(self) -> None:
        program = recorder.path({})
        if not os.path.exists(program):
            pytest.skip("no recorder was built here")
        done = subprocess.run([program, "probe"], capture_output=True, text=True, check=True)
        assert set(json.loads(done.stdout)) == set(probe.ABILITIES)

    @pytest.mark.parametrize("words", [(), ("--help",), ("help",), ("-h",)])
    def test_the_first_page(self, tmp_path: Path, words: tuple[str, ...]) -> None:
        done = front(tmp_path)(*words)
        assert (done.returncode, done.stderr) == (0, "")
        assert "vestige run python train.py" in done.stdout

    @pytest.mark.parametrize("name", ["run", "ls", "show", "why", "used-by", "rm", "init", "doctor", "demo"])
    def test_every_command_teaches_by_example(self, tmp_path: Path, name: str) -> None:
        program = front(tmp_path)
        page = program(name, "--help")
        assert (page.returncode, page.stderr) == (0, "")
        assert f"  vestige {name}" in page.stdout
        assert program("help", name).stdout == page.stdout

    def test_names_keep_their_capitals_on_the_pages(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        assert "\nAsk all runs in SQL\n" in program("query", "--help").stdout
        assert "\nSay what to ask Slurm for: memory, time, CPUs," in program("suggest", "--help").stdout

    def test_help_has_no_page_but_that_of_all(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        assert program("help", "--help").stdout == program("--help").stdout

    def test_version(self, tmp_path: Path) -> None:
        assert front(tmp_path)("--version").stdout.startswith("vestige 0.")

    @pytest.mark.parametrize(
        ("words", "line"),
        [
            (("rnu",), "unknown command `rnu`: did you mean `run`?"),
            (("xyzzy",), "to run a command: `vestige run COMMAND`"),
            (("ls", "--sinc", "2h"), "unknown option `--sinc`: did you mean `--since`?"),
            (("show", "--bogus"), "unknown option `--bogus`"),
            (("help", "frob"), "unknown command `frob`"),
            (("--hlep",), "unknown option `--hlep`: did you mean `--help`?"),
            (("bench", "sort", "-r", "f"), "unknown option `-r`: a command with options stands after `--`"),
            (("ls", "--foo"), "unknown option `--foo`: `vestige ls --help` shows examples"),
            (("ls", "--last", "x"), "`--last` can't be `x`: it takes a whole number"),
            (("verify", "--tolerance", "small"), "`--tolerance` can't be `small`: it takes a number"),
            (("plot", "--metric", "mem"), "`--metric` can't be `mem`: did you mean `memory`?"),
            (("plot", "--by", "hour"), "`--by` can't be `hour`: allowed are process, span, total"),
            (("telemetry", "stat"), "`ACTION` can't be `stat`: did you mean `stats`?"),
            (("collector", "sreve"), "`ACTION` can't be `sreve`: did you mean `serve`?"),
        ],
    )
    def test_mistakes(self, tmp_path: Path, words: tuple[str, ...], line: str) -> None:
        done = front(tmp_path)(*words)
        assert (done.returncode, done.stdout) == (2, "")
        assert line in done.stderr
        assert done.stderr.count("\n") == 1

    def test_a_fault_of_vestige_becomes_a_file_to_paste(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        code = (
            "import sys; from vestige.cli import dispatch, front; dispatch.parser_of = lambda name: 1 / 0\n"
            "sys.argv = ['vestige', 'ls', '--last', '3']; sys.exit(front.main(sys.argv))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=program.folder, env={**program.environ, "TMPDIR": str(tmp_path)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        (report,) = tmp_path.glob("vestige-report-*.txt")
        assert done.returncode == 1
        assert done.stderr == (
            f"vestige: unexpected ZeroDivisionError: division by zero; please paste {report} into a report\n"
        )
        text = report.read_text()
        assert "command line: ['ls', '--last', '3']" in text
        assert "ZeroDivisionError: division by zero" in text


class TestDemo:
    def test_a_folder_that_is_not_empty_is_left_alone(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        (program.folder / "vestige-demo").mkdir()
        (program.folder / "vestige-demo" / "mine").write_text("")
        done = program("demo")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert [entry.name for entry in (program.folder / "vestige-demo").iterdir()] == ["mine"]

    def test_what_is_missing_is_found_by_distribution(self) -> None:
        from vestige.cli.commands.demo import missing  # noqa: PLC0415

        lines = "psutil>=5  # here\n\n# nothing\nno-such-thing[extra]~=1.0\nrich\nno_such.other\n"
        assert missing(lines) == ["no-such-thing[extra]~=1.0", "no_such.other"]

    def test_the_project_s_own_environment_has_the_plugin(self, tmp_path: Path) -> None:
        from vestige.flights import lend  # noqa: PLC0415

        venv.create(tmp_path / "env", with_pip=False)
        lend(str(tmp_path / "env"))
        lend(str(tmp_path / "env"))  # a second demo
        code = (
            "from importlib import metadata; import vestige.spans.span; print(metadata.version('vestige'), "
            "*sorted(entry.name for entry in metadata.entry_points(group='kedro.hooks')))"
        )
        command = [str(tmp_path / "env" / "bin" / "python"), "-I", "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.split() == [vestige.__version__, "vestige", "vestige-usage"]
