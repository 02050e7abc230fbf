"""The page of a run: what it says is what the record says, and no text of the record is ever obeyed."""

from __future__ import annotations

import dataclasses
import html
import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pages import folders
from report import charts

from vestige.con_duct.kept import LogRun
from vestige.errors import UsageError
from vestige.pages import commands, drawing, headline, printed, timeline, used_files
from vestige.pages.beside import Beside
from vestige.pages.changes import since_last
from vestige.pages.embedded import embedded
from vestige.pages.gathered import MOST_FILES, gather
from vestige.pages.report import page
from vestige.record import codec
from vestige.record.model import Completeness, Exit, Figure, FileCount, Stream
from vestige.store.output import Piece
from vestige.store.runs import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

    from pages.folders import Made

    from vestige.store.kept import KeptRun


def text_of(*runs: KeptRun) -> str:
    return "".join(page(runs))


def words_of(text: str) -> str:
    """Return what a reader sees, without the page's data."""
    bare = re.sub(r"<(script|style)[^>]*>.*?</\1>", "", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", bare)))


def data_of(text: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found.group(1))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / ".vestige"


class TestOneRun:
    def test_it_says_what_the_record_says(self, store: Path) -> None:
        words = words_of(text_of(folders.write(store, folders.FULL)))
        for said in (
            "python train.py", "with all that there is", "paper", "exit 3", "10.0 s", "12.0 s",
            "60 % of 2 cores granted",
            "612 MB", "sampled, 598–640 MB for certain", "87 % of 700 MB granted", "10.0 MB read 2.50 MB written",  # noqa: RUF001
            "ValueError: no such column", "raw.csv", "31.0 MB", "model.pickle", "numpy", "2.1.0",
            "example.org:443 refused", "clean", "SIGKILL", "critical path",
        ):  # fmt: skip
            assert said in words, said

    def test_its_data_stand_in_it(self, store: Path) -> None:
        run = folders.write(store, folders.FULL)
        (found,) = data_of(text_of(run))["runs"]
        assert found["record"] == json.loads((store / "runs" / run.name / "record.json").read_text())
        memory = next(panel for panel in found["chart"]["panels"] if panel["metric"] == "memory")
        assert max(memory["curves"][0]["values"]) == max(point.rss_max for point in charts.POINTS)
        assert found["processes"]["pid"] == [100, 101, 102, 103]
        assert found["files"]["path"][0] == "/home/me/data/raw.csv"

    def test_a_run_that_goes_on_is_shown_as_far_as_it_has_come(self, store: Path) -> None:
        running = dataclasses.replace(
            charts.RUN, status="running", ended=None, exit=Exit(), resources={}, completeness=None
        )
        run = folders.write(store, folders.Made(running))
        (store / "runs" / run.name / "events.jsonl").write_text('{"seq":1,"t":1,"event":"start"}\n')
        assert "running" in words_of("".join(page([_Running(run)])))

    def test_without_anything_it_is_still_a_page(self, store: Path) -> None:
        bare = charts.record(resources={}, machine=None, completeness=None)
        words = words_of(text_of(folders.write(store, folders.Made(bare))))
        assert "It ended well." in words

    def test_more_runs_than_can_be_told_apart_are_refused(self, store: Path) -> None:
        run = folders.write(store, folders.THOUSANDS)
        with pytest.raises(UsageError, match="more than 7"):
            page([run] * 8)
        with pytest.raises(UsageError):
            page([])


class _Running:
    """A run folder whose recorder is still there."""

    def __init__(self, run: Any) -> None:
        self._run = run

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)

    def load(self) -> Any:
        from vestige.record import codec  # noqa: PLC0415

        return codec.read_record(f"{self._run.path}/record.json")


class TestHostileText:
    def test_it_is_shown_and_never_markup(self, store: Path) -> None:
        text = text_of(folders.write(store, folders.HOSTILE_RUN))
        assert len(re.findall(r"<script", text)) == 2  # the data and our own
        assert "alert(1)</script><" not in text
        for letter in ("\x00", "\x1b", "\u202e", "\u2028", "\x07"):
            assert letter not in text
        assert "<script>alert(1)</script>" in words_of(text)
        text.encode("utf-8")

    def test_its_data_are_whole(self, store: Path) -> None:
        (found,) = data_of(text_of(folders.write(store, folders.HOSTILE_RUN)))["runs"]
        assert found["record"]["argv"][2] == folders.HOSTILE
        assert found["files"]["path"] == [f"/{folders.HOSTILE}/{folders.HOSTILE}", folders.BROKEN]

    def test_nothing_in_the_data_means_anything_to_html(self, store: Path) -> None:
        content = embedded([gather(folders.write(store, folders.HOSTILE_RUN))])
        assert not set("<>&\u2028\u2029") & set(content)
        assert content.isascii()

    def test_several_of_them_are_as_harmless(self, store: Path) -> None:
        runs = [folders.write(store, folders.HOSTILE_RUN, number) for number in range(2)]
        text = text_of(*runs)
        assert len(re.findall(r"<script", text)) == 2
        assert not {"\x00", "\x1b", "\u202e", "\u2028"} & set(text)


