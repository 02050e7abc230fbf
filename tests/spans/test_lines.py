"""What stands in `spans/` is the command's own word: cut, foreign and hostile lines never harm the record."""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING, Any

import pytest
from harness.spans import tell
from hypothesis import given, settings
from hypothesis import strategies as st

from vestige.spans import lines as spans_lines
from vestige.spans.lines import lines_of

if TYPE_CHECKING:
    from pathlib import Path

    from harness.command import Vestige

PROCESS = {"event": "process", "format": 1, "pid": 7, "start": 70}
BEGIN = {"event": "begin", "id": "a" * 16, "parent": None, "name": "x", "kind": "span", "t": 10, "thread": 7}
END = {"event": "end", "id": "a" * 16, "t": 30}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def written(folder: Path, *lines: object, name: str = "7-x.jsonl") -> str:
    (folder / "spans").mkdir(exist_ok=True)
    content = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    (folder / "spans" / name).write_bytes(content)
    return str(folder)


def test_two_lines_are_a_span(tmp_path: Path) -> None:
    found = lines_of(written(tmp_path, PROCESS, BEGIN, END))
    (span,) = found.spans.values()
    assert (span.name, span.began, span.ended, span.life.pid, span.life.start) == ("x", 10, 30, 7, 70)
    assert found.lost == 0


@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        ([b"\xff\n"], 1),
        ([b"[1]\n"], 1),
        ([b'{"event": "begin"\n'], 1),
        ([b'{"event": "be'], 0),  # the last line, cut by a kill
        ([{"event": "begin"}], 1),
        ([{"event": "new", "id": "b", "t": 1}], 1),
        ([BEGIN], 1),  # the same id once more
        ([{**BEGIN, "id": "b", "t": -1}], 1),
        ([{**BEGIN, "id": "b", "t": 1.5}], 1),
        ([{**BEGIN, "id": 3}], 1),
        ([b"[" * 50_000 + b"\n"], 1),
        ([b"x" * 200_000 + b"\n"], 1),
        ([b'{"event":"begin","id":"b","name":"x","kind":"span","t":1,"attributes":{"loss":1e999}}\n'], 1),
        ([{**END, "id": "nobody"}], 0),
    ],
)
def test_damage_is_counted_and_passed_over(tmp_path: Path, damage: list[Any], lost: int) -> None:
    found = lines_of(written(tmp_path, PROCESS, BEGIN, END, *damage))
    assert len(found.spans) == 1
    assert found.lost == lost


def test_a_file_of_another_format_is_lost_as_a_whole(tmp_path: Path) -> None:
    found = lines_of(written(tmp_path, {**PROCESS, "format": 2}, BEGIN, END))
    assert (len(found.spans), found.lost) == (0, 3)


def test_what_is_no_file_is_passed_over(tmp_path: Path) -> None:
    folder = written(tmp_path, PROCESS, BEGIN, END)
    os.mkfifo(os.path.join(folder, "spans", "fifo.jsonl"))
    os.mkdir(os.path.join(folder, "spans", "folder.jsonl"))
    os.symlink("/nowhere", os.path.join(folder, "spans", "link.jsonl"))
    assert len(lines_of(folder).spans) == 1


def test_an_end_counts_from_the_process_that_began_it_alone(tmp_path: Path) -> None:
    folder = written(tmp_path, PROCESS, BEGIN)
    written(tmp_path, {**PROCESS, "pid": 8}, END, name="8-x.jsonl")
    (span,) = lines_of(folder).spans.values()
    assert span.ended is None


def test_there_is_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans_lines, "MOST_SPANS", 3)
    found = lines_of(written(tmp_path, PROCESS, *({**BEGIN, "id": f"{number}"} for number in range(10))))
    assert (len(found.spans), found.lost) == (3, 7)


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from([*PROCESS, *BEGIN, "hwm", "attributes", "error"]), json_values)))
def test_any_objects_give_spans_that_can_be_written(tmp_path_factory: pytest.TempPathFactory, made: list[Any]) -> None:
    found = lines_of(written(tmp_path_factory.mktemp("run"), PROCESS, BEGIN, *made, END))
    for span in found.spans.values():
        json.dumps([span.name, span.kind, span.attributes(), span.error()], allow_nan=False).encode("ascii")


HOSTILE = """
import json, random
with vestige.span("honest"):
    folder = os.path.join(os.environ["VESTIGE_RUN"], "spans")
    now, start = time.monotonic_ns(), int(open("/proc/self/stat").read().rpartition(")")[2].split()[19])
    with open(os.path.join(folder, "1-x.jsonl"), "w") as file:
        lines = [{"event": "process", "format": 1, "pid": os.getpid(), "start": start}]
        for name, parent in (("circle1", "circle2"), ("circle2", "circle1"), ("self", "self"), ("orphan", "nobody")):
            lines.append({"event": "begin", "id": name, "parent": parent, "name": name, "kind": "span", "t": now})
        for number in range(300):
            lines.append({"event": "begin", "id": f"d{number}", "parent": f"d{number - 1}", "name": "deep", "t": now})
        lines.append({"event": "begin", "id": "late", "name": "late", "kind": 3, "t": now + 10**15})
        lines.append({"event": "begin", "id": "early", "name": "early", "kind": "x", "t": 0, "hwm": 2**61})
        lines.append({"event": "end", "id": "early", "t": now, "cpu_ns": "x", "peak": 2**61, "error": {}})
        for line in lines: file.write(json.dumps(line) + "\\n")
"""


def test_a_command_that_forges_its_spans(vestige: Vestige) -> None:
    told = tell(vestige, HOSTILE)
    parents = {span["id"]: span["parent"] for span in told.spans}
    assert parents["self"] is None
    assert None in (parents["circle1"], parents["circle2"])
    assert "late" not in parents  # it begins after the end
    assert told.named("honest")["status"] == "ok"
    machine = told.run.record["machine"]["memory"]
    assert told.run.figure("memory_peak_process").number <= machine


def test_ten_thousand_spans_of_a_hundred_processes(tmp_path: Path) -> None:
    made = random.Random(1)  # noqa: S311 - the same every time
    for pid in range(100):
        begins = [{**BEGIN, "id": f"{pid}-{number}", "t": made.randrange(10**9)} for number in range(100)]
        ends = [{**END, "id": line["id"], "t": int(str(line["t"])) + 5} for line in begins]
        written(tmp_path, {**PROCESS, "pid": pid + 1}, *begins, *ends, name=f"{pid}.jsonl")
    found = lines_of(str(tmp_path))
    assert len(found.spans) == 10_000
    assert all(span.ended == span.began + 5 for span in found.spans.values())
