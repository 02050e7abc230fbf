"""The writer in C and the reader in Python agree on every byte (`docs/reference/events.md`, text)."""

from __future__ import annotations

import ctypes
import json
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestige import text

NATIVE = Path(__file__).parents[2] / "native"


class Json(ctypes.Structure):
    """`struct json` of native/json.h."""

    _fields_ = (
        ("text", ctypes.c_char_p),
        ("size", ctypes.c_size_t),
        ("length", ctypes.c_size_t),
        ("overflow", ctypes.c_bool),
        ("comma", ctypes.c_bool),
    )


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    library = tmp_path_factory.mktemp("native") / "json.so"
    subprocess.run(["cc", "-std=c11", "-shared", "-fPIC", "-o", library, NATIVE / "json.c"], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.json_text.argtypes = (ctypes.POINTER(Json), ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t)
    loaded.json_start.argtypes = (ctypes.POINTER(Json), ctypes.c_char_p, ctypes.c_size_t)
    return loaded


def written(writer: ctypes.CDLL, raw: bytes, *, room: int = 8192) -> bytes | None:
    """What json_text makes of `raw`, None where it did not fit."""
    buffer = ctypes.create_string_buffer(room)
    state = Json()
    writer.json_start(state, ctypes.cast(buffer, ctypes.c_char_p), room)
    writer.json_text(state, None, raw, len(raw))
    return None if state.overflow else buffer.raw[: state.length]


@given(raw=st.one_of(st.binary(max_size=400), st.text(max_size=200).map(lambda s: s.encode("utf-8", "surrogatepass"))))
def test_any_bytes_come_back(writer: ctypes.CDLL, raw: bytes) -> None:
    line = written(writer, raw)
    assert line is not None
    assert json.loads(line.decode("utf-8")) == text.from_bytes(raw)
    assert text.to_bytes(text.from_bytes(raw)) == raw


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b'"',
        b'""',
        b'"plain"',
        b"\xff",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"a\\b\n\x00",
        b"\xe2\x82",
    ],
)
def test_the_odd_ones_come_back(writer: ctypes.CDLL, raw: bytes) -> None:
    line = written(writer, raw)
    assert line is not None
    assert text.to_bytes(json.loads(line)) == raw


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Größe".encode(), "Größe"),
        (b"a\\b\n", "a\\b\n"),
        (b'a "b"', 'a "b"'),
        (b'"', r'"\""'),
        (b'"a"', r'"\"a\""'),
        (b"\xff \x1f~\x7f\\", r'"\377 \037~\177\\"'),
    ],
)
def test_only_what_needs_it_is_quoted(raw: bytes, shown: str) -> None:
    assert text.from_bytes(raw) == shown
    assert text.to_bytes(shown) == raw


@pytest.mark.parametrize(
    "foreign",
    ['"', '"a', 'a"', '"a\\', '"a\\x"', '"\\9"', '"ā"', '"\\400"', '\\"', '"\\0"', '"\\12"', '"\\12a"', '"\\0o7"',
     '"\\+12"', '"\\1_2"', '"\\ 12"', '"\\\u0660\u0660\u0661"', '"é"', '"a"b"', '"a\n"', '"\x7f"'],
)  # fmt: skip
def test_what_is_not_well_quoted_stands_for_itself(foreign: str) -> None:
    assert text.to_bytes(foreign) == foreign.encode()


@given(inner=st.text('"\\01789 a_é\n', max_size=12))
def test_text_in_quotes_is_read_only_as_it_is_documented(inner: str) -> None:
    escape = re.compile(r'\\([0-3][0-7]{2}|["\\])')
    is_quoted = re.fullmatch(r'(?:[ !#-\[\]-~]|\\["\\]|\\[0-3][0-7]{2})*', inner)
    said = escape.sub(lambda it: chr(int(it[1], 8)) if it[1].isdigit() else it[1], inner).encode("latin-1", "ignore")
    assert text.to_bytes(f'"{inner}"') == (said if is_quoted else f'"{inner}"'.encode())


def test_nothing_in_quotes_is_nothing() -> None:
    assert text.to_bytes('""') == b""


def test_half_of_a_character_is_not_lost() -> None:
    assert text.to_bytes("\ud800") == b"\xed\xa0\x80"
    assert text.to_bytes('"\ud800"') == b'"\xed\xa0\x80"'


def test_a_terminal_obeys_no_text() -> None:
    assert text.printable("ā \x1b[2J\n\ud800\u202e") == r"ā \x1b[2J\n\ud800\u202e"


@given(raw=st.binary(max_size=64), room=st.integers(min_value=0, max_value=80))
def test_a_small_buffer_is_never_overrun(writer: ctypes.CDLL, raw: bytes, room: int) -> None:
    line = written(writer, raw, room=room)
    assert line is None or len(line) <= room