class TestHeadline:
    def test_every_tile_says_how_its_figure_was_got(self) -> None:
        found = {tile.name: tile for tile in headline.tiles(charts.RUN)}
        assert list(found) == ["Outcome", "Wall time", "CPU time", "Peak memory", "I/O"]
        assert (found["Peak memory"].value, found["Peak memory"].method) == ("612 MB", "sampled")
        assert found["CPU time"].share == headline.Share(0.6, "60 % of 2 cores granted")
        assert all(tile.how for tile in found.values())

    @pytest.mark.parametrize(("part", "words"), [(0, "0 %"), (0.0003, "under 0.1 %"), (0.031, "3.1 %"), (0.78, "78 %")])
    def test_shares_read_well(self, part: float, words: str) -> None:
        assert headline.percent(part) == words

    def test_a_failure_is_laid_at_the_door_of_who_failed_first(self) -> None:
        record = charts.record(exit=Exit(code=3))
        processes = (
            charts.process(1, "sh", "all.sh", start=0, end=10, exit_code=3),
            charts.process(2, "python", "part.py", start=1, end=2, exit_code=3),
            charts.process(3, "true", start=1, end=1.5),
        )
        words = headline.sentence(record, processes)
        assert "failed after 10.0 s with exit 3, which <code>python part.py</code> was the first to end with" in words

    def test_it_names_who_held_most_of_the_memory(self) -> None:
        assert "most of it in <code>python train.py</code>" in headline.sentence(charts.RUN, charts.PROCESSES)
        assert "most of it" not in headline.sentence(charts.RUN, charts.PROCESSES[:1])

    def test_nobody_saw_the_end(self) -> None:
        assert headline.sentence(charts.record(exit=Exit(), status="interrupted", resources={}), ()).startswith(
            "Nobody saw"
        )


class TestProcesses:
    def test_two_thousand_alike_are_one_row(self, store: Path) -> None:
        run = gather(folders.write(store, folders.THOUSANDS))
        shell, true = commands.rows(run.processes, run.chart.end)
        assert (shell.label, shell.count) == ("sh loop.sh", 1)
        assert (true.label, true.count) == ("true", 2000)
        assert true.figures.startswith("2.02 s in all, longest 20.0 ms")
        assert "20.0 s CPU" in true.figures
        assert true.members[0].pid == 9
        assert true.left_out == 1975

    def test_many_commands_are_told_by_program(self) -> None:
        processes = [charts.process(n, "cc1", f"{n}.c", start=n, end=n + 1, name="cc1") for n in range(100)]
        processes += [charts.process(200, "ld", "-o", "x", start=99, end=101, name="ld")]
        found = commands.rows(processes, 101)
        assert [(row.label, row.count) for row in found] == [("cc1", 100), ("ld", 1)]

    def test_before_that_they_are_told_by_their_script(self) -> None:
        processes = [
            charts.process(n, "python", f"part{n % 3}.py", str(n), start=n, end=n + 1, name="python") for n in range(99)
        ]
        found = commands.rows(processes, 100)
        assert [(row.label, row.count) for row in found] == [(f"python part{n}.py", 33) for n in range(3)]

    def test_however_many_programs_there_are_the_rows_are_few(self) -> None:
        processes = [charts.process(n, f"tool{n}", start=0, end=n, name=f"tool{n}") for n in range(500)]
        found = commands.rows(processes, 500)
        assert len(found) == 40
        assert sum(row.count for row in found) == 500
        assert "other programs" in [row.label for row in found]

    def test_bars_stand_where_processes_were(self) -> None:
        (row,) = commands.rows([charts.process(1, "x", start=2.5, end=5)], 10)
        assert row.path == "M2500 0H5000V1000H2500Z"
        assert row.is_exact

    def test_who_was_only_seen_is_drawn_hollow(self) -> None:
        (row,) = commands.rows([charts.process(1, "x", start=2.5, end=5, start_method="estimate")], 10)
        assert not row.is_exact

    def test_nothing_is_said_of_many_that_is_not_known_of_each(self) -> None:
        unknown = Figure(None, "s", "unavailable"), Figure(None, "B", "unavailable")
        known = Figure(1.0, "s", "exact"), Figure(2_000_000, "B", "exact")
        members = [
            dataclasses.replace(charts.PROCESSES[0], cpu=cpu, memory_peak=peak, start=0.0, end=1.0)
            for cpu, peak in (unknown, unknown, unknown)
        ]
        assert commands.rows(members, 1.0)[0].figures == "3.00 s in all, longest 1.00 s"
        members[0] = dataclasses.replace(members[0], cpu=known[0], memory_peak=known[1])
        assert commands.rows(members, 1.0)[0].figures.endswith("≥1.00 s CPU  ·  ≥2.00 MB the largest")
        members = [members[0]] * 3
        assert commands.rows(members, 1.0)[0].figures.endswith("3.00 s CPU  ·  ≤ 2.00 MB each")

    def test_who_else_was_killed_is_counted(self, store: Path) -> None:
        killed = [dataclasses.replace(charts.PROCESSES[0], pid=pid, signal="SIGKILL") for pid in range(50)]
        words = words_of(text_of(folders.write(store, dataclasses.replace(folders.FULL, processes=killed))))
        assert "and 10 more, which are not marked" in words


