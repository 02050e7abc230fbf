"""Which store, which folder, which id; files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestige.errors import StoreError
from vestige.record import place

if TYPE_CHECKING:
    from pathlib import Path


def found(cwd: Path, explicit: str | None = None, configured: str | None = None, **environ: str) -> tuple[str, str]:
    store = place.find_store(explicit=explicit, configured=configured, environ=environ, cwd=str(cwd))
    return store.path, store.source


def test_named_stores_go_before_all_others_in_order(tmp_path: Path) -> None:
    place.mark_store(place.Store(f"{tmp_path}/.vestige", "option"))
    assert found(tmp_path, "a", "c", VESTIGE_STORE="b") == (f"{tmp_path}/a", "option")
    assert found(tmp_path, None, "c", VESTIGE_STORE="b") == (f"{tmp_path}/b", "environment")
    assert found(tmp_path, None, "/c") == ("/c", "config")
    assert found(tmp_path, "", "", VESTIGE_STORE="") == (f"{tmp_path}/.vestige", "folder")


def test_home_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert found(tmp_path, "~/runs") == ("/home/me/runs", "option")


def test_a_store_that_came_about_by_itself_draws_in_nothing_below(tmp_path: Path) -> None:
    inner = tmp_path / "project"
    inner.mkdir()
    place.make_store(place.Store(f"{tmp_path}/.vestige", "here"))
    assert found(inner) == (f"{inner}/.vestige", "here")
    assert found(tmp_path) == (f"{tmp_path}/.vestige", "here")


def test_nearest_marked_folder_upward_goes_before_git(tmp_path: Path) -> None:
    inner = tmp_path / "repo" / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "repo" / ".git").mkdir()
    assert found(inner) == (f"{tmp_path}/repo/.vestige", "git")
    place.mark_store(place.Store(f"{tmp_path}/repo/a/.vestige", "option"))
    assert found(inner) == (f"{tmp_path}/repo/a/.vestige", "folder")


def test_linked_work_tree_has_a_file(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /elsewhere\n")
    assert found(tmp_path) == (f"{tmp_path}/.vestige", "git")


def test_elsewhere_it_is_here(tmp_path: Path) -> None:
    if place.find_store(explicit=None, configured=None, environ={}, cwd=str(tmp_path)).source != "here":
        pytest.skip("the folder for temporary files lies in a store or a Git work tree")
    assert found(tmp_path) == (f"{tmp_path}/.vestige", "here")


def test_file_named_like_a_store_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".vestige").write_text("")
    assert found(tmp_path)[1] == "git"


def test_state_store() -> None:
    assert place.state_store({"XDG_STATE_HOME": "/s"}).path == "/s/vestige"
    assert place.state_store({"XDG_STATE_HOME": "relative"}).path == os.path.expanduser("~/.local/state/vestige")


@given(now=st.integers(0, (1 << 48) * 1_000_000 - 1))
def test_ids_are_uuids_of_version_seven_that_tell_the_time(now: int) -> None:
    made = uuid.UUID(place.new_id(now))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == now // 1_000_000


def test_ids_differ_and_sort_by_time() -> None:
    ids = [place.new_id(second * 1_000_000_000) for second in range(500)]
    assert sorted(ids) == ids
    assert len({place.new_id(0) for _ in range(1000)}) == 1000
    assert abs((uuid.UUID(place.new_id()).int >> 80) - time.time_ns() // 1_000_000) < 60_000


def test_names_and_times() -> None:
    run_id = "01980d2a-7c00-7abc-8def-0123456789ab"
    assert place.run_folder_name(run_id, 1_760_000_000_999_999_999) == "20251009T085320Z-456789ab"
    assert place.utc_text(1_760_000_000_000_123_999) == "2025-10-09T08:53:20.000123Z"


def test_first_run_makes_the_store_that_git_does_not_see(tmp_path: Path) -> None:
    store = place.Store(str(tmp_path / "x" / ".vestige"), "here")
    folder = place.create_run(store, place.new_id(), 0, record=b"{}\n", environ={})
    assert os.listdir(folder) == ["record.json"]
    assert (tmp_path / "x" / ".vestige" / ".gitignore").read_text().splitlines()[-1] == "*"


def test_own_gitignore_is_left_alone(tmp_path: Path) -> None:
    store = place.Store(str(tmp_path), "here")
    (tmp_path / ".gitignore").write_text("mine\n")
    place.make_store(store)
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


def test_unwritable_default_falls_back_to_the_state_folder(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("")
    store = place.Store(str(tmp_path / "blocked" / ".vestige"), "here")
    environ = {"XDG_STATE_HOME": str(tmp_path / "state")}
    folder = place.create_run(store, place.new_id(), 0, record=b"{}\n", environ=environ)
    assert folder.startswith(f"{tmp_path}/state/vestige/runs/19700101T000000Z-")
    assert [found.path for found in place.stores_to_read(store, environ)] == [f"{tmp_path}/state/vestige"]


def test_unwritable_named_store_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("")
    store = place.Store(str(tmp_path / "blocked" / "runs"), "option")
    with pytest.raises(StoreError, match=r"can't make the store at .*/blocked/runs: Not a directory; choose another"):
        place.create_run(store, place.new_id(), 0, record=b"{}", environ={"XDG_STATE_HOME": str(tmp_path)})
    assert place.stores_to_read(store, {}) == [store]


def test_no_place_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("")
    store = place.Store(str(tmp_path / "blocked" / ".vestige"), "git")
    with pytest.raises(StoreError, match=r"neither .* nor .* can be written"):
        place.create_run(store, place.new_id(), 0, record=b"{}", environ={"XDG_STATE_HOME": str(tmp_path / "blocked")})


def test_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = place.Store(str(tmp_path), "option")
    place.make_store(store)

    def full(_: int, __: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreError, match="No space left on device"):
        place.create_run(store, place.new_id(), 0, record=b"{}", environ={})
    assert os.listdir(tmp_path / "runs") == []


def test_failed_write_keeps_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    place.write_atomically(str(path), b"old")

    def failing(_: int) -> None:
        raise OSError(errno.EIO, "failing disk")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="failing disk"):
        place.write_atomically(str(path), b"new", durable=True)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_written_file_has_the_mode_that_the_umask_asks_for(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        place.write_atomically(str(tmp_path / "file"), b"x")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_start_up_path_stays_light() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "from vestige.record import place, start, tinyjson\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    source = os.path.dirname(os.path.dirname(os.path.dirname(place.__file__)))
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {source!r})\n{code}"],
        check=True,
        capture_output=True,
        text=True,
    )
    allowed = {"__future__", "_json", "vestige", "vestige._version", "vestige.errors", "vestige.text"}
    others = {name for name in done.stdout.split() if not name.startswith("vestige.record")}
    assert others <= allowed
