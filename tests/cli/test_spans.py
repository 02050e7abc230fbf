"""`vestige show --spans`, `vestige plot` and `vestige plot --dag` of runs that name their parts."""

from __future__ import annotations

import json
import os
import pty
import sys
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from harness.spans import script, tell, variables

if TYPE_CHECKING:
    from harness.command import Vestige

PLAIN = """
with vestige.span("prepare", rows=3):
    for number in range(100):
        with vestige.span("x"): pass
with vestige.span("train"):
    time.sleep(0.05)
try:
    with vestige.span("bro\\x1b[31mken"): raise KeyError("no column")
except KeyError: pass
"""
PIPELINE = """
import json
from vestige.spans.span import begin
for name in ("first", "second"):
    run = begin(name, kind="kedro.run")
    os.makedirs(os.path.join(os.environ["VESTIGE_RUN"], "pipelines"), exist_ok=True)
    plan = {"format": 1, "nodes": [
        {"name": "clean", "inputs": ["raw", "params:x"], "outputs": ["clean"]},
        {"name": "train", "inputs": ["clean"], "outputs": ["model"]},
        {"name": "report", "inputs": ["model"], "outputs": []}]}
    path = os.path.join(os.environ["VESTIGE_RUN"], "pipelines", run.id + ".json")
    with open(path, "w") as file: json.dump(plan, file)
    for node in ("clean", "train"):
        opened = begin(node, kind="kedro.node", parent=run.id, measure=True)
        time.sleep(0.02)
        opened.end()
    run.end()
"""


def shown(vestige: Vestige, *words: str, code: int = 0, **more: str) -> str:
    done = vestige.call(*words, env=variables(vestige) | more)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode() if code == 0 else done.stderr.decode()


class TestShow:
    def test_table_timeline_and_what_went_wrong(self, vestige: Vestige) -> None:
        tell(vestige, PLAIN)
        text = shown(vestige, "show", "--spans")
        rows = {line.split()[0]: line for line in text.splitlines() if line.strip()}
        assert "×100" in text  # noqa: RUF001
        assert "rows=3" in rows["prepare"] or "rows=3" in text
        assert "where the time went" in text
        assert "  failed    bro\\x1b[31mken: KeyError: 'no column'" in text
        assert "\x1b" not in text

    def test_every_one_with_all(self, vestige: Vestige) -> None:
        tell(vestige, PLAIN)
        text = shown(vestige, "show", "--spans", "--all")
        assert sum(line.strip().startswith("x ") for line in text.partition("timeline")[0].splitlines()) == 100

    def test_json_is_the_lines_of_the_file(self, vestige: Vestige) -> None:
        told = tell(vestige, PLAIN)
        assert json.loads(shown(vestige, "show", "--spans", "--json")) == told.spans

    def test_ascii_where_stdout_has_nothing_else(self, vestige: Vestige) -> None:
        tell(vestige, PLAIN)
        text = shown(vestige, "show", "--spans", PYTHONIOENCODING="ascii")
        assert text.isascii()
        assert "x100" in text

    def test_a_run_without_spans_says_so(self, vestige: Vestige) -> None:
        vestige.record("true")
        done = vestige.call("show", "--spans")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"vestige: it named no parts of itself\n")

    def test_the_summary_and_the_page_name_the_slowest(self, vestige: Vestige) -> None:
        done = vestige.run(
            sys.executable, script(vestige, PIPELINE), options=("--summary", "full"), env=variables(vestige)
        )
        assert b"  slowest    " in done.stderr
        assert b" of 4 nodes" in done.stderr
        assert "spans\n  named      6\n" in shown(vestige, "show")

    def test_options_that_do_not_go_together(self, vestige: Vestige) -> None:
        assert "goes with" in shown(vestige, "show", "--spans", "--class", "input", code=2)


class TestPlot:
    def test_spans_are_below_the_processes(self, vestige: Vestige) -> None:
        tell(vestige, PLAIN)
        text = shown(vestige, "plot", "--metric", "memory")
        assert "█ one span" in text
        assert "1 started" not in text
        assert "one span" not in shown(vestige, "plot", "--by", "total")

    def test_without_processes(self, vestige: Vestige) -> None:
        tell(vestige, PLAIN)
        text = shown(vestige, "plot", "--by", "span")
        assert "one span" in text
        assert "% of a core" not in text


class TestDag:
    @pytest.fixture(autouse=True)
    def _run(self, vestige: Vestige) -> None:
        tell(vestige, PIPELINE)

    def test_dot_where_stdout_is_no_terminal(self, vestige: Vestige) -> None:
        text = shown(vestige, "plot", "--dag")
        assert text.startswith("digraph run {\n")
        assert text.count("subgraph") == 2
        assert text.count('shape=box, label="report\\ndid not run", style=dashed') == 2

    def test_one_of_several(self, vestige: Vestige) -> None:
        assert shown(vestige, "plot", "--dag", "--pipeline", "second").count("subgraph") == 1
        assert "no pipeline `third`" in shown(vestige, "plot", "--dag", "--pipeline", "third", code=2)

    def test_svg(self, vestige: Vestige) -> None:
        shown(vestige, "plot", "--dag", "-o", "dag.svg")
        root = ET.parse(vestige.path("dag.svg")).getroot()  # noqa: S314 - our own
        names = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
        assert names.count("* clean") == names.count("* train") == names.count("report") == 2

    def test_a_file_of_another_kind_is_refused_before_anything_is_read(self, vestige: Vestige) -> None:
        assert "a graph is `.svg`" in shown(vestige, "plot", "--dag", "nobody", "-o", "dag.png", code=2)

    @pytest.mark.parametrize(
        "words", [("--metric", "cpu"), ("--by", "total"), ("--size", "90x20"), ("--window",), ("last", "last~1")]
    )
    def test_what_does_not_go_with_it(self, vestige: Vestige, words: tuple[str, ...]) -> None:
        assert "vestige: `" in shown(vestige, "plot", "--dag", *words, code=2)

    def test_a_folder_that_can_t_be_written(self, vestige: Vestige) -> None:
        assert "can't write" in shown(vestige, "plot", "--dag", "-o", "missing/dag.svg", code=2)

    def test_a_plan_that_is_damaged_is_done_without(self, vestige: Vestige) -> None:
        folder = os.path.join(vestige.folders()[-1], "pipelines")
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "w", encoding="ascii") as file:
                file.write('{"format": 1, "nodes": [{"name": 7, "inputs": {}}, 5], "datasets": []')
        text = shown(vestige, "plot", "--dag")
        assert "clean" in text
        assert "did not run" not in text

    def test_no_graph_of_a_run_without_spans(self, vestige: Vestige) -> None:
        vestige.record("true")
        assert "no graph of last: it named no parts of itself" in shown(vestige, "plot", "--dag", code=2)


def test_a_tree_on_a_terminal(vestige: Vestige) -> None:
    tell(vestige, PIPELINE)
    control, terminal = pty.openpty()
    done = vestige.call("plot", "--dag", "--pipeline", "1", env=variables(vestige), stdout=terminal)
    os.close(terminal)
    assert done.returncode == 0
    assert os.read(control, 10_000).decode().startswith("\x1b[1mfirst\x1b[0m  2 of 3 nodes ran")
    os.close(control)
