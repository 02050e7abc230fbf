"""con-duct's logs in `vestige ls`, `show` and `plot`, and taken into the store by `vestige import`."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from cli.test_reading import keep
from duct import written
from harness.front import front

from vestige.record import codec

if TYPE_CHECKING:
    from harness.front import Front

SCHEMAS = Path(codec.__file__).parent / "schema"
OLD = Path(__file__).parents[1] / "records" / "con-duct"
DAY = 86_400


@pytest.fixture(name="program")
def made_program(tmp_path: Path) -> Front:
    return front(tmp_path)


def log(program: Front, name: str = "run_", **keys: Any) -> str:
    return written.log(program.folder / ".duct" / "logs", name, **keys)


def listed(program: Front, *words: str) -> list[dict[str, Any]]:
    done = program("ls", "--json", *words)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def outcomes(program: Front, *words: str, code: int = 0) -> list[dict[str, Any]]:
    done = program("import", "--json", *words)
    assert done.returncode == code, done.stderr
    return list(json.loads(done.stdout))


def validate(folder: Path) -> dict[str, Any]:
    """Hold all files of a run folder against the schemas, and return the record."""
    record: dict[str, Any] = json.loads((folder / "record.json").read_text())
    jsonschema.validate(record, json.loads((SCHEMAS / "record-1.json").read_text()))
    for name, schema in (("processes.jsonl", "process-1.json"), ("usage.jsonl", "usage-1.json")):
        for line in (folder / name).read_text().splitlines():
            jsonschema.validate(json.loads(line), json.loads((SCHEMAS / schema).read_text()))
    assert record["processes"] == len((folder / "processes.jsonl").read_text().splitlines())
    return record


class TestLs:
    def test_logs_are_looked_for_where_con_duct_was_told_to_write_them(self, program: Front) -> None:
        usual, path = log(program), written.log(program.folder / "logs", "x_1_")
        written.log(program.folder / "logs", "y_1_")
        told = {"DUCT_OUTPUT_PREFIX": "logs/x_{pid}_"}
        assert {entry["log"] for entry in json.loads(program("ls", "--json", env=told).stdout)} == {usual, path}
        assert [entry["log"] for entry in listed(program)] == [usual]
        said = program("show", "--json", "x_1", env=told)
        assert json.loads(said.stdout)["log"] == path, said.stderr
        sorted_ = json.loads(program("ls", "--json", "--sort", "wall", env=told).stdout)
        assert {entry["log"] for entry in sorted_} == {usual, path}
        (program.folder / ".duct" / ".env").write_text("DUCT_OUTPUT_PREFIX=./logs/y_{pid}_\n")
        assert len(listed(program)) == 2
        only = {"DUCT_OUTPUT_PREFIX": "./.duct/logs/{datetime}_"}
        assert [entry["log"] for entry in json.loads(program("ls", "--json", env=only).stdout)] == [usual]

    def test_logs_stand_among_the_runs_by_time(self, program: Front) -> None:
        old, new = keep(program, "old", age_ns=40 * DAY * 10**9), keep(program, "new")
        path = log(program, start=time.time() - 20 * DAY)
        found = listed(program)
        assert [entry["argv"][0] for entry in found] == ["new", "python", "old"]
        assert [entry.get("log") for entry in found] == [None, path, None]
        assert [entry["folder"] is None for entry in found] == [False, True, False]
        assert [entry["id"] for entry in listed(program, "--last", "1")] == [new]
        assert [entry["argv"][0] for entry in listed(program, "--since", "30d")] == ["new", "python"]
        assert [entry["log"] for entry in listed(program, "--tag", "con-duct")] == [path]
        assert [entry["id"] for entry in listed(program, "--since", "2000-01-01")][-1] == old
        assert [entry["argv"][0] for entry in listed(program, "--store", ".vestige")] == ["new", "old"]

    def test_the_table_and_the_csv_mark_them(self, program: Front) -> None:
        path = log(program)
        _, line = program("ls").stdout.splitlines()
        assert "~4.00 s  ok         –  ~300 MB  con-duct  python train.py --fast" in line  # noqa: RUF001
        (row,) = csv.DictReader(io.StringIO(program("ls", "--csv").stdout))
        assert (row["log"], row["folder"], row["wall_s_method"]) == (path, "", "sampled")

    def test_those_of_the_git_top_level_too_and_once(self, program: Front) -> None:
        subprocess.run(["git", "init", "-q", "."], cwd=program.folder, check=True)
        path = log(program)
        assert [entry["log"] for entry in listed(program)] == [path]
        (program.folder / "below").mkdir()
        program.folder /= "below"
        assert [entry["log"] for entry in listed(program)] == [path]
        other = log(program, start=written.START + 1)
        assert [entry["log"] for entry in listed(program)] == [other, path]

    def test_paths(self, program: Front) -> None:
        keep(program, "true")
        folder = program.folder / "study"
        paths = [written.log(folder, f"{n}_", start=written.START - n) for n in range(3)]
        assert [entry["log"] for entry in listed(program, "study")] == ["study/" + os.path.basename(p) for p in paths]
        assert [entry["log"] for entry in listed(program, "study/1_", paths[0])] == [paths[0], "study/1_info.json"]
        everything = sorted(f"study/{name}" for name in os.listdir(folder))
        assert len(listed(program, *everything)) == 3
        assert program("ls", "nothing").returncode == 2
        assert program("ls", "--store", ".vestige", "study").returncode == 2

    def test_one_page_opens_no_more_than_it_shows(self, program: Front) -> None:
        for n in range(60):
            path = log(program, f"{n:02}_", start=written.START + n * 60)
            if n < 8:
                os.truncate(path, 0)
                os.utime(path, (written.START + n * 60,) * 2)
        done = program("ls")
        assert len(done.stdout.splitlines()) == 51
        assert done.stderr == "vestige: the newest 50; `--all` lists the rest too\n"

    def test_many_that_can_not_be_read_are_counted(self, program: Front) -> None:
        for n in range(25):
            os.truncate(log(program, f"{n:02}_"), 0)
        done = program("ls")
        assert done.stderr.splitlines()[-2:] == ["vestige: 15 more can't be read", "vestige: no runs"]
        assert done.stderr.count("is empty") == 10

    def test_terminal_escapes_stay_in_the_log(self, program: Front) -> None:
        log(program, "\x1b[31m_", command="\x1b]0;x\x07 echo", message="\x1b[2J", system={"hostname": "\x1b[2J"})
        os.truncate(log(program, "\x1b[32m_"), 0)
        for words in (("ls",), ("show", ".duct/logs/\x1b[31m_"), ("import", ".duct/logs"), ("show",)):
            done = program(*words)
            assert "\x1b" not in done.stdout + done.stderr


class TestShow:
    def test_by_path_prefix_name_and_id(self, program: Front) -> None:
        path = log(program, "2026.01.01T00.00.00-7_")
        log(program, "2026.01.02T00.00.00-8_", start=written.START + DAY)
        short = listed(program)[1]["id"][-8:]
        prefix = path[: -len("info.json")]
        for words in (path, os.path.relpath(path, program.folder), prefix, prefix[:-3], f"{prefix}usage.jsonl",
                      "2026.01.01T00.00.00-7", short, short[:6]):  # fmt: skip
            done = program("show", words)
            assert f"kept in   {path}" in done.stdout.replace("kept in   .duct", f"kept in   {program.folder}/.duct")
        assert program("show", "2026.01").returncode == 2
        done = program("show", "--json", path)
        assert (json.loads(done.stdout)["log"], json.loads(done.stdout)["folder"]) == (path, None)

    def test_its_parts(self, program: Front) -> None:
        path = log(program)
        page = program("show", path).stdout
        assert "300 MB  sampled" in page
        assert " exact" not in page
        assert "/bin/worker 2" in program("show", "--processes", path).stdout
        assert [point["rss_max"] for point in json.loads(program("show", "--usage", "--json", path).stdout)] == [
            2_000_000, 5_000_000,
        ]  # fmt: skip
        assert program("show", "--output", path).stdout.split() == ["–", "stdout", "one", "–", "stdout", "two"]  # noqa: RUF001
        (piece,) = json.loads(program("show", "--output", "--json", path).stdout)
        assert piece == {"time": None, "stream": "stdout", "text": "one\ntwo\n"}
        assert "recorded by con-duct 0.23.0" in program("show", "--files", path).stderr
        for part in ("--software", "--network"):
            assert "con-duct 0.23.0 looks neither at files nor" in program("show", part, path).stderr
        assert program("plot", listed(program)[0]["id"]).stdout.startswith("run")

    def test_last_is_vestiges_own(self, program: Front) -> None:
        log(program)
        done = program("show")
        assert done.returncode == 2
        assert "`vestige ls` lists logs of con-duct" in done.stderr
        keep(program, "true")
        assert "command   true" in program("show").stdout

    @pytest.mark.parametrize("words", ["./nothing", ".duct/logs/x", "nothing", "0" * 36, "a/\n"])
    def test_nothing_there(self, program: Front, words: str) -> None:
        log(program)
        done = program("show", words)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


class TestImport:
    @pytest.mark.parametrize("version", sorted(os.listdir(OLD)))
    def test_a_log_of_every_schema(self, program: Front, version: str) -> None:
        (outcome,) = outcomes(program, str(OLD / version))
        (folder,) = program.runs
        assert (outcome["state"], outcome["folder"]) == ("imported", str(folder))
        record = validate(folder)
        assert folder.name == f"20261122T180241Z-{record['id'][-8:]}"
        assert (record["started"], record["tags"]) == ("2026-11-22T18:02:41.315954Z", ["con-duct"])
        stdout = record["streams"]["stdout"]
        assert (stdout["kind"], stdout["captured"], stdout["length"]) == ("file", True, 4)
        for source in (OLD / version).iterdir():
            is_output = source.name.endswith(("stdout", "stderr"))
            copy = folder / source.name[-6:] if is_output else folder / "con-duct" / source.name
            assert copy.read_bytes() == source.read_bytes()
            assert copy.stat().st_mtime == source.stat().st_mtime

    def test_twice_is_once(self, program: Front) -> None:
        log(program)
        assert [outcome["state"] for outcome in outcomes(program, ".duct/logs")] == ["imported"]
        before = {path: path.stat().st_mtime_ns for path in program.runs[0].rglob("*")}
        (outcome,) = outcomes(program, ".duct/logs")
        assert (outcome["state"], outcome["reason"]) == ("kept", "it is imported already")
        assert {path: path.stat().st_mtime_ns for path in program.runs[0].rglob("*")} == before
        done = program("import", ".duct/logs")
        assert (done.stdout, done.stderr) == ("", "vestige: 0 imported, 1 there already\n")

    def test_then_it_is_a_run_as_any_other_and_the_log_is_not_listed(self, program: Front) -> None:
        path = log(program)
        (before,) = listed(program)
        program("import", path)
        (run,) = listed(program)
        assert run["folder"] == str(program.runs[0])
        same = ("id", "argv", "started", "ended", "exit", "resources", "machine", "job", "message", "streams")
        assert {name: run[name] for name in same} == {name: before[name] for name in same}
        assert run["completeness"]["notes"][-1] == f"imported from {path}"
        assert "python train.py" in program("show").stdout
        for part in ("--processes", "--usage", "--output"):
            assert program("show", part, run["id"]).stdout == program("show", part, path).stdout
        refused = program("rerun", "--yes", run["id"])
        assert (refused.returncode, "not as words" in refused.stderr) == (2, True)
        removed = program("rm", "--yes", run["id"])
        assert removed.returncode == 0, removed.stderr
        assert [entry.get("log") for entry in listed(program)] == [path]

    def test_dry_run_writes_nothing(self, program: Front) -> None:
        path = log(program)
        written.log(program.folder / "copy", output_paths=json.loads(Path(path).read_text())["output_paths"])
        done = program("import", "--dry-run", ".duct/logs", "copy")
        assert done.stderr == "vestige: 1 would be imported, 1 there already\n"
        assert not (program.folder / ".vestige").exists()

    def test_what_can_not_be_read_is_skipped_and_the_rest_taken(self, program: Front) -> None:
        good = log(program)
        os.truncate(log(program, "empty_"), 0)
        written.write(log(program, "cut_"), '{"schema_version": "0.2.3", "comm')
        log(program, "running_", execution_summary={"exit_code": None, "start_time": written.START + 9})
        log(program, "foreign_", schema_version="x")
        away = log(program, "away_", start=written.START + 1)
        os.unlink(away.replace("info.json", "stdout"))
        os.symlink("/nowhere/.git/annex/objects/x", away.replace("info.json", "stdout"))
        paths = json.loads(Path(good).read_text())["output_paths"]
        other = log(program, "second_", message="another", output_paths=paths)
        log(program, "self_", start=written.START + 3, output_paths={"usage": "self_info.json"})
        logs = program.folder / ".duct" / "logs"
        os.mkfifo(logs / "fifo_info.json")
        os.symlink("circle_info.json", logs / "circle_info.json")
        (logs / "folder_info.json").mkdir()
        pipe = log(program, "pipe_", start=written.START + 2)
        os.unlink(pipe.replace("info.json", "usage.jsonl"))
        os.mkfifo(pipe.replace("info.json", "usage.jsonl"))
        found = {os.path.basename(entry["log"]): entry for entry in outcomes(program, ".duct/logs", code=2)}
        imported = {name for name, entry in found.items() if entry["state"] == "imported"}
        assert imported == {"run_info.json", "pipe_info.json", "self_info.json"}
        assert "git annex get" in found["away_info.json"]["reason"]
        assert "is another log" in found[os.path.basename(other)]["reason"]
        assert "still runs" in found["empty_info.json"]["reason"]
        assert "tells no end" in found["running_info.json"]["reason"]
        for folder in program.runs:
            validate(folder)
        assert len(program.runs) == 3
        assert program("ls").returncode == 0

    @pytest.mark.parametrize("words", [(), ("nothing",), ("a/b",), ("",), (".",)])
    def test_mistakes(self, program: Front, words: tuple[str, ...]) -> None:
        done = program("import", *words)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)

    def test_recursive(self, program: Front) -> None:
        for n, place in enumerate(("a/.duct/logs", "b/c", ".git/x")):
            written.log(program.folder / place, f"{n}_")
        os.symlink(program.folder, program.folder / "b" / "circle")
        assert len(outcomes(program, "-r", ".")) == 2
        assert {entry["state"] for entry in outcomes(program, "-r", ".")} == {"kept"}

    def test_a_store_that_can_not_be_written(self, program: Front) -> None:
        log(program)
        (program.folder / "file").write_text("")
        done = program("import", "--store", "file/store", ".duct/logs")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)

    def test_a_full_disk_leaves_nothing_half(self, program: Front) -> None:
        log(program, "a_")
        big = log(program, "b_", start=written.START + 1)
        written.write(big.replace("info.json", "stdout"), "x" * 3_000_000)
        script = f"ulimit -f 1000; exec {sys.executable} -m vestige import .duct/logs"
        done = subprocess.run(
            ["bash", "-c", script], cwd=program.folder, env=program.environ, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert [path.name for path in program.runs if not path.name.startswith(".")] == [program.runs[0].name]
        assert len(program.runs) == 1
        assert len(outcomes(program, ".duct/logs")) == 2
        assert len(program.runs) == 2

    def test_killed_at_any_moment_nothing_is_half(self, program: Front) -> None:
        for n in range(40):
            path = log(program, f"{n}_", start=written.START + n)
            written.write(path.replace("info.json", "stdout"), "x" * 200_000)
        runs = program.folder / ".vestige" / "runs"
        call = [sys.executable, "-m", "vestige", "import", ".duct/logs"]
        for wanted in (1, 10, 20):
            with subprocess.Popen(call, cwd=program.folder, env=program.environ, stdout=subprocess.DEVNULL) as process:
                while process.poll() is None and len(program.runs) < wanted:
                    time.sleep(0.001)
                process.send_signal(signal.SIGKILL)
            for folder in runs.iterdir():
                if not folder.name.startswith("."):
                    validate(folder)
            assert len(listed(program)) == 40
        assert len(outcomes(program, ".duct/logs")) == 40
        assert len([validate(folder) for folder in program.runs]) == 40

    def test_two_at_once(self, program: Front) -> None:
        for n in range(20):
            log(program, f"{n}_", start=written.START + n)
        call = [sys.executable, "-m", "vestige", "import", ".duct/logs"]
        started = [
            subprocess.Popen(call, cwd=program.folder, env=program.environ, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        lines = [process.communicate()[0].splitlines() for process in started]
        assert [process.returncode for process in started] == [0, 0]
        assert sum(map(len, lines)) == len(program.runs) == 20


@pytest.mark.needs("con-duct")
def test_what_con_duct_itself_wrote(program: Front) -> None:
    con_duct = shutil.which("con-duct", path=os.path.dirname(sys.executable) + ":" + os.environ["PATH"])
    assert con_duct
    burn = "import sys, time; x = bytearray(50_000_000); print('done'); time.sleep(1); sys.exit(3)"
    call = [con_duct, "run", "--fail-time", "0", "--s-i", "0.2", "-q", "-m", "real", sys.executable, "-c", burn]
    subprocess.run(call, cwd=program.folder, env=program.environ, check=False, capture_output=True)
    (before,) = listed(program)
    assert (before["exit"]["code"], before["message"], before["tags"]) == (3, "real", ["con-duct"])
    assert before["resources"]["memory_peak"]["value"] > 40_000_000
    assert [outcome["run"] for outcome in outcomes(program, ".duct/logs")] == [before["id"]]
    record = validate(program.runs[0])
    assert record["cwd"] == str(program.folder)
    assert (program.runs[0] / "stdout").read_text() == "done\n"
    # the copy is a log of con-duct still
    done = subprocess.run(
        [con_duct, "ls", "-f", "json", *(program.runs[0] / "con-duct").glob("*info.json")],
        cwd=program.folder, env=program.environ, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(done.stdout)[0]["exit_code"] == "3"


@pytest.mark.needs("recorder")
def test_what_vestige_duct_wrote_is_one_run(program: Front) -> None:
    done = program("duct", "-q", "sh", "-c", "echo out")
    assert done.returncode == 0, done.stderr
    (path,) = (program.folder / ".duct" / "logs").glob("*info.json")
    (run,) = listed(program)
    assert run["folder"] == str(program.runs[0])
    (outcome,) = outcomes(program, str(path))
    assert (outcome["state"], outcome["reason"]) == ("kept", "vestige recorded this run itself")
    program("rm", "--yes", "last")
    (entry,) = listed(program)
    assert (entry["log"], entry["argv"]) == (str(path), ["sh", "-c", "echo out"])
    assert [outcome["state"] for outcome in outcomes(program, str(path))] == ["imported"]
