"""Spans seen: golden texts of the table, the timeline and the graphs, and what the figures in them mean.

`VESTIGE_UPDATE_GOLDEN=1 pytest tests/report` writes the files in `spans/` anew; look at the difference before you keep
it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report import pipeline as made

from vestige.errors import UsageError, VestigeError
from vestige.pipelines.plan import Plan, PlannedNode
from vestige.record.model import Figure, Slowest, Span, SpanCounts
from vestige.report import dag, dag_layout, dag_svg, dag_text, pipelines, plot_canvas, span_tree, span_view, spans
from vestige.report.tables import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

GOLDEN = Path(__file__).parent / "spans"
SVG = "{http://www.w3.org/2000/svg}"


def view(found: Sequence[Span], plans: dict[str, Plan] | None = None, *, whole: bool = False) -> span_view.View:
    return span_view.View(
        spans=tuple(found),
        branches=tuple(span_tree.branches(found, whole=whole)),
        pipelines=pipelines.pipelines(found, plans or {}),
        pids=made.PIDS,
        end=made.END,
    )


KEDRO = view(made.SPANS, made.PLANS)
PLAIN = view(made.PLAIN)


def table(seen: span_view.View, width: int | None = None) -> str:
    shown = spans.table(seen.branches, seen.pipelines, width=width)
    return plain(shown.columns, shown.rows)


def timeline(seen: span_view.View, **keys: object) -> str:
    return "\n".join(span_view.timeline(seen, plot_canvas.Look(title="timeline", **keys)))  # type: ignore[arg-type]


def notes(seen: span_view.View) -> str:
    lines = [*spans.spent_lines(seen.pipelines, seen.spans, seen.end, "#")]
    return "\n".join([*lines, *spans.notes(seen.branches, seen.pipelines, seen.spans)])


def graphs(seen: span_view.View) -> list[dag.Dag]:
    return dag.dags(seen.branches, seen.pipelines)


TEXTS = {
    "kedro.txt": table(KEDRO),
    "kedro-80.txt": table(KEDRO, 80),
    "kedro-timeline.txt": timeline(KEDRO, width=100),
    "kedro-timeline-ascii.txt": timeline(KEDRO, width=70, signs=plot_canvas.ASCII),
    "kedro-notes.txt": notes(KEDRO),
    "kedro-all.txt": table(view(made.SPANS, made.PLANS, whole=True)),
    "kedro-bands.json": json.dumps([dataclasses.asdict(band) for band in KEDRO.bands(6)], indent=1),
    "kedro-tree.txt": "\n".join(dag_text.tree_lines(graphs(KEDRO)[0])),
    "kedro.dot": "\n".join(dag_text.dot_lines(graphs(KEDRO), 'a "run"')),
    "kedro.svg": dag_svg.svg(graphs(KEDRO), "a <run> & more"),
    "plain.txt": table(PLAIN),
    "plain-timeline.txt": timeline(PLAIN),
    "plain-notes.txt": notes(PLAIN),
    "plain-tree.txt": "\n".join(dag_text.tree_lines(graphs(PLAIN)[0])),
}


@pytest.mark.parametrize("name", TEXTS)
def test_golden(name: str) -> None:
    path = GOLDEN / name
    if os.environ.get("VESTIGE_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(TEXTS[name] + "\n")
    assert TEXTS[name] + "\n" == path.read_text()


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(TEXTS)


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_that_a_terminal_obeys_is_let_through(name: str) -> None:
    assert TEXTS[name]
    assert all(letter.isprintable() or letter == "\n" for letter in TEXTS[name])


def test_ascii_is_ascii() -> None:
    assert TEXTS["kedro-timeline-ascii.txt"].isascii()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_nothing_but_the_last_column_is_wider_than_the_terminal(width: int) -> None:
    shown = spans.table(KEDRO.branches, KEDRO.pipelines, width=width)
    fixed = [len(max(cells, key=len)) for cells in zip(*(row[:-1] for row in shown.rows), strict=True)]
    assert sum(fixed) + 2 * len(fixed) <= width
    assert max(map(len, timeline(KEDRO, width=width).splitlines())) <= width


class TestTree:
    def test_alike_ones_are_a_row_and_none_is_lost(self) -> None:
        many = [made.span(n, "x", n / 1e4, n / 1e4 + 1e-5) for n in range(42_000)]
        (branch,) = span_tree.branches(many)
        assert (branch.name, len(branch.spans), branch.depth) == ("x", 42_000, 0)
        assert branch.wall == pytest.approx(0.42)

    def test_a_few_alike_stand_alone(self) -> None:
        assert [
            len(branch.spans) for branch in span_tree.branches([made.span(n, "x", n, n + 1) for n in range(3)])
        ] == [
            1,
            1,
            1,
        ]

    def test_names_that_differ_in_numbers_are_alike_and_nodes_are_not(self) -> None:
        numbered = [made.span(n, f"step {n}", n, n + 1) for n in range(20)]
        nodes = [dataclasses.replace(span, kind="kedro.node") for span in numbered]
        assert [branch.name for branch in span_tree.branches(numbered)] == ["step #"]
        assert len(list(span_tree.branches(nodes))) == 20

    def test_too_many_names_keep_the_longest(self) -> None:
        letters = [chr(0x4E00 + n) for n in range(3_000)]
        found = list(span_tree.branches([made.span(n, name, 0, n) for n, name in enumerate(letters)]))
        assert len(found) == 1_000
        assert letters[-1] in {branch.name for branch in found}
        assert sum(len(branch.spans) for branch in found) == 3_000

    def test_a_circle_is_shown_and_ends(self) -> None:
        circle = [made.span(1, "a", 0, 2, parent=f"{2:016x}"), made.span(2, "b", 0, 1, parent=f"{1:016x}")]
        assert sorted(branch.name for branch in span_tree.branches(circle)) == ["a", "b"]

    def test_a_load_is_a_row_where_it_failed(self) -> None:
        load = next(span for span in made.SPANS if span.kind == "kedro.load")
        failed = dataclasses.replace(load, status="error", error=made.LOST)
        assert failed.name in {branch.name for branch in span_tree.branches([made.RUN, made.CLEAN, failed])}
        assert load.name not in {branch.name for branch in span_tree.branches([made.RUN, made.CLEAN, load])}

    def test_sums_of_figures_are_as_certain_as_their_parts(self) -> None:
        parts = [Figure(1.0, "s", "exact"), Figure(2.0, "s", "bound", lower=2.0), Figure(4.0, "s", "bound", upper=4.0)]
        branch = span_tree.Branch("x", tuple(made.span(n, "x", 0, 1, cpu=cpu) for n, cpu in enumerate(parts)), 0)
        assert span_tree.cpu(branch) == Figure(7.0, "s", "bound", lower=3.0, upper=None)

    def test_the_longest_chain(self) -> None:
        assert [branch.name for branch in span_tree.longest_chain(PLAIN.branches)] == ["train", "fold #", "fit"]


class TestPipeline:
    def test_the_time_of_a_run_is_shared_out_and_nothing_is_left(self) -> None:
        shares = dict(pipelines.spent(KEDRO.pipelines, KEDRO.spans, made.END))
        assert sum(shares.values()) == pytest.approx(made.END)
        assert shares["start-up"] == pytest.approx(1.5)
        assert shares["end"] == pytest.approx(0.6)
        assert shares["between"] == pytest.approx(0.0, abs=1e-9) if "between" in shares else True

    def test_of_two_at_once_each_counts_half(self) -> None:
        both = [made.RUN, made.node(2, "a", 2, 4), made.node(3, "b", 3, 4)]
        load = made.part("load", 4, "x", both[2], (3, 4))
        found = pipelines.pipelines([*both, load], {})
        assert dict(pipelines.spent(found, both, 5.0)) == pytest.approx(
            {"start-up": 2.0, "load": 0.5, "compute": 1.5, "end": 1.0}
        )

    def test_compute_is_what_loads_and_saves_leave_also_where_they_overlap(self) -> None:
        join = next(step for step in KEDRO.pipelines[0].steps if step.name == "join")
        assert (join.load, join.save, join.compute) == pytest.approx((0.4, 1.0, 2.6))

    def test_the_critical_path_goes_through_datasets_under_any_of_their_names(self) -> None:
        (found,) = KEDRO.pipelines
        assert [found.steps[place].name for place in found.critical] == ["clean", "join", "report"]
        assert found.critical_wall == pytest.approx(2.5 + 4.0 + 1.4)

    def test_what_waited_was_ready_while_others_ran(self) -> None:
        (found,) = KEDRO.pipelines
        waited = {step.name: found.waited(place) for place, step in enumerate(found.steps) if found.waited(place)}
        assert waited == pytest.approx({f"carriers{made.ESCAPE}": 2.0, "busy": 2.5})

    def test_without_a_plan_the_datasets_tell_who_comes_after_whom(self) -> None:
        (found,) = pipelines.pipelines(made.SPANS, {})
        assert [found.steps[place].name for place in found.critical] == ["clean", "join", "report"]

    def test_a_circle_in_a_forged_plan_ends(self) -> None:
        plan = Plan(
            nodes=(PlannedNode("clean", inputs=("b",), outputs=("a",)), PlannedNode("x", inputs=("a",), outputs=("b",)))
        )
        seen = view(made.SPANS, {made.RUN.id: plan})
        assert notes(seen)
        assert dag_svg.svg(graphs(seen), "")
        assert list(dag_text.tree_lines(graphs(seen)[0]))

    def test_two_pipelines_of_one_run_are_two(self) -> None:
        other = dataclasses.replace(made.RUN, id="f" * 16, name="reports")
        seen = view([*made.SPANS, other, made.node(90, "late", 9, 9.2, parent=other.id)], made.PLANS)
        assert [one.title for one in graphs(seen)] == ["__default__", "reports"]
        assert [one.title for one in dag.dags(seen.branches, seen.pipelines, "2")] == ["reports"]
        assert [one.title for one in dag.dags(seen.branches, seen.pipelines, "reports")] == ["reports"]
        with pytest.raises(UsageError, match="no pipeline `3` in this run: there are 1 `__default__`, 2 `reports`"):
            dag.dags(seen.branches, seen.pipelines, "3")

    def test_a_run_without_pipelines_has_none_to_choose(self) -> None:
        with pytest.raises(UsageError, match="goes with runs of Kedro"):
            dag.dags(PLAIN.branches, PLAIN.pipelines, "1")


class TestBands:
    def test_the_longest_have_their_own_and_the_others_one(self) -> None:
        bands = KEDRO.bands(3)
        assert [band.label.strip() for band in bands] == ["__default__", "join", "35 shorter"]

    def test_alike_ones_are_a_band_for_each_worker(self) -> None:
        labels = [(band.worker, band.label.strip()) for band in PLAIN.bands(60)]
        assert labels.count(("thread 0", "fold # ×6")) == labels.count(("thread 1", "fold # ×6")) == 1  # noqa: RUF001

    def test_bands_stay_within_the_run(self) -> None:
        wild = [made.span(1, "a", -5, 1e30), made.span(2, "b", 1e30, None), made.span(3, "c", 3, 1)]
        bands = list(view(wild).bands(10))
        assert len(bands) > 1
        for band in bands:
            assert 0 <= band.start <= band.stop <= made.END


class TestGraph:
    def test_it_is_xml_with_a_title_and_a_description(self) -> None:
        root = ET.fromstring(TEXTS["kedro.svg"])  # noqa: S314 - our own
        assert root.findtext(f"{SVG}title") == "a <run> & more"
        assert root.findtext(f"{SVG}desc") == "__default__: 6 of 7 nodes ran, 8.50 s in all, critical path 7.90 s"
        assert root.get("role") == "img"

    def test_what_did_not_run_is_dashed_and_what_failed_says_so(self) -> None:
        root = ET.fromstring(TEXTS["kedro.svg"])  # noqa: S314 - our own
        groups = {group.findtext(f"{SVG}text"): group for group in root.iter(f"{SVG}g") if group.get("class")}
        assert "missing" in (groups["mail"].find(f"{SVG}rect").get("class") or "")  # type: ignore[union-attr]
        assert any("failed" in (text.text or "") for text in groups["* report"].iter(f"{SVG}text"))

    def test_the_same_run_makes_the_same_picture(self) -> None:
        assert dag_svg.svg(graphs(view(made.SPANS, made.PLANS)), "a <run> & more") == TEXTS["kedro.svg"]

    @given(st.data())
    def test_boxes_never_lie_over_each_other_and_arrows_go_on(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(1, 25))
        pairs = data.draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=60))
        arrows = list(dict.fromkeys((min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]))
        sizes = st.builds(dag_layout.Box, st.floats(1, 200), st.floats(1, 50))
        boxes = data.draw(st.lists(sizes, min_size=count, max_size=count))
        found = dag_layout.layout(boxes, arrows, between=40, gap=10)
        edges = [
            (x - box.width / 2, x + box.width / 2, y - box.height / 2, y + box.height / 2)
            for (x, y), box in zip(found.centres, boxes, strict=True)
        ]
        for place, (left, right, top, bottom) in enumerate(edges):
            assert min(left, top, found.width - right, found.height - bottom) >= -1e-6
            for other in edges[place + 1 :]:
                apart = left >= other[1] or right <= other[0] or top >= other[3] - 1e-6 or bottom <= other[2] + 1e-6
                assert apart
        for source, target in arrows:
            assert edges[source][1] < edges[target][0]

    def test_arrows_that_there_is_no_room_for_go_straight(self) -> None:
        count = 400
        arrows = [(place, place + 1) for place in range(count - 1)] + [(0, place) for place in range(2, count)]
        found = dag_layout.layout([dag_layout.Box(1, 1)] * count, arrows, between=1, gap=1)
        lengths = [len(line) for line in found.lines]
        assert lengths[: count - 1] == [2] * (count - 1)
        assert lengths[count - 1] == 4
        assert lengths[-1] == 2

    def test_too_large_a_graph_is_refused_in_a_word(self) -> None:
        boxes = [dag_layout.Box(1, 1)] * (dag_layout.MOST + 1)
        with pytest.raises(VestigeError, match="20001 boxes is too large to be drawn"):
            dag_layout.layout(boxes, [], between=1, gap=1)


class TestPlan:
    @given(
        st.recursive(st.none() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one))
    )
    def test_attributes_may_be_anything(self, said: object) -> None:
        load = made.part("load", 5, "raw", made.CLEAN, (1.5, 2.0), rows=said, bytes=said, said=said)
        seen = view([made.RUN, made.CLEAN, load, made.span(9, "x", 0, 1, attributes={"said": said})], whole=True)
        assert table(seen)
        assert dag_svg.svg(graphs(seen), "")


def test_the_summary_names_the_slowest() -> None:
    from report.test_terminal import OK  # noqa: PLC0415 - a record of another page

    from vestige.report import record_page, summary  # noqa: PLC0415

    counted = SpanCounts(42, failed=1, slowest=Slowest(f"train{made.ESCAPE}", "kedro.node", 6.1, 9))
    record = dataclasses.replace(OK, spans=counted)
    assert "  slowest    train\\x1b]0;gone\\x07 6.10 s of 9 nodes, 1 failed\n" in summary.summary(record)
    assert "spans\n  named      42\n  slowest    train" in record_page.page(record, folder="/x")
