"""Pipelines that are run from Python, more than one in a process, and what the plugin leaves as it is."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vestige.pipelines.plan import plans

if TYPE_CHECKING:
    from harness.pipelines import Project, Ran

pytestmark = pytest.mark.needs("kedro")

SERVICE = """
import threading
from pathlib import Path
from kedro.framework.session import KedroServiceSession
from kedro.framework.startup import bootstrap_project
from kedro.runner import SequentialRunner, ThreadRunner

bootstrap_project(Path.cwd())
with KedroServiceSession.create(project_path=Path.cwd(), serving_mode=True) as session:
    def run(number, runner):
        session.run(run_id=f"run-{number}", pipeline_names=["two"], runner=runner)
    threads = [threading.Thread(target=run, args=(n, (SequentialRunner, ThreadRunner)[n % 2]())) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""
SESSION = """
from pathlib import Path
import vestige
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

bootstrap_project(Path.cwd())
for names in (["failing_generator"], ["two"]):
    with vestige.span("outer", names=names), KedroSession.create(project_path=Path.cwd()) as session:
        try:
            session.run(pipeline_names=names)
        except ValueError as error:
            print(error)
with vestige.span("after"):
    pass
"""
SHOWN_TIMES = re.compile(rb"\[?\d\d/\d\d/\d\d \d\d:\d\d:\d\d\]?|\d+\.\d sec|\d{4}-\d\d-\d\dT[\d.]+Z|pid=\d+| +")


@pytest.mark.timeout(60)
def test_many_pipelines_at_a_time_in_one_process(project: Project) -> None:
    ran = project.command([sys.executable, "-c", SERVICE])
    runs = {span.id: span.attributes["run_id"] for span in ran.of_kind("kedro.run")}
    assert sorted(runs.values()) == [f"run-{number}" for number in range(6)]
    nodes = Counter((span.attributes["run_id"], span.name) for span in ran.of_kind("kedro.node"))
    assert nodes == {(f"run-{number}", name): 1 for number in range(6) for name in ("first", "second")}
    assert {span.status for span in ran.spans} == {"ok"}
    assert {span.parent for span in ran.of_kind("kedro.run")} == {None}
    assert_within(ran)
    kept = plans(ran.run.folder)
    assert {span: plan.run_id for span, plan in kept.items()} == runs


def assert_within(ran: Ran) -> None:
    """Each node of a pipeline that runs in its own thread is within that one."""
    runs = {span.id: span for span in ran.of_kind("kedro.run")}
    for node in ran.of_kind("kedro.node"):
        run = runs[node.parent or ""]
        if run.attributes["runner"] == "SequentialRunner" and run.thread == node.thread:
            assert run.attributes["run_id"] == node.attributes["run_id"]
        assert {span.kind for span in ran.spans if span.parent == node.id} == {"kedro.load", "kedro.save"}


@pytest.mark.timeout(60)
def test_sessions_within_spans_one_after_the_other(project: Project) -> None:
    ran = project.command([sys.executable, "-c", SESSION])
    outer = {tuple(span.attributes["names"]): span.id for span in ran.spans if span.name == "outer"}
    assert {span.name: span.parent for span in ran.of_kind("kedro.run")} == {
        "failing_generator": outer["failing_generator",],
        "two": outer["two",],
    }
    assert [span.parent for span in ran.spans if span.name == "after"] == [None]
    assert {span.name for span in ran.spans if span.status == "error"} == {"failing_generator", "breaks"}
    assert {span.name for span in ran.spans if span.status == "unfinished"} == set()


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("pipeline", "code"), [("__default__", 0), ("failing_load", 1)])
def test_output_exit_code_and_files_are_those_without_it(fresh: Project, pipeline: str, code: int) -> None:
    words = [sys.executable, "-m", "kedro", "run", "--pipelines", pipeline]
    bare = subprocess.run(
        words, cwd=fresh.top, env=fresh.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    files = contents(fresh)
    ran = fresh.command(words, code=code)
    assert ran.of_kind("kedro.run")
    assert bare.returncode == code
    assert SHOWN_TIMES.sub(b"", ran.run.stdout or b"") == SHOWN_TIMES.sub(b"", bare.stdout)
    assert contents(fresh) == files


def contents(project: Project) -> dict[str, bytes]:
    """Return what is in the files of a project; not in those of dates and durations."""
    paths = [path for path in project.top.rglob("*") if path.is_file()]
    told = {str(path.relative_to(project.top)): path.read_bytes() for path in paths}
    return {name: held for name, held in told.items() if not re.search(r"report\.json|burnt|own\.json", name)}


@pytest.mark.timeout(60)
def test_it_can_be_switched_off(project: Project) -> None:
    ran = project.kedro("--pipelines", "two", SMALL_WITHOUT="vestige")
    assert ran.spans == ()
    assert not Path(ran.run.folder, "pipelines").exists()


def test_outside_of_a_run_it_is_not_there() -> None:
    """Kedro loads the plugin at every command: it imports next to nothing, and has no hooks."""
    code = "import sys; before = set(sys.modules); import vestige.kedro.hooks as it; "
    code += "print([n for n in dir(it.hooks) if 'before' in n], *sorted(set(sys.modules) - before))"
    environ = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", "import pluggy, json, threading; " + code], env=environ, capture_output=True, check=True
    )
    assert done.stdout.decode().split() == [
        "[]",
        "vestige",
        "vestige._version",
        "vestige.kedro",
        "vestige.kedro.hooks",
        "vestige.spans",
        "vestige.spans.descriptor",
        "vestige.spans.file",
    ]
