"""Other releases of Kedro, each in a virtual environment of its own."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness import command

if TYPE_CHECKING:
    from harness.pipelines import Project

pytestmark = [pytest.mark.needs("kedro", "index"), pytest.mark.timeout(600)]

VERSIONS = ("1.0.0", "1.4.0")
NODES = {"clean", "hold", "burn", "family", "copy", "drop", "empty", "pieces", "late.report"}


def interpreter(folder: Path, version: str) -> str:
    """Make an environment with a Kedro of its own; datasets and all else it takes from the one that runs the tests."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = str(folder / "bin" / "python")
    call = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", f"kedro=={version}"]
    subprocess.run(call, check=True)
    where = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        check=True,
        text=True,
    )
    others = f"{sysconfig.get_path('purelib')}\n{command.package_parent()}\n"
    Path(where.stdout.strip(), "others.pth").write_text(others)
    return python


@pytest.mark.parametrize("version", VERSIONS)
def test_other_releases(fresh: Project, tmp_path: Path, version: str) -> None:
    python = interpreter(tmp_path / "venv", version)
    for runner in ("SequentialRunner", "ParallelRunner"):
        ran = fresh.with_python(python, "--runner", runner)
        attributes = ran.pipeline.attributes
        assert (attributes["kedro"], attributes["runner"]) == (version, runner)
        assert ran.nodes.keys() == NODES
        assert {span.attributes["run_id"] for span in ran.nodes.values()} == {attributes["run_id"]}
        assert {span.status for span in ran.spans} == {"ok"}
        assert all(span.cpu and span.cpu.method == "exact" for span in ran.nodes.values())
        assert {node.name for node in ran.plan.nodes} == NODES
        report = ran.within("late.report")["kedro.save", "late.report"].attributes
        assert Path(report["paths"][0]).stat().st_size == report["bytes"]
