"""What is there then and now, byte for byte; the way through the kinds down to bytes."""

from __future__ import annotations

import gzip
import os
import sys
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from contents.versions import compared

from vestige.contents import content
from vestige.contents.comparison import Comparison, Tolerance, compare
from vestige.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

MB = 1 << 20


def between(then: Path, now: Path, name: str = "x") -> Comparison:
    return compare(str(then), str(now), name=name)


def sparse(path: Path, size: int, last: bytes) -> Path:
    with path.open("wb") as file:
        file.seek(size - len(last))
        file.write(last)
    return path


def test_the_same_bytes() -> None:
    assert compared(b"\0x", b"\0x", "x.bin") == Comparison("identical", "bytes")
    assert compared(b"", b"", "x.json").verdict == "identical"


def test_other_bytes() -> None:
    found = compared(b"\0abc", b"\0abd1", "x.bin")
    assert (found.verdict, found.kind) == ("different", "bytes")
    assert found.detail == "4 bytes then, 5 now, first different byte at offset 3"
    assert compared(b"\0" * 3 * MB + b"a", b"\0" * 3 * MB + b"b", "x").detail == (
        "3 145 729 bytes, first different byte at offset 3 145 728"
    )


def test_one_side_or_none(tmp_path: Path) -> None:
    there, gone = tmp_path / "there", tmp_path / "gone"
    there.write_text("x")
    assert between(there, gone).verdict == "missing"
    assert between(gone, there) == Comparison("new", "bytes", "there now, not then")
    assert between(gone, gone).verdict == "missing"
    assert between(there / "below", there).verdict == "new"
    assert compare("nul\0", str(there), name="x").verdict == "new"


