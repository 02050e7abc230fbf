"""The parts by themselves: what is left, what is taken out, whom the proxy turns away."""

from __future__ import annotations

import json
import os
import socket
import sys
import urllib.error
import urllib.request
import venv
from typing import TYPE_CHECKING

import pytest

from vestige import flights
from vestige.errors import RecordError, VestigeError
from vestige.scenarios import claims, document, environments, evidence, left, neutral, spread, table
from vestige.scenarios.cases import CASES, chosen
from vestige.scenarios.evidence import Evidence
from vestige.scenarios.neutral import Neutral
from vestige.scenarios.sink import Sink
from vestige.scenarios.trial import Spent, Stage

if TYPE_CHECKING:
    from pathlib import Path


class TestLeft:
    def test_new_and_changed_files_and_git_in_one(self, tmp_path: Path) -> None:
        stage = Stage(str(tmp_path), {})
        project, home = tmp_path / "flights", tmp_path / "home"
        for folder in (project / ".git", home):
            folder.mkdir(parents=True)
        (project / "same").write_text("1")
        (project / "other").write_text("1")
        (project / ".git" / "index").write_bytes(b"12")
        before = left.states(stage)
        (project / "other").write_text("22")
        (home / "new").write_text("333")
        (project / ".git" / "index").write_bytes(b"12345")
        (project / ".git" / "HEAD").write_bytes(b"1")
        found = {
            one.path: (one.place, one.size, one.how, one.files) for one in left.difference(before, left.states(stage))
        }
        assert found == {
            "other": ("project", 2, "changed", 1),
            "new": ("home", 3, "new", 1),
            ".git": ("project", 4, left.IN_GIT, 2),
        }

    def test_a_link_to_nowhere_is_no_file(self, tmp_path: Path) -> None:
        (tmp_path / "home").mkdir()
        (tmp_path / "flights").mkdir()
        (tmp_path / "home" / "link").symlink_to("nowhere")
        assert left.states(Stage(str(tmp_path), {})) == {}


class TestNeutral:
    def test_paths_and_names_go(self, tmp_path: Path) -> None:
        made = neutral.of_this_machine({str(tmp_path): "/home/you/here"})
        host = socket.gethostname()
        text = made(f'{tmp_path}/a {{"hostname": "{host}"}} un{host}ed')
        assert text.startswith("/home/you/here/a")
        assert f'"{host}"' not in text or host == "localhost"
        assert text.endswith(f"un{host}ed")

    def test_kinds(self) -> None:
        made = Neutral((("/secret/place", "/home/you"),), (("ada", "you"), ("box", "host")))
        assert made.kinds('"user": "ada", "/secret/place/x"') == ("paths", "user")
        assert made.kinds("canada boxes") == ()
        assert made("ada@box:/secret/place") == "you@host:/home/you"


class TestSink:
    def test_a_request_is_noted_and_refused(self) -> None:
        with Sink() as sink:
            ask(sink)
            assert sink.taken() == ["CONNECT example.org:443 HTTP/1.0"]
            assert sink.taken() == []

    def test_one_that_says_nothing_and_hangs_up_is_no_matter(self) -> None:
        with Sink() as sink:
            port = int(sink.variables["HTTPS_PROXY"].rpartition(":")[2])
            socket.create_connection(("127.0.0.1", port)).close()
            ask(sink)
            assert len(sink.taken()) == 1


def ask(sink: Sink) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"https": sink.variables["HTTPS_PROXY"]}))
    with pytest.raises(urllib.error.URLError, match="403"):
        opener.open("https://example.org/", timeout=5)


