"""con-duct's logs as runs that are kept: found, put in order, read, whatever is in them."""

from __future__ import annotations

import itertools
import json
import os
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from duct import written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vestige.con_duct import kept, logs, reading
from vestige.con_duct.kept import LogRun
from vestige.errors import AmbiguousRunError, RecordError, RunNotFoundError
from vestige.history.all_runs import AllRuns
from vestige.record import codec, place
from vestige.store.kept import Loaded, Problem
from vestige.store.runs import RunFolder, Runs
from vestige.text import to_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from vestige.store.kept import KeptRun

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OLD = os.path.join(ROOT, "records", "con-duct")
SCHEMAS = os.path.join(os.path.dirname(codec.__file__), "schema")
HOUR = 3600


def schema(name: str) -> jsonschema.Draft202012Validator:
    with open(os.path.join(SCHEMAS, f"{name}-1.json"), encoding="utf-8") as file:
        return jsonschema.Draft202012Validator(json.load(file))


def check(run: KeptRun) -> None:
    """All that a run gives fits the schemas, and no figure claims to be exact."""
    record = run.load()
    plain = json.loads(codec.record_text(record))
    schema("record").validate(plain)
    assert codec.record_from_json(plain, "x") == record
    for process in run.processes():
        schema("process").validate(json.loads(codec.line(process)))
        assert process.cpu.method in ("estimate", "unavailable")
        assert process.memory_peak.method in ("sampled", "unavailable")
    for point in run.points():
        schema("usage").validate(json.loads(codec.line(point)))
    assert {figure.method for figure in record.resources.values()} <= {"sampled", "unavailable"}
    assert list(run.files()) == []
    assert sum(len(piece.content) for piece in run.output()) >= 0


def names(paths: list[str], **keys: Any) -> list[str]:
    return [entry.folder.name for _, entry in kept.newest_first(paths, **keys)]


class TestOldSchemas:
    @pytest.mark.parametrize("version", sorted(os.listdir(OLD)))
    def test_every_one_is_read(self, version: str) -> None:
        (path,) = kept.at(os.path.join(OLD, version))
        run = LogRun(path)
        check(run)
        record = run.load()
        assert (record.exit.code, record.message) == (3, "first try" if version >= "0.2.2" else None)
        assert record.cwd == ("" if version == "0.2.0" else "/tmp/study")
        assert record.tags == ("con-duct",)
        assert (record.machine is not None and record.machine.system) == ("Linux" if version == "0.2.3" else "")
        assert record.started == "2026-11-22T18:02:41.315954Z"
        assert b"".join(piece.content for piece in run.output()) == b"one\ntwo\n"
        (worker,) = (process for process in run.processes() if process.name == "python3")
        assert (worker.memory_peak.value or 0) > 40_000_000
        assert [point.processes for point in run.points()] == [2, 2, 2, 2]

    def test_the_same_log_has_the_same_id_in_each(self) -> None:
        assert len({LogRun(kept.at(os.path.join(OLD, version))[0]).short_id for version in os.listdir(OLD)}) == 1


