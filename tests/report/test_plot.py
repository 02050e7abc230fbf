"""What a plot shows: golden by its data, and what of that reaches the image and the terminal.

`VESTIGE_UPDATE_GOLDEN=1 pytest tests/report` writes the files in `plots/` anew; look at the difference before you keep
it.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import json
import math
import os
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness import written
from hypothesis import given
from hypothesis import strategies as st
from report import charts as made
from report import pipeline

from vestige.cli import dispatch
from vestige.con_duct import logs, reading
from vestige.duct import charts, plotting
from vestige.errors import RecordError, UsageError, VestigeError
from vestige.finalising.points import bounded
from vestige.record import codec
from vestige.record.model import Exit, Figure
from vestige.report import (
    pipelines,
    plot_canvas,
    plot_chart,
    plot_data,
    plot_figure,
    plot_lanes,
    plot_panels,
    plot_text,
    span_tree,
)
from vestige.report.bands import bands as bands_of
from vestige.report.paint import Paint
from vestige.report.plot_data import Chart, Panel
from vestige.report.plot_scale import Scale, ticks, time_scale, value_scale

if TYPE_CHECKING:
    from collections.abc import Iterator

GOLDEN = Path(__file__).parent / "plots"
RELEASED = Path(__file__).parents[1] / "records" / "1" / "runs" / "20251009T085320Z-456789ab"
drawn = pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="needs matplotlib")
ALL = plot_data.METRICS
ESCAPE = "\x1b]0;gone\x07\n$\\frac{a}{"


@pytest.fixture(autouse=True)
def _no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND"):
        monkeypatch.delenv(name, raising=False)


def run_chart(**keys: Any) -> Chart:
    return plot_chart.chart(made.RUN, made.POINTS, made.PROCESSES, **{"metrics": ALL, **keys})


def other_chart() -> Chart:
    other = dataclasses.replace(made.RUN, id="0190a1b2-c3d4-7e5f-8a9b-0c1d81bc0000", argv=("python", "other.py"))
    points = [made.point(second, second * 0.5, 40_000_000 * second, pss=40_000_000 * second) for second in range(1, 7)]
    return plot_chart.chart(other, points, (), metrics=ALL, by_process=False)


def text(chart: Chart | list[Chart], **keys: Any) -> str:
    many = chart if isinstance(chart, list) else [chart]
    return "\n".join(plot_text.render(many, plot_canvas.Look(**keys)))


def as_json(chart: Chart) -> str:
    panels = [{**dataclasses.asdict(panel), "top": panel.top} for panel in chart.panels]
    return json.dumps({**dataclasses.asdict(chart), "panels": panels}, indent=1, ensure_ascii=False)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    log = logs.read_log(made.write_log(tmp_path_factory.mktemp("log")))
    swarm = plot_chart.chart(made.RUN, made.POINTS, made.SWARM)
    return {
        "run.json": as_json(run_chart()),
        "swarm.json": as_json(swarm),
        "log.json": as_json(charts.chart(log, metrics=("cpu", "memory"))),
        "ps.json": as_json(charts.ps_chart(log, "ps-pcpu")),
        "timepoint.json": as_json(charts.ps_chart(log, "ps-cpu-timepoint")),
        "run.txt": text(run_chart(), width=100),
        "run-ascii.txt": text(run_chart(), width=64, signs=plot_canvas.ASCII),
        "swarm.txt": text(swarm),
        "two.txt": text([run_chart(by_process=False), other_chart()], width=90),
        "log.txt": text(charts.chart(log, metrics=("cpu", "memory"))),
        "ps-base-units.txt": text(charts.ps_chart(log, "ps-pcpu"), ratio=-1.0),
    }


NAMES = (
    "run.json", "swarm.json", "log.json", "ps.json", "timepoint.json",
    "run.txt", "run-ascii.txt", "swarm.txt", "two.txt", "log.txt", "ps-base-units.txt",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_golden(name: str, texts: dict[str, str]) -> None:
    path = GOLDEN / name
    if os.environ.get("VESTIGE_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(texts[name] + "\n")
    assert texts[name] + "\n" == path.read_text()


def test_no_golden_file_is_left_over(texts: dict[str, str]) -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(texts) == set(NAMES)


class TestData:
    def test_the_area_under_the_cores_is_the_exact_cpu(self) -> None:
        assert area(run_chart().panels[0]) == pytest.approx(12.0)

    def test_cpu_that_no_look_can_have_missed_at_the_end_is_told_and_not_drawn(self) -> None:
        ended = dataclasses.replace(made.RUN, resources={**made.RUN.resources, "cpu": made.exact(15.0, "s")})
        panel = plot_chart.chart(ended, made.POINTS, (), metrics=("cpu",)).panels[0]
        assert (
            panel.headline == "CPU 15.0 s, 1.20 cores on average (exact); 3.10 s of it between looks, not in the curve"
        )
        assert area(panel) == pytest.approx(11.9)

    def test_a_run_without_a_look_has_its_mean_and_its_peak(self) -> None:
        cpu, memory = plot_chart.chart(made.RUN, (), made.PROCESSES).panels
        assert cpu.curves[0].values == (1.2, 1.2)
        assert memory.curves == ()
        assert memory.peak == plot_data.Peak(5.0, made.RUN.resources["memory_peak"])

    def test_a_run_of_nothing_is_empty(self) -> None:
        nothing = dataclasses.replace(made.RUN, resources={}, exit=Exit(code=127))
        assert plot_chart.chart(nothing, (), ()).is_empty

    def test_memory_with_shared_pages_is_dots_where_it_was_not_always_looked_at(self) -> None:
        roles = [(curve.label, curve.role) for curve in run_chart().panels[1].curves]
        assert roles == [("resident sizes added up", "total"), ("shared pages counted once", "look")]

    def test_one_process_alone_has_one_curve_of_memory(self) -> None:
        points = [dataclasses.replace(point, pss=point.rss_max) for point in made.POINTS]
        memory = plot_chart.chart(made.RUN, points, ()).panels[1]
        assert [curve.label for curve in memory.curves] == ["memory"]

    def test_a_limit_within_reach_is_on_the_axis_and_one_far_above_is_not(self) -> None:
        memory = run_chart().panels[1]
        assert [(limit.label, limit.value <= memory.top) for limit in memory.limits] == [
            ("limit 700 MB", True),
            ("RAM 17.2 GB", False),
        ]

    def test_without_a_limit_of_the_group_there_is_the_machine(self) -> None:
        machine = dataclasses.replace(made.MACHINE, memory_limit=None)
        memory = plot_chart.chart(made.record(machine=machine), made.POINTS, ()).panels[1]
        assert [limit.label for limit in memory.limits] == ["RAM 17.2 GB"]

    def test_a_peak_is_exact_or_not(self) -> None:
        sampled = run_chart().panels[1].peak
        solid = dataclasses.replace(made.RUN, resources={**made.RUN.resources, "memory_peak": made.exact(6e8)})
        exact = plot_chart.chart(solid, made.POINTS, made.PROCESSES).panels[1].peak
        assert (sampled and sampled.is_exact, exact and exact.is_exact) == (False, True)

    def test_events(self) -> None:
        assert [(mark.time, mark.kind, mark.label) for mark in run_chart().marks] == [
            (0, "exec", ""),
            (1.25, "exec", ""),
            (1.26, "exit", ""),
            (2, "fork", ""),
            (3, "exec", ""),
            (8, "oom", "out of memory?  (python3)"),
            (10, "exit", ""),
        ]

    def test_who_the_group_of_the_run_killed_is_no_question(self) -> None:
        own = Figure(1, "1", "exact", reason="of the run's own control group")
        marks = plot_chart.chart(made.record(resources={"oom_kills": own}), (), made.PROCESSES).marks
        assert [mark.label for mark in marks if mark.kind == "oom"] == ["out of memory  (python3)"]

    def test_without_a_kill_by_the_kernel_a_signal_is_a_signal(self) -> None:
        marks = plot_chart.chart(made.record(resources={}), (), made.PROCESSES).marks
        assert [mark.label for mark in marks if mark.kind == "signal"] == ["SIGKILL  (python3)"]

    def test_by_total_there_are_marks_and_no_processes(self) -> None:
        chart = run_chart(by_process=False)
        assert (chart.lanes, chart.groups, len(chart.marks)) == ((), (), 7)

    def test_a_swarm_is_told_by_program(self) -> None:
        chart = plot_chart.chart(made.RUN, made.POINTS, made.SWARM)
        assert [lane.label for lane in chart.lanes] == ["make", "cc1 big.c"]
        assert [(group.label, group.count) for group in chart.groups] == [
            ("as ×40", 40),  # noqa: RUF001
            ("cc1 ×40", 40),  # noqa: RUF001
            ("5 others", 5),
        ]

    def test_nobody_is_lost_in_a_swarm(self) -> None:
        chart = plot_chart.chart(made.RUN, made.POINTS, made.SWARM)
        assert len(chart.lanes) + sum(group.count for group in chart.groups) == len(made.SWARM)
        assert len(chart.groups) <= plot_lanes.MOST_GROUPS

    def test_nothing_is_said_of_a_group_that_is_not_known_of_each(self) -> None:
        cpu, peak = Figure(None, "s", "unavailable"), Figure(None, "B", "unavailable")
        swarm = [dataclasses.replace(process, cpu=cpu, memory_peak=peak) for process in made.SWARM]
        assert {group.figures for group in plot_chart.chart(made.RUN, (), swarm).groups} == {""}
        some = [process if process.pid % 2 else gone for process, gone in zip(made.SWARM, swarm, strict=True)]
        told = {group.figures for group in plot_chart.chart(made.RUN, (), some).groups if group.count == 40}
        assert told == {"≥2.00 MB the largest  ≥200 ms CPU"}

    def test_times_beyond_the_end_stay_on_the_axis(self) -> None:
        late = made.process(9, "late", start=-5, end=1e30)
        (lane,) = plot_chart.chart(made.RUN, (), [late]).lanes
        assert (lane.start, lane.end) == (0.0, 10.0)

    def test_points_are_bounded_and_none_is_lost(self) -> None:
        many = [made.point(second, second, second, samples=1) for second in range(1, 20_001)]
        kept = bounded(many)
        assert len(kept) <= 4_000
        assert sum(point.samples for point in kept) == 20_000
        assert (kept[0].start, kept[-1].end, kept[-1].rss_max) == (1, 20_000, 20_000)

    @pytest.mark.parametrize(
        ("argv", "words"),
        [
            (("/usr/bin/python3", "x.py"), "python3 x.py"),
            (("a b", "c"), "'a b' c"),
            (("x" * 40, "y"), "x" * 21 + "…" + "x" * 8 + " y"),
            (("/bin/\x1b[31m",), "'\\x1b[31m'"),
            (('"/bin/\\377"',), "'\\udcff'"),
            (None, "(python3)"),
        ],
    )
    def test_a_short_command(self, argv: tuple[str, ...] | None, words: str) -> None:
        assert plot_lanes.label(argv, "python3") == words


def area(panel: Panel) -> float:
    curve = panel.curves[0]
    corners = itertools.pairwise(zip(curve.times, curve.values, strict=True))
    return math.fsum((end - begin) * (value or 0) for (begin, value), (end, _) in corners)


class TestRate:
    moments = st.lists(st.tuples(st.just(0.0) | st.floats(1e-9, 1e6), st.floats(0, 1e9)), max_size=50)

    @given(moments, st.floats(1e-3, 1e5))
    def test_what_was_used_is_the_area(self, totals: list[tuple[float, float]], least: float) -> None:
        times, values = plot_panels.rate(sorted(totals), least)
        assert list(times) == sorted(times)
        assert all(value >= 0 for value in values)
        panel = Panel("cpu", "cores", "", (plot_data.Curve("", "total", times, values),)) if times else None
        end = max((moment for moment, _ in totals), default=0.0)
        used = max((total for _, total in totals), default=0.0)
        if end > 0:
            assert panel is not None
            assert times[-1] == end
            assert area(panel) == pytest.approx(used, rel=1e-6, abs=1e-6)

    def test_short_steps_are_joined(self) -> None:
        times, values = plot_panels.rate([(0.4, 1), (1.0, 2), (1.2, 2), (2.0, 2)], 1.0)
        assert (times, values) == ((0.0, 1.0, 1.0, 2.0), (2.0, 2.0, 0.0, 0.0))

    def test_a_total_that_falls_stands_still(self) -> None:
        assert plot_panels.rate([(1, 5), (2, 3), (3, 6)], 1.0)[1] == (5, 5, 0, 0, 1, 1)


class TestScale:
    @pytest.mark.parametrize(
        ("end", "ratio", "unit"),
        [
            (5e-5, None, "µs"), (0.01, None, "ms"), (12, None, "s"), (170, None, "s"), (600, None, "min"),
            (20_000, None, "h"), (4e5, None, "d"), (0.01, 3.0, "s"), (200, 3.0, "min"), (200, 4.0, "s"),
            (1e6, -1.0, "s"),
        ],
    )  # fmt: skip
    def test_time(self, end: float, ratio: float | None, unit: str) -> None:
        assert time_scale(end, ratio).unit == unit

    @pytest.mark.parametrize(
        ("kind", "top", "ratio", "unit"),
        [
            ("B", 999, None, "B"), ("B", 1e9, None, "GB"), ("B", 1e9, 3.0, "MB"), ("B", 1e9, -1.0, "B"),
            ("B/s", 2e6, None, "MB/s"), ("cores", 100, None, "cores"), ("%", 5000, 3.0, "%"),
        ],
    )  # fmt: skip
    def test_values(self, kind: Any, top: float, ratio: float | None, unit: str) -> None:
        assert value_scale(kind, top, ratio).unit == unit

    @given(st.floats(1e-9, 1e30), st.integers(1, 20))
    def test_ticks_are_round_and_few(self, top: float, most: int) -> None:
        found = ticks(top, Scale(1.0, ""), most)
        assert found[0] == 0
        assert len(found) <= most + 1
        assert found[-1] <= top * (1 + 1e-6)

    @pytest.mark.parametrize("top", [0.0, -1.0, math.inf, math.nan])
    def test_an_axis_of_nothing_has_one_tick(self, top: float) -> None:
        assert ticks(top, Scale(1.0, ""), 5) == (0.0,)


class TestText:
    @pytest.mark.parametrize("width", [1, 40, 61, 80, 200])
    @pytest.mark.parametrize("signs", [plot_canvas.BLOCKS, plot_canvas.ASCII])
    def test_no_line_is_wider_than_asked(self, width: int, signs: plot_canvas.Signs) -> None:
        for chart in ([run_chart()], [run_chart(by_process=False), other_chart()]):
            lines = text(chart, width=width, signs=signs).splitlines()
            assert max(map(plot_canvas.columns_of, lines)) <= max(width, plot_text.NARROWEST)

    def test_ascii_is_ascii(self) -> None:
        hostile = dataclasses.replace(made.RUN, argv=("größe", "東京", ESCAPE))
        shown = text(plot_chart.chart(hostile, made.POINTS, made.PROCESSES), signs=plot_canvas.ASCII)
        assert shown.isascii()

    def test_wide_letters_take_two_columns(self) -> None:
        named = [dataclasses.replace(made.PROCESSES[0], argv=("東京" * 20,), signal="SIGKILL")]
        lines = text(plot_chart.chart(made.RUN, made.POINTS, named), width=80).splitlines()
        assert max(map(plot_canvas.columns_of, lines)) <= 80

    def test_nothing_steers_the_terminal(self) -> None:
        names = [dataclasses.replace(process, argv=(ESCAPE,), name=ESCAPE) for process in made.PROCESSES]
        chart = plot_chart.chart(made.record(argv=(ESCAPE,)), made.POINTS, names)
        for shown in (text(chart), text(chart, title=ESCAPE)):
            assert len(shown.splitlines()) > 10
            assert all(letter.isprintable() for line in shown.splitlines() for letter in line)

    def test_rows(self) -> None:
        low, tall = (len(text(run_chart(), rows=rows).splitlines()) for rows in (10, 60))
        assert low < tall <= 62

    def test_colours_are_all_that_colours_add(self) -> None:
        coloured = text(run_chart(), paint=Paint(colours=True))
        for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m"):
            coloured = coloured.replace(code, "")
        assert coloured == text(run_chart())

    def test_an_empty_chart_is_axes(self) -> None:
        assert "cores" in text(plot_chart.chart(made.record(resources={}), (), ()))


@pytest.fixture
def picture() -> Any:
    return pytest.importorskip("matplotlib.figure").Figure()


@drawn
class TestFigure:
    def test_what_is_drawn_is_the_data(self, picture: Any) -> None:
        chart = run_chart()
        plot_figure.draw(picture, [chart], plot_figure.Look())
        cpu, memory, io, below = picture.axes
        line = {line.get_label(): line for line in cpu.get_lines()}["cores used"]
        assert (tuple(line.get_xdata()), tuple(line.get_ydata())) == (
            chart.panels[0].curves[0].times,
            chart.panels[0].curves[0].values,
        )
        assert [axes.get_ylabel() for axes in (cpu, memory, io)] == ["CPU, cores", "memory, MB", "I/O, MB/s"]
        assert [label.get_text() for label in below.get_yticklabels()] == [
            "python train.py", "sh -c 'uname -a'", "(python3)", "sleep 60", "started (exec)", "ended", "by a signal",
        ]  # fmt: skip
        assert below.get_xlabel() == "time since the start, s"

    def test_spans_are_bars_told_apart_without_colour(self, picture: Any) -> None:
        found = pipelines.pipelines(pipeline.SPANS, pipeline.PLANS)
        branches = tuple(span_tree.branches(pipeline.SPANS))
        bands = bands_of(branches, found, end=10.0, most=6, pids=pipeline.PIDS)
        plot_figure.draw(picture, [dataclasses.replace(run_chart(), bands=bands)], plot_figure.Look())
        below = picture.axes[-1]
        names = [label.get_text().strip() for label in below.get_yticklabels()]
        assert names == ["process 100:", "__default__", "process 101:", "*   clean", "busy", "*   report",
                         "process 102:", "*   join", "", "32 shorter"]  # fmt: skip
        clean = [bar for bar in below.patches if bar.get_y() < 3 < bar.get_y() + bar.get_height()]
        assert [(bar.get_x(), bar.get_width(), bar.get_hatch()) for bar in clean] == [
            (1.5, 2.5, None),
            (1.5, 0.5, "...."),
            (3.5, 0.5, "\\\\\\\\\\"),
        ]

    @pytest.mark.parametrize(("method", "face"), [("exact", "#000000"), ("sampled", "white"), ("bound", "white")])
    def test_an_exact_peak_is_solid_and_any_other_hollow(self, picture: Any, method: Any, face: str) -> None:
        peak = Figure(6e8, "B", method)
        solid = dataclasses.replace(made.RUN, resources={**made.RUN.resources, "memory_peak": peak})
        plot_figure.draw(picture, [plot_chart.chart(solid, made.POINTS, ())], plot_figure.Look())
        (marker,) = [line for line in picture.axes[1].get_lines() if line.get_label().startswith("peak")]
        assert marker.get_markerfacecolor() == face
        assert (marker.get_xdata()[0], marker.get_ydata()[0]) == (8.0, 600)

    def test_limits_are_lines(self, picture: Any) -> None:
        plot_figure.draw(picture, [run_chart()], plot_figure.Look())
        labels = {line.get_label(): list(line.get_ydata()) for line in picture.axes[1].get_lines()}
        assert labels["limit 700 MB"] == [700, 700]
        assert labels["RAM 17.2 GB, far above"] == []

    def test_runs_over_each_other_differ_in_more_than_colour(self, picture: Any) -> None:
        plot_figure.draw(picture, [run_chart(by_process=False), other_chart()], plot_figure.Look())
        lines = [line for line in picture.axes[0].get_lines() if line.get_label().endswith("cores used")]
        assert [line.get_label() for line in lines] == ["7f3a91c2 cores used", "81bc0000 cores used"]
        assert len({line.get_marker() for line in lines}) == 2

    @pytest.mark.parametrize(("count", "lines"), [(1, 1), (20, 20), (21, 0), (500, 0)])
    def test_signals_are_lines_unless_they_would_hide_the_curves(self, picture: Any, count: int, lines: int) -> None:
        killed = [made.process(n, "x", start=0, end=10 * (n + 1) / (count + 1), signal="SIGKILL") for n in range(count)]
        plot_figure.draw(picture, [plot_chart.chart(made.RUN, made.POINTS, killed)], plot_figure.Look())
        through = [line for line in picture.axes[0].get_lines() if line.get_xdata()[0] == line.get_xdata()[-1]]
        assert len(through) == lines

    def test_png(self, tmp_path: Path) -> None:
        path = tmp_path / "run.png"
        plot_figure.write([run_chart()], str(path), plot_figure.Look(size=(640, 480)))
        assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", path.read_bytes()[16:24]) == (640, 480)

    def test_svg_holds_its_words_and_is_the_same_each_time(self) -> None:
        first, second = (plot_figure.image([run_chart()], "svg", plot_figure.Look()) for _ in range(2))
        assert first == second
        words = [element.text for element in ET.fromstring(first).iter() if element.text]  # noqa: S314 - our own
        assert "python train.py" in words
        assert "by a signal" in words
        assert any("7f3a91c2  python train.py" in word for word in words)

    def test_pdf(self) -> None:
        assert plot_figure.image([run_chart()], "pdf", plot_figure.Look())[:5] == b"%PDF-"

    @pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
    def test_hostile_names(self, kind: str) -> None:
        names = (
            "$\\frac{",
            "_hidden",
            "\ud800".encode("utf-8", "replace").decode(),
            "東京",
            "\x1b[2J",
            "%s" * 50,
            "&lt;<b>",
        )
        many = [dataclasses.replace(made.PROCESSES[2], argv=(name, "$x$"), name=name) for name in names]
        chart = plot_chart.chart(made.record(argv=names), made.POINTS, many, metrics=ALL)
        assert plot_figure.image([chart], kind, plot_figure.Look(title=ESCAPE)) != b""

    @pytest.mark.parametrize("size", [(200, 200), (4000, 200), (200, 4000)])
    def test_any_size(self, size: tuple[int, int]) -> None:
        content = plot_figure.image([run_chart()], "png", plot_figure.Look(size=size))
        assert struct.unpack(">II", content[16:24]) == size

    def test_hostile_numbers(self) -> None:
        huge = float(1 << 100)
        wild = dataclasses.replace(
            made.RUN,
            resources={
                "wall": made.exact(huge, "s"),
                "cpu": made.exact(huge, "s"),
                "memory_peak": Figure(huge, "B", "bound", lower=0, upper=huge),
            },
        )
        points = [made.point(1e-300, 0, 0), made.point(huge, huge, int(huge))]
        chart = plot_chart.chart(wild, points, made.PROCESSES, metrics=ALL)
        assert plot_figure.image([chart], "png", plot_figure.Look()) != b""
        assert text(chart) != ""

    @pytest.mark.parametrize(
        ("name", "words"),
        [("x.xyz", "`.xyz` is no type of image; known are png, svg, pdf"), ("x", "no suffix"), (".png", "no suffix")],
    )
    def test_an_unknown_suffix_is_an_error(self, name: str, words: str) -> None:
        with pytest.raises(UsageError, match=words):
            plot_figure.check(name)

    def test_a_file_that_cannot_be_written(self, tmp_path: Path) -> None:
        with pytest.raises(VestigeError, match="No such file or directory"):
            plot_figure.write([run_chart()], str(tmp_path / "no" / "x.png"), plot_figure.Look())

    def test_no_window_without_a_display(self) -> None:
        with pytest.raises(VestigeError, match="no window can be opened"):
            plot_figure.show([run_chart()], plot_figure.Look())


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    with pytest.raises(VestigeError, match=r"pip install 'vestige\[plot\]'"):
        plot_figure.check("x.png")


def test_the_terminal_needs_no_matplotlib() -> None:
    code = "import sys; sys.modules['matplotlib'] = None; from vestige.cli.dispatch import main"
    code += "; sys.exit(main(sys.argv[1:]))"
    call = [sys.executable, "-c", code, "plot", str(RELEASED)]
    done = subprocess.run(call, capture_output=True, check=True, env={**os.environ, "PYTHONIOENCODING": "utf-8"})
    assert done.stdout.startswith(b"456789ab  ")


class TestCommand:
    def plot(self, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
        code = dispatch.main(["plot", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    @pytest.fixture
    def log(self, tmp_path: Path) -> str:
        return made.write_log(tmp_path)

    def test_a_run_folder(self, capsys: pytest.CaptureFixture[str]) -> None:
        code, out, err = self.plot(capsys, str(RELEASED), "--size", "70x40")
        assert (code, err) == (0, "")
        assert out.splitlines()[0].startswith("456789ab  ")
        assert len(out.splitlines()) <= 42

    def test_a_file_of_a_run_folder_means_the_run(self, capsys: pytest.CaptureFixture[str]) -> None:
        whole, by_file = (self.plot(capsys, str(RELEASED / name)) for name in ("", "usage.jsonl"))
        assert whole == by_file

    def test_a_log_by_any_of_its_names(self, capsys: pytest.CaptureFixture[str], log: str) -> None:
        prefix = log.removesuffix("info.json")
        shown = [self.plot(capsys, name) for name in (log, prefix, prefix + "usage.jsonl")]
        assert shown[0] == shown[1] == shown[2]
        assert shown[0][0] == 0
        assert shown[0][1].startswith("run  sh -c ./burn & ./burn  ")

    def test_metrics_and_title(self, capsys: pytest.CaptureFixture[str], log: str) -> None:
        _, out, _ = self.plot(capsys, log, "--metric", "memory", "--title", "mine")
        assert out.startswith("mine\n")
        assert "cores" not in out
        assert "resident sizes added up" in out

    def test_a_log_over_a_run(self, capsys: pytest.CaptureFixture[str], log: str) -> None:
        code, out, _ = self.plot(capsys, log, str(RELEASED), "--metric", "all")
        assert code == 0
        assert out.splitlines()[0].startswith("a  run  ")
        assert out.splitlines()[1].startswith("b  456789ab  ")

    def test_by_total_has_no_processes(self, capsys: pytest.CaptureFixture[str], log: str) -> None:
        assert "burn 3" in self.plot(capsys, log)[1]
        assert "burn 3" not in self.plot(capsys, log, "--by", "total")[1]

    def test_a_run_that_goes_on(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        events = written.Events().opening()
        events.exec(2 * written.MS, written.COMMAND, ["make", "all"], ppid=written.RECORDER)
        for tick in range(1, 20):
            events.sample(tick * 50 * written.MS, tick * written.MB)
        folder = written.folder(tmp_path, events)
        monkeypatch.setattr("vestige.finalising.standing.is_running", lambda _: True)
        code, out, _ = self.plot(capsys, folder)
        assert code == 0
        assert "running" in out.splitlines()[0]
        assert "make all" in out

    @drawn
    @pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
    def test_an_image(self, capsys: pytest.CaptureFixture[str], tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"x.{suffix}"
        code, out, err = self.plot(capsys, str(RELEASED), "-o", str(path), "--size", "500x300")
        assert (code, out, err) == (0, "", f"vestige: {path} is written\n")
        assert path.stat().st_size > 1000

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--size", "big"], "`--size` can't be `big`"),
            (["--size", "0x10"], "takes numbers from 1"),
            (["-o", "x.png", "--size", "99999x10"], "takes numbers from 200"),
            (["--metric", "gpu"], "`--metric` can't be `gpu`: did you mean `cpu`?"),
            ([str(RELEASED)] * 8, "more than 7 runs"),
            ([str(RELEASED)] * 2 + ["--by", "process"], "goes with one run"),
            (["/nowhere/info.json"], "neither a run folder"),
            (["--window"], "no window"),
        ],
    )
    def test_what_can_not_be(self, capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
        if "--window" in words:
            pytest.importorskip("matplotlib")
            words = [*words, str(RELEASED)]
        if "-o" in words:
            pytest.importorskip("matplotlib")
        code, out, err = self.plot(capsys, *words)
        assert (code, out) == (2, "")
        assert message in err
        assert err.count("\n") == 1

    def test_a_run_that_nobody_looked_at(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        code, _, err = self.plot(capsys, made.write_log(tmp_path, usage=()), "--metric", "io")
        assert code == 2
        assert "nothing to draw" in err


class TestLog:
    def test_a_record_is_marked_as_sampled(self, tmp_path: Path) -> None:
        record = reading.record_of(logs.read_log(made.write_log(tmp_path)))
        assert record.resources["memory_peak"].method == "sampled"
        assert "con-duct 0.23.0" in (record.resources["memory_peak"].reason or "")
        assert (record.argv, record.started, record.exit.code) == (
            ("sh", "-c", "./burn", "&", "./burn"), "2026-01-01T00:00:00.000000Z", 0,
        )  # fmt: skip
        assert codec.record_from_json(codec.record_to_json(record), "x") == record

    def test_its_id_is_always_the_same_and_has_the_time(self, tmp_path: Path) -> None:
        log = logs.read_log(made.write_log(tmp_path))
        first, second = reading.record_of(log).id, reading.record_of(log).id
        assert first == second
        assert int(first.replace("-", "")[:12], 16) == 1_767_225_600_000

    def test_points(self, tmp_path: Path) -> None:
        points = list(reading.points_of(logs.read_log(made.write_log(tmp_path))))
        assert [(point.end, point.rss_max, point.processes) for point in points] == [
            (0.0, 12_000_000, 2), (1.0, 292_000_000, 3), (2.0, 300_000_000, 3), (4.0, 50_000_000, 2),
        ]  # fmt: skip
        assert [point.cpu for point in points] == pytest.approx([0, 1.2, 3.0, 3.6])

    def test_samples_as_a_list(self, tmp_path: Path) -> None:
        path = tmp_path / "x_usage.json"
        path.write_text(json.dumps([*made.USAGE, 3]))
        found = logs.samples(str(path))
        assert (len(list(found)), found.unreadable) == (4, 1)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("", "is empty"), ("[]", "one JSON object"), ("{", "one JSON object"), ("{}", "`schema_version`"),
            ('{"schema_version": "0.2.3rc1"}', "`schema_version`"), ('{"schema_version": "0.1.9"}', "0.2.0 on"),
            ('{"schema_version": 2}', "`schema_version`"), ("[" * 100_000, "one JSON object"),
            ('"\\ud800"', "one JSON object"),
        ],
    )  # fmt: skip
    def test_an_info_that_can_not_be_read(self, tmp_path: Path, content: str, words: str) -> None:
        with pytest.raises(RecordError, match=words) as caught:
            logs.read_log(made.write_log(tmp_path, info=content))
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("name", ["nothing", "x_info.json", "x_usage.jsonl", ".", "a\0b"])
    def test_what_is_not_there(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(RecordError):
            logs.read_log(os.path.join(tmp_path, name))

    @pytest.mark.parametrize("pipe", ["x_info.json", "x_usage.jsonl"])
    def test_a_pipe_in_its_place_blocks_nobody(self, tmp_path: Path, pipe: str) -> None:
        os.mkfifo(tmp_path / pipe)
        with pytest.raises(RecordError):
            logs.read_log(str(tmp_path / pipe))


WRONG: tuple[Any, ...] = (None, [], {}, "x", -1, 1e400, True, [[1]], {"rss": "x"}, 10**400, "\ud800", "1" * 5000)


def hostile_usages() -> Iterator[str]:
    yield ""
    yield "\n\n\n"
    yield "x" * 100
    yield json.dumps(made.USAGE[0])[:-9]
    yield "[" * 50_000
    yield json.dumps(made.USAGE[0]) + "\n" + json.dumps(made.USAGE[1])[:40]
    for key in ("timestamp", "totals", "processes", "averages", "num_samples"):
        for wrong in WRONG:
            yield "".join(json.dumps({**line, key: wrong}) + "\n" for line in made.USAGE)
    for key in ("pcpu", "rss", "etime", "timestamp", "cmd"):
        for wrong in WRONG:
            lines = json.loads(json.dumps(made.USAGE))
            for line in lines:
                for process in line["processes"].values():
                    process[key] = wrong
            yield "".join(json.dumps(line) + "\n" for line in lines)


@pytest.mark.parametrize("number", range(6 + 10 * len(WRONG)))
def test_hostile_samples(tmp_path: Path, number: int) -> None:
    usage = list(hostile_usages())[number]
    log = logs.read_log(made.write_log(tmp_path, usage=usage))
    for chart in (
        charts.chart(log, metrics=ALL),
        charts.ps_chart(log, "ps-pcpu"),
        charts.ps_chart(log, "ps-cpu-timepoint"),
    ):
        for line in text(chart).splitlines():
            assert line.isprintable()
        values = [value for panel in chart.panels for curve in panel.curves for value in curve.values]
        assert all(value is None or (value >= 0 and math.isfinite(value)) for value in values)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: str(wrong)[:12])
@pytest.mark.parametrize("key", [key for key in made.INFO if key != "schema_version"])
def test_hostile_info(tmp_path: Path, key: str, wrong: Any) -> None:
    log = logs.read_log(made.write_log(tmp_path, info={**made.INFO, key: wrong}))
    record = reading.record_of(log)
    assert codec.record_from_json(codec.record_to_json(record), "x") == record
    assert text(charts.chart(log, metrics=ALL)).splitlines()[0].isprintable()


def test_a_long_log_is_bounded(tmp_path: Path) -> None:
    lines = (
        json.dumps({**made.USAGE[1], "timestamp": f"2026-01-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}+00:00"})
        for n in range(12_000)
    )
    log = logs.read_log(made.write_log(tmp_path, usage="\n".join(lines)))
    chart = charts.ps_chart(log, "ps-pcpu")
    assert max(len(curve.times) for panel in chart.panels for curve in panel.curves) <= 4_000
    assert text(chart).count("\n") < 60


def test_many_processes_have_a_few_curves(tmp_path: Path) -> None:
    usage = [made.sampled(second, *((pid, 1.0, 1000 * pid) for pid in range(1, 3001))) for second in range(3)]
    chart = charts.chart(logs.read_log(made.write_log(tmp_path, usage=usage)), metrics=("memory",))
    labels = [curve.label for curve in chart.panels[0].curves]
    assert labels == ["resident sizes added up", *(f"{pid} burn {pid}" for pid in range(3000, 2995, -1)), "others"]


class TestDuctPlot:
    @pytest.fixture
    def log(self, tmp_path: Path) -> str:
        return made.write_log(tmp_path)

    @drawn
    @pytest.mark.parametrize("options", [[], ["--min-ratio", "-1"], ["--min-ratio=0.5"], ["--cpu", "ps-cpu-timepoint"]])
    def test_an_image(self, log: str, tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        out = tmp_path / "x.svg"
        assert plotting.main([log, "-o", str(out), *options]) == 0
        assert out.stat().st_size > 1000
        assert f"[INFO    ] con_duct.plot: {log} is drawn as {out}" in capsys.readouterr().err

    @drawn
    @pytest.mark.parametrize("quiet", [["-q"], ["-l", "none"], ["-l", "ERROR"]])
    def test_quiet(self, log: str, tmp_path: Path, quiet: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert plotting.main([*quiet, log, "--output", str(tmp_path / "x.png")]) == 0
        assert capsys.readouterr() == ("", "")

    @drawn
    def test_runs_of_vestige(self, tmp_path: Path) -> None:
        for name in ("", "usage.jsonl", "record.json"):
            assert plotting.main([str(RELEASED / name), "-o", str(tmp_path / "x.png")]) == 0

    @drawn
    def test_without_a_display_it_is_text_and_an_error(self, log: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert plotting.main([log]) == 1
        said = capsys.readouterr()
        assert "memory 300 MB at the peak (sampled)" in said.out
        assert "[ERROR   ] con_duct.plot: no window can be opened" in said.err

    @drawn
    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (["nothing", "-o", "x.png"], 1), (["LOG", "-o", "/nowhere/x.png"], 1), (["LOG", "-o", "x.xyz"], 1),
            ([], 2), (["LOG", "--cpu", "other"], 2), (["LOG", "--min-ratio", "x"], 2), (["LOG", "--size", "x"], 2),
            (["LOG", "-l", "loud"], 2), (["--help"], 0), (["--version"], 0),
        ],
    )  # fmt: skip
    def test_exit_codes(self, log: str, words: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
        assert plotting.main([log if word == "LOG" else word for word in words]) == code
        assert "Traceback" not in capsys.readouterr().err

    @pytest.mark.needs("con-duct")
    def test_what_con_duct_itself_wrote(self, tmp_path: Path) -> None:
        prefix = str(tmp_path / "real_")
        burn = "import time; x = bytearray(50_000_000); end = time.time() + 1.5\nwhile time.time() < end: pass"
        command = ["con-duct", "run", "--s-i", "0.2", "--r-i", "0.4", "-p", prefix, sys.executable, "-c", burn]
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            env={**os.environ, "PATH": os.path.dirname(sys.executable) + ":" + os.environ["PATH"]},
        )
        chart = charts.chart(logs.read_log(prefix + "info.json"), metrics=("cpu", "memory"))
        assert chart.panels[1].peak is not None
        assert (chart.panels[1].peak.figure.value or 0) > 40_000_000
        assert 0 < max(value or 0 for value in chart.panels[0].curves[0].values) < 3
