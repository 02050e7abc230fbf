"""Hashes of what the run used, and why there may be none; the cache of them."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from vestige.provenance import cache, hashing
from vestige.record.model import FileState, FileUse, Options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vestige.record.model import FileClass

FULL = Options()
LONG_AGO = 1_500_000_000_000_000_000


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    monkeypatch.setattr(hashing, "_WORTH_CACHING", 0)
    monkeypatch.setattr(cache, "_RACY", -(1 << 62))  # files of a test are always new
    yield folder
    if folder.exists():
        folder.chmod(0o700)


def state(path: Path) -> FileState:
    status = path.lstat()
    return FileState("file", status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_dev, status.st_ino)


def use(path: Path, kind: FileClass = "input", *, executed: bool = False) -> FileUse:
    return FileUse(str(path), kind, before=state(path), after=state(path), executed=executed)


def put(path: Path, content: bytes | bytearray) -> Path:
    path.write_bytes(content)
    return path


def one(found: FileUse, options: Options = FULL) -> FileUse:
    (result,) = hashing.hashed([found], options)
    return result


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5_000_000])
def test_content(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    assert one(use(put(tmp_path / "a", content))).hash == sha256(content)


def test_nothing_else_is_changed(tmp_path: Path) -> None:
    seen = state(put(tmp_path / "a", b"x"))
    full = FileUse(
        str(tmp_path / "a"), "modified", ("/b",), dataclasses.replace(seen, size=9), seen, None, None, True, True,
        "python:x", (1, 2), (3,), 0.5, "rule",
    )  # fmt: skip
    assert all(getattr(full, field.name) for field in dataclasses.fields(full) if not field.name.startswith("hash"))
    assert one(full) == dataclasses.replace(full, hash=sha256(b"x"))


def test_the_largest_of_too_much_are_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "_MOST", 30)
    uses = [use(put(tmp_path / str(size), bytes(size))) for size in (25, 10, 20)]
    found = list(hashing.hashed(uses, FULL))
    assert [one.hash for one in found[1:]] == [sha256(bytes(10)), sha256(bytes(20))]
    assert (found[0].hash or "").startswith("sha256-fast:")
    assert found[0].hash_reason == hashing.SAMPLED
    # a sample is not kept: with the others known there is time for the whole of it
    assert one(uses[0]).hash == sha256(bytes(25))


def test_order_is_kept(tmp_path: Path) -> None:
    contents = [bytes([number]) * (3_000_000 if number % 3 == 0 else number) for number in range(20)]
    uses = [use(put(tmp_path / str(number), content)) for number, content in enumerate(contents)]
    found = list(hashing.hashed(uses, FULL))
    assert [file.path for file in found] == [file.path for file in uses]
    assert [file.hash for file in found] == list(map(sha256, contents))


@pytest.mark.parametrize(
    ("kind", "executed", "hashed"),
    [
        ("input", False, True),
        ("output", False, True),
        ("modified", False, True),
        ("unchanged", False, True),
        ("config", False, True),
        ("software", False, False),
        ("software", True, True),
        ("cache", False, False),
        ("pseudo", True, False),
        ("probed", False, False),
        ("listed", False, False),
    ],
)
def test_classes(tmp_path: Path, kind: FileClass, executed: bool, hashed: bool) -> None:
    found = one(use(put(tmp_path / "a", b"x"), kind, executed=executed))
    assert (found.hash == sha256(b"x")) is hashed
    assert found.hash_reason is None


def test_large_settings_are_not_hashed(tmp_path: Path) -> None:
    assert one(use(put(tmp_path / "a", b"x" * 1_000_001), "config")).hash is None


def test_what_is_not_asked_for(tmp_path: Path) -> None:
    small, large = put(tmp_path / "a", b"x"), put(tmp_path / "b", b"x" * 11)
    assert one(use(small), Options(hash="none")).hash_reason == "not asked for"
    limited = Options(hash_limit=10)
    assert one(use(small), limited).hash == sha256(b"x")
    assert one(use(large), limited).hash is None
    assert one(use(large), limited).hash_reason == "larger than the limit of 10 bytes"


def test_fast_takes_samples(tmp_path: Path) -> None:
    content = bytearray(os.urandom(8 << 20))
    path = put(tmp_path / "a", content)
    fast = Options(hash="fast")
    first = one(use(path), fast).hash or ""
    assert first.startswith("sha256-fast:")
    content[2 << 20] ^= 1  # between the samples
    assert one(use(put(path, content)), fast).hash == first
    for place in (0, 4 << 20, (8 << 20) - 1):
        content[place] ^= 1
        assert one(use(put(path, content)), fast).hash != first
    assert (one(use(put(tmp_path / "b", b"")), fast).hash or "").startswith("sha256-fast:")


def test_gone_changed_or_out_of_reach(tmp_path: Path) -> None:
    path = put(tmp_path / "a", b"one")
    seen = use(path)
    put(path, b"other")
    assert one(seen).hash_reason == hashing.CHANGED
    path.unlink()
    assert one(seen).hash_reason == "it is gone since the run ended"
    path.mkdir()
    assert one(seen).hash_reason == hashing.CHANGED
    path.rmdir()
    path.symlink_to("/etc/passwd")
    assert one(seen).hash_reason == "it changed since the run ended"
    path.unlink()
    os.mkfifo(path)
    assert one(seen).hash_reason == hashing.CHANGED
    odd = FileUse("/x\0y", "input", after=seen.after)
    assert one(odd).hash_reason == "no file can have this name"
    doubtful = FileUse(str(path), "output", after=seen.after, hash_reason="who knows")
    assert one(doubtful) == doubtful


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.EACCES, "it may not be read"), (errno.EIO, "it can't be read: Input/output error")],
)
def test_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: str) -> None:
    path = put(tmp_path / "a", b"one")
    seen = use(path)

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    found = hashing.hash_file(seen, hashing.Work(FULL, 3, None))
    monkeypatch.undo()
    assert found == hashing.Hash(None, reason)


def test_changed_while_it_is_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path / "a", b"one")
    seen = use(path)
    real = os.read

    def slow(descriptor: int, length: int) -> bytes:
        put(path, b"others")
        return real(descriptor, length)

    monkeypatch.setattr(os, "read", slow)
    assert one(seen).hash_reason == hashing.UNSTEADY


def test_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "_POLL", 0)
    uses = [use(put(tmp_path / str(number), b"x" * 1000)) for number in range(10)]
    said: list[tuple[int, int]] = []
    list(hashing.hashed(uses, FULL, lambda done, total: said.append((done, total))))
    assert said == [(1000 * (number + 1), 10_000) for number in range(10)]


def test_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "_POLL", 0)
    before = threading.active_count()

    def stop(_: int, __: int) -> None:
        raise KeyboardInterrupt

    uses = [use(put(tmp_path / "large", b"x" * 3_000_000)), use(put(tmp_path / "small", b"x"))]
    with pytest.raises(KeyboardInterrupt):
        list(hashing.hashed(uses, FULL, stop))
    assert threading.active_count() == before


def spied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list that grows by every file that is read."""
    read: list[str] = []
    real = hashing.hash_file

    def spy(file: FileUse, work: hashing.Work) -> hashing.Hash:
        read.append(file.path)
        return real(file, work)

    monkeypatch.setattr(hashing, "hash_file", spy)
    return read