class TestEnvironments:
    def test_what_pip_can_t_install_is_told_and_leaves_out_its_scenarios(self, tmp_path: Path) -> None:
        (tmp_path / "requirements.txt").write_text("./nothing-here\n")
        told: list[str] = []
        made = environments.make(str(tmp_path / "made"), str(tmp_path), chosen([]), told.append)
        (reason,) = {made.missing(case) for case in CASES}
        assert "pip could not install" in str(reason)
        assert "nothing-here" in str(reason)
        assert told == ["installing requirements.txt with pip", str(reason)]

    def test_the_project_finds_vestige_only_where_it_is_lent(self, tmp_path: Path) -> None:
        venv.create(tmp_path, with_pip=False)
        flights.lend(str(tmp_path))
        lent = set(tmp_path.rglob("vestige*"))
        flights.take_back(str(tmp_path))
        flights.take_back(str(tmp_path))
        assert len(lent) == 2
        assert set(tmp_path.rglob("vestige*")) == set()
        assert os.path.isdir(flights.PACKAGE)  # the link went, not what it led to

    def test_the_launcher_is_this_vestige(self, tmp_path: Path) -> None:
        made = environments.installed(str(tmp_path))
        with open(os.path.join(made.launcher, "vestige"), encoding="utf-8") as file:
            assert file.readline() == f"#!{sys.executable}\n"


class TestEvidence:
    def test_what_is_kept_is_read_again(self, tmp_path: Path) -> None:
        stage = Stage(str(tmp_path / "stage"), {})
        os.makedirs(stage.project)
        with open(os.path.join(stage.project, ".info.json"), "w", encoding="utf-8") as file:
            file.write('{"host": "box"}')
        with open(stage.terminal, "wb") as file:
            file.write(b"\xff on box\n")
        made = Neutral((), (("box", "host"),))
        files = (left.Left("project", ".info.json", 15, "new"), left.Left("project", "data/x", 1, "new"))
        found = Evidence("duct", "Duct", "duct x", rounds=(Spent(1.0, 2.0, 3, 0),), left=files, asked=("GET /",))
        folder = str(tmp_path / "duct")
        written = evidence.keep(found, folder, stage=stage, ordinary={("project", "data/x")}, neutral=made)
        read = evidence.load(folder)
        assert read == written
        assert (read.left[0].kept, read.left[0].names) == ("left/project/dot-info.json", ("host",))
        assert read.left[1].kept is None
        assert evidence.read(os.path.join(folder, "left/project/dot-info.json")) == '{"host": "host"}'
        assert evidence.read(os.path.join(folder, "terminal.txt")) == "\N{REPLACEMENT CHARACTER} on host\n"

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": 1}', '{"network": 3}'])
    def test_what_is_no_evidence_is_said_to_be_none(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "case.json").write_text(text)
        with pytest.raises(RecordError, match="is no evidence"):
            evidence.load(str(tmp_path))

    def test_what_is_not_among_it_is_not_read(self, tmp_path: Path) -> None:
        one = left.Left("project", "x", 1, "new", kept="left/../../../etc/passwd")
        folder = str(tmp_path / "one")
        evidence.keep(Evidence("one", "", "", left=(one,)), folder, stage=None, ordinary=(), neutral=Neutral((), ()))
        with pytest.raises(RecordError, match="is not among it"):
            evidence.load(folder)

    @pytest.mark.parametrize("text", ["", "[]", '{"cases": 3}', '{"cases": []}'])
    def test_a_folder_that_does_not_say_what_was_compared(self, tmp_path: Path, text: str) -> None:
        evidence.write(str(tmp_path / "comparison" / "made.json"), text)
        with pytest.raises(RecordError, match="does not say"):
            document.write(str(tmp_path))


class TestClaims:
    def test_con_duct_s(self, tmp_path: Path) -> None:
        self.case(tmp_path)
        summary = {"wall_clock_time": 13.69, "peak_rss": 622850048, "average_pcpu": 122.2, "num_samples": 14}
        info = {"execution_summary": {**summary, "exit_code": 0, "command": "kedro run"}}
        evidence.write(str(tmp_path / "one/left/project/dot-duct/logs/1_info.json"), json.dumps(info))
        said = claims.of(str(tmp_path), "one")
        assert said.wall
        assert (said.wall.text, said.wall.file) == ("13.7 s", "one/left/project/dot-duct/logs/1_info.json")
        assert (said.peak, said.cpu_seconds) == (622850048, None)
        assert said.inputs is None

    def test_datalad_s(self, tmp_path: Path) -> None:
        self.case(tmp_path)
        record = json.dumps({"cmd": "x", "exit": 0, "inputs": ["conf"], "outputs": ["data"]}, indent=1)
        text = f"[DATALAD RUNCMD] x\n\n=== Do not change lines below ===\n{record}\n^^^ Do not change lines above ^^^\n"
        evidence.write(str(tmp_path / "one/git.txt"), text)
        said = claims.of(str(tmp_path), "one")
        assert said.inputs
        assert said.inputs.text == "`conf`: as declared"

    @pytest.mark.parametrize(
        "text", ["", "{", "[]", '{"execution_summary": {"peak_rss": "x"}}', '{"resources": {}, "files": 3}']
    )
    def test_what_is_damaged_says_nothing(self, tmp_path: Path, text: str) -> None:
        self.case(tmp_path)
        for path in ("dot-duct/logs/1_info.json", "dot-vestige/runs/1/record.json"):
            evidence.write(str(tmp_path / "one/left/project" / path), text)
        evidence.write(str(tmp_path / "one/git.txt"), f"=== Do not change lines below ===\n{text}\n^^^ Do not change")
        assert claims.of(str(tmp_path), "one") == claims.Claims()

    def case(self, folder: Path) -> None:
        found = Evidence("one", "One", "x")
        evidence.keep(found, str(folder / "one"), stage=None, ordinary=(), neutral=Neutral((), ()))


