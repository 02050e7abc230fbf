"""The same pipeline under every runner: the same nodes, and figures that agree with what it knows of itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.pipelines import Project, Ran

pytestmark = pytest.mark.needs("kedro")

PLAIN = {"clean", "hold", "burn", "family", "copy", "drop", "empty"}
ALL = PLAIN | {"pieces", "late.report"}
SEQUENTIAL: tuple[str, ...] = ("--runner", "SequentialRunner")
RUNNERS = {
    "sequential": (SEQUENTIAL, ""),
    "threads": (("--runner", "ThreadRunner"), ""),
    "fork": (("--runner", "ParallelRunner"), "fork"),
    "spawn": (("--runner", "ParallelRunner"), "spawn"),
    "forkserver": (("--runner", "ParallelRunner"), "forkserver"),
}
LOADS = {"raw": "clean", "names": "hold", "pieces": "late.report", "held": "late.report", "sheet@text": "late.report"}
SAVES = {
    "clean": "clean",
    "names": "clean",
    "held": "hold",
    "burnt": "burn",
    "family": "family",
    "sheet@pandas": "copy",
    "nothing": "empty",
    "pieces": "pieces",
    "late.report": "late.report",
}
PARENTS = {"copy": "clean", "family": "clean", "hold": "clean", "pieces": "clean", "late.report": "pieces"}
HELD = 96_000_000  # B, `size` of the parameters
BURNT = 0.5  # s, `seconds`
IN_CHILD = 0.3  # s
IN_THREADS = 0.1  # they look at the clock of the whole process
IN_PIECES = 6 * 0.02


@pytest.mark.timeout(120)
@pytest.mark.parametrize("runner", RUNNERS)
def test_every_node_load_and_save_is_there_with_its_figures(project: Project, runner: str) -> None:
    options, method = RUNNERS[runner]
    ran = project.kedro(*options, KEDRO_MP_CONTEXT=method)
    assert_nodes(ran)
    assert_loads_and_saves(ran, project)
    assert_figures(ran, together=runner == "threads")
    assert_plan(ran)
    if runner == "sequential":
        assert_sums(ran, project)


def assert_nodes(ran: Ran) -> None:
    """All are there once, in an order that is right, within the pipeline."""
    counts = ran.run.record.spans
    assert counts is not None
    assert (counts.failed, counts.unfinished, counts.lost) == (0, 0, 0)
    assert "faults" not in ran.pipeline.attributes
    assert sorted(span.name for span in ran.of_kind("kedro.node")) == sorted(ALL)
    assert {span.parent for span in ran.nodes.values()} == {ran.pipeline.id}
    assert {span.attributes["run_id"] for span in ran.nodes.values()} == {ran.pipeline.attributes["run_id"]}
    for after, before in PARENTS.items():
        assert ran.nodes[after].start >= (ran.nodes[before].end or 0)
    for node in ran.nodes.values():
        assert ran.pipeline.start <= node.start <= (node.end or 0) <= (ran.pipeline.end or 0)
        inner = [span for span in ran.spans if span.parent == node.id]
        assert all(node.start <= span.start <= (span.end or 0) <= (node.end or 0) for span in inner)


def assert_loads_and_saves(ran: Ran, project: Project) -> None:
    """Each belongs to its node and says what was moved."""
    names = {span.id: span.name for span in ran.spans}
    loads = {(span.name, names[span.parent or ""]) for span in ran.of_kind("kedro.load")}
    assert loads == {*LOADS.items(), ("clean", "copy"), ("clean", "drop"), ("clean", "family"), ("clean", "pieces")}
    assert {span.name: names[span.parent or ""] for span in ran.of_kind("kedro.save")} == SAVES
    raw = ran.within("clean")["kedro.load", "raw"]
    assert raw.attributes["type"] == "kedro_datasets.pandas.csv_dataset.CSVDataset"
    assert raw.attributes["paths"] == [str(project.top / "data" / "raw.csv")]
    assert raw.attributes["bytes"] == (project.top / "data" / "raw.csv").stat().st_size
    assert (raw.attributes["rows"], raw.attributes["columns"]) == (500, 3)
    assert raw.attributes["column_names"] == ["place", "amount", "day"]
    assert len(raw.files) == 1
    names_of = ran.within("clean")["kedro.save", "names"].attributes
    assert "paths" not in names_of
    assert names_of["rows"] == 4
    assert_pieces(ran, project)
    report = ran.within("late.report")["kedro.save", "late.report"].attributes
    assert report["version"] == ran.pipeline.attributes["run_id"]
    assert report["paths"] == [str(project.top / "data" / "report.json" / report["version"] / "report.json")]
    scaling = [span for span in ran.spans if span.name == "scaling"]
    assert [(names[span.parent or ""], span.attributes) for span in scaling] == [("clean", {"depth": 3})]


def assert_pieces(ran: Ran, project: Project) -> None:
    """A generator's save is one, and lasts from its first piece to its last."""
    saved = ran.within("pieces")["kedro.save", "pieces"]
    files = list((project.top / "data" / "pieces").iterdir())
    assert saved.attributes["chunks"] == len(files) == 5
    assert saved.attributes["bytes"] == sum(file.stat().st_size for file in files)
    assert 0 < saved.attributes["seconds"] < (saved.end or 0) - saved.start
    assert len(saved.files) >= len(files)
    loaded = ran.within("late.report")["kedro.load", "pieces"].attributes
    assert "rows" not in loaded  # nothing was read yet
    inside = [span for span in ran.spans if span.name.startswith("piece ")]
    assert {span.parent for span in inside} == {ran.nodes["pieces"].id}


