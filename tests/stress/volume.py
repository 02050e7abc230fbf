"""What is too long for every day: `pytest tests/stress/volume.py`, a part of `make stress`."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess

    from harness.command import Vestige
    from harness.victims import Victims

pytestmark = [pytest.mark.needs("recorder", "gcc"), pytest.mark.timeout(1800)]

MB = 1_000_000
GIGABYTE = 1000 * MB


def digest_of(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout
    digest = hashlib.sha256()
    while piece := process.stdout.read(1 << 20):
        digest.update(piece)
    process.wait()
    return digest.hexdigest()


@pytest.mark.parametrize("half", [range(128), range(128, 256)], ids=["0-127", "128-255"])
def test_every_exit_code(vestige: Vestige, victims: Victims, half: range) -> None:
    assert [vestige.run(victims.nothing, str(code)).returncode for code in half] == list(half)


@pytest.mark.parametrize("capture", ["auto", "none"])
def test_a_gigabyte_passes_unchanged_in_constant_memory(vestige: Vestige, victims: Victims, capture: str) -> None:
    with vestige.start_bare(victims.blob, str(GIGABYTE)) as bare:
        expected = digest_of(bare)
    with vestige.start(victims.blob, str(GIGABYTE), options=("--capture", capture)) as seen:
        assert digest_of(seen) == expected
    run = vestige.last()
    assert run.figure("recorder_memory").number < 10 * MB
    assert run.record["streams"]["stdout"]["length"] == (GIGABYTE if capture == "auto" else None)


def test_100000_processes_in_constant_memory(vestige: Vestige, victims: Victims) -> None:
    recorded = vestige.record(victims.actor, "inturn:100000", limit=900)
    assert recorded.run.figure("processes").value == 100_001
    assert recorded.run.figure("recorder_memory").number < 10 * MB


def test_10000_processes_at_once(vestige: Vestige, victims: Victims) -> None:
    run = vestige.record(victims.actor, "children:10000", "sleep:3000").run
    assert run.figure("processes").value == 10_001
    assert run.figure("recorder_memory").number < 10 * MB


def test_a_million_lines(vestige: Vestige, victims: Victims) -> None:
    recorded = vestige.record(victims.alternate, "1000000")
    assert recorded.completed.stdout.count(b"\n") == 500_000
    assert recorded.run.captured("stdout") == recorded.completed.stdout
    assert recorded.run.captured("stderr") == recorded.completed.stderr


def test_a_hundred_runs_at_once(vestige: Vestige, victims: Victims) -> None:
    fronts = [vestige.start(victims.nothing, str(number)) for number in range(100)]
    codes = []
    for front in fronts:
        front.communicate(timeout=300)
        codes.append(front.returncode)
    assert codes == list(range(100))
    assert sorted(vestige.finalised(folder).code or 0 for folder in vestige.folders()) == list(range(100))


def test_a_million_names_in_constant_memory(vestige: Vestige, victims: Victims) -> None:
    million = 1_000_000
    recorded = vestige.record(victims.opener, "names", str(million), limit=900)
    assert recorded.completed.stdout == b"opened 0\nNo such file or directory %d\n" % million
    assert recorded.run.figure("recorder_memory").number < 10 * MB
    dropped = recorded.run.record["completeness"]["events_dropped"]
    assert recorded.run.record["files"]["probed"]["count"] + dropped >= million


def test_300000_files_made_in_constant_memory(vestige: Vestige, victims: Victims) -> None:
    """More than the recorder remembers to look at once more: the record says how many it did not."""
    recorded = vestige.record(victims.opener, "making", "300000", limit=900)
    assert recorded.completed.stdout == b"opened 300000\n"
    assert recorded.run.figure("recorder_memory").number < 10 * MB
    assert recorded.run.record["files"]["output"]["count"] >= 300_000