class TestFiles:
    def test_what_was_written_is_there_however_much_else_was_used(self, store: Path) -> None:
        """The first 200,000 lines once stood for all: what was written after that was not on the page."""
        lines = [folders.used("software", f"/usr/lib/{number}") for number in range(6000)]
        lines += [folders.used("input", f"/in/{number}", 10) for number in range(6000)]
        lines += [folders.used("output", "/home/me/out/model.pickle", 8_100_000)]
        counted = {"input": FileCount(6000, 60_000), "output": FileCount(1, 8_100_000), "software": FileCount(6000, 1)}
        record = dataclasses.replace(folders.FULL.record, files=counted)
        run = folders.write(store, dataclasses.replace(folders.FULL, record=record, files=lines))
        words = words_of(text_of(run))
        assert "6 000 went in 60.0 kB" in words
        assert "1 came out 8.10 MB model.pickle" in words
        seen = gather(run)
        assert len(seen.files) + seen.files_left_out == len(lines)
        assert len(seen.files) <= MOST_FILES

    def test_the_quotes_of_odd_bytes_stand_around_the_name_that_has_them(self) -> None:
        uses = [folders.used("input", '"/home/me/b/\\377.csv"'), folders.used("input", "/home/me/c/d.csv")]
        told = used_files.went_in(uses, charts.record(cwd="/home/me"))
        assert [(each.folder, each.name) for each in told.files] == [("b", '"\\377.csv"'), ("c", "d.csv")]

    def test_a_line_of_two_classes_is_of_the_first(self, store: Path) -> None:
        run = folders.write(store, folders.FULL)
        odd = folders.used("output", "/x", names=(',"kind":"input"',))
        (store / "runs" / run.name / "files.jsonl").write_bytes(codec.line(odd))
        assert [use.path for use in gather(run).files] == ["/x"]


class TestMemoryByProcess:
    def test_the_largest_and_the_others_add_up_to_what_was_seen(self, store: Path) -> None:
        run = gather(folders.write(store, folders.FULL))
        memory = next(panel for panel in run.chart.panels if panel.metric == "memory")
        train, forked, rest = memory.layers
        assert (train.label, forked.label, rest.role) == ("python train.py", "(python3)", "rest")
        assert train.times == (1.0, 4.0, 6.0, 9.0)
        assert train.values == (150e6, 0.0, 500e6, 300e6)
        assert forked.values == (0.0, 260e6, 0.0, 0.0)
        sums = [
            sum(value or 0 for value in values)
            for values in zip(*(layer.values for layer in memory.layers), strict=True)
        ]
        assert sums == [200e6, 500e6, 700e6, 300e6]

    def test_a_log_of_con_duct_has_each_of_its_processes(self, tmp_path: Path) -> None:
        run = gather(LogRun(charts.write_log(tmp_path)))
        memory = next(panel for panel in run.chart.panels if panel.metric == "memory")
        by_label = {layer.label: layer.values for layer in memory.layers}
        assert by_label["2 burn 2"] == (10e6, 200e6, 250e6, 0.0)
        assert by_label["3 burn 3"] == (0.0, 90e6, 48e6, 48e6)
        assert "burn" in words_of(text_of(run.run))

    def test_one_alone_is_no_layer(self, store: Path) -> None:
        made = dataclasses.replace(folders.FULL, looks=((1.0, 100, 100, 100), (2.0, 100, 100, 100)))
        run = gather(folders.write(store, made))
        assert all(not panel.layers for panel in run.chart.panels)


