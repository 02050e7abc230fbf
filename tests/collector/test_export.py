"""Exports, the command line, and the database's own history."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import stat
from typing import TYPE_CHECKING

import duckdb
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from collector.senders import JSON, People, cells
from collector.servers import KNOWN, TODAY, WEEK, Process
from harness.command import CHECKOUT
from harness.places import postgresql_server

from vestige.cli.dispatch import parser_of
from vestige.collector import database as databases
from vestige.collector import tables
from vestige.collector.aggregates import FEWEST, WITHHELD
from vestige.collector.export import export
from vestige.collector.store import Store, accepted
from vestige.errors import CollectorError, TelemetryError
from vestige.telemetry.schema import BUILT_IN

if TYPE_CHECKING:
    from pathlib import Path

    from harness.command import Vestige


@pytest.fixture
def filled(database: str, people: People) -> tuple[Store, list[dict[str, object]]]:
    store = Store.open(database)
    sent = [people.report(WEEK) for _ in range(80)]
    store.add([accepted(report.checked) for report in sent], TODAY)
    return store, [report.document for report in sent]


Filled = tuple[Store, list[dict[str, object]]]


def test_csv_has_what_may_be_published_and_nothing_else(filled: Filled, tmp_path: Path) -> None:
    (written,) = export(filled[0], str(tmp_path), "csv", raw=False)
    with open(written.path, newline="") as file:
        rows = list(csv.DictReader(file))
    expected = cells(filled[1])
    shown = [row for row in rows if row["reports"]]
    assert {row["label"] for row in rows if not row["reports"]} == {WITHHELD}
    assert all(int(row["reports"]) >= FEWEST for row in shown)
    keys = ("schema", "week", "event", "field", "label")
    assert all(expected[tuple(row[key] for key in keys)] == int(row["reports"]) for row in shown)  # type: ignore[index]
    assert written.rows == len(rows) > 20
    assert shown
    filled[0].close()


def test_parquet_says_the_same(filled: Filled, tmp_path: Path) -> None:
    export(filled[0], str(tmp_path), "csv", raw=False)
    export(filled[0], str(tmp_path), "parquet", raw=False)
    with duckdb.connect() as connection:
        read = "read_csv('{0}/aggregates.csv', all_varchar=true)", "read_parquet('{0}/aggregates.parquet')"
        both = [
            connection.sql(
                f"select coalesce(schema, ''), week, coalesce(event, ''), coalesce(field, ''), coalesce(label, ''), "  # noqa: S608
                f"reports::bigint, total::bigint from {table.format(tmp_path)} order by all"
            ).fetchall()
            for table in read
        ]
    assert both[0] == both[1]
    assert len(both[0]) > 20
    filled[0].close()


def test_raw_exports_are_whole_and_for_their_operator_only(filled: Filled, tmp_path: Path) -> None:
    written = export(filled[0], str(tmp_path), "parquet", raw=True)
    with duckdb.connect() as connection:
        aggregates = connection.sql(f"from '{tmp_path}/aggregates.parquet'").fetchall()
        reports = connection.sql(f"from '{tmp_path}/reports.parquet'").project("body, received").fetchall()
    assert {row[:5]: row[5] for row in aggregates} == cells(filled[1])
    assert sorted(body for body, _ in reports) == sorted(
        json.dumps(document, sort_keys=True, separators=(",", ":")) for document in filled[1]
    )
    assert {received for _, received in reports} == {TODAY}
    assert {stat.S_IMODE(os.stat(it.path).st_mode) for it in written} == {0o600}
    filled[0].close()


def _differences(url: str) -> list[object]:
    Store.open(url).close()
    Store.open(url).close()  # a second time there is nothing to do
    engine = databases.connect(url)
    with engine.connect() as connection:
        found: list[object] = compare_metadata(MigrationContext.configure(connection), tables.METADATA)
    engine.dispose()
    return found


def test_the_steps_make_the_tables_of_today(database: str) -> None:
    assert _differences(database) == []


@pytest.mark.needs("postgresql")
def test_the_steps_make_the_tables_of_today_in_postgresql() -> None:
    with postgresql_server() as url:
        assert _differences(url) == []


def test_a_database_of_a_later_version_is_left_alone(database: str) -> None:
    Store.open(database).close()
    engine = sa.create_engine(database)
    with engine.begin() as connection:
        connection.execute(sa.text("update alembic_version set version_num = '999'"))
    engine.dispose()
    with pytest.raises(CollectorError, match="newer"):
        Store.open(database)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "must be as in sqlite"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("mysql://localhost/x", "can't be of mysql"),
        ("sqlite:////nowhere/at/all.sqlite", "can't open the database"),
        ("postgresql://user:secret@127.0.0.1:1/x", "can't use the database"),
    ],
)
def test_databases_that_can_not_be_had(url: str, words: str) -> None:
    with pytest.raises(CollectorError, match=words) as raised:
        Store.open(url)
    assert "secret" not in str(raised.value)


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("notes " * 1000)
    with pytest.raises(CollectorError, match="not a database"):
        Store.open(f"sqlite:///{path}")
    assert path.read_text() == "notes " * 1000


def test_the_database_is_its_owner_s(database: str) -> None:
    store = Store.open(database)
    folder = os.path.dirname(database.removeprefix("sqlite:///"))
    modes = {stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) for name in os.listdir(folder)}
    store.close()
    assert modes == {0o600}


def test_the_commands(vestige: Vestige, people: People, tmp_path: Path) -> None:
    server = Process(vestige, ())  # its database is where the default says
    server.start()
    import httpx  # noqa: PLC0415

    today = dt.datetime.now(tz=dt.timezone.utc).date()
    year, week, _ = (today - dt.timedelta(days=7)).isocalendar()
    for _ in range(12):
        sent = people.report(f"{year:04}-W{week:02}")
        assert httpx.post(f"{server.url}v1/reports", content=sent.body, headers=JSON).status_code == 202
    assert server.stop() == (-15, b"")
    assert os.path.exists(os.path.join(vestige.home, "state", "vestige", "collector.sqlite"))
    words = [vestige.executable, "collector"]
    for call, said in (
        (["export", "--format", "parquet", "-o", str(tmp_path / "out")], "rows"),
        (["prune"], "removed 0 reports"),
    ):
        process = vestige.start_bare(*words, *call)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0
        assert said in errors.decode()
    with duckdb.connect() as connection:
        query = f"select reports from '{tmp_path}/out/aggregates.parquet' where event = '' and field = ''"  # noqa: S608
        assert connection.sql(query).fetchall() == [(12,)]


def test_schema_check(vestige: Vestige, tmp_path: Path) -> None:
    words = [vestige.executable, "collector", "schema", "check"]
    process = vestige.start_bare(*words, BUILT_IN)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said.decode().startswith("vestige/1: ")
    assert "  command: name, outcome\n" in said.decode()
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"schema": "x/1"}')
    process = vestige.start_bare(*words, str(wrong))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.decode().startswith("vestige: the schema ")
    assert errors.count(b"\n") == 1


def test_a_port_that_is_taken_is_said(vestige: Vestige) -> None:
    server = Process(vestige, ())
    server.start()
    process = vestige.start_bare(vestige.executable, "collector", "serve", "--port", str(server.port))
    _, errors = process.communicate(timeout=60)
    server.stop()
    assert process.returncode == 2
    assert errors.decode().startswith(f"vestige: can't listen on 127.0.0.1:{server.port}: ")


def test_a_changed_schema_needs_a_new_version(tmp_path: Path) -> None:
    from vestige.collector import published  # noqa: PLC0415

    changed = dict(KNOWN.documents["vestige/1"]) | {"purpose": "another"}  # type: ignore[call-overload]
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(changed))
    with pytest.raises(TelemetryError, match="another schema of the name `vestige/1`"):
        published.load([str(path)])


def test_the_recipes_call_what_there_is() -> None:
    folder = os.path.join(CHECKOUT, "examples", "collector")
    with open(os.path.join(folder, "Containerfile")) as file:
        entry = next(line for line in file if line.startswith("ENTRYPOINT"))
    with open(os.path.join(folder, "vestige-collector.service")) as file:
        start = next(line for line in file if line.startswith("ExecStart="))
    for words in (json.loads(entry.partition(" ")[2]), start.partition("=")[2].split()):
        assert words[1] == "collector"
        assert parser_of("collector").parse(words[2:]).action == "serve"
