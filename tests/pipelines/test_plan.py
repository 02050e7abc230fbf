"""Plans are the command's own words: whatever is in them is read without harm."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from vestige.pipelines.plan import Parameter, Plan, PlannedDataset, PlannedNode, plans

if TYPE_CHECKING:
    from pathlib import Path

NODE = {"name": "clean", "inputs": ["raw"], "outputs": ["clean"], "parameters": {"params:x": {"hash": "sha256:1"}}}


def written(folder: Path, content: object, name: str = "01") -> dict[str, Plan]:
    """Write a plan and read it."""
    (folder / "pipelines").mkdir(exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "pipelines" / f"{name}.json").write_text(text)
    return plans(str(folder))


def test_a_plan(tmp_path: Path) -> None:
    dataset = {"type": "json.JSONDataset", "paths": ["/a"], "uri": None, "versioned": True, "kept": False}
    found = written(tmp_path, {"format": 1, "run_id": "now", "nodes": [NODE], "datasets": {"raw": dataset}})
    node = PlannedNode("clean", inputs=("raw",), outputs=("clean",), parameters={"params:x": Parameter("sha256:1")})
    raw = PlannedDataset("json.JSONDataset", ("/a",), versioned=True, kept=False)
    assert found == {"01": Plan("now", nodes=(node,), datasets={"raw": raw})}


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '"x"', "[" * 100_000, {"format": 2}, {"nodes": []}, " " * (16 << 20) + "{}"],
)
def test_what_is_no_plan(tmp_path: Path, content: object) -> None:
    assert written(tmp_path, content) == {}


@pytest.mark.parametrize("odd", [None, 1, "x", [], {}, [1], [None], {"x": None}, [[]], {"x": 1}, [{}], True, -1.5])
def test_anything_may_be_of_a_wrong_type(tmp_path: Path, odd: Any) -> None:
    keys = ("name", "namespace", "tags", "inputs", "outputs", "parameters", "code")
    nodes: list[object] = [{**NODE, key: odd} for key in keys]
    nodes += [{**NODE, "code": dict.fromkeys(("function", "file", "line", "hash", "parts"), odd)}]
    nodes += [{**NODE, "parameters": {"params:x": odd}}, {**NODE, "parameters": {"params:x": {"hash": odd}}}, odd]
    datasets = {"raw": odd, "other": dict.fromkeys(("type", "paths", "uri", "versioned", "kept"), odd)}
    for plan in (
        {"format": 1, "nodes": nodes, "datasets": datasets},
        {"format": 1, "run_id": odd, "project": odd, "project_path": odd, "nodes": odd, "datasets": odd},
    ):
        (found,) = written(tmp_path, plan).values()
        assert isinstance(found, Plan)


def test_odd_files_and_halves_of_pairs(tmp_path: Path) -> None:
    assert plans(str(tmp_path)) == {}
    (found,) = written(tmp_path, {"format": 1, "run_id": "\ud800"}).values()
    assert found.run_id == "\\ud800"
    os.mkfifo(tmp_path / "pipelines" / "02.json")
    (tmp_path / "pipelines" / "03.json").mkdir()
    (tmp_path / "pipelines" / "04.json").symlink_to("nowhere")
    assert plans(str(tmp_path)).keys() == {"01"}