def test_links_are_their_targets(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for link, target in (("one", "file"), ("same", "file"), ("other", "file\n2")):
        (tmp_path / link).symlink_to(target)
    assert between(tmp_path / "one", tmp_path / "same") == Comparison("identical", "link")
    other = between(tmp_path / "one", tmp_path / "other")
    assert (other.verdict, other.detail) == ("different", "to 'file' then, to 'file\\n2' now")
    assert between(tmp_path / "one", tmp_path / "file").detail == "a link then, a file now"


def test_only_files_and_links(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("x")
    for path, what in ((tmp_path, "a directory"), (tmp_path / "pipe", "a named pipe")):
        assert between(path, path).verdict == "different"
        assert between(path, path).detail == f"{what}: only files and links are compared"
        assert between(path, tmp_path / "file").detail == f"{what} then, a file now"


def test_permission_to_execute(tmp_path: Path) -> None:
    plain, script, other = tmp_path / "plain", tmp_path / "script", tmp_path / "other"
    for path, text in ((plain, "a"), (script, "a"), (other, "b")):
        path.write_text(text)
    script.chmod(0o755)
    other.chmod(0o600)
    assert between(plain, script).verdict == "different"
    assert between(plain, script).detail == "executable now, not then; the content is identical"
    assert between(script, other).detail == "executable then, not now; line 1: 'a' then, 'b' now"


def test_reading_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").write_text("x")
    with monkeypatch.context() as patch:
        patch.setattr(content, "_regular", lambda path, _flags: os.open(path, os.O_WRONLY))
        found = between(tmp_path / "one", tmp_path / "one")
    assert (found.verdict, found.detail) == ("different", "can't be compared: Bad file descriptor")


def test_large_files_take_no_memory(tmp_path: Path) -> None:
    one, same, other = (sparse(tmp_path / name, 300 * MB, name[-1:].encode()) for name in ("1a", "2a", "b"))
    tracemalloc.start()
    try:
        assert between(one, same, "x.json").verdict == "identical"
        found = between(one, other, "x.parquet")
        assert tracemalloc.get_traced_memory()[1] < 16 * MB
    finally:
        tracemalloc.stop()
    assert (found.verdict, found.kind) == ("different", "bytes")
    assert found.detail == (
        "314 572 800 bytes, first different byte at offset 314 572 799; "
        "too large to compare as Parquet (more than 256 MB)"
    )


def test_what_is_no_json_is_compared_as_text() -> None:
    found = compared('{"a": 1,\n"b": 2', '{"a": 1,\n"b": 3}', "x.json")
    assert (found.verdict, found.kind) == ("different", "text")
    assert (found.detail or "").startswith("line 2: '\"b\": 2' then, '\"b\": 3}' now; no valid JSON then (Expecting")


@pytest.mark.parametrize("name", ["x.parquet", "x.png", "x.npy", "x.npz", "x.feather"])
def test_what_no_kind_decodes_is_compared_as_bytes(name: str) -> None:
    found = compared(b"\0\1\2", b"\0\1\3", name)
    assert (found.verdict, found.kind) == ("different", "bytes")
    assert (found.detail or "").startswith("3 bytes, first different byte at offset 2; ")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("pyarrow", "x.parquet"),
        ("pyarrow", "x.arrow"),
        ("PIL", "x.png"),
        ("numpy", "x.png"),
        ("numpy", "x.npy"),
        ("numpy", "x.npz"),
    ],
)
def test_without_the_library(monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> None:
    """Whichever others there are, one command installs all that is missing."""
    for loaded in [one for one in sys.modules if one.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, module, None)
    empty_archive = b"PK\5\6" + bytes(18)
    found = compared(empty_archive + b"\0", empty_archive, name)
    if name != "x.npz":  # in which there is nothing to decode
        assert found.verdict == "different"
        assert (found.detail or "").endswith("; comparing by content needs `pip install 'vestige[verify]'`")


def test_a_pickle_is_never_loaded() -> None:
    bomb = b"cos\nsystem\n(S'touch /nonexistent'\ntR."
    found = compared(bomb, bomb + b"\0", "x.pkl")
    assert (found.verdict, found.kind) == ("different", "bytes")
    assert (found.detail or "").endswith("; a pickle is never loaded: it could run anything")


def test_the_content_tells_where_the_name_does_not() -> None:
    assert compared('{"a": 1, "b": 2}', '{"b": 2, "a": 1}', "folder.d/result").kind == "json"
    assert compared('{"a": 1, "b": 2}', '{"b": 2, "a": 1}', "x.txt").kind == "text"
    assert compared("[2024] one\n", "[2024] two\n", "log").kind == "text"


def test_a_terminal_obeys_nothing() -> None:
    found = compared("\x1b[31mred\n", "\x1b[32mgreen\n", "x")
    assert found.detail == "line 1: '\\x1b[31mred' then, '\\x1b[32mgreen' now"
    assert "\x1b" not in str(compared('{"\x1b[31m": 1}', "{}", "x.json").detail)


def wrapped(text: str, mtime: int = 0) -> bytes:
    return gzip.compress(text.encode(), mtime=mtime)


def test_gzip_with_another_time() -> None:
    found = compared(wrapped("abc", 1), wrapped("abc", 2), "x.csv.gz")
    assert (found.verdict, found.kind) == ("equal", "gzip")


def test_gzip_is_unwrapped() -> None:
    assert compared(wrapped("a,b\n1,2.0\n"), wrapped("a,b\n1,2.00\n", 1), "x.csv.gz").verdict == "equal"
    found = compared(wrapped("a,b\n1,2\n"), wrapped("a,b\n1,3\n"), "x.CSV.GZ")
    assert (found.verdict, found.kind) == ("different", "csv")
    assert (found.detail or "").startswith("in gzip, row 2, column 'b': 2 then, 3 now")
    assert compared(wrapped('{"a": 1}'), wrapped('{"a":1}'), "x").kind == "json"


def test_gzip_of_bytes_in_several_members() -> None:
    whole = wrapped("\0ab")
    assert compared(wrapped("\0") + wrapped("ab"), whole, "x.gz").verdict == "equal"
    found = compared(wrapped("\0") + wrapped("ac"), whole, "x.gz")
    assert (found.kind, found.detail) == ("bytes", "in gzip, 3 bytes, first different byte at offset 2")


def test_damaged_gzip() -> None:
    whole = wrapped("abc")
    for damaged in (whole[:-3], whole + b"junk", whole[:12] + b"\xff\xff" + whole[14:]):
        found = compared(whole, damaged, "x.txt.gz")
        assert (found.verdict, found.kind) == ("different", "bytes")
        assert "no valid gzip" in (found.detail or "")


def test_a_bomb_in_gzip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "_MOST_UNWRAPPED", 2 * MB)
    found = compared(gzip.compress(bytes(4 * MB)), gzip.compress(bytes(4 * MB) + b"x"), "x.json.gz")
    assert (found.verdict, found.kind) == ("different", "bytes")
    assert "unwrapped" in (found.detail or "")


def test_gzip_is_unwrapped_once() -> None:
    then, now = (gzip.compress(wrapped(text), mtime=0) for text in ("a,b\n1,2\n", "a,b\n1,3\n"))
    assert compared(then, now, "x.csv.gz.gz").kind == "bytes"


def test_tolerance_is_checked() -> None:
    for wrong in ({"relative": -1.0}, {"relative": 1.0}, {"relative": float("nan")}, {"absolute": float("inf")}):
        with pytest.raises(UsageError):
            Tolerance(**wrong)
