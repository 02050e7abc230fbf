"""The reference pages say what the code says."""

from __future__ import annotations

import os
import re
import runpy
from pathlib import Path

import pytest

import vestige
from vestige import exit_codes, settings
from vestige.record import start

_FOREIGN = "DO_NOT_TRACK|KEDRO_DISABLE_TELEMETRY|CI|https_proxy"
REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
PAGES = runpy.run_path(str(REFERENCE / "generate.py"))["pages"]()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_generated(name: str) -> None:
    assert (REFERENCE / name).read_text() == PAGES[name], "run `python docs/reference/generate.py`"


def sources() -> str:
    package = Path(os.path.dirname(vestige.__file__))
    return "\n".join(path.read_text() for path in package.rglob("*.py"))


def test_every_environment_variable_in_the_code_is_in_the_register() -> None:
    named = set(re.findall(rf"[\"'](VESTIGE_[A-Z_]+|XDG_[A-Z_]+|NO_COLOR|{_FOREIGN})[\"']", sources()))
    named = {name.upper() for name in named}
    passed_over = start.VOLATILE_NAMES.union(start.VOLATILE_PREFIXES)  # named there in order not to look at them
    assert named - passed_over == {variable.name for variable in settings.VARIABLES}


def test_every_exit_code_is_on_the_page() -> None:
    codes = {value for name, value in vars(exit_codes).items() if name.isupper() and isinstance(value, int)}
    assert len(codes) > 4
    assert all(str(code) in PAGES["exit-codes.md"] for code in codes)


@pytest.mark.parametrize(
    ("status", "code"), [(0, 0), (3 << 8, 3), (255 << 8, 255), (9, 137), (15, 143), (0x80 | 11, 139)]
)
def test_wait_statuses_as_a_shell_shows_them(status: int, code: int) -> None:
    assert exit_codes.shell_code(status) == code
