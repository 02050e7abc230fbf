"""Fixtures for all tests of Git."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness import repositories

if TYPE_CHECKING:
    from harness.command import Vestige
    from harness.repositories import Repository


@pytest.fixture
def repository(vestige: Vestige) -> Repository:
    """Give a repository with one commit; runs are kept in its work tree."""
    return repositories.make(vestige)
