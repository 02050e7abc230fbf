"""Pipelines of Kedro side by side: node by node, with what changed for each, and the parameter that was planted."""

from __future__ import annotations

import pytest
from harness.pipelines import Project

from vestige.compare.comparison import Comparison, compare
from vestige.compare.sides import Side
from vestige.record.store import RunFolder
from vestige.report.compare_words import sentence

pytestmark = pytest.mark.needs("kedro")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Give a comparison of two runs of two nodes, one of which was told to burn CPU for longer."""
    project = Project.made(tmp_path_factory.mktemp("compared"))
    runs = [project.kedro("--nodes", "burn,empty", "--params", f"seconds={seconds}").run for seconds in ("0.1", "1.6")]
    return compare([Side(name, (RunFolder(run.folder),)) for name, run in zip("AB", runs, strict=True)])


def test_parameter_of_the_pipeline(found: Comparison) -> None:
    told = {each.name: each.values for each in found.differences if each.topic == "parameters"}
    assert told == {"--params": ("seconds=0.1", "seconds=1.6"), "params:seconds": ("0.1", "1.6")}


def test_node_by_node(found: Comparison) -> None:
    parts = {part.name: part for part in found.parts}
    assert set(parts) == {"burn", "empty"}
    against = parts["burn"].cpu.against[1]
    assert against is not None
    assert against.verdict == "more"
    assert parts["burn"].reasons == ((), ("`params:seconds`: 0.1 then, 1.6 now",))
    assert parts["empty"].reasons == ((), ())


def test_the_node_is_named(found: Comparison) -> None:
    (explanation,) = found.explanations
    assert explanation.outcome == "slower"
    hints = {hint.what: hint for hint in explanation.hints}
    assert "parameters" in hints, sentence(found, explanation)
