"""Fixtures for all tests: the command under test, its victims, and tools that may be missing."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from typing import TYPE_CHECKING

from harness import command, places, processes, victims
from harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_SKIP = "VESTIGE_TEST_NO_SKIP"


def pytest_xdist_auto_num_workers() -> int:
    """Return one more than there are CPUs: tests wait for others, for finalisers mostly, a tenth of their time."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cpus + 1


def pytest_runtest_setup(item: pytest.Item) -> None:
    reasons = [_unmet(tool) for mark in item.iter_markers("needs") for tool in mark.args]
    for reason in filter(None, reasons):
        if os.environ.get(_NO_SKIP):
            pytest.fail(f"{reason}, and {_NO_SKIP} is set", pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def tools() -> Iterator[str]:
    """Give a folder that every user can enter, with `vestige` and `victims` in it."""
    with places.open_folder() as folder:
        command.install(folder)
        yield folder


@pytest.fixture(scope="session")
def compiled(tools: str) -> victims.Victims:
    folder = os.path.join(tools, "victims")
    os.mkdir(folder, 0o755)
    return victims.compile_all(folder)


@pytest.fixture(name="victims")
def given_victims(compiled: victims.Victims) -> victims.Victims:
    return compiled


@pytest.fixture
def vestige(tools: str, tmp_path: os.PathLike[str]) -> Iterator[command.Vestige]:
    """Give `vestige` with a home, a store and a working folder in `tmp_path`; nothing of it may outlive the test."""
    home = os.fspath(tmp_path)
    yield from _with_cleaning(_make(tools, home))


@pytest.fixture
def open_vestige(tools: str) -> Iterator[command.Vestige]:
    """Give the same for nobody: all in a folder that belongs to that user, with a Python that they can run."""
    python = places.python_for_nobody()
    assert python, "mark the test as needing `nobody`"
    own_tools = os.path.join(tools, "nobody")
    command.install_for(own_tools, python)
    with places.open_folder(owner=places.NOBODY) as home:
        yield from _with_cleaning(_make(own_tools, home))


def _make(tools: str, home: str) -> command.Vestige:
    folder = os.path.join(home, "work")
    for made in (folder, os.path.join(home, "state")):
        os.mkdir(made)
        shutil.copystat(home, made)
        os.chown(made, os.stat(home).st_uid, os.stat(home).st_gid)
    variables = command.environment(tools=tools, home=home)
    return command.Vestige(os.path.join(tools, "vestige"), folder, home, variables)


def _with_cleaning(made: command.Vestige) -> Iterator[command.Vestige]:
    yield made
    mark = ("HOME", made.home)
    try:
        until(lambda: not processes.with_variable(*mark), "all processes of the test to end", limit=5)
    except TimeoutError:
        left = processes.with_variable(*mark)
        said = ", ".join(processes.describe(pid) for pid in left)
        processes.kill_all(left)
        pytest.fail(f"left behind: {said}")


def _unmet(tool: str) -> str | None:
    """Return why a test that needs this can't run, None if it can."""
    if tool == "root":
        return None if os.geteuid() == 0 else "needs to be root"
    if tool == "index":
        return None if os.environ.get(_NO_SKIP) else f"installs packages: where {_NO_SKIP} is set"
    if tool == "nobody":
        return (
            _unmet("root") or _unmet("setpriv") or (None if places.python_for_nobody() else "needs a Python for nobody")
        )
    if tool == "recorder":
        return None if os.path.exists(command.recorder()) else "needs the recorder: `python setup.py build`"
    if tool == "postgresql":
        return None if places.postgresql() else "needs PostgreSQL's server"
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    return None if shutil.which(tool, path=path) else f"needs the program `{tool}`"
