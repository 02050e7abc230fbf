"""`vestige duct ls`, `pp` and `plot` beside con-duct's, row by row, on con-duct's logs and on vestige's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from duct import views
from duct.sides import con_duct, outcomes
from harness.command import environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs("con-duct")
HEADLESS = {"MPLBACKEND": "agg", "TZ": "UTC"}


@pytest.fixture(scope="module")
def variables(tools: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("home")
    return environment(tools=tools, home=str(home)) | HEADLESS


@pytest.mark.parametrize("row", views.ROWS, ids=lambda row: row.name.replace(" ", "_").replace("/", "-"))
def test_the_same_comes_of_it(row: views.View, variables: dict[str, str], tools: str, tmp_path: Path) -> None:
    program = [os.path.join(tools, "vestige"), "duct"]
    theirs, ours = outcomes(row.call, theirs=[con_duct()], ours=program, variables=variables, base=tmp_path)
    assert ours.code == (theirs.code if row.code is None else row.code), ours.stderr
    assert row.code is None or row.excuses("code")
    if row.excuses("stdout"):
        assert row.prints in ours.stdout.decode()
    else:
        assert ours.stdout == theirs.stdout
    if row.excuses("stderr"):
        assert row.says in ours.stderr
        assert "Traceback" not in ours.stderr
    else:
        assert ours.said == theirs.said
    if not row.excuses("code"):
        assert ours.names == theirs.names
