"""What changed for each node, which nodes need not run, and `why` through the nodes of a run."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from harness.pipelines import Project, Ran

from vestige import api
from vestige.kedro import cli_hooks
from vestige.kedro.stale import Verdict, of_run, verdicts
from vestige.pipelines.changed import changes
from vestige.pipelines.executed import pipelines
from vestige.pipelines.plan import plan_at
from vestige.record.model import Connection
from vestige.store.runs import RunFolder

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.needs("kedro")
ALWAYS = {"drop"}  # it has no outputs


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Ran]:
    project = Project.made(tmp_path_factory.mktemp("changed"))
    return project, project.kedro()


@pytest.fixture
def project(ran: tuple[Project, Ran]) -> Project:
    return ran[0]


def asked(project: Project, *options: str) -> list[Verdict]:
    """Ask Kedro what it would run, and return which of it has to."""
    path = project.top.parent / "plan.json"
    path.unlink(missing_ok=True)
    command = [sys.executable, "-m", "kedro", "run", *options]
    environ = project.environment(VESTIGE_KEDRO_PLAN=str(path))
    done = subprocess.run(command, cwd=project.top, env=environ, capture_output=True, check=False)
    plan = plan_at(str(path))
    assert plan is not None, done.stderr.decode()
    return verdicts(plan, api.kept(project.store))


def stale(project: Project, *options: str) -> dict[str, str]:
    """Return the nodes that have to run, each with the first reason, but those that always have to."""
    return {
        each.node: each.reasons[0] for each in asked(project, *options) if each.is_stale and each.node not in ALWAYS
    }


def call(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    """Call `kedro WORDS` in the project."""
    environ = project.environment(VESTIGE_STORE=str(project.store))
    command = [sys.executable, "-m", "kedro", *words]
    return subprocess.run(command, cwd=project.top, env=environ, capture_output=True, text=True, check=False)


def last_run(project: Project) -> RunFolder:
    """Return the last run, made final."""
    found = api.kept(project.store).find("last")
    found.load()
    return found


class TestStale:
    def test_nothing_but_what_has_no_outputs(self, project: Project) -> None:
        found = {each.node: each for each in asked(project)}
        assert {name for name, each in found.items() if each.is_stale} == ALWAYS
        assert found["drop"].reasons == ("it has no outputs: what it does is not known",)
        assert len({each.since for each in found.values()}) == 1

    def test_a_parameter_makes_those_run_that_depend_on_it(self, project: Project) -> None:
        found = stale(project, "--params", "size=1000")
        assert found.pop("hold") == "`params:size`: 96000000 then, 1000 now"
        assert found.pop("clean").startswith("`hold` needs its output `names`, which is not kept")
        assert found == {"late.report": "input `held` is made anew by `hold`"}

    def test_one_key_of_a_table_of_parameters(self, project: Project) -> None:
        found = stale(project, "--params", "model.depth=4")
        assert found["clean"] == "`params:model`: `depth` 3 then, 4 now"
        assert set(found) == {"clean", "hold", "family", "copy", "pieces", "late.report"}

    def test_a_file_that_is_touched_is_not_changed(self, project: Project) -> None:
        for path in (project.top / "data").rglob("*"):
            if path.is_file():
                os.utime(path)
        assert stale(project) == {}

    def test_an_input_with_another_content(self, project: Project) -> None:
        path = project.top / "data" / "raw.csv"
        before = path.read_bytes()
        path.write_bytes(before + before.splitlines(keepends=True)[-1])
        try:
            found = stale(project)
        finally:
            path.write_bytes(before)
        assert found["clean"] == "input `raw` has another content"
        assert set(found) == {"clean", "hold", "family", "copy", "pieces", "late.report"}

    def test_an_output_that_is_gone_or_changed(self, project: Project) -> None:
        path = project.top / "data" / "burnt.json"
        before = path.read_bytes()
        path.write_bytes(b"{}")
        changed = stale(project)
        path.unlink()
        gone = stale(project)
        path.write_bytes(before)
        assert (changed, gone) == ({"burn": "output `burnt` was changed since"}, {"burn": "output `burnt` is gone"})

    def test_a_part_of_a_partitioned_dataset(self, project: Project) -> None:
        extra = project.top / "data" / "pieces" / "extra.csv"
        extra.write_text("a\n1\n")
        found = stale(project)
        extra.unlink()
        assert found == {"late.report": "input `pieces` has another content"}

    def test_code_of_a_node_and_of_what_it_calls(self, project: Project) -> None:
        path = project.top / "src" / "small" / "lengths.py"
        before = path.read_text()
        path.write_text(before.replace("100", "50"))
        found = stale(project)
        path.write_text(before + "# a comment changes nothing\n")
        unchanged = stale(project)
        path.write_text(before)
        assert found == {
            "pieces": "its code: `small.nodes.pieces`, or what that calls",
            "late.report": "input `pieces` is made anew by `pieces`",
        }
        assert unchanged == {}

    def test_a_dataset_that_is_defined_otherwise(self, project: Project) -> None:
        path = project.top / "conf" / "base" / "catalog.yml"
        before = path.read_text()
        path.write_text(
            before.replace("filepath: data/burnt.json", "filepath: data/burnt.json\n  save_args: {indent: 1}")
        )
        found = stale(project)
        path.write_text(before)
        assert found == {"burn": "the catalog defines `burnt` otherwise"}

    def test_a_part_of_the_pipeline(self, project: Project) -> None:
        assert [each.node for each in asked(project, "--nodes", "burn,hold")] == ["burn", "hold"] or [
            each.node for each in asked(project, "--nodes", "burn,hold")
        ] == ["hold", "burn"]

    def test_a_project_elsewhere_knows_nothing_of_it(self, project: Project, tmp_path: Path) -> None:
        other = Project.made(tmp_path)
        path = other.top.parent / "plan.json"
        command = [sys.executable, "-m", "kedro", "run", "--nodes", "burn"]
        subprocess.run(command, cwd=other.top, env=other.environment(VESTIGE_KEDRO_PLAN=str(path)), check=False)
        plan = plan_at(str(path))
        assert plan is not None
        (found,) = verdicts(plan, api.kept(project.store))
        assert found.reasons == ("it never ran well, as far as runs are kept",)
        assert not (other.top / "data" / "burnt.json").exists()  # it was only asked


class TestNetwork:
    """What the run called that a node's outputs come from; Kedro's own telemetry is on unless somebody refused it."""

    def doubts(self, ran: tuple[Project, Ran], *calls: Connection) -> list[str]:
        (pipeline,) = pipelines(RunFolder(ran[1].run.folder))
        record = dataclasses.replace(pipeline.record, network=calls)
        return [doubt.partition(" called ")[2] for doubt in of_run(dataclasses.replace(pipeline, record=record))]

    def test_kedro_telemetry_and_its_name_server_are_no_doubt(self, ran: tuple[Project, Ran]) -> None:
        asked = Connection("out", "inet", "udp", None, "192.0.2.53", 53, "sent")
        sent = Connection("out", "inet", "tcp", "heapanalytics.com", "192.0.2.1", 443, "refused")
        assert self.doubts(ran, asked, sent) == []

    def test_any_other_machine_is(self, ran: tuple[Project, Ran]) -> None:
        named = Connection("out", "inet", "tcp", "data.example.org", "192.0.2.2", 443, "connected")
        unnamed = Connection("out", "inet", "tcp", None, "192.0.2.1", 443, "connected")
        assert self.doubts(ran, named, unnamed) == ["data.example.org:443", "192.0.2.1:443"]


class TestWhy:
    def test_nodes_parameters_and_inputs_of_a_file(self, ran: tuple[Project, Ran]) -> None:
        project, done = ran
        (path,) = [path for path in (project.top / "data" / "report.json").rglob("*") if path.is_file()]
        found = api.why(str(path), store=project.store)
        (step,) = found.runs
        assert [node.name for node in step.nodes] == ["late.report", "pieces", "hold", "copy", "clean"]
        assert step.record.id == done.run.id
        inputs = {os.path.basename(file.path) for file in found.files if file.path != str(path)}
        assert "raw.csv" in inputs
        assert not inputs & {"burnt.json", "family.json", "parameters.yml", "nodes.py"}

    def test_in_words_and_as_json(self, project: Project) -> None:
        done = call(project, "vestige", "why", "data/burnt.json")
        assert "node burn" in done.stdout, done.stderr
        assert "small.nodes.burn at src/small/nodes.py:" in done.stdout
        assert "params:seconds = 0.5" in done.stdout
        assert "raw.csv" not in done.stdout
        told = call(project, "vestige", "why", "--json", "data/burnt.json").stdout
        run = json.loads(told[told.index("{\n") :])  # Kedro says first which logging it uses
        (node,) = next(each for each in run["nodes"] if each["type"] == "run")["nodes"]
        assert node["parameters"]["params:seconds"]["value"] == 0.5
        assert node["code"].startswith("sha256:")


class TestAskedForByTheConfig:
    @pytest.mark.parametrize(
        ("path", "text", "is_asked_for"),
        [
            ("project/pyproject.toml", "[tool.vestige.kedro]\nrecord = true\n", True),
            ("project/pyproject.toml", "[tool.vestige]\nkedro = {record = true}\n", True),
            ("project/vestige.toml", "[kedro]\nrecord = true\n", True),
            ("config/vestige/config.toml", "[kedro]\nrecord = true\n", True),
            ("project/pyproject.toml", "[tool.vestige.kedro]\nrecord = false\n", False),
            ("project/pyproject.toml", '[tool.vestige.kedro]\nrecord = "true"\n', False),
            ("project/pyproject.toml", "[tool.vestige]\nkedro = true\n", False),
            ("project/vestige.toml", "[kedro\n", False),
            ("elsewhere/vestige.toml", "[kedro]\nrecord = true\n", False),
        ],
    )
    def test_wherever_a_key_may_stand(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, text: str, *, is_asked_for: bool
    ) -> None:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        file = tmp_path / path
        (tmp_path / "project").mkdir()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        assert cli_hooks.is_recorded(str(tmp_path / "project")) == is_asked_for


class TestCommands:
    def test_only_what_changed_is_run(self, fresh: Project) -> None:
        config = fresh.top / "pyproject.toml"
        config.write_text(config.read_text() + "\n[tool.vestige.kedro]\nrecord = true\n")
        done = call(fresh, "run", "--nodes", "burn,empty")  # recorded, since the project says so
        assert done.returncode == 0, done.stderr
        first = last_run(fresh)
        assert {span.name for span in first.spans() if span.kind == "kedro.node"} == {"burn", "empty"}

        again = call(fresh, "vestige", "run", "--if-changed", "--nodes", "burn,empty")
        assert (again.returncode, again.stderr) == (0, "vestige: nothing to run: nothing changed for any of 2 nodes\n")
        assert api.kept(fresh.store).find("last").path == first.path

        other = call(fresh, "vestige", "run", "--if-changed", "--nodes", "burn,empty", "--params", "seconds=0.1")
        assert other.returncode == 0, other.stderr
        assert "vestige: 1 of 2 nodes has to run\nvestige:   burn: `params:seconds`: 0.5 then, 0.1 now" in other.stderr
        last = last_run(fresh)
        assert {span.name for span in last.spans() if span.kind == "kedro.node"} == {"burn"}
        (burn,) = changes(last, api.kept(fresh.store))
        assert (burn.since, burn.reasons) == (first.short_id, ("`params:seconds`: 0.5 then, 0.1 now",))
        shown = call(fresh, "vestige", "show", "--spans")
        assert f"burn  since {first.short_id}  `params:seconds`: 0.5 then, 0.1 now" in shown.stdout

    def test_what_kedro_refuses_is_shown_in_its_words(self, project: Project) -> None:
        done = call(project, "vestige", "run", "--if-changed", "--pipelines", "nosuch")
        assert done.returncode == 2
        assert "nosuch" in done.stderr
        assert "Kedro did not say what it would run" in done.stderr

    def test_it_is_the_command_that_people_type(self, fresh: Project) -> None:
        programs = os.path.dirname(sys.executable)
        environ = fresh.environment(VESTIGE_STORE=str(fresh.store), PATH=f"{programs}:{os.environ['PATH']}")
        words = [os.path.join(programs, "kedro"), "vestige", "run", "--nodes", "empty"]
        subprocess.run(words, cwd=fresh.top, env=environ, capture_output=True, check=True)
        assert last_run(fresh).load().argv == ("kedro", "run", "--nodes", "empty")

    def test_help_and_unknown_commands(self, project: Project) -> None:
        assert "--if-changed" in call(project, "vestige", "run", "--help").stdout
        listed = call(project, "vestige", "--help").stdout
        assert "verify" in listed
        assert "used-by" in listed
        assert call(project, "vestige", "nosuch").returncode == 2
        assert "run" in call(project, "vestige", "ls").stdout

    def test_a_program_that_reads_json_is_told_of_kedro_s_own_lines(self, project: Project) -> None:
        asked = call(project, "vestige", "ls", "--json")
        assert "vestige: Kedro logs to stdout, too; `vestige ls` is the same command without that\n" in asked.stderr
        assert "Kedro logs" not in call(project, "vestige", "ls").stderr

    def test_a_plain_project_is_not_recorded(self, fresh: Project) -> None:
        done = call(fresh, "run", "--nodes", "empty")
        assert done.returncode == 0, done.stderr
        assert not fresh.store.exists()
