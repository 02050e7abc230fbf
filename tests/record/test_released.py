"""One run folder of each released schema stays readable and is what its events give."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from harness.kept import read_record

from vestige.finalising.finalise import finalise
from vestige.record import codec, place
from vestige.record.model import Options
from vestige.store.runs import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

RELEASED = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "records")
MADE = ("record.json", "processes.jsonl", "files.jsonl", "usage.jsonl")
ADDED = (  # since the first records were made
    "options", "files", "software", "network", "code", "commit", "environment_hash", "spans",
)  # fmt: skip


def run_folder(version: str) -> str:
    (name,) = os.listdir(os.path.join(RELEASED, version, "runs"))
    return os.path.join(RELEASED, version, "runs", name)


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


@pytest.mark.parametrize("version", sorted(filter(str.isdigit, os.listdir(RELEASED))))
def test_released_record_stays_readable(version: str) -> None:
    folder = RunFolder(run_folder(version))
    record = folder.load()
    assert record.id == "01980d2a-7c00-7abc-8def-0123456789ab"
    assert record.argv == ("sh", "-c", "cc -O2 a.c; ./worker & kill -9 $!; daemon", '"\\377odd"')
    assert (record.status, record.exit.code, record.resources["wall"].value) == ("ended", 3, 2.5)
    assert len(list(folder.processes())) == record.processes == 6
    assert len(list(folder.points())) == 3


@pytest.mark.parametrize("name", MADE)
def test_events_give_exactly_this_record(tmp_path: Path, name: str) -> None:
    source = run_folder("1")
    path = str(tmp_path / os.path.basename(source))
    os.mkdir(path)
    shutil.copy(os.path.join(source, "events.jsonl"), path)
    first = os.path.join(RELEASED, "1", "first-record.json")
    place.write_atomically(os.path.join(path, "record.json"), read(first))
    finalise(path)
    assert read(os.path.join(path, name)) == read(os.path.join(source, name))


def test_a_record_without_the_later_keys_stays_readable(tmp_path: Path) -> None:
    content = codec.read_object(os.path.join(run_folder("1"), "record.json"))
    old = {key: value for key, value in content.items() if key not in ADDED}
    old["completeness"] = {key: value for key, value in old["completeness"].items() if key not in ("files", "gaps")}
    place.write_atomically(str(tmp_path / "record.json"), json.dumps(old).encode())
    folder = RunFolder(str(tmp_path))
    record = folder.load()
    assert (record.options, record.files, record.software, record.network) == (Options(), {}, (), ())
    assert list(folder.files()) == []


def test_its_first_record_is_one_of_a_running_run() -> None:
    assert read_record(os.path.join(RELEASED, "1", "first-record.json")).status == "running"
