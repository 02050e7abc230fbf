"""Plans, spans and files of a run that a hostile hand wrote."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest
from pages import folders
from report import pipeline

from vestige.pipelines import changed
from vestige.pipelines.executed import pipelines
from vestige.pipelines.plan import FOLDER, FORMAT, plan_at

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("lines", [(-1,), (-(10**9),), (10**9,), (10**29,)])
def test_lines_that_are_no_files(tmp_path: Path, lines: tuple[int, ...]) -> None:
    spans = [dataclasses.replace(span, files=lines) for span in pipeline.SPANS]
    nodes = [{"name": "clean", "inputs": ["raw"], "outputs": ["clean@csv"]}]
    run = folders.write(tmp_path, dataclasses.replace(folders.FULL, spans=spans))
    plan = tmp_path / "runs" / run.name / FOLDER / f"{pipeline.RUN.id}.json"
    plan.parent.mkdir(exist_ok=True)
    plan.write_text(json.dumps({"format": FORMAT, "nodes": nodes}))
    (found,) = pipelines(run)
    assert found.nodes["clean"].loaded == {"raw": ()}


def test_paths_that_are_none_can_not_be_compared() -> None:
    assert changed.content([("/data/a", "1"), ("b", "2")]).doubt is not None
    assert changed.content([("", "1"), ("/", "2")]).doubt is not None


def test_a_value_that_no_one_can_write_again_is_not_told(tmp_path: Path) -> None:
    text = json.dumps({"format": FORMAT, "nodes": [{"name": "clean", "parameters": {"params:x": {"value": "deep"}}}]})
    path = tmp_path / "plan.json"
    for depth, is_told in ((100, True), (101, False), (900, False)):
        path.write_text(text.replace('"deep"', "[" * depth + "]" * depth))
        plan = plan_at(str(path))
        assert plan is not None
        assert (plan.nodes[0].parameters["params:x"].text is not None) is is_told
    path.write_text(text.replace('"deep"', "1e999"))
    assert plan_at(str(path)) is None
