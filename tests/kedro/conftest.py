"""A small Kedro project with every kind of dataset and node, and a way to run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.pipelines import Project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project.made(tmp_path_factory.mktemp("kedro"))


@pytest.fixture
def fresh(tmp_path: Path) -> Project:
    return Project.made(tmp_path)
