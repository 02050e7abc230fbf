"""The whole way on a small project, with the tools that are installed here."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.waiting import until

import vestige
from vestige.scenarios import document

if TYPE_CHECKING:
    from collections.abc import Sequence

SMALL = Path(__file__).parents[1] / "kedro" / "small"
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "comparison.md"
SOURCES = os.path.dirname(os.path.dirname(vestige.__file__))
LINK = re.compile(r"\]\(([^)#\s]+)\)")


def scenarios(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "vestige", "scenarios", "-o", str(folder / "out"), *words]
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    environ = os.environ | {"TMPDIR": str(folder), "PATH": path, "PYTHONPATH": SOURCES, **more}
    return subprocess.run(program, env=environ, capture_output=True, text=True, check=False)


def case_of(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "out" / "comparison" / name / "case.json").read_text())
    return found


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project") / "small"
    subprocess.run(["cp", "-r", SMALL, folder], check=True)
    (folder / "conf" / "local").mkdir()
    (folder / "credentials.yml").rename(folder / "conf" / "local" / "credentials.yml")
    (folder / ".gitignore").write_text("__pycache__/\n")
    return folder


@pytest.fixture(scope="module")
def compared(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a comparison in which every tool has its part."""
    folder = tmp_path_factory.mktemp("compared")
    words = ["--installed", "--project", str(project), "--times", "1", "--only", "all-three,vestige-commit"]
    done = scenarios(folder, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(folder / "out" / "comparison.md"), str(folder / "out" / "comparison.html")]
    return folder


@pytest.mark.needs("kedro", "git", "recorder", "con-duct", "duct", "datalad", "git-annex")
class TestRun:
    def test_alone_it_asks_nobody_and_commits_nothing(self, compared: Path) -> None:
        case = case_of(compared, "alone")
        assert (case["not_run"], case["asked"], case["network"]["calls"], case["commits"]) == (None, [], [], 0)

    def test_vestige_tells_its_figures_from_its_record(self, compared: Path) -> None:
        (last,), (alone,) = (case_of(compared, name)["rounds"] for name in ("vestige-commit", "alone"))
        (record,) = (compared / "out" / "comparison" / "vestige-commit" / "left").rglob("record.json")
        figure = json.loads(record.read_text())["resources"]["memory_peak_process"]
        assert (figure["method"], last["code"]) == ("exact", 0)
        assert figure["value"] == pytest.approx(alone["largest"], rel=0.05)
        assert cell(compared, "memory, at its peak", "vestige run --commit").endswith("record.json)")

    def test_the_commit_is_kept_with_its_record(self, compared: Path) -> None:
        text = (compared / "out" / "comparison" / "vestige-commit" / "git.txt").read_text()
        assert case_of(compared, "vestige-commit")["commits"] == 1
        assert "[DATALAD RUNCMD] late flights" in text
        assert '"cmd": "kedro run"' in text

    def test_all_three_together_are_one_commit_with_con_duct_s_logs(self, compared: Path) -> None:
        case = case_of(compared, "all-three")
        text = (compared / "out" / "comparison" / "all-three" / "git.txt").read_text()
        assert (case["not_run"], case["commits"]) == (None, 1)
        assert '"cmd": "duct kedro run"' in text
        assert ".duct/logs/" in text
        (kept,) = [one["kept"] for one in case["left"] if one["path"].endswith("_info.json")]
        info = json.loads((compared / "out" / "comparison" / "all-three" / kept).read_text())
        assert info["command"] == "kedro run"

    def test_kedro_telemetry_is_seen_to_ask_and_reaches_nobody(self, compared: Path) -> None:
        case = case_of(compared, "all-three")
        assert {line.rpartition(" ")[0] for line in case["asked"]} == {"CONNECT heapanalytics.com:443"}
        assert case["network"]["traced"]
        assert {call["outcome"] for call in case["network"]["calls"]} <= {"denied", "failed"}
        left = {(one["place"], one["path"]): one["how"] for one in case["left"]}
        assert left["project", "pyproject.toml"] == "changed"
        assert left["home", ".config/kedro/telemetry.toml"] == "new"

    def test_every_link_leads_to_a_file_that_is_there(self, compared: Path) -> None:
        page = (compared / "out" / "comparison.md").read_text()
        links = {link for link in LINK.findall(page) if "://" not in link}
        assert len(links) > 10
        assert [link for link in links if not (compared / "out" / link).is_file()] == []

    def test_nothing_names_this_machine(self, compared: Path, project: Path) -> None:
        places = {str(compared), str(project), os.path.expanduser("~"), os.path.dirname(vestige.__file__)} - {"/"}
        files = [path for path in (compared / "out").rglob("*") if path.is_file()]
        assert len(files) > 10
        for path in files:
            text = path.read_text()
            assert [place for place in places if place in text] == [], path

    def test_nothing_else_is_left(self, compared: Path) -> None:
        assert os.listdir(compared) == ["out"]


