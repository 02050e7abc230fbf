"""Fixtures: a collector to talk to, and people who report to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from collector.senders import People
from collector.servers import KNOWN, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from collector.servers import Running


@pytest.fixture
def people() -> People:
    return People(KNOWN.schemas["vestige/1"])


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/reports.sqlite"


@pytest.fixture
def server(database: str) -> Iterator[Running]:
    with running(database) as made:
        yield made