def test_the_base_is_always_among_the_chosen() -> None:
    assert [case.name for case in chosen(["vestige"])] == ["alone", "vestige"]
    assert chosen(None) == CASES


def test_a_spread_is_the_median_and_the_ends() -> None:
    assert spread.of([3.0, 1.0, 2.0]) == spread.Spread(2.0, 1.0, 3.0)


def test_a_copy_that_can_t_be_made_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(VestigeError, match="can't copy the project"):
        flights.copy(str(tmp_path / "none"), str(tmp_path / "to"))


class TestDocument:
    @pytest.fixture
    def made(self, tmp_path: Path) -> Path:
        """Give a folder with the evidence of three scenarios, one of which was not run."""
        kept = tmp_path / "comparison"
        alone = tuple(Spent(wall, 8.0, 100_000_000, 0) for wall in (10.0, 11.0, 12.0))
        duct = tuple(Spent(wall, 9.0, 200_000_000, 0) for wall in (10.5, 12.0, 13.5))
        cases = (
            Evidence("alone", "kedro run alone", "kedro run", rounds=alone),
            Evidence("con-duct", "under con-duct", "duct kedro run", rounds=duct, asked=("GET /<b>|x HTTP/1.1",) * 2),
            Evidence("datalad", "under DataLad", "datalad run", not_run="said: [a](b) <i>no</i> |\x1b[2J"),
        )
        for case in cases:
            evidence.keep(case, str(kept / case.name), stage=None, ordinary=(), neutral=Neutral((), ()))
            evidence.write(str(kept / case.name / "terminal.txt"), f"as always, 12 s\n```\n</pre>{case.name}\n")
        summary = {"wall_clock_time": 12.9, "peak_rss": 150_000_000, "average_pcpu": 70.0}
        info = {"execution_summary": {**summary, "command": "kedro run"}}
        evidence.write(str(kept / "con-duct/left/project/dot-duct/logs/1_info.json"), json.dumps(info))
        told = {"date": "2026-01-02", "machine": "2 cores", "minutes": 3, "rounds": 3, "load": 0.5, "versions": {}}
        names = [case.name for case in cases]
        evidence.write(str(kept / "made.json"), json.dumps({**told, "project": "the example", "cases": names}))
        document.write(str(tmp_path))
        return tmp_path

    def test_what_is_added_is_taken_within_a_round(self, made: Path) -> None:
        page = (made / "comparison.md").read_text()
        assert (
            f"| kedro run alone | 11.0 s (10.0 s to 12.0 s) [↗](comparison/alone/case.json) | {table.NOTHING} |" in page
        )
        row = "| 12.0 s (10.5 s to 13.5 s) [↗](comparison/con-duct/case.json) | +1.00 s (+0.50 to +1.50 s) |"
        assert f"| under con-duct {row}" in page

    def test_the_kernel_judges_con_duct_by_the_same_go(self, made: Path) -> None:
        file = "comparison/con-duct/left/project/dot-duct/logs/1_info.json"
        row = f"| under con-duct | 150 MB [↗]({file}) | 200 MB [↗](comparison/con-duct/case.json) | 75% |"
        assert row in (made / "comparison.md").read_text()

    def test_only_what_the_tool_adds_is_quoted(self, made: Path) -> None:
        quoted = (made / "comparison.md").read_text().partition("### under con-duct")[2]
        assert "as always" not in quoted
        assert "</pre>con-duct" in quoted

    def test_why_one_was_not_run(self, made: Path) -> None:
        page = (made / "comparison.md").read_text()
        assert "| under DataLad | `datalad run` | said: \\[a](b) &lt;i>no&lt;/i> \\|\\x1b\\[2J [↗]" in page

    def test_no_word_of_a_program_is_markup(self, made: Path) -> None:
        page = (made / "comparison.html").read_text()
        assert [word for word in ("<b>|", "<i>no", "</pre>con-duct", "\x1b") if word in page] == []
        assert "GET /&lt;b&gt;|x</code>, 2 times" in page
        assert "````text" in (made / "comparison.md").read_text()  # longer than the fence in the text


