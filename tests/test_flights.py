"""The main job on real data: a Kedro pipeline over 336,776 flights, against what the pipeline knows of itself."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

import vestige

EXAMPLE = Path(__file__).parents[1] / "examples" / "flights"
# what the interpreter does after the pipeline has looked at its own usage: leaving
SHUT_DOWN = 3.0


@pytest.mark.needs("kedro")
@pytest.mark.timeout(600)
def test_the_figures_agree_with_the_pipeline_s_own(tmp_path: Path) -> None:
    project = tmp_path / "flights"
    shutil.copytree(EXAMPLE, project)
    environ = os.environ | {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"}
    run = vestige.run(
        [sys.executable, "-m", "kedro", "run"], cwd=str(project), env=environ, store=str(tmp_path / "store")
    )
    assert run.exit_code == 0
    own = json.loads((project / "data" / "08_reporting" / "own_usage.json").read_text())
    known = sum(own[who][part] for who in ("self", "children") for part in ("user_seconds", "system_seconds"))
    figures = run.record.resources
    assert figures["cpu"].method == "exact"
    assert known <= (figures["cpu"].value or 0) <= known + SHUT_DOWN
    assert figures["memory_peak_process"].method == "exact"
    assert figures["memory_peak_process"].value == pytest.approx(own["self"]["max_rss_bytes"], rel=0.01)
    assert (figures["memory_peak"].value or 0) >= own["self"]["max_rss_bytes"] * 0.99
