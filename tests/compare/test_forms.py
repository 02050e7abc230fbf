"""A comparison in every form: what each must say, hostile names, exit codes, and a file's fate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from harness.beside import Maker, beside, used

from vestige.pages.comparison import page
from vestige.report import compare_json, compare_markdown, compare_text
from vestige.report.paint import PLAIN

if TYPE_CHECKING:
    from harness.command import Vestige

    from vestige.compare.comparison import Comparison

HOSTILE = "<script>alert(1)</script>\x1b[31m|`*\n# x"


def forms(found: Comparison) -> dict[str, str]:
    return {
        "text": "\n".join(compare_text.lines(found, PLAIN)),
        "markdown": compare_markdown.markdown(found),
        "html": "".join(page(found)),
    }


@pytest.fixture
def hostile() -> Comparison:
    maker = Maker()
    record = {"environment": {HOSTILE: HOSTILE}, "tags": (HOSTILE,)}
    uses = [used("input", f"/data/{HOSTILE}", b"1")]
    return beside(maker.run(), maker.run(HOSTILE, HOSTILE, wall=20.0, record=record, uses=uses))


def test_hostile_names_are_shown_and_never_obeyed(hostile: Comparison) -> None:
    made = forms(hostile)
    assert all("\x1b" not in text for text in made.values())
    assert "\n# x" not in made["text"] + made["markdown"]
    assert "<script>alert" not in made["html"]
    assert "&lt;script&gt;alert" in made["html"]
    assert "\\<script\\>" in made["markdown"]
    rows = [line for line in made["markdown"].splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in rows}) <= 3


def test_every_form_says_the_same() -> None:
    maker = Maker()
    now = maker.run("python3", "train.py", "--trees", "200", wall=18.0, cpu=16.0)
    for text in forms(beside(maker.run(), now)).values():
        for word in ("1.80 times as long", "8.00 s more work on the CPU", "18.0 s", "trees"):
            assert word in text


def test_json_has_everything() -> None:
    maker = Maker()
    sides = [maker.run() for _ in range(3)], [maker.run(wall=18.0, cpu=16.0) for _ in range(3)]
    found = json.loads(json.dumps(compare_json.as_json(beside(*sides))))
    assert found["schema"] == "vestige.comparison/1"
    assert found["noise"] == "known"
    (wall,) = [row for row in found["figures"] if row["name"] == "wall"]
    assert wall["sides"][1] | {"figure": None} == {
        "figure": None, "values": [18.0] * 3, "methods": ["exact"], "ratio": 1.8, "band": [1.8, 1.8], "verdict": "more",
    }  # fmt: skip
    assert found["explanations"][0]["spent"] == [{"what": "work", "seconds": 8.0}]


def test_many_sides_are_a_table() -> None:
    from vestige.compare.comparison import compare  # noqa: PLC0415
    from vestige.compare.sides import Side  # noqa: PLC0415

    maker = Maker()
    found = compare([Side(name, (maker.run(wall=wall),)) for name, wall in (("A", 10), ("B", 20), ("C", 5))])
    (row,) = [cells for cells in compare_text.figure_rows(found) if cells[0] == "wall"]
    assert row == ["wall", "10.0 s", "20.0 s", "2.00×", "5.00 s", "0.50×"]  # noqa: RUF001
    assert [explanation.outcome for explanation in found.explanations] == ["slower", "faster"]


def test_files_and_exit_codes(vestige: Vestige) -> None:
    for seconds in ("0.1", "0.4"):
        vestige.run("sleep", seconds)
    for name, begins in (("x.html", "<!doctype html>"), ("x.md", "# last\\~1 beside last"), ("x.json", "{")):
        assert vestige.call("compare", "last~1", "last", "-o", name).returncode == 0
        with open(vestige.path(name), encoding="utf-8") as file:
            assert file.read().startswith(begins)
    over = vestige.call("compare", "last~1", "last", "--fail-over", "2", "--fail-over", "memory_peak=3")
    assert (over.returncode, over.stderr.count(b"over 2")) == (3, 1)
    assert vestige.call("compare", "last~1", "last", "--fail-over", "9").returncode == 0
    assert vestige.call("compare", "last~1", "last", "-o", "/no/such/x.md").returncode == 2
