"""The client and the collector together: what is previewed is what is kept, and forgetting takes it out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from harness.telemetry import TODAY, Scene

from vestige.collector import tables
from vestige.telemetry import forgetting, sending

if TYPE_CHECKING:
    from pathlib import Path

    from collector.servers import Running


def rows(server: Running, table: sa.Table) -> list[sa.Row[tuple[object, ...]]]:
    engine = sa.create_engine(server.store.url)
    with engine.connect() as connection:
        found = list(connection.execute(sa.select(table)))
    engine.dispose()
    return found


@pytest.fixture
def scene(server: Running, tmp_path: Path) -> Scene:
    server.calendar.day = TODAY
    made = Scene(str(tmp_path / "user"))
    made.agree(server.url.rstrip("/"))
    for _ in range(3):
        made.count("command", name="run", outcome="ok")
    made.count("run", outcome="ok", seconds=70)
    return made


def send(scene: Scene) -> list[sending.Sent]:
    with sending.holding(scene.places) as is_ours:
        assert is_ours
        sending.close_weeks(scene.places, TODAY)
        return sending.send_due(scene.places, scene.around, at_once=True)


def test_what_is_previewed_is_what_is_kept(server: Running, scene: Scene) -> None:
    (previewed,) = scene.previews()
    (sent,) = send(scene)
    assert (sent.status, sent.trouble) == (202, None)
    (kept,) = rows(server, tables.REPORTS)
    assert kept.body.encode() == previewed


def test_forgetting_takes_it_out_of_reports_and_sums(server: Running, scene: Scene) -> None:
    send(scene)
    assert len(rows(server, tables.CELLS)) > 5
    with sending.holding(scene.places) as is_ours:
        assert is_ours
        forgetting.forget(scene.places)
        (deleted,) = sending.send_deletions(scene.places, scene.around)
    assert (deleted.what, deleted.status) == ("deletion", 204)
    assert rows(server, tables.REPORTS) == rows(server, tables.CELLS) == []
