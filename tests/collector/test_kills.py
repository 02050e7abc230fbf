"""Sixteen senders, a server that is killed in the middle, retries: none lost, none double."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import pytest
import sqlalchemy as sa
from collector.senders import JSON, People, Sent, cells
from collector.servers import KNOWN, Process
from harness.places import postgresql_server
from harness.waiting import until

from vestige.collector import tables
from vestige.telemetry.weeks import week_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from harness.command import Vestige

SENDERS = 16
EACH = 40


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))])
def any_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            yield f"sqlite:///{tmp_path}/reports.sqlite"
        else:
            yield stack.enter_context(postgresql_server())


@dataclass
class Senders:
    """Threads that send until each report was accepted twice, the second time as a retry."""

    urls: Sequence[str]
    reports: list[Sent]
    accepted: set[str] = field(default_factory=set)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for number in range(SENDERS):
            mine = self.reports[number::SENDERS]
            self.threads.append(threading.Thread(target=self._send_all, args=(mine, number)))
        for thread in self.threads:
            thread.start()

    def join(self) -> None:
        for thread in self.threads:
            thread.join()

    def _send_all(self, reports: list[Sent], number: int) -> None:
        with httpx.Client(timeout=10) as client:
            for report in reports:
                for turn in range(2):
                    self._send(client, self.urls[(number + turn) % len(self.urls)], report)
                self.accepted.add(report.id)

    def _send(self, client: httpx.Client, url: str, report: Sent) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                answer = client.post(f"{url}v1/reports", content=report.body, headers=JSON)
                if answer.status_code == 202:
                    return
                assert answer.status_code == 503, answer.text
            time.sleep(0.02)
        raise AssertionError("not accepted within a minute")


def made() -> list[Sent]:
    people = People(KNOWN.schemas["vestige/1"])
    week = week_of(dt.datetime.now(tz=dt.timezone.utc).date())
    return [people.report(week) for _ in range(SENDERS * EACH)]


def each_is_there_once(database: str, reports: list[Sent]) -> None:
    engine = sa.create_engine(database.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        ids = list(connection.scalars(sa.select(tables.REPORTS.c.report)))
        rows = connection.execute(sa.select(tables.CELLS)).all()
    engine.dispose()
    assert sorted(ids) == sorted(report.id for report in reports)
    assert {tuple(row[:5]): row.reports for row in rows} == cells(report.document for report in reports)


def test_none_is_lost_and_none_is_double_when_the_server_is_killed(vestige: Vestige, any_database: str) -> None:
    server = Process(vestige, ("--rate", "0", "--database", any_database))
    server.start()
    reports = made()
    senders = Senders([server.url], reports)
    senders.start()
    for part in (0.2, 0.5, 0.8):
        until(lambda part=part: len(senders.accepted) > part * len(reports), "some reports", limit=60)  # type: ignore[misc]
        server.kill()
        server.start()
    senders.join()
    code, said = server.stop()
    assert (code, said) == (-15, b"")
    each_is_there_once(any_database, reports)


@pytest.mark.needs("postgresql")
def test_two_servers_share_a_database(vestige: Vestige) -> None:
    with postgresql_server() as database:
        servers = [Process(vestige, ("--rate", "0", "--database", database)) for _ in range(2)]
        starters = [threading.Thread(target=server.start) for server in servers]  # both make the tables
        for starter in starters:
            starter.start()
        for starter in starters:
            starter.join()
        reports = made()
        senders = Senders([server.url for server in servers], reports)
        senders.start()
        senders.join()
        assert [server.stop() for server in servers] == [(-15, b"")] * 2
        each_is_there_once(database, reports)


def test_deletions_and_reports_at_once(vestige: Vestige, any_database: str) -> None:
    """Every second report is deleted as soon as it is in, while others arrive."""
    server = Process(vestige, ("--rate", "0", "--database", any_database))
    server.start()
    reports = made()[: SENDERS * 10]

    def send_and_delete(mine: list[Sent]) -> None:
        with httpx.Client(base_url=server.url, timeout=20) as client:
            for index, report in enumerate(mine):
                assert client.post("/v1/reports", content=report.body, headers=JSON).status_code == 202
                if index % 2:
                    shown = {"Vestige-Deletion": report.token.hex()}
                    assert client.delete(f"/v1/reports/{report.id}", headers=shown).status_code == 204

    threads = [threading.Thread(target=send_and_delete, args=(reports[number::SENDERS],)) for number in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.stop() == (-15, b"")
    left = [report for number in range(SENDERS) for report in reports[number::SENDERS][::2]]
    each_is_there_once(any_database, left)
