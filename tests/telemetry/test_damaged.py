"""Files of telemetry that are cut, foreign or of another form: what can't be used is nothing, or a no."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from vestige.errors import TelemetryError
from vestige.telemetry import answers as said
from vestige.telemetry import reports, sending, spool

if TYPE_CHECKING:
    from pathlib import Path

    from harness.telemetry import Scene

DEEP = "[" * 5000
WAITING = spool.Waiting("1" * 32, "2" * 64, "2025-W40", "vestige/1", "3" * 64, "m", "https://c.example.org", "{}")
DELETION = {"collector": "https://c.example.org", "report": "1", "token": "2", "since": 0}
ANSWERS: dict[str, Any] = {"format": 1, "mode": "on", "collectors": {}, "answers": []}
ODD: tuple[dict[str, Any], ...] = (
    {"format": 2}, {"mode": "loud"}, {"mode": ["on"]}, {"collectors": []}, {"collectors": "x"},
    {"collectors": {"vestige": 1}}, {"answers": 5}, {"answers": ["x"]}, {"answers": [{}]},
)  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        *(json.dumps(ANSWERS | odd) for odd in ODD),
        "", "[]", "null", "{}", DEEP, json.dumps(ANSWERS)[:-3],
    ],
)  # fmt: skip
def test_answers_that_cannot_be_used_are_a_no(scene: Scene, content: str) -> None:
    os.makedirs(os.path.dirname(scene.places.answers), exist_ok=True)
    with open(scene.places.answers, "w", encoding="ascii") as file:
        file.write(content)
    with pytest.raises(TelemetryError, match="nothing is sent"):
        said.load(scene.places.answers)
    assert scene.standing().mode != "on"


@pytest.mark.parametrize(
    "change",
    [
        *({name: 1} for name in ("report", "token", "week", "schema", "hash", "mark", "collector", "body")),
        {"week": "2025-W99"}, {"attempts": -5}, {"attempts": 1.5}, {"attempts": True}, {"next": "soon"}, {"next": -1},
        {"next": 10**400}, {"next": float("nan")}, {"more": 1},
    ],
)  # fmt: skip
def test_a_report_that_cannot_be_read_does_not_wait(scene: Scene, change: dict[str, Any]) -> None:
    spool.put(scene.places, WAITING)
    assert spool.read(scene.places) == [WAITING]
    with open(os.path.join(scene.places.spool, WAITING.name), "w", encoding="ascii") as file:
        json.dump(dataclasses.asdict(WAITING) | change, file)
    assert spool.read(scene.places) == []


@pytest.mark.parametrize(
    "content",
    ["", "{}", "5", "[1]", "[{}]", DEEP, *(json.dumps([DELETION | {"since": odd}]) for odd in ("x", None, 10**400))],
)
def test_deletions_that_cannot_be_read_are_none(scene: Scene, content: str) -> None:
    scene.places.make(scene.places.state)
    with open(scene.places.deletions, "w", encoding="ascii") as file:
        file.write(content)
    assert sending.deletions(scene.places) == []


@pytest.mark.parametrize("content", ["", "5", "[1, 2, 3]", '["a", "b"]', '["x", "y", "z"]', "[" * 1020])
def test_numbers_drawn_for_a_report_that_cannot_be_read(tmp_path: Path, content: str) -> None:
    reports.draft(str(tmp_path), "2025-W40")
    (path,) = tmp_path.iterdir()
    path.write_text(content)
    with pytest.raises(TelemetryError, match="can't be used: remove it"):
        reports.draft(str(tmp_path), "2025-W40")
