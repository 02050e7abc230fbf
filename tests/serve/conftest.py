"""Fixtures: a store with runs of many kinds, a server of it, and a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.browsing import chromium
from harness.kept import Store, used
from serve.servers import serving_runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser
    from serve.servers import Serving

HOSTILE = "<script>document.title='run'</script><img src=x onerror=alert(1)>\x1b[31m\u202e"


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Give 120 runs: three that hang together, one of a hostile hand, and a hundred others, every tenth failed."""
    made = Store(tmp_path_factory.mktemp("served"))
    made.run(used("input", "/data/raw.csv", b"raw"), used("output", "/data/clean.csv", b"clean"), argv=("clean", "raw"))
    made.run(used("input", "/data/clean.csv", b"clean"), used("output", "/data/model", b"m"), argv=("train", "model"))
    made.run(used("input", "/data/model", b"m"), used("output", "/data/report.pdf", b"r"), argv=("render", "report"))
    made.run(used("output", f"/data/{HOSTILE}", b"x"), argv=("echo", HOSTILE))
    for number in range(116):
        made.run(argv=("step", f"{number:03}"), code=int(number % 10 == 0), lasted=number)
    return made


@pytest.fixture(scope="session")
def served(store: Store) -> Iterator[Serving]:
    with serving_runs(store.runs) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made