class TestFound:
    def test_by_any_of_its_files(self, tmp_path: Path) -> None:
        info = written.log(tmp_path, "a_")
        written.log(tmp_path, "a_1_")
        for ending in ("info.json", "usage.jsonl", "stdout", "stderr"):
            assert kept.at(str(tmp_path / f"a_{ending}")) == [info]
        assert kept.the_one(str(tmp_path / "a_")).path == info  # exactly its prefix, though another one begins so
        assert len(kept.at(str(tmp_path / "a_"))) == 2

    def test_in_a_folder_and_below(self, tmp_path: Path) -> None:
        here = written.log(tmp_path)
        usual = written.log(tmp_path / ".duct" / "logs")
        deep = written.log(tmp_path / "x" / "y", "")
        written.log(tmp_path / ".vestige" / "runs" / "z" / "con-duct")
        os.symlink(tmp_path, tmp_path / "x" / "circle")
        assert kept.at(str(tmp_path)) == [here, usual]
        assert sorted(kept.at(str(tmp_path), deep=True)) == sorted([here, usual, deep])
        assert kept.the_one(str(tmp_path / "x" / "y")).path == deep

    def test_samples_alone(self, tmp_path: Path) -> None:
        os.unlink(written.log(tmp_path))
        run = kept.the_one(str(tmp_path / "run_"))
        check(run)
        assert (run.name, run.load().status) == ("run_usage.jsonl", "interrupted")

    @pytest.mark.parametrize("name", ["", "nothing", "no/thing", "a\0b", "text.txt"])
    def test_nothing(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "text.txt").write_text("x")
        with pytest.raises(RecordError):
            kept.at(str(tmp_path / name) if name else "")
        with pytest.raises(RunNotFoundError):
            kept.the_one(str(tmp_path / name) if name else "")

    def test_by_name_or_id(self, tmp_path: Path) -> None:
        paths = [written.log(tmp_path, f"2026.01.0{day}T00.00.00-1_", start=written.START + day) for day in (1, 2)]
        first = kept.find("2026.01.01", paths)
        assert first is not None
        assert first.path == paths[0]
        for words in (first.short_id, first.short_id[:6], first.load().id):
            assert kept.find(words, paths) == first
        assert kept.find("nothing", paths) is None
        with pytest.raises(AmbiguousRunError, match=r"2026\.01\.01.*, .*2026\.01\.02"):
            kept.find("2026.01", paths)

    def test_copies_have_one_id_and_are_told_apart_by_path(self, tmp_path: Path) -> None:
        info = json.loads((tmp_path / written.log(tmp_path)).read_bytes())
        paths = [written.log(tmp_path / name, output_paths=info["output_paths"]) for name in ("a", "b")]
        with pytest.raises(AmbiguousRunError, match="or the path"):
            kept.find(LogRun(paths[0]).short_id, paths)


class TestOrder:
    def test_by_start_whatever_the_files_say(self, tmp_path: Path) -> None:
        starts = [3, 1, 4, 0, 5, 2]
        for touch in (True, False):
            folder = tmp_path / str(touch)
            for start in starts:
                written.log(folder, f"{start}_", start=written.START + start * HOUR, touch=touch)
            assert names(kept.within(str(folder))) == [f"{start}_info.json" for start in range(5, -1, -1)]

    def test_only_what_is_looked_at_is_read(self, tmp_path: Path) -> None:
        for day in range(1, 9):
            path = written.log(
                tmp_path, f"2026.01.0{day}T00.00.00-1_", start=written.START + day * 24 * HOUR, touch=False
            )
            if day < 6:
                os.unlink(path)
                os.mkfifo(path)  # a Problem, if it were opened
        found = kept.newest_first(kept.within(str(tmp_path)))
        assert [type(entry) for _, entry in itertools.islice(found, 3)] == [Loaded] * 3
        assert [type(entry) for _, entry in found] == [Problem] * 5

    def test_what_is_kept_elsewhere_is_left_out(self, tmp_path: Path) -> None:
        made = place.new_id()
        theirs = written.log(tmp_path, "theirs_", vestige={"vestige_run": made})
        mine = written.log(tmp_path, "mine_", start=written.START + 1)
        folder = kept.folder_name(made)
        assert folder.endswith(place.short_id(made))
        assert names([theirs, mine], is_elsewhere=folder.__eq__) == ["mine_info.json"]
        own = kept.folder_name(LogRun(mine).load().id)
        assert own.startswith("20260101T000001Z-")
        assert names([theirs, mine], is_elsewhere=own.__eq__) == ["theirs_info.json"]

    @pytest.mark.parametrize("name", ["9999.99.99T99.99.99-1_", "0000.00.00T00.00.00-1_", "2026.02.30T25.61.61_"])
    def test_names_that_are_no_dates(self, tmp_path: Path, name: str) -> None:
        assert names([written.log(tmp_path, name)]) == [f"{name}info.json"]

    def test_no_start_is_told(self, tmp_path: Path) -> None:
        path = written.log(tmp_path, execution_summary={"exit_code": 0}, output_paths={})
        os.unlink(tmp_path / "run_usage.jsonl")
        record = LogRun(path).load()
        assert record.started == "1970-01-01T00:00:00.000000Z"
        assert record.completeness is not None
        assert "con-duct does not tell when it began" in record.completeness.notes