def test_the_page_of_the_docs_is_what_the_command_makes_of_its_evidence(tmp_path: Path) -> None:
    subprocess.run(["cp", "-r", ROOT / "docs" / "comparison", tmp_path], check=True)
    document.write(str(tmp_path))
    assert (tmp_path / "comparison.md").read_text() == PAGE.read_text(), "run `vestige scenarios -o docs --again`"


def cell(compared: Path, title: str, case: str) -> str:
    """Return what stands in a line of a table under a scenario."""
    lines = (compared / "out" / "comparison.md").read_text().splitlines()
    (at,) = (number for number, line in enumerate(lines) if line.startswith(f"| {title} |"))
    heads = max(number for number in range(at) if lines[number].startswith("| --- |")) - 1
    column = [one.strip() for one in lines[heads].split("|")].index(case)
    return lines[at].split("|")[column].strip()


@pytest.mark.needs("git")
class TestTrouble:
    def test_a_tool_that_is_not_there_is_left_out_and_the_others_go_on(self, project: Path, tmp_path: Path) -> None:
        bare = tmp_path / "bin"
        bare.mkdir()
        (bare / "kedro").write_text("#!/bin/sh\nmkdir -p data && echo made > data/made.txt && echo done\n")
        (bare / "kedro").chmod(0o755)
        done = with_path(tmp_path, f"{bare}:/usr/bin:/bin", project, "--only", "kedro-telemetry,con-duct")
        assert done.returncode == 0, done.stderr
        reason = case_of(tmp_path, "con-duct")["not_run"]
        assert reason == "`duct` is not installed"
        assert case_of(tmp_path, "alone")["not_run"] is None
        page = (tmp_path / "out" / "comparison.md").read_text()
        assert f"| under con-duct | `duct kedro run` | {reason}" in page
        assert "run in 2 ways:\nkedro run alone, with kedro-telemetry.\n" in page

    def test_a_command_that_fails_is_told_with_its_last_word(self, project: Path, tmp_path: Path) -> None:
        bare = tmp_path / "bin"
        bare.mkdir()
        (bare / "kedro").write_text("#!/bin/sh\necho '| <b>no such\033[2J pipeline</b>'\nexit 3\n")
        (bare / "kedro").chmod(0o755)
        done = with_path(tmp_path, f"{bare}:/usr/bin:/bin", project, "--only", "alone")
        assert done.returncode == 0, done.stderr
        assert "ended with 3" in case_of(tmp_path, "alone")["not_run"]
        for name in ("comparison.md", "comparison.html"):
            page = (tmp_path / "out" / name).read_text()
            assert "\033" not in page
            assert "<b>no such" not in page

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_ended_by_a_signal_it_leaves_nothing(self, project: Path, tmp_path: Path, number: int) -> None:
        bare = tmp_path / "bin"
        bare.mkdir()
        (bare / "kedro").write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 1000\n")
        (bare / "kedro").chmod(0o755)
        words = ["--only", "alone", "--installed", "--project", str(project), "-o", str(tmp_path / "out")]
        environ = os.environ | {"TMPDIR": str(tmp_path), "PATH": f"{bare}:/usr/bin:/bin", "PYTHONPATH": SOURCES}
        process = subprocess.Popen(
            [sys.executable, "-m", "vestige", "scenarios", *words], env=environ, start_new_session=True,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), "the command")
        (os.kill if number == signal.SIGTERM else os.killpg)(process.pid, number)
        _, said = process.communicate(timeout=30)
        assert process.returncode == (130 if number == signal.SIGINT else -number), said
        assert sorted(os.listdir(tmp_path)) == ["bin", "pid"]
        until(lambda: not os.path.exists(f"/proc/{(tmp_path / 'pid').read_text().strip()}"), "its end")

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--only", "duct"], "no scenario `duct`; there are alone, con-duct,"),
            (["--times", "0"], "`--times` is 1 or more"),
            (["--project", "/nowhere"], "/nowhere is no Kedro project"),
            (["--again"], "can't read"),
        ],
    )
    def test_words_that_are_off(self, tmp_path: Path, words: Sequence[str], said: str) -> None:
        done = scenarios(tmp_path, *words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert said in done.stderr


def with_path(folder: Path, path: str, project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Call it with the programs of a PATH alone."""
    more = ["--installed", "--project", str(project), "--times", "1"]
    return scenarios(folder, *words, *more, PATH=path)
