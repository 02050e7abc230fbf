"""What goes wrong in a pipeline ends the spans that it was in, and says nothing of credentials."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.pipelines import Project, Ran

pytestmark = pytest.mark.needs("kedro")

DATASET_ERROR = "kedro.io.core.DatasetError"
SPAWN = {"KEDRO_MP_CONTEXT": "spawn"}
FORK = {"KEDRO_MP_CONTEXT": "fork"}
PARALLEL = ("--runner", "ParallelRunner")
THREADS = ("--runner", "ThreadRunner")
# pipeline, node, its load or save that fails, class of the error
FAILURES = {
    "load": ("failing_load", "reads", ("kedro.load", "from_server"), DATASET_ERROR),
    "node": ("failing_node", "fails", None, "ValueError"),
    "save": ("failing_save", "writes", ("kedro.save", "to_server"), DATASET_ERROR),
    "generator": ("failing_generator", "breaks", None, "ValueError"),
}
WAYS = {"sequential": ((), {}), "async": (("--async",), {}), "threads": (THREADS, {}), "fork": (PARALLEL, FORK)}
CASES = [(what, way) for what in FAILURES for way in WAYS if (what, way) != ("generator", "async")]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("what", "way"), CASES)
def test_what_failed_ends_with_its_error(project: Project, what: str, way: str) -> None:
    pipeline, node, transfer, kind = FAILURES[what]
    options, variables = WAYS[way]
    ran = project.kedro("--pipelines", pipeline, *options, code=1, **variables)
    failed = [ran.pipeline, ran.nodes[node], *([ran.within(node)[transfer]] if transfer else [])]
    assert {span.id for span in ran.spans if span.status == "error"} == {span.id for span in failed}
    assert {span.error.type for span in failed if span.error} == {kind}
    assert {span.status for span in ran.spans} <= {"ok", "error"}
    assert_nothing_secret(ran, project)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("what", ["load", "save"])
def test_a_worker_that_knows_no_credentials_writes_no_words_it_can_t_judge(project: Project, what: str) -> None:
    pipeline, node, transfer, kind = FAILURES[what]
    ran = project.kedro("--pipelines", pipeline, *PARALLEL, code=1, **SPAWN)
    assert transfer is not None
    error = ran.within(node)[transfer].error
    assert error is not None
    assert error.type == kind
    assert "***" in error.message
    assert_nothing_secret(ran, project)


def assert_nothing_secret(ran: Ran, project: Project) -> None:
    """Nothing of the credentials is in what is kept, but in the command's own output."""
    assert "sesame" in (project.top / "conf" / "local" / "credentials.yml").read_text()
    for folder, _, names in os.walk(ran.run.folder):
        for path in (Path(folder, name) for name in names if name not in {"stdout", "stderr"}):
            assert b"sesame" not in path.read_bytes(), path


@pytest.mark.timeout(60)
def test_parameters_that_look_like_secrets_have_no_value(project: Project) -> None:
    ran = project.kedro("--pipelines", "login")
    (node,) = ran.plan.nodes
    assert node.parameters["params:login"].text is None
    assert (node.parameters["params:login"].hash or "").startswith("sha256:")
    assert_nothing_secret(ran, project)


@pytest.mark.timeout(60)
def test_a_worker_that_is_killed_leaves_its_node_unfinished(project: Project) -> None:
    ran = project.kedro("--pipelines", "killed", *PARALLEL, code=1, **FORK)
    assert ran.nodes["dies"].status == "unfinished"
    assert ran.pipeline.status == "error"
    assert ran.within("dies")["kedro.load", "raw"].status == "ok"
    ran = project.kedro("--pipelines", "killed", code=137)
    assert {span.name for span in ran.spans if span.status == "unfinished"} == {"killed", "dies"}
    assert {node.name for node in ran.plan.nodes} == {"dies"}


@pytest.mark.timeout(60)
def test_ctrl_c_leaves_what_it_was_in_unfinished(project: Project) -> None:
    ran = project.kedro("--pipelines", "interrupted", code=1)
    assert {span.name for span in ran.spans if span.status == "unfinished"} == {"interrupted", "interrupts"}
    assert all(span.end is not None for span in ran.spans)
