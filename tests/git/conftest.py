"""Fixtures for all tests of Git."""

from __future__ import annotations

import os
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


@pytest.fixture
def here(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Give a repository, with this process in it and its environment: for calls without a program."""
    for name in os.environ:
        monkeypatch.delenv(name)
    for name, value in repository.vestige.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(repository.top)
    return repository
