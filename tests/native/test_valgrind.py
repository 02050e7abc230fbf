"""The recorder under valgrind: no invalid access, no use of what was never written, in any of its processes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[2] / "native"


@pytest.mark.needs("valgrind")
@pytest.mark.parametrize("options", [(), ("--relay", "all", "--session", "new")], ids=["run", "duct"])
def test_a_run_is_clean(tmp_path: Path, options: tuple[str, ...]) -> None:
    recorder = tmp_path / "vestige-recorder"
    # valgrind refuses clone(CLONE_FILES): plain fork in its place, and so no tracing (the sanitized build has both)
    sources = sorted(NATIVE.glob("*.c"))
    subprocess.run(["cc", "-std=c11", "-g", "-O1", "-DPLAIN_FORK", "-pthread", "-o", recorder, *sources], check=True)
    log = tmp_path / "valgrind-%p.txt"
    folder = tmp_path / "run"
    folder.mkdir()
    valgrind = ("valgrind", "--quiet", f"--log-file={log}")
    run = ("run", "--dir", str(folder), "--id", "x", "--version", "0", "--trace", "off", *options)
    command = "for i in 1 2 3; do /bin/echo $i; done; echo err >&2; exit 3"
    done = subprocess.run(
        # valgrind follows fork but not exec: the command itself runs bare
        [*valgrind, recorder, *run, "--", "sh", "-c", command],
        capture_output=True,
        check=False,
        timeout=100,
    )
    assert (done.stdout, done.stderr, done.returncode) == (b"1\n2\n3\n", b"err\n", 3)
    reports = [path.read_text() for path in tmp_path.glob("valgrind-*.txt")]
    assert len(reports) >= 3  # front, guard, recorder
    # errors begin with `==`; with `--` valgrind says that it does not know a system call as new as pidfd_open
    assert [line for report in reports for line in report.splitlines() if line.startswith("==")] == []
    assert b'"event":"end"' in (folder / "events.jsonl").read_bytes()