class TestHostileEvidence:
    """`vestige scenarios --again` reads evidence that may come from anybody."""

    @pytest.mark.parametrize(
        "said",
        [
            {"rounds": [{"wall": 1, "cpu": 1, "largest": float("inf"), "code": 0}]},
            {"rounds": [{"wall": float("nan"), "cpu": 1, "largest": 1, "code": 0}]},
            {"rounds": []},
            {"network": {"traced": True, "calls": [1], "note": None}},
            {"commits": "<b>"},
            {"left": [1]},
        ],
    )
    def test_what_is_no_evidence_is_an_error_of_ours(self, tmp_path: Path, said: dict[str, object]) -> None:
        _keep(tmp_path, said)
        with pytest.raises(RecordError, match="is no evidence of a scenario"):
            document.write(str(tmp_path))

    def test_nesting_without_end(self, tmp_path: Path) -> None:
        _keep(tmp_path, {})
        (tmp_path / "comparison" / "alone" / "case.json").write_text("[" * 200_000)
        with pytest.raises(RecordError, match="is no evidence of a scenario"):
            document.write(str(tmp_path))
        (tmp_path / "comparison" / "made.json").write_text("[" * 200_000)
        with pytest.raises(RecordError, match="does not say what was compared"):
            document.write(str(tmp_path))

    def test_versions_that_are_none(self, tmp_path: Path) -> None:
        _keep(tmp_path, {}, versions=[1])
        with pytest.raises(RecordError, match="does not say what was compared"):
            document.write(str(tmp_path))

    def test_a_name_does_not_lead_elsewhere(self, tmp_path: Path) -> None:
        _keep(tmp_path, {"name": "../../of-another", "title": "<script>alert(1)</script>"})
        document.write(str(tmp_path))
        page = (tmp_path / "comparison.html").read_text()
        assert "of-another" not in page
        assert "<script>alert" not in page

    @pytest.mark.parametrize("value", ["x", [], "1", {"a": 1}])
    def test_figures_that_are_none_say_nothing(self, tmp_path: Path, value: object) -> None:
        _keep(tmp_path, {})
        figures = {"cpu": {"value": 1, "method": "exact"}, "memory_peak_process": {"value": value}}
        run = tmp_path / "comparison/alone/left/project/dot-vestige/runs/one/record.json"
        evidence.write(str(run), json.dumps({"resources": figures, "files": {}}))
        document.write(str(tmp_path))


def _keep(folder: Path, said: dict[str, object], *, versions: object = None) -> None:
    """Keep evidence of one scenario, `said` in the place of what would stand there."""
    told = {"date": "2026-01-02", "machine": "2 cores", "minutes": 3, "rounds": 1, "load": 0.5, "project": "another"}
    made = {**told, "cases": ["alone"], "versions": {} if versions is None else versions}
    spent = {"wall": 1, "cpu": 1, "largest": 1, "code": 0}
    case = {"name": "alone", "title": "t", "command": "c", "not_run": None, "commits": 0, "rounds": [spent], "left": [],
            "asked": [], "network": None}  # fmt: skip
    evidence.write(str(folder / "comparison" / "made.json"), json.dumps(made))
    evidence.write(str(folder / "comparison" / "alone" / "case.json"), json.dumps({**case, **said}))
    evidence.write(str(folder / "comparison" / "alone" / "terminal.txt"), "said\n")