class TestDrawing:
    def test_a_curve_goes_through_its_values(self) -> None:
        assert drawing.line((0, 5, 10), (0, 50, 100), 10, 100) == "M0 1000L5000 500L10000 0"
        assert drawing.line((0, 5, 10), (0, None, 100), 10, 100) == "M0 1000M10000 0"
        assert drawing.area((0, 10), (50, 100), 10, 100) == "M0 1000L0 500L10000 0L10000 1000Z"

    def test_panels_have_their_limits_and_peaks(self, store: Path) -> None:
        run = gather(folders.write(store, folders.FULL))
        memory, cpu, moved = timeline.panels(run.chart)
        assert [panel.metric for panel in (memory, cpu, moved)] == ["memory", "cpu", "io"]
        assert memory.peak is not None
        assert not memory.peak.is_exact
        assert [rule.text for rule in memory.rules] == ["limit 700 MB"]
        assert memory.far == ("RAM 17.2 GB, far above",)

    def test_moments_that_can_not_be_told_apart_are_one(self) -> None:
        assert drawing.moments([1.0, 1.00001, 5.0], 10).count("M") == 2


class TestOutput:
    def piece(self, content: bytes, stream: str = "stdout") -> Piece:
        return Piece(0.5, stream, content)

    def test_colours_are_shown_and_all_other_escapes_are_text(self) -> None:
        (block,) = printed.blocks([self.piece(b"a \x1b[1;31mred\x1b[22m thin\x1b[0m b\x1b[2J\x1b[38;5;9mx")])
        assert [(part.text, part.look) for part in block.words] == [
            ("a ", ""), ("red", "red bold"), (" thin", "red"), (" b\x1b[2J", ""), ("x", ""),
        ]  # fmt: skip

    def test_a_line_that_was_rewritten_is_as_it_stood_last(self) -> None:
        (block,) = printed.blocks([self.piece(b"1 %\r50 %\r100 %\r\nend\r")])
        assert "".join(part.text for part in block.words) == "100 %\nend"

    def test_streams_stand_in_their_order(self) -> None:
        found = printed.blocks([self.piece(b"a"), self.piece(b"b"), self.piece(b"c", "stderr"), self.piece(b"d")])
        assert [(block.stream, block.words[0].text) for block in found] == [
            ("stdout", "ab"),
            ("stderr", "c"),
            ("stdout", "d"),
        ]

    def test_what_is_no_utf_8_is_written_out(self) -> None:
        (block,) = printed.blocks([self.piece(b"\xff\xfe\n")])
        assert block.words[0].text == "\\xff\\xfe\n"

    def test_only_the_end_of_it_is_read(self, store: Path) -> None:
        made = dataclasses.replace(folders.FULL, stdout=b"0123456789" * 10, stderr=b"abc")
        run = folders.write(store, made)
        assert b"".join(piece.content for piece in run.output(last=8)) == b"56789abc"
        assert b"".join(piece.content for piece in run.output(last=1000)) == made.stdout + made.stderr
        (store / "runs" / run.name / "events.jsonl").unlink()
        assert [piece.content for piece in run.output(last=2)] == [b"89", b"bc"]

    @pytest.mark.parametrize("length", [1 << 62, 3])
    @pytest.mark.parametrize("offset", [1 << 62, 2])
    def test_events_that_tell_of_more_than_there_is(self, store: Path, length: int, offset: int) -> None:
        run = folders.write(store, folders.FULL)
        said = {"seq": 2, "t": 1, "event": "output", "stream": "stdout", "offset": offset, "length": length}
        (store / "runs" / run.name / "events.jsonl").write_text(json.dumps(said) + "\n")
        (piece,) = run.output()
        assert piece.content == folders.FULL.stdout[offset:][:length]
        assert "python train.py" in text_of(run)


