"""The page on security promises what tests hold, by name."""

from __future__ import annotations

import re
from pathlib import Path

from vestige import settings

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "reference" / "security.md").read_text()
# A key that is new here was thought about: can a cloned repository do harm with it?
HARMLESS = {
    "capture", "classes", "commit", "deny_network", "environment", "gc", "hash", "hash_limit", "io_uring", "kedro",
    "store", "summary", "tags", "telemetry", "trace", "wait",
}  # fmt: skip


def test_every_promise_names_tests_that_exist() -> None:
    there = {
        name
        for path in TESTS.rglob("test_*.py")
        for name in re.findall(r"^ *def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    named = re.findall(r"`(test_\w+)`", PAGE)
    assert len(named) > 30
    assert set(named) - there == set()


def test_every_row_of_a_table_has_its_test() -> None:
    rows = [
        line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| ---", "| what", "|  "))
    ]
    assert [row for row in rows if "`test_" not in row and "telemetry.md" not in row] == []


def test_no_key_of_a_config_file_names_a_program() -> None:
    assert {key.name for key in (*settings.KEYS, *settings.READ_ELSEWHERE)} <= HARMLESS
