"""`vestige ls --where`, `query`, `stats`, `suggest`: all runs, searched and summed up."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from harness.front import Front, front
from harness.kept import Store, used

from vestige.errors import StoreError, UsageError
from vestige.history import tables
from vestige.history.all_runs import AllRuns
from vestige.history.index import Index, open_index
from vestige.record.model import Connection, Figure, Package

if TYPE_CHECKING:
    from pathlib import Path

RUNS = 12


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Front:
    """Give `vestige` in a folder with a dozen runs and a log of con-duct."""
    found = front(tmp_path_factory.mktemp("history"))
    store = Store(found.folder / ".vestige")
    for number in range(RUNS):
        store.run(
            used("input", "/data/raw.csv", b"raw"),
            used("output", f"/data/{number}.csv", b"%d" % number),
            argv=("python", "train.py", str(number)) if number % 2 else ("make",),
            code=int(number == 4),
            tags=("paper",) if number % 3 == 0 else (),
            resources={
                "wall": Figure(float(number), "s", "exact"),
                "memory_peak": Figure(number * 1_000_000, "B", "sampled"),
            },
            software=(Package("python", "numpy", "2.1"),),
            network=(Connection("out", "inet", "tcp", "example.org", "192.0.2.1", 443, "connected"),),
        )
    logs = found.folder / ".duct" / "logs"
    logs.mkdir(parents=True)
    info = {
        "command": "sleep 9",
        "schema_version": "0.2.2",
        "execution_summary": {
            "exit_code": 0,
            "command": "sleep 9",
            "peak_rss": 7_654_321,
            "wall_clock_time": 9.5,
            "start_time": 1_750_000_000.0,
            "end_time": 1_750_000_009.5,
            "logs_prefix": ".duct/logs/x_",
        },
    }
    (logs / "x_info.json").write_text(json.dumps(info))
    return found


@pytest.fixture(scope="module")
def seen(program: Front) -> Index:
    return open_index(AllRuns(Store(program.folder / ".vestige").runs, ()))


def asked(program: Front, *words: str) -> Any:
    done = program(*words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def commands(program: Front, *words: str) -> list[str]:
    return [" ".join(record["argv"]) for record in asked(program, "ls", "--json", *words)]


def test_ls_where(program: Front) -> None:
    assert commands(program, "--where", "wall >= 9 and command ~ 'train'") == [
        "python train.py 11",
        "python train.py 9",
    ]
    assert commands(program, "--where", "failed") == ["make"]
    assert commands(program, "--where", "kind = 'con-duct'") == ["sleep 9"]
    assert commands(program, "--sort", "wall", "--last", "2") == ["python train.py 11", "make"]
    assert commands(program, "--sort", "wall", "--reverse", "--last", "1") == ["make"]
    assert commands(program, "--tag", "paper", "--command", "*train*") == ["python train.py 9", "python train.py 3"]


def test_the_table_is_the_same_through_the_index(program: Front) -> None:
    plain = program("ls", "--last", "13").stdout
    assert plain.count("\n") == RUNS + 2
    assert program("ls", "--all").stdout == plain
    assert program("ls", "--where", "wall >= 0").stdout == plain
    some = program("ls", "--where", "wall >= 0", "--last", "3")
    assert some.stdout.splitlines()[1:] == program("ls", "--last", "3").stdout.splitlines()[1:]


def test_logs_that_are_named_are_searched_too(program: Front) -> None:
    assert len(asked(program, "ls", "--json", ".duct/logs", "--where", "wall > 9")) == 1
    assert asked(program, "ls", "--json", ".duct/logs", "--where", "wall > 10") == []


def test_a_wrong_field_is_named(program: Front) -> None:
    done = program("ls", "--where", "memory > 2GB")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean `peak_memory`" in done.stderr
    assert "no field `size` to sort by" in program("ls", "--sort", "size").stderr


def test_query(program: Front, seen: Index) -> None:
    found = asked(program, "query", "--json", "SELECT command, wall, tags FROM runs ORDER BY wall DESC LIMIT 1")
    assert found == [{"command": "python train.py 11", "wall": 11.0, "tags": []}]
    count = "SELECT count(*) AS n FROM "
    assert asked(program, "query", "--json", count + "runs") == [{"n": RUNS + 1}]
    for table, number in {"files": 2 * RUNS, "packages": RUNS, "connections": RUNS, "spans": 0, "usage": 0}.items():
        assert tables.ask(seen, count + table).rows == [(number,)], table
    joined = "SELECT r.command, f.path FROM files f JOIN runs r ON f.run = r.id WHERE f.path = '/data/7.csv'"
    assert asked(program, "query", "--json", joined) == [{"command": "python train.py 7", "path": "/data/7.csv"}]
    rows = list(csv.reader(io.StringIO(program("query", "--csv", "FROM runs").stdout)))
    assert len(rows) == RUNS + 2
    assert "python train.py 11" in program("query", "SELECT command FROM runs").stdout
    assert program("query", "SELECT 8990720.0 AS bytes, 0.12345678 AS share").stdout.split() == [
        "bytes", "share", "8990720", "0.123457",
    ]  # fmt: skip
    piped = program("query", "--json", "-", input="SELECT 1 AS one")
    assert json.loads(piped.stdout) == [{"one": 1}]


def test_query_loses_no_column_of_a_name_that_others_have(program: Front) -> None:
    assert asked(program, "query", "--json", "SELECT 1 AS a, 2 AS a, 3 AS a_1") == [{"a": 1, "a_1": 2, "a_1_1": 3}]


def test_query_has_utc_wherever_it_is_asked(program: Front) -> None:
    there = {"TZ": "Asia/Tokyo"}
    words = "SELECT TIMESTAMP '2026-07-01 12:00:00' = TIMESTAMPTZ '2026-07-01 12:00:00+00' AS same"
    assert json.loads(program("query", "--json", words, env=there).stdout) == [{"same": True}]
    done = program("query", "SELECT now() AS t", env=there)
    assert (done.returncode, done.stderr) == (
        2,
        "vestige: `t` has a time zone; write `CAST(... AS TIMESTAMP)` for UTC\n",
    )
    assert program("query", "SELECT CAST(now() AS TIMESTAMP) AS t").returncode == 0


def test_query_writes_parquet_and_nothing_that_is_there(program: Front) -> None:
    import duckdb  # noqa: PLC0415 - only here

    assert program("query", "--parquet", "runs.parquet", "SELECT id, wall FROM runs").returncode == 0
    found = duckdb.read_parquet(str(program.folder / "runs.parquet"))
    assert len(found.fetchall()) == RUNS + 1
    assert "is there already" in program("query", "--parquet", "runs.parquet", "SELECT 1").stderr


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')",
        "SELECT * FROM glob('/etc/*')",
        "COPY (SELECT 1) TO 'x.csv'",
        "CREATE TABLE x AS SELECT 1",
        "DELETE FROM runs",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "LOAD httpfs",
        "ATTACH 'x.db'",
        "SELECT 1; SELECT 2",
        "PRAGMA version",
        "SELEC",
        "SELECT nothing FROM runs",
        "",
        "SELECT '\x1b[31m' +",
    ],
)
def test_query_reads_nothing_else_and_changes_nothing(seen: Index, program: Front, sql: str) -> None:
    before = sorted(os.listdir(program.folder))
    with pytest.raises(UsageError) as raised:
        tables.ask(seen, sql)
    assert str(raised.value).isprintable()
    assert sorted(os.listdir(program.folder)) == before


def test_a_question_that_is_refused_is_answered_in_one_line(program: Front) -> None:
    done = program("query", "SELECT '\x1b[31m', nothing FROM runs")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "\x1b" not in done.stderr


def test_the_schema_is_what_tables_have(seen: Index, program: Front) -> None:
    for table, columns in tables.schema().items():
        described = tables.ask(seen, f"DESCRIBE {table}")
        assert [row[0] for row in described.rows] == list(columns)
    assert asked(program, "query", "--schema", "--json") == tables.schema()
    assert "peak_memory" in program("query", "--schema").stdout


def test_damaged_lines_are_passed_over(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    run_id = store.run(used("input", "/data/raw.csv", b"raw"))
    with (store.folder(run_id) / "files.jsonl").open("a") as file:
        file.write('{"path": 3, "kind": [\n\x00\n{"path": "/cut')
    words = [sys.executable, "-m", "vestige", "query", "--store", str(store.path), "--json", "SELECT path FROM files"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert {"path": "/data/raw.csv"} in json.loads(done.stdout)


def test_a_store_of_any_name_is_asked(tmp_path: Path) -> None:
    for name in ("odd [x]* 'q' \"d\"", os.fsdecode(b"not \xff unicode")):
        store = Store(tmp_path / name)
        store.run(used("input", "/data/raw.csv", b"raw"))
        found = open_index(AllRuns(store.runs, ()))
        assert tables.ask(found, "SELECT count(*) FROM runs").rows == [(1,)]
        if name.isprintable():
            assert tables.ask(found, "SELECT count(*) FROM files").rows == [(1,)]
        else:
            with pytest.raises(StoreError, match="no valid UTF-8"):
                tables.ask(found, "SELECT count(*) FROM files")
    with pytest.raises(UsageError, match="UTF-8"):
        tables.ask(found, "SELECT '\udcff'")


def test_stats(program: Front) -> None:
    found = {each["template"]: each for each in asked(program, "stats", "--json")}
    assert set(found) == {"python train.py N", "make", "sleep N"}
    assert (found["make"]["count"], found["make"]["failed"]) == (6, 1)
    wall = found["python train.py N"]["measures"]["wall"]
    assert (wall["count"], wall["median"], wall["largest"], wall["newest"][0]) == (6, 6.0, 11.0, 1.0)
    assert found["make"]["measures"]["wall"]["count"] == 5  # the one that failed tells nothing
    assert [each["template"] for each in asked(program, "stats", "--json", "--command", "make*")] == ["make"]
    assert "python train.py N" in program("stats").stdout
    assert program("stats", "--where", "wall > 100").stderr == "vestige: no runs\n"


def test_suggest(program: Front) -> None:
    done = program("suggest", "--sbatch", "python", "train.py", "99")
    assert done.stdout.splitlines()[:2] == ["#SBATCH --mem=100M", "#SBATCH --time=00:01:00"]
    found = asked(program, "suggest", "--json", "last")
    assert (found["template"], found["runs"]) == ("python train.py N", 6)
    assert "6 runs" in program("suggest").stdout
    nothing = program("suggest", "never", "run", "before")
    assert (nothing.returncode, nothing.stdout) == (2, "")