class TestWhatChanged:
    def test_the_last_like_run_is_found_and_what_differs_is_named(self, store: Path) -> None:
        before = dataclasses.replace(
            folders.FULL,
            record=dataclasses.replace(
                folders.FULL.record,
                exit=Exit(code=0),
                resources={**folders.FULL.record.resources, "wall": Figure(5.0, "s", "exact")},
                software=(dataclasses.replace(folders.FULL.record.software[0], version="2.0.0"),),
                environment={"LANG": "C"},
            ),
            files=(
                folders.used("input", "/home/me/data/raw.csv", 30_000_000),
                folders.used("output", "/home/me/old", 3),
            ),
        )
        first = folders.write(store, before, 0)
        folders.write(store, folders.THOUSANDS, 1)
        found = since_last(gather(folders.write(store, folders.FULL, 2)), Beside())
        assert found is not None
        assert found.earlier == first.short_id
        wall = next(row for row in found.figures if row[0] == "wall")
        assert wall[1:4] == ["5.00 s", "10.0 s", "2.00×"]  # noqa: RUF001
        assert found.sentence.startswith("`this run` took 2.00 times as long as ")
        rows = {(topic.title, row[0]): row[1:] for topic in found.topics for row in topic.rows}
        assert rows["outcome", "outcome"] == ["ok", "exit 3"]
        assert rows["inputs", "data/raw.csv"] == ["30.0 MB 000000000000", "31.0 MB 000000000000"]
        assert rows["inputs", "data/weather.csv"][0] == rows["outputs", "old"][1] == "–"  # noqa: RUF001
        assert rows["software", "numpy"] == ["2.0.0", "2.1.0"]
        assert rows["environment", "LANG"][0] == "C"

    def test_the_first_of_its_kind_has_nothing_to_be_told_from(self, store: Path) -> None:
        folders.write(store, folders.THOUSANDS, 0)
        assert since_last(gather(folders.write(store, folders.FULL, 1)), Beside()) is None

    @pytest.mark.parametrize("name", ["files.jsonl", "spans.jsonl"])
    def test_a_damaged_one_before_is_said_and_spoils_nothing(self, store: Path, name: str) -> None:
        before = folders.write(store, folders.FULL)
        (store / "runs" / before.name / name).write_bytes(b'{"cut')
        words = words_of(text_of(folders.write(store, folders.FULL, 1)))
        assert "What changed since the last run It can't be told" in words
        assert "model.pickle" in words

    def test_the_same_again_says_so(self, store: Path) -> None:
        folders.write(store, folders.FULL, 0)
        assert "nothing else that was seen differs" in words_of(text_of(folders.write(store, folders.FULL, 1)))


class TestSeveral:
    def test_figures_stand_side_by_side_with_their_ratio(self, store: Path) -> None:
        slower = charts.record(resources={**charts.RUN.resources, "wall": Figure(15.0, "s", "exact")})
        runs = [folders.write(store, folders.FULL, 0), folders.write(store, folders.Made(slower, charts.POINTS), 1)]
        words = words_of(text_of(*runs))
        assert all(run.short_id in words for run in runs)
        assert re.search(r"Wall time 10\.0 s 15\.0 s 1\.50 ×", words)  # noqa: RUF001

    def test_a_log_of_con_duct_stands_beside_a_run(self, store: Path, tmp_path: Path) -> None:
        words = words_of(text_of(folders.write(store, folders.FULL), LogRun(charts.write_log(tmp_path))))
        assert "2 runs over each other" in words


@pytest.mark.parametrize(
    "made", [folders.FULL, folders.HOSTILE_RUN, folders.THOUSANDS], ids=["full", "hostile", "many"]
)
def test_no_page_names_another_host(store: Path, made: Made) -> None:
    text = text_of(folders.write(store, made))
    bare = re.sub(r"<script[^>]*>.*?</script>", "", text, flags=re.DOTALL)
    assert set(re.findall(r"""\b(?:src|href|action|data-src)=["']?([^"'> ]*)""", bare)) <= {"data:,", "#main"}
    assert "@import" not in text
    assert "url(" not in re.sub(r"url\(#dag-tip\)", "", bare)
    assert " style=" not in bare
    assert not re.search(r"\son[a-z]+=", bare)


def test_what_was_not_captured_is_told(store: Path) -> None:
    record = charts.record(
        streams={"stdout": Stream("file", captured=False, path="/tmp/o", reason="<b>why</b>")},
        completeness=Completeness("recorder", "off", "`--trace off`"),
    )
    words = words_of(text_of(folders.write(store, folders.Made(record))))
    assert "file, not captured, /tmp/o, <b>why</b>" in words
    assert "not traced: `--trace off`" in words


def test_a_long_run_is_bounded_in_what_it_shows(tmp_path: Path) -> None:
    sys.path.append(os.path.join(os.path.dirname(__file__), "..", "..", "bench"))
    import long_run  # noqa: PLC0415 - the bench's own

    small, large = (
        text_of(RunFolder(long_run.write(str(tmp_path / str(number)), 2_000, number, number)))
        for number in (100, 2_000)
    )
    assert len(large) - len(small) < 1_900 * 500  # bytes for a process and a file
    assert large.count("<details") < 60
    assert "step" in words_of(large)
