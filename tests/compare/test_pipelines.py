"""Pipelines of Kedro side by side: node by node, with what changed for each, and the parameter that was planted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.pipelines import Project

from vestige.compare.comparison import compare
from vestige.compare.sides import Side
from vestige.report.compare_words import sentence
from vestige.store.runs import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs("kedro")


def test_node_by_node(tmp_path: Path) -> None:
    project = Project.made(tmp_path)
    runs = [project.kedro("--nodes", "burn,empty", "--params", f"seconds={seconds}").run for seconds in ("0.1", "1.6")]
    found = compare([Side(name, (RunFolder(run.folder),)) for name, run in zip("AB", runs, strict=True)])
    told = {each.name: each.values for each in found.differences if each.topic == "parameters"}
    assert told == {"--params": ("seconds=0.1", "seconds=1.6"), "params:seconds": ("0.1", "1.6")}
    parts = {part.name: part for part in found.parts}
    assert set(parts) == {"burn", "empty"}
    against = parts["burn"].cpu.against[1]
    assert against is not None
    assert against.verdict == "more"
    assert parts["burn"].reasons == ((), ("`params:seconds`: 0.1 then, 1.6 now",))
    assert parts["empty"].reasons == ((), ())
    (explanation,) = found.explanations
    assert explanation.outcome == "slower"
    assert "parameters" in {hint.what for hint in explanation.hints}, sentence(found, explanation)