def test_the_same_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = spied(monkeypatch)
    path = put(tmp_path / "a", b"one")
    assert one(use(path)).hash == one(use(path)).hash == sha256(b"one")
    assert len(read) == 1
    assert one(use(put(path, b"two"))).hash == sha256(b"two")
    assert len(read) == 2


def test_a_hash_of_the_cache_is_of_a_file_that_still_is_so(tmp_path: Path) -> None:
    path = put(tmp_path / "a", b"one")
    seen = use(path)
    one(seen)
    put(path, b"other")
    assert one(seen).hash_reason == hashing.CHANGED
    path.unlink()
    assert one(seen).hash_reason == "it is gone since the run ended"


def test_new_files_are_not_trusted_to_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = spied(monkeypatch)
    monkeypatch.setattr(cache, "_RACY", 2_000_000_000)
    path = put(tmp_path / "a", b"one")
    one(use(path))
    one(use(path))
    assert len(read) == 2


def test_little_work_needs_no_cache(tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "_WORTH_CACHING", 32 << 20)
    one(use(put(tmp_path / "a", b"one")))
    assert not cache_folder.exists()


@pytest.mark.parametrize("content", [b"", b"nonsense" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_cache(tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    (cache_folder / "vestige").mkdir(parents=True)
    (cache_folder / "vestige" / "hashes.sqlite3").write_bytes(content)
    read = spied(monkeypatch)
    path = put(tmp_path / "a", b"one")
    for _ in range(3):
        assert one(use(path)).hash == sha256(b"one")
    assert len(read) <= 2  # it was made anew


def test_a_cache_cut_in_the_middle(tmp_path: Path, cache_folder: Path) -> None:
    uses = [use(put(tmp_path / str(number), b"%d" % number)) for number in range(500)]
    expected = [sha256(b"%d" % number) for number in range(500)]
    assert [file.hash for file in hashing.hashed(uses, FULL)] == expected
    path = cache_folder / "vestige" / "hashes.sqlite3"
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size // 2)
    for _ in range(2):
        assert [file.hash for file in hashing.hashed(uses, FULL)] == expected


def test_nonsense_in_the_cache(tmp_path: Path, cache_folder: Path) -> None:
    path = put(tmp_path / "a", b"one")
    one(use(path))
    for nonsense in ("x", 7, None, "sha256:abc"):
        with sqlite3.connect(cache_folder / "vestige" / "hashes.sqlite3") as file:
            file.execute("CREATE TABLE IF NOT EXISTS other (x)")
            if nonsense is not None:
                file.execute("UPDATE hashes SET hash = ?", (nonsense,))
        file.close()
        assert one(use(path)).hash == sha256(b"one")


def test_a_cache_of_another_form(tmp_path: Path, cache_folder: Path) -> None:
    (cache_folder / "vestige").mkdir(parents=True)
    with sqlite3.connect(cache_folder / "vestige" / "hashes.sqlite3") as file:
        file.execute("CREATE TABLE hashes (other)")
    file.close()
    assert one(use(put(tmp_path / "a", b"one"))).hash == sha256(b"one")


def test_no_place_for_a_cache(tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache_folder.write_text("a file")
    assert one(use(put(tmp_path / "a", b"one"))).hash == sha256(b"one")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME", raising=False)
    assert one(use(put(tmp_path / "a", b"two"))).hash == sha256(b"two")


def test_a_cache_that_is_locked(tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_PATIENCE", 0.01)
    one(use(put(tmp_path / "a", b"one")))
    with sqlite3.connect(cache_folder / "vestige" / "hashes.sqlite3") as file:
        file.execute("BEGIN EXCLUSIVE")
        assert one(use(put(tmp_path / "b", b"two"))).hash == sha256(b"two")
    file.close()
    assert (cache_folder / "vestige" / "hashes.sqlite3").exists()


def test_several_runs_at_once(tmp_path: Path) -> None:
    uses = [use(put(tmp_path / str(number), b"%d" % number)) for number in range(200)]
    found: list[list[str | None]] = []
    work = lambda: found.append([file.hash for file in hashing.hashed(uses, FULL)])  # noqa: E731
    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[sha256(b"%d" % number) for number in range(200)]] * 6