class TestProcesses:
    def test_what_the_samples_tell(self, tmp_path: Path) -> None:
        first, second = LogRun(written.log(tmp_path)).processes()
        assert (first.pid, first.argv, first.name, first.start, first.start_method) == (
            1, ("/bin/worker", "1"), "worker", 0.0, "estimate",
        )  # fmt: skip
        assert (first.cpu.value, first.memory_peak.value) == (0.0, 2_000_000)
        assert second.cpu.value == pytest.approx(1.8)
        assert "worker" in str(second.name)
        assert (first.end, first.exit_code, first.parent) == (None, None, None)

    def test_what_is_missing_is_unknown_and_not_0(self, tmp_path: Path) -> None:
        path = written.log(tmp_path)
        line = written.sample(0, (1, 0.0, 1))
        line["processes"] = {"1": {}, "-1": {}, "x": {}, "9" * 30: {}, "2": {"pcpu": 5.0, "cmd": ""}, "3": None}
        written.write(str(tmp_path / "run_usage.jsonl"), json.dumps(line))
        found = list(LogRun(path).processes())
        assert [process.pid for process in found] == [1, 2]
        assert {process.cpu.value for process in found} == {process.memory_peak.value for process in found} == {None}
        assert [process.argv for process in found] == [None, None]
        assert {process.start_method for process in found} == {"bound"}

    def test_command_lines_are_bounded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "_MOST_LETTERS", 20)
        path = written.log(tmp_path)
        found = list(LogRun(path).processes())
        assert [process.argv_truncated for process in found] == [False, True]

    def test_a_word_that_looks_quoted_keeps_its_quotes(self, tmp_path: Path) -> None:
        path = written.log(tmp_path, command='grep "x" "y z" "\\101"')
        argv = LogRun(path).load().argv
        assert [to_bytes(word).decode() for word in argv] == ["grep", '"x"', '"y', 'z"', '"\\101"']


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
SUMMARY = ("exit_code", "start_time", "end_time", "wall_clock_time", "peak_rss", "average_pcpu", "num_samples",
           "working_directory", "command")  # fmt: skip
infos = st.fixed_dictionaries(
    {"schema_version": st.sampled_from(["0.2.0", "0.2.3", "9.9.9"])},
    optional={
        "command": any_json, "argv": any_json, "env": any_json, "message": any_json, "working_directory": any_json,
        "duct_version": any_json, "vestige": any_json, "output_paths": any_json,
        "system": any_json | st.fixed_dictionaries({}, optional=dict.fromkeys(("hostname", "cpu_total"), any_json)),
        "execution_summary": any_json | st.fixed_dictionaries({}, optional=dict.fromkeys(SUMMARY, any_json)),
    },
)  # fmt: skip
looks = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("pcpu", "rss", "etime", "timestamp", "cmd"), any_json | st.just("00:01"))
)
lines = st.fixed_dictionaries(
    {"timestamp": any_json | st.sampled_from([written.moment(written.START + n) for n in range(3)])},
    optional={
        "processes": any_json | st.dictionaries(st.sampled_from(["1", "2", "", "x", "-3"]), looks | any_json),
        "totals": any_json | st.fixed_dictionaries({}, optional={"rss": any_json, "pcpu": any_json}),
        "averages": any_json, "num_samples": any_json,
    },
)  # fmt: skip


