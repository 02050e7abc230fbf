"""An installation built without what sends: everything but sending works, and nothing in it knows a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NETWORK = re.compile(r"^\s*(import|from) (socket|ssl|http|urllib\.request|asyncio|smtplib)\b", re.MULTILINE)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("without")
    words = ["setup.py", "-q", "egg_info", "--egg-base", str(folder), "build_py", "--build-lib", str(folder / "lib")]
    environ = {**os.environ, "VESTIGE_BUILD_WITHOUT_SENDER": "1"}
    subprocess.run([sys.executable, *words], cwd=TOP, env=environ, check=True, capture_output=True)
    return folder / "lib"


def vestige(installed: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    script = f"import sys; sys.path[:0] = [{str(installed)!r}]; from vestige.cli import dispatch"
    script += "; sys.exit(dispatch.main(sys.argv[1:]))"
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "VESTIGE_TELEMETRY_COLLECTOR": "https://127.0.0.1:9"}
    done = [sys.executable, "-c", script, *words]
    return subprocess.run(done, cwd=home, env=environ, check=False, capture_output=True, text=True, timeout=60)


def test_nothing_in_what_counts_knows_a_network(installed: Path) -> None:
    folder = installed / "vestige" / "telemetry"
    assert {"sending.py", "counting.py"} <= set(os.listdir(folder))
    assert not {"wire.py", "worker.py"} & set(os.listdir(folder))
    assert [path.name for path in folder.glob("*.py") if NETWORK.search(path.read_text())] == []


def test_it_counts_and_shows_and_says_that_it_can_send_nothing(installed: Path, tmp_path: Path) -> None:
    assert vestige(installed, tmp_path, "ls").returncode == 0
    assert "built without what sends" in vestige(installed, tmp_path, "telemetry", "status").stdout
    assert re.search(r"ls +ok +1", vestige(installed, tmp_path, "telemetry", "stats").stdout)
    sent = vestige(installed, tmp_path, "telemetry", "send")
    assert (sent.returncode, sent.stderr) == (2, "vestige: this installation was built without what sends\n")
    forgotten = vestige(installed, tmp_path, "telemetry", "forget")
    assert (forgotten.returncode, forgotten.stderr) == (0, "")
