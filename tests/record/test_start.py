"""The first record: what is kept of the environment, what is masked, what the machine says."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import socket
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestige.record import codec, machine, model, start, tinyjson

if TYPE_CHECKING:
    from pathlib import Path

ID = "01980d2a-7c00-7abc-8def-0123456789ab"


def record(**keys: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"argv": ["make"], "cwd": "/work", "version": "0.1.0", "environ": {}}
    return start.start_record(run_id=ID, now_ns=0, **{**given, **keys})


def test_it_is_a_record_of_a_running_run() -> None:
    made = codec.record_from_json(json.loads(tinyjson.dumps(record(message="why", tags=["a", "b"]))), "record.json")
    assert (made.schema, made.status, made.exit) == (model.SCHEMA, "running", model.Exit())
    assert (made.message, made.tags, made.started) == ("why", ("a", "b"), "1970-01-01T00:00:00.000000Z")
    assert codec.record_to_json(made) == record(message="why", tags=["a", "b"])


def test_any_bytes_survive() -> None:
    odd = os.fsdecode(b"a\xffb")
    made = record(argv=[odd, '"quoted"'], cwd=f"/{odd}", message=odd, tags=[odd], environ={"LC_ALL": odd})
    assert made["argv"] == ['"a\\377b"', '"\\"quoted\\""']
    assert (made["cwd"], made["message"], made["tags"]) == ('"/a\\377b"', '"a\\377b"', ['"a\\377b"'])
    assert made["environment"] == {"LC_ALL": '"a\\377b"'}


def test_environment_is_an_allow_list() -> None:
    environ = {"PATH": "/bin", "HOME": "/home/me", "USER": "me", "OMP_NUM_THREADS": "4", "MINE_A": "1", "MINE_B": "2"}
    assert start.kept_environment(environ) == {"OMP_NUM_THREADS": "4", "PATH": "/bin"}
    assert start.kept_environment(environ, ["MINE_*", "USER"]) == {
        "MINE_A": "1",
        "MINE_B": "2",
        "OMP_NUM_THREADS": "4",
        "PATH": "/bin",
        "USER": "me",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEDRO_API_KEY", "1"),
        ("DASK_AUTH", "x"),
        ("MY_PASSWORD", "x"),
        ("DATABASE", "postgresql://me:hunter2@db/x"),
        ("LIST", "http://a/,https://user:pw@b/"),
        ("X", "ghp_0123456789"),
        ("X", "AKIAIOSFODNN7EXAMPLE"),
        ("X", "eyJhbGciOi"),
    ],
)
def test_what_looks_like_a_secret_is_masked(name: str, value: str) -> None:
    assert start.kept_environment({name: value}, [name]) == {name: "***"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("PATH", "/bin:/usr/bin"), ("PWD", "/work"), ("X", "https://host:8080/a@b"), ("X", "user@host"), ("X", "")],
)
def test_what_is_no_secret_is_kept(name: str, value: str) -> None:
    assert start.kept_environment({name: value}, [name]) == {name: value}


class TestEnvironmentHash:
    def test_every_variable_counts(self) -> None:
        base = {"PATH": "/bin", "MINE": "1"}
        changes = ({"MINE": "2"}, {"MINE": ""}, {"OTHER": "1"}, {"SLURM_ARRAY_TASK_ID": "3"}, {"LINES_READ": "3"})
        hashes = {start.environment_hash(base | change) for change in ({}, *changes)}
        assert len(hashes) == len(changes) + 1
        assert start.environment_hash({"PATH": "/bin"}) not in hashes

    def test_but_those_of_terminals_sessions_and_jobs(self) -> None:
        volatile = {"_": "/bin/x", "PWD": "/x", "TERM": "dumb", "SLURM_JOB_ID": "7", "VESTIGE_RUN": "/r", "TERM_X": ""}
        assert start.environment_hash({"PATH": "/bin", **volatile}) == start.environment_hash({"PATH": "/bin"})

    def test_it_is_a_sha256_in_order_of_names(self) -> None:
        expected = "sha256:" + hashlib.sha256(b"A=1\0B=\xff").hexdigest()
        assert start.environment_hash({"B": os.fsdecode(b"\xff"), "A": "1"}) == expected

    def test_a_python_without_its_own_sha256(self, monkeypatch: pytest.MonkeyPatch) -> None:
        expected = start.environment_hash({"A": "1"})
        for name in ("_sha2", "_sha256"):
            monkeypatch.setitem(sys.modules, name, None)
        assert start.environment_hash({"A": "1"}) == expected

    def test_it_is_in_the_record(self) -> None:
        assert record(environ={"A": "1"})["environment_hash"] == start.environment_hash({"A": "1"})


class TestStreamKind:
    def test_of_what_a_command_inherits(self, tmp_path: Path) -> None:
        ends = os.pipe()
        sockets = socket.socketpair()
        terminals = pty.openpty()
        file, null = os.open(tmp_path / "x", os.O_CREAT), os.open(os.devnull, os.O_RDONLY)
        opened = [*ends, *(end.fileno() for end in sockets), *terminals, file, null]
        assert {start.stream_kind(number) for number in opened} == {"closed"}  # no command gets those
        kinds = ("pipe", "socket", "terminal", "file", "device")
        assert tuple(start.kind_of(number) for number in (ends[0], opened[2], terminals[1], file, null)) == kinds
        os.set_inheritable(null, True)
        assert start.stream_kind(null) == "device"
        for number in (*ends, *terminals, file, null):
            os.close(number)
        for end in sockets:
            end.close()
        assert start.stream_kind(null) == start.kind_of(null) == "closed"


def test_run_around_and_batch_job() -> None:
    environ = {"VESTIGE_RUN": "/r", "VESTIGE_RUN_ID": ID, "SLURM_JOB_ID": "7", "SLURM_JOB_USER": "me", "OSG_SITE": "x"}
    made = record(environ=environ)
    assert (made["parent"], made["parent_folder"]) == (ID, "/r")
    assert made["job"] == {"OSG_SITE": "x", "SLURM_JOB_ID": "7"}


def test_this_machine() -> None:
    here = machine.describe()
    assert here["system"] == os.uname().sysname
    assert here["cpus_allowed"] == len(os.sched_getaffinity(0))
    memory = here["memory"]
    assert isinstance(memory, int)
    assert memory == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") or memory > 1 << 27


def proc(folder: Path, *, groups: str, mounts: str) -> str:
    (folder / "cgroup").write_text(groups)
    (folder / "mountinfo").write_text(mounts)
    return str(folder)


def test_limits_of_version_two_up_the_path(tmp_path: Path) -> None:
    inner = tmp_path / "fs" / "slice" / "job"
    inner.mkdir(parents=True)
    (inner / "cpu.max").write_text("max 100000\n")
    (inner / "memory.max").write_text("4000000000\n")
    (inner.parent / "cpu.max").write_text("150000 100000\n")
    (inner.parent / "memory.max").write_text("3000000000\n")
    mounts = f"30 20 0:26 / {tmp_path}/fs rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
    groups = machine.control_groups(proc(tmp_path, groups="0::/slice/job\n", mounts=mounts))
    assert machine.cpu_quota(groups) == 1.5
    assert machine.memory_limit(groups) == 3_000_000_000


def test_limits_of_version_one_in_a_container_without_a_namespace(tmp_path: Path) -> None:
    for name in ("cpu", "memory"):
        (tmp_path / name).mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("50000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    mounts = (
        f"31 20 0:27 /docker/abc {tmp_path}/cpu ro - cgroup cgroup rw,cpu,cpuacct\n"
        f"32 20 0:28 /docker/abc {tmp_path}/memory ro - cgroup cgroup rw,memory\n"
    )
    text = "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n"
    groups = machine.control_groups(proc(tmp_path, groups=text, mounts=mounts))
    assert machine.cpu_quota(groups) == 0.5
    assert machine.memory_limit(groups) is None


def test_no_limits_where_nothing_can_be_read(tmp_path: Path) -> None:
    groups = machine.control_groups(str(tmp_path))
    assert (machine.cpu_quota(groups), machine.memory_limit(groups)) == (None, None)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_tiny_json_is_json(value: Any) -> None:
    text = tinyjson.dumps(value)
    assert text.isascii()
    assert json.loads(text) == value


@given(st.text())
def test_quoting_without_the_accelerator(text: str) -> None:
    assert json.loads('"' + "".join(map(tinyjson._escaped, text)) + '"') == text  # noqa: SLF001 - of other Pythons


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_tiny_json_refuses_what_json_does_not_know(value: float) -> None:
    with pytest.raises(ValueError, match="is not JSON"):
        tinyjson.dumps([value])


@pytest.mark.parametrize("value", [b"x", {1: 2}, {1}, object()])
def test_tiny_json_refuses_other_types(value: object) -> None:
    with pytest.raises(TypeError, match="is not JSON"):
        tinyjson.dumps(value)
