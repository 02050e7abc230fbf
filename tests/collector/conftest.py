"""Fixtures: a collector to talk to, and people who report to it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from senders import People
from servers import KNOWN, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from servers import Running


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
