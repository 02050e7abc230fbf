"""What a record looks like on a terminal, to the letter: the files in `golden/`.

`VESTIGE_UPDATE_GOLDEN=1 pytest tests/report` writes them anew; look at the difference before you keep it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from pathlib import Path

import pytest

from vestige.history.lineage import FileVersion, Lineage, Link, Step
from vestige.record.model import (
    Completeness,
    Connection,
    Exit,
    Figure,
    FileCount,
    FileState,
    FileUse,
    Gap,
    Machine,
    Package,
    Point,
    Process,
    Record,
    Stream,
    Survivor,
)
from vestige.report import counts, details, files, lineage, record_page, summary
from vestige.report.paint import Paint
from vestige.report.tables import Column, plain, rich_table
from vestige.store.output import Piece

os.environ["TZ"] = "UTC"  # local times are shown
time.tzset()
GOLDEN = Path(__file__).parent / "golden"
NOT_READ = Figure(None, "B", "unavailable", reason="it was gone")


def exact(value: float, unit: str = "B") -> Figure:
    return Figure(value, unit, "exact")


def process(pid: int, parent: int | None, *argv: str, memory: int, start: float, end: float | None) -> Process:
    return Process(
        pid=pid,
        parent=parent,
        argv=argv or None,
        argv_truncated=False,
        name=os.path.basename(argv[0]) if argv else "python",
        start=start,
        start_method="exact",
        end=end,
        exit_code=None if end is None else 0,
        signal=None,
        cpu=Figure(1.5, "s", "bound", lower=1.5),
        memory_peak=exact(memory),
        read_bytes=NOT_READ,
        written_bytes=NOT_READ,
        read_chars=exact(31_200_000),
        written_chars=exact(0),
        run_queue_wait=exact(0.01, "s"),
        survived=end is None,
    )


PROCESSES = (
    process(100, None, "kedro", "run", memory=580_300_000, start=0, end=12.4),
    process(101, 100, "sh", "-c", "uname -a", memory=1_700_000, start=1.25, end=1.2535),
    process(102, 101, "uname", "-a", memory=1_600_000, start=1.252, end=1.2534),
    process(103, 100, memory=20_000_000, start=2, end=None),
)

OK = Record(
    id="0190a1b2-c3d4-7e5f-8a9b-0c1d7f3a91c2",
    argv=("kedro", "run", "--pipeline=a b"),
    cwd="/home/me/flights",
    status="ended",
    started="2026-07-01T12:00:00.000000Z",
    ended="2026-07-01T12:00:12.400000Z",
    exit=Exit(code=0),
    vestige="0.1.0",
    machine=Machine("laptop", "Linux", "6.1.0", "x86_64", 8, 2, 1.5, 16_000_000_000, 8_000_000_000),
    environment={"LANG": "C.UTF-8"},
    message="first try",
    tags=("nightly", "flights"),
    parent="0190a1b2-0000-7000-8000-000000000000",
    job={"SLURM_JOB_ID": "42"},
    resources={
        "wall": exact(12.4, "s"),
        "cpu": exact(14.2, "s"),
        "cores_used": exact(1.1452, "1"),
        "cores_allowed": exact(2, "1"),
        "memory_peak": Figure(612e6, "B", "sampled", lower=598e6, upper=640e6),
        "memory_peak_process": exact(580_300_000),
        "processes": exact(4, "1"),
        "read_chars": exact(31_200_000),
        "written_chars": exact(8_100_000),
        "read_bytes": exact(0),
        "written_bytes": exact(8_110_080),
        "pressure_cpu": Figure(None, "s", "unavailable", reason="no /proc/pressure"),
    },
    streams={
        "stdout": Stream("pipe", captured=True, length=1234),
        "stderr": Stream("file", captured=False, length=0, path="/home/me/err.log", offset=10),
    },
    processes=4,
    completeness=Completeness("recorder", "on"),
)

FAILED = dataclasses.replace(
    OK,
    argv=("python", "-c", "import os\nos.abort()", '"\\377"'),
    exit=Exit(code=134, signal="SIGABRT"),
    message=None,
    tags=(),
    parent=None,
    job={},
    machine=None,
    resources={
        "wall": exact(0.0321, "s"),
        "cpu": Figure(0.02, "s", "bound", lower=0.02, reason="processes were not seen"),
        "memory_peak": Figure(None, "B", "unavailable", reason="nobody looked"),
        "processes": Figure(3, "1", "bound", lower=3, reason="processes were not seen"),
        "read_chars": Figure(100, "B", "bound", lower=100),
        "written_chars": exact(200),
    },
    streams={"stdout": Stream("pipe", captured=True, length=9), "stderr": Stream("pipe", captured=True, merged=True)},
    survivors=(Survivor(7, "sleep", ("sleep", "60")), Survivor(8, "\x1b[2J", None)),
    completeness=Completeness(
        "portable", "unavailable", "no recorder", events_dropped=3, notes=("the guard carried on after the recorder",)
    ),
)

RUNNING = dataclasses.replace(
    OK, status="running", ended=None, exit=Exit(), resources={}, streams={}, completeness=None
)
NOT_FOUND = dataclasses.replace(
    RUNNING, status="ended", exit=Exit(code=127, reason="not found"), resources={"wall": exact(0.001, "s")}
)

POINTS = (
    Point(0.004, 0.5, 3, 1, 1, 0.25, 9_000_000, 10_000_000, 11_000_000, None, 0, 0, 1000, 0),
    Point(0.5, 1.0, 3, 4, 9, 1.25, 9_000_000, 10_000_000, 612_000_000, 598_000_000, 0, 0, 31_200_000, 8_100_000),
)
PIECES = (
    Piece(0.01, "stdout", b"one\ntw"),
    Piece(0.5, "stdout", b"o\n"),
    Piece(1.25, "stderr", b"oops \x1b[31m\xff\n"),
    Piece(2, "stdout", b"no end"),
)

WATCHED = dataclasses.replace(
    OK,
    files={
        "input": FileCount(5, 31_200_000),
        "output": FileCount(3, 8_000_000),
        "modified": FileCount(1, 100_000),
        "software": FileCount(212, 98_000_000),
        "probed": FileCount(1240, 0),
        "config": FileCount(3, 12_000),
    },
    software=tuple(Package("python", f"package-{number}", "1.0") for number in range(38)),
    network=(
        Connection("out", "inet", "tcp", "heapanalytics.com", "52.1.2.3", 443, "refused", 3),
        Connection("out", "inet", "tcp", "heapanalytics.com", "52.1.2.4", 443, "refused", 1),
        Connection("out", "unix", "stream", None, "/run/nscd/socket", None, "connected"),
        Connection("in", "inet", "tcp", None, "127.0.0.1", 4141, "listening"),
    ),
    completeness=Completeness("recorder", "on", files="complete"),
)
PARTIAL = dataclasses.replace(
    WATCHED,
    network=(),
    completeness=Completeness(
        "recorder",
        "on",
        files="partial",
        gaps=(
            Gap("io_uring", "2 rings were made, by which files are opened unseen", "`--io-uring deny`"),
            Gap("dropped", "7 events were dropped"),
        ),
    ),
)
UNTOUCHED = dataclasses.replace(OK, completeness=Completeness("recorder", "on", files="complete"))


def regular(size: int) -> FileState:
    return FileState("file", size, 1, 1, 1, 1)


USES = (
    FileUse(
        "/usr/lib/libc.so.6", "software", before=regular(2_000_000), after=regular(2_000_000), package="deb:libc6",
        readers=(0, 1, 2),
    ),
    FileUse(
        "/home/me/flights/data/flights.csv", "input", before=regular(31_100_000), after=regular(31_100_000),
        hash="sha256:" + "3f2a9c1b" * 8, readers=(0,), names=("/home/me/flights/current.csv", "/data/current.csv"),
    ),
    FileUse(
        "/home/me/run.sh", "input", before=regular(100), after=regular(120), changed=True, executed=True,
        hash_reason="changed since the run ended", readers=(1,),
    ),
    FileUse(
        "/home/me/flights/log", "modified", before=regular(10), after=regular(20), hash="sha256-fast:" + "00ff" * 16,
        readers=(0,), writers=(0,),
    ),
    FileUse("/home/me/flights/out", "output", after=FileState("directory", 4096), writers=(0,)),
    FileUse(
        "/home/me/flights/out/model\x1b.pkl", "output", after=regular(8_000_000), hash="git:" + "ab" * 20, writers=(3,)
    ),
    FileUse("/home/me/flights/out/latest", "output", after=FileState("link", 9), writers=(0,)),
    FileUse('"/home/me/flights/\\377"', "removed", before=regular(0), writers=(0,)),
    FileUse("/etc/hosts", "config", before=regular(100), after=regular(100)),
)  # fmt: skip


def made_by(name: str, run_id: str, *argv: str, code: int = 0) -> Step:
    ending = dataclasses.replace(OK, id=f"0190a1b2-c3d4-7e5f-8a9b-0c1d{run_id}", argv=argv, exit=Exit(code=code))
    return Step(name, "/home/me/.vestige/runs/x", ending)


HERE = "/home/me/flights"
BACK = Lineage(
    direction="back",
    start="file1",
    standing="same",
    files=(
        FileVersion("file1", f"{HERE}/report.pdf", "sha256:" + "aa" * 32, 1_234_567, "output"),
        FileVersion("file2", f"{HERE}/clean.csv", "sha256:" + "bb" * 32, 31_200_000, "input"),
        FileVersion("file3", f"{HERE}/clean.csv", "sha256:" + "cc" * 32, 31_100_000, "output"),
        FileVersion("file4", '/data/raw "1".csv', None, None, "input"),
        FileVersion("file5", f"{HERE}/copy.csv", "sha256:" + "dd" * 32, 7, "input"),
        FileVersion("file6", f"{HERE}/original.csv", "sha256:" + "dd" * 32, 7, "output"),
        *(FileVersion(f"file{number}", f"{HERE}/part{number}", None, 1, "input") for number in range(7, 27)),
    ),
    runs=(
        made_by("run1", "00000001", "make", "report"),
        made_by("run2", "00000002", "python", "clean.py", code=3),
    ),
    links=(
        Link("run1", "file1", "wrote"),
        Link("file2", "run1", "read"),
        Link("file3", "file2", "changed"),
        Link("run2", "file3", "wrote"),
        Link("file5", "run1", "read"),
        Link("file6", "file5", "copied"),
        Link("run2", "file6", "wrote"),
        Link("file4", "run2", "read"),
        *(Link(f"file{number}", "run2", "read") for number in range(7, 27)),
    ),
    others=("00000003", "00000004", "00000005", "00000006"),
)
FORWARD = dataclasses.replace(BACK, direction="forward", start="file4", standing="gone", remover="00000007")

TEXTS = {
    "summary-watched": summary.summary(WATCHED),
    "summary-partial": summary.summary(PARTIAL),
    "summary-untouched": summary.summary(UNTOUCHED),
    "page-watched": record_page.page(WATCHED, folder="/home/me/.vestige/runs/x"),
    "page-partial": record_page.page(PARTIAL, folder="/home/me/.vestige/runs/x"),
    "files": plain(files.COLUMNS, files.rows(filter(files.is_shown, USES), HERE)),
    "files-all": plain(files.COLUMNS, files.rows(USES, HERE)),
    "files-others": counts.others(WATCHED),
    "tree": "\n".join(files.tree_lines(PROCESSES, filter(files.is_shown, USES), HERE)),
    "tree-all": "\n".join(files.tree_lines(PROCESSES, USES, HERE, whole=True, width=40)),
    "why": "\n".join(lineage.tree_lines(BACK, HERE)),
    "why-dot": "\n".join(lineage.dot_lines(BACK, HERE)),
    "why-json": json.dumps(lineage.as_json(BACK), indent=1),
    "used-by": "\n".join(lineage.tree_lines(FORWARD, HERE)),
    "summary-ok": summary.summary(OK, processes=PROCESSES),
    "summary-failed": summary.summary(FAILED),
    "summary-narrow": summary.summary(OK, width=60),
    "summary-not-found": summary.summary(NOT_FOUND),
    "summary-colours": summary.summary(FAILED, paint=Paint(colours=True)),
    "line-ok": summary.line(OK),
    "line-failed": summary.line(FAILED),
    "page-ok": record_page.page(OK, folder="/home/me/.vestige/runs/x"),
    "page-failed": record_page.page(FAILED, folder="/home/me/.vestige/runs/x"),
    "page-running": record_page.page(RUNNING, folder="/home/me/.vestige/runs/x"),
    "processes": plain(details.PROCESS_COLUMNS, details.process_rows(PROCESSES)),
    "usage": plain(details.POINT_COLUMNS, details.point_rows(POINTS)),
    "output": "\n".join(details.output_lines(PIECES)),
}


@pytest.mark.parametrize("name", TEXTS)
def test_golden(name: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("VESTIGE_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(TEXTS[name] + "\n")
    assert TEXTS[name] + "\n" == path.read_text()


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(TEXTS)


def test_colours_are_all_that_colours_add() -> None:
    coloured = summary.summary(FAILED, paint=Paint(colours=True))
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m"):
        coloured = coloured.replace(code, "")
    assert [line.rstrip() for line in coloured.splitlines()] == summary.summary(FAILED).splitlines()


def test_a_number_that_is_used_again_keeps_each_child_with_its_own_parent() -> None:
    again = (
        process(5, None, "first", memory=1, start=0, end=1),
        process(6, 5, "child-of-first", memory=1, start=0.5, end=1),
        process(5, None, "second", memory=1, start=2, end=3),
        process(7, 5, "child-of-second", memory=1, start=2.5, end=3),
    )
    assert [row[-1] for row in details.process_rows(again)] == [
        "first",
        "  child-of-first",
        "second",
        "  child-of-second",
    ]


def test_parents_come_first_whatever_the_order_of_the_list() -> None:
    mixed = (
        process(3, 2, "grandchild", memory=1, start=0.02, end=1),
        process(2, 1, "child", memory=1, start=0.02, end=1),
        process(1, None, "root", memory=1, start=0, end=1),
    )
    assert [row[-1] for row in details.process_rows(mixed)] == ["root", "  child", "    grandchild"]


def test_a_circle_of_parents_is_shown_and_ends() -> None:
    circle = (process(1, 2, "a", memory=1, start=0, end=1), process(2, 1, "b", memory=1, start=0, end=1))
    assert sorted(row[-1].strip() for row in details.process_rows(circle)) == ["a", "b"]


@pytest.mark.parametrize(
    ("width", "titles"), [(90, "run mean p90 command"), (52, "run mean command"), (20, "run command")]
)
def test_a_narrow_terminal_costs_columns_before_the_command(width: int, titles: str) -> None:
    columns = (Column("run"), Column("mean", spare=1), Column("p90", spare=2), Column("command"))
    rows = [["7f3a", "1.00 s", "2.00 s to 3.00 s", "python train.py --rate=N --epochs=N --data=weather.csv"]]
    made = rich_table(columns, rows, width)
    assert " ".join(str(column.header) for column in made.columns) == titles
    assert len(list(made.columns[-1].cells)) == 1


def test_what_is_empty_goes_first() -> None:
    columns = (Column("run"), Column("cpu", spare=2), Column("tags", spare=1), Column("command"))
    command = "python train.py --rate=N --epochs=N"
    for tags, left in (("", ["run", "cpu", "command"]), ("paper", ["run", "tags", "command"])):
        made = rich_table(columns, [["7f3a", "1.00 s", tags, command]], 46)
        assert [str(column.header) for column in made.columns] == left
