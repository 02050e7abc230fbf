"""`vestige show --files` and `--tree`, `vestige why`, `vestige used-by`."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from harness.front import Front, front, portable
from harness.kept import Store, made_up, read_record, used

from vestige.record import codec
from vestige.record.model import Figure, FileCount, Process

if TYPE_CHECKING:
    from pathlib import Path

RAW, CLEAN, REPORT = "/data/raw.csv", "/data/clean.csv", "/data/out/report.pdf"
NOTHING = Figure(None, "B", "unavailable", reason="not looked at")


def process(pid: int, parent: int | None, *argv: str) -> Process:
    return Process(
        pid=pid,
        parent=parent,
        argv=argv,
        argv_truncated=False,
        name=argv[0],
        start=pid / 1000,
        start_method="exact",
        end=1.0,
        exit_code=0,
        signal=None,
        cpu=NOTHING,
        memory_peak=NOTHING,
        read_bytes=NOTHING,
        written_bytes=NOTHING,
        read_chars=NOTHING,
        written_chars=NOTHING,
        run_queue_wait=NOTHING,
    )


def kept(tmp_path: Path) -> tuple[Front, Store]:
    """Keep two runs: `clean` makes CLEAN of RAW, `report` with a child makes REPORT of that."""
    program = front(tmp_path)
    store = Store(program.folder / ".vestige")
    store.run(used("input", RAW, b"raw"), used("output", CLEAN, b"clean"), argv=("clean",), code=3)
    last = store.run(
        used("software", "/lib/x.so", b"", hash=None, readers=(0,)),
        used("output", REPORT, b"report", writers=(1,)),
        used("output", "/data/out", b"", after=dataclasses.replace(made_up(b"", 1), type="directory"), writers=(0,)),
        used("input", CLEAN, b"clean", readers=(1,)),
        argv=("report",),
    )
    folder = store.folder(last)
    processes = [process(7, None, "report"), process(8, 7, "typeset", "now"), process(9, 7, "idle")]
    (folder / "processes.jsonl").write_bytes(b"".join(map(codec.line, processes)))
    record = read_record(str(folder / "record.json"))
    counts = {"input": FileCount(1, 5), "output": FileCount(1, 6), "software": FileCount(1, 0)}
    (folder / "record.json").write_bytes(codec.record_text(dataclasses.replace(record, files=counts)))
    return program, store


class TestShow:
    def test_files_in_and_out(self, tmp_path: Path) -> None:
        program, _ = kept(tmp_path)
        done = program("show", "--files")
        rows = [line.split() for line in done.stdout.splitlines()]
        assert [(row[0], row[-1]) for row in rows] == [
            ("class", "path"),
            ("input", "clean.csv"),
            ("output", "out/report.pdf"),
        ]
        assert done.stderr == "vestige: and 1 software file: `--all` lists them, `--class NAME` those of one class\n"

    def test_all_files_and_those_of_some_classes(self, tmp_path: Path) -> None:
        program, _ = kept(tmp_path)
        assert len(program("show", "--files", "--all").stdout.splitlines()) == 5
        rows = program("show", "--files", "--class", "software", "--class", "input").stdout.splitlines()[1:]
        assert [row.split()[0] for row in rows] == ["input", "software"]

    def test_files_as_json_are_as_written(self, tmp_path: Path) -> None:
        program, store = kept(tmp_path)
        lines = (store.folder(store.ids[-1]) / "files.jsonl").read_text().splitlines()
        assert json.loads(program("show", "--files", "--all", "--json").stdout) == [json.loads(line) for line in lines]
        assert len(json.loads(program("show", "--files", "--json").stdout)) == 2

    def test_the_tree(self, tmp_path: Path) -> None:
        program, _ = kept(tmp_path)
        assert program("show", "--tree").stdout.splitlines() == [
            "7  report",
            "  8  typeset now",
            "      read   clean.csv  5 B",
            "      wrote  out/report.pdf  6 B",
            "… and 1 more process without such files",
        ]
        assert len(program("show", "--tree", "--all").stdout.splitlines()) == 7

    def test_the_tree_as_json(self, tmp_path: Path) -> None:
        program, _ = kept(tmp_path)
        report, typeset, idle = json.loads(program("show", "--tree", "--json").stdout)
        assert (report["process"], report["depth"], report["read"]) == (0, 0, [])
        assert typeset == {
            "process": 1,
            "depth": 1,
            "pid": 8,
            "argv": ["typeset", "now"],
            "read": [CLEAN],
            "written": [REPORT],
        }
        assert idle["written"] == []

    def test_nobody_watched(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        program("run", "true")
        for words in ("--files", "--tree"):
            assert "nobody watched the files of this run" in program("show", words).stderr

    @pytest.mark.parametrize(
        "words", [("--all",), ("--class", "input"), ("--files", "--class", "x"), ("--files", "--tree")]
    )
    def test_mistakes(self, tmp_path: Path, words: tuple[str, ...]) -> None:
        program, _ = kept(tmp_path)
        done = program("show", *words)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


class TestLineage:
    def test_why(self, tmp_path: Path) -> None:
        program, store = kept(tmp_path)
        done = program("why", REPORT, env={"TZ": "UTC"})
        first, second = (run_id[-8:] for run_id in store.ids)
        assert done.stdout.splitlines() == [
            f"{REPORT}  6 B  ·  not there now",
            f"└─ {second}  report  ·  ok  ·  2025-10-09 08:54",
            f"   └─ {CLEAN}  5 B",
            f"      └─ {first}  clean  ·  exit 3  ·  2025-10-09 08:53",
            f"         └─ {RAW}  3 B",
        ]
        assert done.stderr == ""

    def test_used_by(self, tmp_path: Path) -> None:
        program, store = kept(tmp_path)
        lines = program("used-by", RAW).stdout.splitlines()
        assert [store.ids[0][-8:] in line for line in lines] == [False, True, False, False, False]
        assert lines[-1].endswith(f"{REPORT}  6 B")

    def test_so_far_and_no_further(self, tmp_path: Path) -> None:
        program, _ = kept(tmp_path)
        assert len(program("why", "--depth", "1", REPORT).stdout.splitlines()) == 3

    def test_graphviz_and_json(self, tmp_path: Path) -> None:
        program, store = kept(tmp_path)
        dot = program("why", "--dot", REPORT).stdout
        assert dot.startswith("digraph lineage {\n")
        assert dot.endswith("}\n")
        found = json.loads(program("why", "--json", REPORT).stdout)
        assert {node["run"] for node in found["nodes"] if node["type"] == "run"} == set(store.ids)
        assert {edge["relation"] for edge in found["edges"]} == {"read", "wrote"}
        assert found["start"] in {node["id"] for node in found["nodes"]}

    def test_nothing_known(self, tmp_path: Path) -> None:
        program, _ = kept(tmp_path)
        done = program("why", "/nowhere")
        assert (done.returncode, done.stdout) == (0, "/nowhere  ·  not there now\n")
        assert done.stderr == "vestige: no run that is kept wrote this file, or one with this content\n"
        done = program("used-by", "/lib/x.so")
        assert "`--all` looks among software and config too" in done.stderr
        assert "report" in program("used-by", "--all", "/lib/x.so").stdout

    def test_a_damaged_run_is_named(self, tmp_path: Path) -> None:
        program, store = kept(tmp_path)
        bad = store.folder(store.ids[0])
        (bad / "record.json").write_text("[")
        done = program("why", REPORT)
        assert done.returncode == 0
        assert done.stderr.startswith(f"vestige: {bad.name} can't be read: ")
        assert done.stderr.count("\n") == 1

    def test_it_cannot_steer_the_terminal(self, tmp_path: Path) -> None:
        program, store = kept(tmp_path)
        store.run(used("output", "/data/\x1b[2J", b"x"), argv=("\x1b[2J",))
        for words in ((), ("--dot",), ("--json",)):
            assert "\x1b" not in program("why", *words, "/data/\x1b[2J").stdout

    @pytest.mark.parametrize("command", ["why", "used-by"])
    @pytest.mark.parametrize("words", [(), ("",), ("a", "--depth", "0"), ("a", "--dot", "--json"), ("a", "b")])
    def test_mistakes(self, tmp_path: Path, command: str, words: tuple[str, ...]) -> None:
        done = front(tmp_path)(command, *words)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)

    def test_from_a_folder_that_is_gone(self, tmp_path: Path) -> None:
        program, store = kept(tmp_path)
        gone = tmp_path / "gone"
        gone.mkdir()
        script = f'rmdir {gone}; exec "$0" -m vestige why {REPORT} --store {store.path}'
        done = subprocess.run(
            ["sh", "-c", script, sys.executable],
            cwd=gone,
            env=program.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.startswith(REPORT), done.stderr
