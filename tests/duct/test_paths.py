"""The four files of a log: their names, what is in their way, and the prefix."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from vestige.con_duct.paths import Paths, conflict, fill_prefix
from vestige.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from pathlib import Path


def test_names_in_the_order_of_con_duct() -> None:
    assert Paths("x_").all() == ("x_stdout", "x_stderr", "x_usage.jsonl", "x_info.json")
    assert Paths("").info == "info.json"


def test_what_is_there_is_named_and_removed(tmp_path: Path) -> None:
    paths = Paths(f"{tmp_path}/x_")
    assert paths.taken() == []
    paths.remove()
    (tmp_path / "x_stderr").touch()
    (tmp_path / "x_info.json").touch()
    (tmp_path / "x_stdout").symlink_to("nowhere")  # in nobody's way, but it would lead elsewhere
    (tmp_path / "y").touch()
    assert paths.taken() == [paths.stderr, paths.info]
    paths.remove()
    assert os.listdir(tmp_path) == ["y"]


def test_what_cannot_be_removed_is_named(tmp_path: Path) -> None:
    (tmp_path / "x_stdout").mkdir()
    with pytest.raises(StoreError, match="x_stdout: Is a directory"):
        Paths(f"{tmp_path}/x_").remove()


def test_the_folder_is_made_where_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Paths("x_").make_folder()
    assert os.listdir(tmp_path) == []
    for _ in range(2):
        Paths("a/b/x_").make_folder()
    assert os.listdir(tmp_path / "a" / "b") == []
    (tmp_path / "file").touch()
    with pytest.raises(
        StoreError, match=re.escape("can't make the folder file/c: Not a directory; choose another with `-p`")
    ):
        Paths("file/c/x_").make_folder()


def test_placeholders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    moment = r"\d{4}\.\d\d\.\d\dT\d\d\.\d\d\.\d\d"
    assert re.fullmatch(rf"/home/me/{moment}-{moment}-7_", fill_prefix("~/{datetime}-{datetime_filesafe}-{pid}_", 7))
    assert fill_prefix("a{{pid}}", 7) == "a{pid}"
    assert fill_prefix("2026-11-23 10:30:00 {{x:12345}} {pid:05d}", 7) == "2026-11-23 10:30:00 {x:12345} 00007"
    assert fill_prefix("", 7) == ""


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{foo}_", "no placeholder 'foo': only {datetime} and {pid}"),
        ("{pid", "can't be read"),
        ("}", "can't be read"),
        ("{0}", "can't be read"),
        ("{pid.real.x}", "can't be read"),
        ("{pid[0]}", "can't be read"),
        ("{pid:x.y}", "can't be read"),
        ("a\0", "holds a NUL"),
        ("{pid:9999999999d}", "more than 999 letters"),  # as much memory as that
        ("a{{b}}{datetime:>1000}", "more than 999 letters"),
        ("{pid:{pid}{pid}d}", "more than 999 letters"),
    ],
)
def test_a_prefix_that_is_none(template: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        fill_prefix(template, 7)


def test_what_is_said_of_files_in_the_way() -> None:
    assert conflict(["a", "b"]).splitlines() == [
        "Conflicting files:",
        "- a",
        "- b",
        "Use --clobber to overwrite conflicting files.",
    ]
