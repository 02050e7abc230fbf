"""Reports go in once, count once, and go out again with their token or their age."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from collector.senders import JSON, People, Sent, cells
from collector.servers import TODAY, WEEK

from vestige.collector import tables
from vestige.collector.store import ACCEPTED_WEEKS, RAW_DAYS, week_before
from vestige.telemetry.weeks import week_of

if TYPE_CHECKING:
    import httpx
    from collector.servers import Running


def send(server: Running, report: Sent) -> httpx.Response:
    return server.client.post("/v1/reports", content=report.body, headers=JSON)


def delete(server: Running, report: Sent, token: bytes | None = None) -> httpx.Response:
    shown = (token or report.token).hex()
    return server.client.delete(f"/v1/reports/{report.id}", headers={"Vestige-Deletion": shown})


def rows(server: Running, table: sa.Table) -> list[Any]:
    engine = sa.create_engine(server.store.url)
    with engine.connect() as connection:
        found = list(connection.execute(sa.select(table).order_by(*table.primary_key)))
    engine.dispose()
    return found


def stored_cells(server: Running) -> dict[tuple[str, ...], int]:
    return {tuple(row[:5]): row.reports for row in rows(server, tables.CELLS)}


def test_a_report_is_kept_and_counted(server: Running, people: People) -> None:
    sent = [people.report(WEEK) for _ in range(50)]
    answers = [send(server, report) for report in sent]
    assert {(answer.status_code, answer.text) for answer in answers} == {(202, '{"status": "accepted"}')}
    kept = {row.report: row for row in rows(server, tables.REPORTS)}
    assert {report.id: report.body.decode() for report in sent} == {name: row.body for name, row in kept.items()}
    assert {row.received for row in kept.values()} == {TODAY}
    assert stored_cells(server) == cells(report.document for report in sent)


def test_totals_are_the_lower_edges_of_the_counts(server: Running, people: People) -> None:
    report = people.report(WEEK)
    labels = {"name": "run", "outcome": "ok"}
    report.document["counts"] = [["command", labels, "64"], ["command", labels | {"outcome": "failed"}, ">=65536"]]
    report.document["counts"].reverse()
    assert send(server, report).status_code == 202
    totals = {(row.event, row.field, row.label): (row.reports, row.total) for row in rows(server, tables.CELLS)}
    assert totals["command", "", ""] == (1, 65600)
    assert totals["command", "name", "run"] == (1, 65600)
    assert totals["command", "outcome", "ok"] == (1, 64)


def test_the_same_report_again_changes_nothing(server: Running, people: People) -> None:
    report = people.report(WEEK)
    assert [send(server, report).status_code for _ in range(5)] == [202] * 5
    assert len(rows(server, tables.REPORTS)) == 1
    assert set(stored_cells(server).values()) == {1}


def test_another_report_under_the_same_id_is_not_taken(server: Running, people: People) -> None:
    first, second = people.report(WEEK), people.report(WEEK)
    second.document["report"] = first.id
    assert [send(server, report).status_code for report in (first, second)] == [202, 202]
    assert [row.body for row in rows(server, tables.REPORTS)] == [first.body.decode()]
    assert stored_cells(server) == cells([first.document])


def test_a_token_takes_a_report_out_of_everything(server: Running, people: People) -> None:
    stay, leave = [people.report(WEEK) for _ in range(9)], people.report(WEEK)
    for report in (*stay, leave):
        send(server, report)
    assert delete(server, leave).status_code == 204
    assert stored_cells(server) == cells(report.document for report in stay)
    assert leave.id not in {row.report for row in rows(server, tables.REPORTS)}
    assert all(row.total >= 0 for row in rows(server, tables.CELLS))
    assert delete(server, leave).status_code == 204  # as is anything that is not there
    assert send(server, leave).status_code == 202  # a retry that was late, or a replay
    assert stored_cells(server) == cells(report.document for report in stay)


def test_nothing_is_left_when_the_only_report_is_deleted(server: Running, people: People) -> None:
    report = people.report(WEEK)
    send(server, report)
    assert delete(server, report).status_code == 204
    assert rows(server, tables.CELLS) == []


def test_a_wrong_token_deletes_nothing(server: Running, people: People) -> None:
    report = people.report(WEEK)
    send(server, report)
    answer = delete(server, report, b"\0" * 32)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "token")
    assert len(rows(server, tables.REPORTS)) == 1


@pytest.mark.parametrize("token", ["", "zz" * 32, "ab", "ab" * 65, "Ä" * 32, "ab" * 31 + "a"])
def test_what_is_no_token_is_refused(server: Running, token: str) -> None:
    answer = server.client.delete(f"/v1/reports/{'0' * 32}", headers={b"Vestige-Deletion": token.encode("utf-8")})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "token")


def test_raw_reports_go_after_30_days_and_aggregates_stay(server: Running, people: People) -> None:
    old, new = people.report(WEEK), people.report(WEEK)
    send(server, old)
    server.calendar.day = TODAY + dt.timedelta(days=RAW_DAYS)
    send(server, new)
    assert server.store.prune(server.calendar.day).reports == 0
    assert server.store.prune(server.calendar.day + dt.timedelta(days=1)).reports == 1
    assert [row.report for row in rows(server, tables.REPORTS)] == [new.id]
    assert stored_cells(server) == cells([old.document, new.document])
    assert delete(server, old).status_code == 204  # too late for that: it is in the sums only
    assert stored_cells(server) == cells([old.document, new.document])


def test_a_pruned_report_can_not_come_again_as_long_as_its_week_is_taken(server: Running, people: People) -> None:
    report = people.report(WEEK)
    send(server, report)
    seen = []
    for days in range(0, 200, 7):
        server.calendar.day = TODAY + dt.timedelta(days=days)
        server.store.prune(server.calendar.day)
        seen.append(send(server, report).status_code)
    assert seen == [202] * (ACCEPTED_WEEKS) + [400] * (len(seen) - ACCEPTED_WEEKS)
    assert stored_cells(server) == cells([report.document])
    assert rows(server, tables.SEEN) == []


@pytest.mark.parametrize(
    ("week", "status"),
    [
        (week_of(TODAY), 202),
        (week_before(week_of(TODAY), -1), 202),  # TODAY is a Sunday: tomorrow's week, where a clock is ahead
        (week_before(week_of(TODAY), -2), 400),
        (week_before(week_of(TODAY), ACCEPTED_WEEKS), 202),
        (week_before(week_of(TODAY), ACCEPTED_WEEKS + 1), 400),
        ("2026-W54", 400),
        ("2026-W00", 400),
        ("0000-W01", 400),
        ("9999-W53", 400),
    ],
)
def test_only_recent_weeks_are_taken(server: Running, people: People, week: str, status: int) -> None:
    assert send(server, people.report(week)).status_code == status
    assert len(rows(server, tables.REPORTS)) == (status == 202)


def _changed(report: dict[str, Any], change: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(report))
    exec(change, {"r": made})  # noqa: S102 - the test's own words
    return made


@pytest.mark.parametrize(
    "change",
    [
        "r['user'] = 'me'",
        "r['context']['host'] = 'here'",
        "r['context']['os'] = '/home/me'",
        "r['context']['os'] = None",
        "r['counts'].append(['spy', {}, '1'])",
        "r['counts'] = [['command', {'name': 'secret'}, '1']]",
        "r['counts'] = [['command', {'name': 'run', 'path': '/x'}, '1']]",
        "r['counts'] = [['command', {'name': 'run'}, '3']]",
        "r['counts'] = [['command', {'name': 'run'}, 1]]",
        "r['counts'] = 'none'",
        "r['report'] = 'x' * 32",
        "r['report'] = r['report'].upper() + 'A'",
        "r['deletion'] = ''",
        "r['schema'] = 'vestige/2'",
        "r['schema'] = ['vestige/1']",
        "r['schema'] = {}",
        "r.pop('week')",
        "r['context'] = []",
    ],
)
def test_what_is_not_in_the_schema_is_refused_and_not_kept(server: Running, people: People, change: str) -> None:
    document = _changed(people.report(WEEK).document, change)
    answer = server.client.post("/v1/reports", json=document)
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"code", "message"}
    assert rows(server, tables.REPORTS) == rows(server, tables.CELLS) == rows(server, tables.SEEN) == []


def test_nothing_but_the_report_is_in_the_database(server: Running, people: People) -> None:
    headers = {**JSON, "User-Agent": "agent-77", "X-Forwarded-For": "203.0.113.77", "Cookie": "cookie-77=1"}
    answer = server.client.post("/v1/reports?query-77", content=people.report(WEEK).body, headers=headers)
    assert answer.status_code == 202
    assert "set-cookie" not in answer.headers
    engine = sa.create_engine(server.store.url)
    with engine.connect() as connection:
        dumped = "\n".join(connection.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    engine.dispose()
    assert "77" not in dumped.replace(rows(server, tables.REPORTS)[0].report, "").replace(
        rows(server, tables.REPORTS)[0].deletion, ""
    )
    assert "127.0.0.1" not in dumped


def test_a_database_that_fails_for_a_while_costs_an_answer_and_no_report(server: Running, people: People) -> None:
    first, second = people.report(WEEK), people.report(WEEK)
    assert send(server, first).status_code == 202
    engine = sa.create_engine(server.store.url)
    with engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE seen RENAME TO hidden")
        connection.commit()
        answer = send(server, second)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "busy")
        assert int(answer.headers["retry-after"]) > 0
        connection.exec_driver_sql("ALTER TABLE hidden RENAME TO seen")
        connection.commit()
    engine.dispose()
    assert send(server, second).status_code == 202
    assert stored_cells(server) == cells([first.document, second.document])
