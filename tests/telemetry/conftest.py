"""What the tests of telemetry share."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

import pytest
from harness import collectors
from harness import machine as machines
from harness.telemetry import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_unmet = functools.cache(machines.unmet)


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[collectors.Collector]:
    folder = tmp_path / "collector"
    folder.mkdir()
    with collectors.collector(str(folder)) as made:
        yield made


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(str(tmp_path / "user"))


@pytest.fixture
def machine() -> Iterator[machines.Machine]:
    """Give a machine of somebody's own; without one the test can't be made."""
    reason = _unmet()
    if reason and os.environ.get("VESTIGE_TEST_NO_SKIP"):
        pytest.fail(f"{reason}, and VESTIGE_TEST_NO_SKIP is set", pytrace=False)
    if reason:
        pytest.skip(reason)
    with machines.machine() as made:
        yield made