def assert_figures(ran: Ran, *, together: bool) -> None:
    """Known CPU and memory is found again where a node was alone, and else not claimed."""
    if together:
        figures = [span.cpu for span in ran.nodes.values() if span.cpu and not span.alone]
        assert figures
        assert {figure.method for figure in figures} == {"bound"}
        return
    assert all(span.alone for span in ran.nodes.values())
    cpu = {name: span.cpu.value or 0 for name, span in ran.nodes.items() if span.cpu and span.cpu.method == "exact"}
    assert cpu.keys() == ran.nodes.keys()
    assert cpu["burn"] == pytest.approx(BURNT, rel=0.1)
    assert cpu["family"] >= IN_CHILD + IN_THREADS
    assert cpu["pieces"] >= IN_PIECES
    peak = ran.nodes["hold"].memory_peak
    assert peak is not None
    assert peak.method == "exact"
    assert (peak.value or 0) - (ran.nodes["hold"].memory_start or 0) == pytest.approx(HELD, rel=0.02)


def assert_plan(ran: Ran) -> None:
    plan = ran.plan
    assert plan.run_id == ran.pipeline.attributes["run_id"]
    assert (plan.project, ran.pipeline.attributes["nodes"]) == ("small", len(ALL))
    nodes = {node.name: node for node in plan.nodes}
    assert list(nodes)[-1] == "late.report"
    assert nodes["late.report"].namespace == "late"
    assert nodes["clean"].tags == ("first", "tidy")
    assert nodes["clean"].inputs == ("raw", "params:scale", "params:model")
    assert nodes["clean"].parameters["params:scale"].text == "2"
    assert json.loads(nodes["clean"].parameters["params:model"].text or "") == {"depth": 3, "names": ["a", "b"]}
    code = nodes["pieces"].code
    assert code is not None
    assert code.function == "small.nodes.pieces"
    assert code.parts == ("small.lengths.PER_PIECE", "small.nodes.burn", "small.nodes.pieces")
    assert plan.datasets["late.report"].versioned
    assert not plan.datasets["names"].kept
    assert plan.datasets["clean"].kept
    assert set(plan.datasets) == LOADS.keys() | SAVES.keys()


def assert_sums(ran: Ran, project: Project) -> None:
    """What the nodes used, and what came before, after and between them, is what the run used."""
    own = json.loads((project.top / "own.json").read_text())
    pipeline, total = ran.pipeline.cpu, ran.run.record.resources["cpu"].value
    assert pipeline is not None
    assert pipeline.method == "exact"
    assert pipeline.value == pytest.approx(own["after"] - own["before"], abs=0.02)
    nodes = sum(span.cpu.value or 0 for span in ran.nodes.values() if span.cpu)
    between = (pipeline.value or 0) - nodes
    assert 0 <= between <= 0.1 * (pipeline.value or 0)
    leaving = (total or 0) - own["after"]
    assert own["before"] + nodes + between + leaving == pytest.approx(total, rel=0.02)
    assert 0 <= leaving < own["before"]


@pytest.mark.timeout(60)
def test_loads_and_saves_in_threads_of_their_own_are_of_one_node(project: Project) -> None:
    ran = project.kedro("--async", "--pipelines", "plain")
    assert ran.pipeline.attributes["is_async"] is True
    assert sorted(span.name for span in ran.of_kind("kedro.node")) == sorted(PLAIN)
    assert {span.status for span in ran.spans} == {"ok"}
    hold = ran.nodes["hold"]
    assert hold.cpu is not None
    assert hold.cpu.method == "exact"
    saves = {name for kind, name in ran.within("clean") if kind == "kedro.save"}
    assert saves == {"clean", "names"}


@pytest.mark.timeout(60)
def test_part_of_a_pipeline(project: Project) -> None:
    ran = project.kedro("--pipelines", "plain", "--tags", "tidy")
    assert ran.pipeline.name == "plain"
    assert ran.pipeline.attributes["tags"] == ["tidy"]
    assert ran.nodes.keys() == {"clean"}
    ran = project.kedro("--pipelines", "plain,two", "--from-nodes", "clean,first,burn", "--to-nodes", "copy,burn,first")
    assert ran.pipeline.name == "plain, two"
    assert ran.pipeline.attributes["pipelines"] == ["plain", "two"]
    assert ran.nodes.keys() == {"clean", "copy", "burn", "first"}
    (project.top / "data" / "burnt.json").unlink()
    (project.top / "data" / "held.pickle").touch()
    ran = project.kedro("--pipelines", "plain", "--nodes", "hold,burn", "--only-missing-outputs")
    assert ran.pipeline.attributes["only_missing_outputs"] is True
    assert {node.name for node in ran.plan.nodes} == {"hold", "burn"}
    assert ran.nodes.keys() == {"burn"}


@pytest.mark.timeout(60)
def test_what_lies_elsewhere_has_an_address_and_what_is_cached_its_own_path(project: Project) -> None:
    ran = project.kedro("--pipelines", "remote,cached", "--runner", "ThreadRunner")
    version = ran.pipeline.attributes["run_id"]
    sent, fetched = (
        ran.within(node)[kind, "elsewhere"] for node, kind in (("sends", "kedro.save"), ("fetches", "kedro.load"))
    )
    for span in (sent, fetched):
        assert span.attributes["uri"] == f"memory:///table.pickle/{version}/table.pickle"
        assert span.attributes["version"] == version
        assert "paths" not in span.attributes
        assert "bytes" not in span.attributes
    cached = ran.within("caches")["kedro.save", "cached"].attributes
    assert cached["type"] == "kedro_datasets.pandas.csv_dataset.CSVDataset"
    assert cached["paths"] == [str(project.top / "data" / "cached.csv" / version / "cached.csv")]
    assert {span.status for span in ran.spans} == {"ok"}
