"""The pages on telemetry say what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

from vestige.telemetry.schema import parse

TOP = Path(__file__).parent.parent.parent
PAGE = (TOP / "docs" / "reference" / "telemetry.md").read_text()


def test_this_page_names_tests_that_exist() -> None:
    sources = "\n".join(
        path.read_text()
        for room in ("tests/telemetry", "tests/collector", "tests")
        for path in (TOP / room).glob("test_*.py")
    )
    there = set(re.findall(r"^ *(?:async )?def (test_\w+)", sources, re.MULTILINE))
    assert set(re.findall(r"`(test_\w+)`", PAGE)) <= there


def test_every_rule_has_a_test_and_every_test_of_a_rule_is_named() -> None:
    rows = [row for row in PAGE.splitlines() if re.match(r"\| \d+ \|", row)]
    assert [int(row.split("|")[1]) for row in rows] == list(range(1, 17))
    assert all("`test_" in row for row in rows)
    rules = (TOP / "tests" / "telemetry" / "test_rules.py").read_text()
    assert set(re.findall(r"^def (test_\w+)", rules, re.MULTILINE)) <= set(re.findall(r"`(test_\w+)`", PAGE))


def test_the_schema_in_the_guide_is_one() -> None:
    guide = (TOP / "docs" / "guide" / "telemetry.md").read_text()
    (shown,) = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    assert list(parse(json.loads(shown)).events) == ["train"]
