"""Real runs with one planted cause each: it is named; and two equal ones are called equal."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from vestige import api
from vestige.compare.causes import Pair, is_cold, medians
from vestige.compare.comparison import Comparison, compare
from vestige.compare.sides import Side
from vestige.report.compare_words import sentence
from vestige.store.runs import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Make = Callable[..., RunFolder]

SUM = "import sys\nprint(sum(int(word) for line in open(sys.argv[1]) for word in line.split()))\n"
SPIN = "import sys\nfor _ in range(int(sys.argv[2])):\n    sum(range(100_000))\n"
PINNED = "import os\nos.sched_setaffinity(0, {max(os.sched_getaffinity(0))})\n"
IMPORT = "import slowlib\nslowlib.work()\n"
CROWDED = "starved"  # where others are at work, most of the time may go into that, and then it is said
READ = "import sys\nwith open(sys.argv[1], 'rb') as file:\n    while file.read(1 << 16):\n        pass\n"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Give a function that records a command in a folder of the test."""

    def run(*argv: str) -> RunFolder:
        words = [sys.executable if word == "python" else word for word in argv]
        made = api.run(words, cwd=tmp_path, store=tmp_path / "store", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert made.exit_code == 0, made.stderr
        return RunFolder(made.folder)

    return run


def beside(then: RunFolder, now: RunFolder) -> Comparison:
    return compare([Side("A", (then,)), Side("B", (now,))])


def told(found: Comparison) -> tuple[set[str], set[str], str]:
    """Return what the time went into, the hints, and the sentence."""
    (explanation,) = found.explanations
    words = sentence(found, explanation)
    assert explanation.outcome == "slower", words
    return {spent.what for spent in explanation.spent}, {hint.what for hint in explanation.hints}, words


def test_more_data(make: Make, tmp_path: Path) -> None:
    (tmp_path / "sum.py").write_text(SUM)
    data = tmp_path / "numbers.txt"
    data.write_text("1 2 3 4 5 6 7 8\n" * 20)
    then = make("python", "sum.py", "numbers.txt")
    data.write_text("1 2 3 4 5 6 7 8\n" * 500_000)
    went, hints, words = told(beside(then, make("python", "sum.py", "numbers.txt")))
    assert went & {"work", CROWDED}, words
    assert "data" in hints
    assert "numbers.txt 320 B → 8.00 MB" in words


@pytest.mark.parametrize(("work", "into"), [("sum(range(20_000_000))", "work"), ("time.sleep(0.7)", "asleep")])
def test_slower_library(make: Make, tmp_path: Path, work: str, into: str) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "main.py").write_text("import sys\nsys.path.insert(0, 'site/site-packages')\n" + IMPORT)
    _install(tmp_path, "1.0", "pass")
    then = make("python", "main.py")
    _install(tmp_path, "1.1", work)
    went, hints, words = told(beside(then, make("python", "main.py")))
    assert went & {into, CROWDED}, words
    assert "software" in hints, words
    assert "slowlib 1.0 → 1.1" in words


def test_changed_parameter(make: Make, tmp_path: Path) -> None:
    (tmp_path / "spin.py").write_text(SPIN)
    found = beside(*(make("python", "spin.py", "--trees", count) for count in ("1", "500")))
    went, hints, words = told(found)
    assert went & {"work", CROWDED}, words
    assert hints >= {"parameters"}
    assert "--trees 1 → 500" in words
    assert [(each.topic, each.name, each.values) for each in found.differences] == [
        ("parameters", "--trees", ("1", "500"))
    ]


@pytest.fixture
def stolen_core() -> Iterator[None]:
    """Keep others at work on the last CPU until the end of the test."""
    thieves = [subprocess.Popen([sys.executable, "-c", PINNED + "while True:\n    pass\n"]) for _ in range(5)]
    yield
    for thief in thieves:
        thief.kill()
        thief.wait()


def test_stolen_core(make: Make, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    (tmp_path / "spin.py").write_text(PINNED + SPIN)
    then = make("python", "spin.py", "x", "100")
    request.getfixturevalue("stolen_core")
    went, hints, words = told(beside(then, make("python", "spin.py", "x", "100")))
    assert "starved" in went, words
    assert not hints & {"data", "parameters", "software", "code", "machine", "environment"}


def test_cold_cache(make: Make, tmp_path: Path) -> None:
    (tmp_path / "read.py").write_text(READ)
    data = tmp_path / "large.bin"
    data.write_bytes(os.urandom(1 << 20) * 64)
    with open(data, "rb") as file:
        os.fsync(file.fileno())
        warm = make("python", "read.py", "large.bin")
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    found = beside(warm, make("python", "read.py", "large.bin"))
    row = found.figure("read_bytes")
    assert row is not None
    then, now = (sample.figure.value or 0 for sample in row.samples if sample.figure)
    assert now - then > 30_000_000, "a file system in memory? the records of test_causes.py have this case too"
    assert is_cold(Pair(medians(found.figures, 0), medians(found.figures, 1), (), (), 1))


def test_equal_runs_are_called_equal(make: Make) -> None:
    runs = [make("true") for _ in range(10)]
    found = compare([Side("A", tuple(runs[::2])), Side("B", tuple(runs[1::2]))])
    assert not found.differences
    assert sentence(found, found.explanations[0]).startswith("`B` took as long as `A`")


def _install(folder: Path, version: str, work: str) -> None:
    """Put a package into a folder, as pip would."""
    site = folder / "site" / "site-packages"
    for old in site.glob("slowlib*"):
        shutil.rmtree(old)
    package, info = site / "slowlib", site / f"slowlib-{version}.dist-info"
    package.mkdir(parents=True)
    info.mkdir()
    (package / "__init__.py").write_text(f"import time\ndef work():\n    {work}\n")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: slowlib\nVersion: {version}\n")
    (info / "RECORD").write_text("slowlib/__init__.py,,\n")
    (info / "INSTALLER").write_text("pip\n")