class TestHostile:
    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    @given(infos, st.lists(lines, max_size=3))
    def test_any_log_fits_the_schemas(self, tmp_path: Path, info: Any, usage: Any) -> None:
        written.write(str(tmp_path / "x_info.json"), json.dumps(info))
        written.write(str(tmp_path / "x_usage.jsonl"), "".join(json.dumps(line) + "\n" for line in usage))
        check(LogRun(str(tmp_path / "x_info.json")))
        assert names([str(tmp_path / "x_info.json")]) == ["x_info.json"]

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("", "is empty"), ("{", "damaged"), ("[" * 100_000, "damaged"), ("null", "damaged"), ("\xff", "damaged"),
            ('{"schema_version": "0.1.9"}', "0.2.0 on"), ('{"x": 1}', "no log of con-duct"),
            ("/annex/objects/MD5E-s3--1.json\n", "git annex get"),
        ],
    )  # fmt: skip
    def test_what_can_not_be_read_is_a_problem(self, tmp_path: Path, content: str, words: str) -> None:
        path = written.log(tmp_path)
        written.write(path, content)
        ((_, found),) = kept.newest_first([path])
        assert isinstance(found, Problem)
        assert words in found.reason

    def test_what_is_no_file(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "a_info.json")
        os.mkdir(tmp_path / "b_info.json")
        os.symlink("c_info.json", tmp_path / "c_info.json")
        os.symlink("../.git/annex/objects/xx/MD5E-s1--0", tmp_path / "d_info.json")
        found = [entry for _, entry in kept.newest_first(kept.within(str(tmp_path)))]
        assert [type(entry) for entry in found] == [Problem] * 4
        assert ["git annex get" in entry.reason for entry in found if isinstance(entry, Problem)].count(True) == 1

    def test_where_there_is_nothing_it_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(RecordError, match="nothing there is called so"):
            kept.at(str(tmp_path / "nowhere"))
        with pytest.raises(RecordError, match=r"ends in `info\.json`"):
            kept.at(str(tmp_path))

    def test_output_that_is_not_here(self, tmp_path: Path) -> None:
        path = written.log(tmp_path)
        os.unlink(tmp_path / "run_stdout")
        os.unlink(tmp_path / "run_stderr")
        os.symlink("../.git/annex/objects/xx/MD5E-s1--0", tmp_path / "run_stdout")
        os.mkfifo(tmp_path / "run_stderr")
        streams = LogRun(path).load().streams
        assert {name: stream.captured for name, stream in streams.items()} == {"stdout": False}
        assert "git annex get" in (streams["stdout"].reason or "")

    def test_names_with_any_bytes(self, tmp_path: Path) -> None:
        folder = os.fsencode(str(tmp_path))
        os.rename(written.log(tmp_path, output_paths={}), os.path.join(folder, b"\xff\x1b_info.json"))
        (path,) = kept.within(str(tmp_path))
        check(LogRun(path))

    def test_a_long_log_gives_a_bounded_series(self, tmp_path: Path) -> None:
        path = written.log(tmp_path)
        line = json.dumps(written.sample(0, (1, 0.0, 1)))
        written.write(str(tmp_path / "run_usage.jsonl"), "\n".join([line] * 9_000))
        points = list(LogRun(path).points())
        assert len(points) <= 2_000
        assert sum(point.samples for point in points) == 9_000


def test_a_folder_that_can_not_be_read_hides_no_runs(tmp_path: Path) -> None:
    os.symlink("circle", tmp_path / "circle")
    runs = Runs((place.Store(str(tmp_path / "store"), "option"),))
    keep = tmp_path / "store" / "runs" / "20250101T000000Z-00000000"
    keep.mkdir(parents=True)
    with pytest.raises(RecordError):
        kept.within(str(tmp_path / "circle"))
    found = [entry.folder.path for entry in AllRuns(runs, (str(tmp_path / "circle"),)).records()]
    assert found == [str(keep), str(tmp_path / "circle")]


def test_a_run_folder_says_that_it_is_no_log(tmp_path: Path) -> None:
    assert RunFolder(str(tmp_path)).log is None
    assert logs.prefix_of(str(tmp_path)) is None
