"""`vestige duct ls` and `pp` where con-duct itself is no measure: hostile logs, terminals, closed pipes, bounds."""

from __future__ import annotations

import json
import os
import pprint
import pty
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from duct import views
from harness.front import SOURCE

from vestige.con_duct import prefixes
from vestige.duct import filter as filters
from vestige.duct import forms, listing, pretty, table
from vestige.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from harness.command import Vestige

VALUES = {"command": "make -j8", "exit_code": 0, "gpu": [{"name": "A100"}], "hidden": object()}
REFUSED = (
    "open('x')", "eval('1')", "getattr(re, 'x')", "command.__class__", "().__class__.__bases__", "__builtins__",
    "re.sys", "re._compiler", "re.template", "command.format(1)", "'{0.__class__}'.format(command)", "lambda: 1",
    "(x := 1)", "f'{command}'", "[x for x in (open,)][0]('a')", "re.compile('a').scanner('b')", "exit_code()",
    "command.encode()", "(await x)", "type(command)", "re.re", "vars()", "globals()", "print(1)", "str.mro()",
    "len.__self__", "{**gpu}.update()", "(yield)", "'a' * 2 ** command.bit_length()", "any.__self__.open('x')",
)  # fmt: skip


class TestFilter:
    @pytest.mark.parametrize("expression", REFUSED)
    def test_what_reaches_beyond_the_values_is_refused(self, expression: str) -> None:
        with pytest.raises(UsageError, match=r"is not allowed|invalid syntax|outside"):
            filters.compiled(expression)

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("exit_code == 0 and 'make' in command", True), ("command[:4] == 'make'", True), ("not exit_code", True),
            ("gpu[0]['name'].lower() == 'a100'", True), ("gpu[0].get('x', 7) // 2", 3), ("10 ** 3 % 7", 6),
            ("re.sub('[a-z]', '', command, flags=re.IGNORECASE)", " -8"), ("max(len(w) for w in command.split())", 4),
            ("sorted({1, 3, 2})[-1:] + [*(1,)]", None), ("-1 if exit_code else +1", 1), ("{'a': 1}['a'] << 2", 4),
            ("0 <= exit_code < 1 != 2", True), ("isinstance(exit_code, int)", True), ("exit_code is None", False),
        ],
    )  # fmt: skip
    def test_what_asks_for_values_is_answered(self, expression: str, expected: object) -> None:
        if expected is None:
            with pytest.raises(UsageError, match="Starred"):
                filters.compiled(expression)
        else:
            assert filters.compiled(expression)(VALUES) == expected

    def test_values_never_stand_for_functions(self) -> None:
        values = {"len": 7, "re": 8, "__builtins__": {"x": 9}, "command": "ab"}
        assert filters.compiled("len(command) == 2 and bool(re.match('a', command))")(values) is True
        with pytest.raises(NameError):
            filters.compiled("x")(values)

    @pytest.mark.parametrize("expression", ["(" * 5000, "1+" * 4000 + "1", "not " * 2000 + "1", "x" * 20_000, "\0"])
    def test_what_is_too_much_is_an_error(self, expression: str) -> None:
        try:
            filters.compiled(expression)({"x": 1})
        except (UsageError, NameError, RecursionError):
            return


HOSTILE: dict[str, Any] = {
    "escape": views.info("\x1b]0;x\x07\x1b[2J\u202e\x9b"),
    "names": {**views.info(), "\x1b[1m": 1, "re": 1, "prefix": 5},
    "number": views.info(wall_clock_time=10**400, peak_rss=10**400, average_pcpu=-(10**400)),
    "list": views.info(command=["a", {"b": "\x1b"}], exit_code={"a": 1}, start_time=True),
    "half": views.info("\ud800 \udcff"), "text": views.info(**dict.fromkeys(("peak_rss", "end_time"), "\x1b[2J")),
    "summary": {**views.info(), "execution_summary": [1]},
    "nested": {**views.info(), "a": {"b": {"c": {"command": 1}}}},
}  # fmt: skip


def run(vestige: Vestige, *words: str | bytes, **more: Any) -> tuple[int, str, str]:
    done = vestige.bare(vestige.executable, "duct", *words, **more)
    assert b"Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def logs(vestige: Vestige) -> str:
    for name, content in HOSTILE.items():
        with open(vestige.path(f"{name}_info.json"), "w") as file:
            json.dump(content, file)
    return vestige.folder


class TestHostile:
    @pytest.mark.parametrize("form", listing.FORMATS)
    @pytest.mark.parametrize("options", [[], ["--colors"], ["--sort-by", "command", "peak_rss", "start_time"]])
    def test_every_format_shows_every_log(self, logs: str, vestige: Vestige, form: str, options: list[str]) -> None:
        paths = sorted(name for name in os.listdir(logs) if name.endswith("info.json"))
        code, out, err = run(vestige, "ls", *paths, "-f", form, *options, "-F", "command", *views.FIELDS)
        assert (code, err) == (0, "")
        assert all(name in out for name in HOSTILE)
        plain = out.replace("\x1b[1;31m", "").replace("\x1b[1;32m", "").replace("\x1b[0m", "")
        assert all(line.replace("\t", "").isprintable() for line in plain.splitlines())

    def test_odd_files_are_named_and_the_others_listed(self, vestige: Vestige) -> None:
        os.mkfifo(vestige.path("fifo_info.json"))
        os.mkdir(vestige.path("folder_info.json"))
        os.symlink("/dev/zero", vestige.path("zero_info.json"))
        os.symlink("nowhere", vestige.path("gone_info.json"))
        with open(vestige.path("sparse_info.json"), "wb") as file:
            file.truncate(1 << 34)
        with open(vestige.path("good_info.json"), "w") as file:
            json.dump(views.info("good"), file)
        names = sorted(name for name in os.listdir(vestige.folder) if name.endswith("info.json"))
        code, out, err = run(vestige, "ls", *names, "-f", "json")
        assert code == 1
        assert [row["command"] for row in json.loads(out)] == ["good"]
        assert len(err.splitlines()) == 5
        assert "can't read fifo_info.json: not a regular file" in err
        assert "can't read folder_info.json: Is a directory" in err
        assert "sparse_info.json: it has more than 16777216 bytes" in err

    @pytest.mark.parametrize("form", listing.FORMATS)
    def test_odd_names(self, vestige: Vestige, form: str) -> None:
        name = os.fsencode(vestige.folder) + b"/a\n\x1b[2J\xff_info.json"
        with open(name, "w") as file:
            json.dump(views.info(), file)
        code, out, err = run(vestige, "ls", "-f", form, name, name[:-9] + b"no_info.json")
        assert code == 1
        assert "\x1b" not in out + err
        assert err.count("\n") == 1

    @pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b'{"a":' * 90_000, b"1" * 5000, b"\xff", b"\0"])
    @pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
    def test_pretty_printing(self, vestige: Vestige, name: str, content: bytes) -> None:
        with open(vestige.path(name), "wb") as file:
            file.write(content)
        code, out, err = run(vestige, "pp", "-H", name)
        if content or name == "x.json":
            assert (code, out) == (1, "")
            assert err.count("\n") == 1
        else:
            assert (code, out, err) == (0, "[]\n", "")

    @pytest.mark.parametrize("kind", ["fifo", "folder", "zero"])
    @pytest.mark.parametrize("subcommand", ["pp", "plot"])
    def test_what_is_no_file(self, vestige: Vestige, kind: str, subcommand: str) -> None:
        path = vestige.path("x_info.json")
        {"fifo": os.mkfifo, "folder": os.mkdir, "zero": lambda path: os.symlink("/dev/zero", path)}[kind](path)
        code, out, err = run(vestige, subcommand, "x_info.json")
        assert (code, out) == (1, "")
        assert err.count("\n") == 1


class TestOutput:
    def test_a_closed_pipe_is_141(self, vestige: Vestige) -> None:
        with open(vestige.path("x_info.json"), "w") as file:
            json.dump(views.info("word " * 100), file)
        listing_of_many = ("ls", "-f", "json", *["x_info.json"] * 500)
        for words in (listing_of_many, ("ls", "x_info.json"), ("pp", "x_info.json"), ("ls", "--help"), ("--help",)):
            read, write = os.pipe()
            os.close(read)
            done = vestige.bare(vestige.executable, "duct", *words, stdout=write)
            os.close(write)
            assert (done.returncode, done.stderr) == (141, b"")

    def test_a_full_disk_is_a_word(self, vestige: Vestige) -> None:
        with open(vestige.path("x_info.json"), "w") as file:
            json.dump(views.info(), file)
        with open("/dev/full", "wb") as full:
            done = vestige.bare(vestige.executable, "duct", "ls", "x_info.json", stdout=full)
        assert done.returncode == 1
        assert done.stderr.endswith(b"can't write to stdout: No space left on device\n")

    def test_without_yaml_there_is_a_word(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any) -> None:
        monkeypatch.setitem(sys.modules, "yaml", None)
        path = tmp_path / "x_info.json"
        path.write_text(json.dumps(views.info()))
        assert listing.main(["-f", "yaml", str(path)]) == 1
        assert "needs PyYAML" in capsys.readouterr().err

    def test_a_bad_level_in_the_environment(self, vestige: Vestige) -> None:
        code, _, err = run(vestige, "ls", env={**vestige.variables, "DUCT_LOG_LEVEL": "loud"})
        assert code == 1
        assert "DUCT_LOG_LEVEL" in err


class TestTable:
    @pytest.mark.parametrize(
        ("wanted", "room", "widths"),
        [
            ([3, 4], 9, [3, 4]), ([10, 10], 10, [5, 5]), ([2, 8, 13], 15, [2, 6, 7]), ([9, 9], 1, [1, 1]),
            ([1, 30, 1], 12, [1, 10, 1]), ([5], 5, [5]), ([], 5, []),
        ],
    )  # fmt: skip
    def test_columns_share_what_there_is(self, wanted: list[int], room: int, widths: list[int]) -> None:
        assert table.shared(wanted, room) == widths

    def test_a_terminal_gets_a_table_that_fits(self, vestige: Vestige) -> None:
        for name, code in (("a", 0), ("b", 3)):
            with open(vestige.path(f"{name}_info.json"), "w") as file:
                json.dump(views.info("a long command " * 5, exit_code=code, peak_rss=code or None), file)
        out = on_terminal(vestige, 50, "ls", "--colors", "a_info.json", "b_info.json")
        assert "\x1b[1mPREFIX\x1b[m" in out
        assert "\x1b[32m0\x1b[m" in out
        assert "\x1b[31m3\x1b[m" in out
        assert "\x1b[31m-\x1b[m" in out
        assert "..." in out
        for seen in ("\x1b[1m", "\x1b[m", "\x1b[31m", "\x1b[32m"):
            out = out.replace(seen, "")
        assert {len(line) for line in out.splitlines()} == {50}


def on_terminal(vestige: Vestige, columns: int, *words: str) -> str:
    """Return what a call writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    size = ["stty", "cols", str(columns)]
    subprocess.run(size, stdin=theirs, check=True)
    done = vestige.bare(vestige.executable, "duct", *words, stdout=theirs)
    assert done.returncode == 0
    os.close(theirs)
    shown = b""
    while piece := _read(ours):
        shown += piece
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # EIO: nobody has the other end any more
        return b""


def test_a_long_list_is_shown_as_pprint_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        json.loads(line) | {"n": number, "text": "word " * 40}
        for number, line in enumerate(views.SAMPLES.splitlines() * 60)
    ]
    path = tmp_path / "x_usage.jsonl"
    path.write_text("".join(json.dumps(line) + "\n\n" for line in lines))
    assert path.stat().st_size > 1 << 16
    assert pretty.main([str(path)]) == 0
    assert capsys.readouterr().out == pprint.pformat(lines) + "\n"


YAML_WORDS = """
true yes On null ~ 1 0x1 1e3 .5 1.5 1:30 2026-01-01 - -a a- a: a:b #x x#y 'q' "d" [l] {m} *a &b !c |d >e %f @g `h "
= << y n . .. /a/b a/b-1_ 0.012 1.9 +1 -1 ... --- ünï a\\b
"""
YAML_TEXTS = (
    "",
    " a",
    "a ",
    "a  b",
    "a\nb",
    "x" * 300,
    "y " * 60,
    "\x1b",
    "12 34",
    "1.5 sec",
    "...x",
    "a - b",
    "..a b",
)


def test_yaml_of_many_words_is_pyyaml_s_own() -> None:
    yaml = pytest.importorskip("yaml")
    words = YAML_WORDS.split()
    texts = [*words, *(f"{word} x" for word in words), *(f"x {word}" for word in words), *YAML_TEXTS]
    rows: list[dict[str, Any]] = [
        {"prefix": text, "command": text, "exit_code": index} for index, text in enumerate(texts)
    ]
    assert forms.in_yaml(rows) == yaml.dump(rows, default_flow_style=False) + "\n"


def test_lines_of_json_are_python_s_own() -> None:
    rows: list[dict[str, Any]] = [
        {"prefix": "a\n\x7fü", "gpu": views.GPU, "n": None}, {"prefix": "", "x": [], "y": 1.5, "z": float("nan")},
    ]  # fmt: skip
    assert forms.in_json_lines(rows) == json.dumps(rows, indent=2) + "\n"


def test_only_what_is_needed_is_imported(tmp_path: Path) -> None:
    (tmp_path / "x_info.json").write_text(json.dumps(views.info()))
    code = (
        f"import sys; sys.path.insert(0, {SOURCE!r})\nfrom vestige.cli.front import main\n"
        "main(['vestige', 'duct', 'ls', 'x_info.json'])\nprint(*sys.modules, sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {
        "typing",
        "dataclasses",
        "datetime",
        "rich",
        "psutil",
        "yaml",
        "pyout",
        "subprocess",
        "logging",
    }


def test_the_fields_are_con_duct_s() -> None:
    from vestige.duct import fields  # noqa: PLC0415

    assert fields.FIELDS == views.FIELDS


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        (".duct/logs/{datetime}-{pid}_", [".duct/logs/a_info.json", ".duct/logs/b_info.json"]),
        (".duct/logs/b{pid}", [".duct/logs/b_info.json"]), (".duct/logs/a_", [".duct/logs/a_info.json"]),
        ("runs/{datetime}/", ["runs/1/info.json", "runs/2/info.json"]), ("[r]uns/{pid}", []), ("nowhere/{pid}", []),
        ("{pid}", ["top_info.json"]), (".{pid}", [".hidden_info.json"]), ("nothing", []),
    ],
)  # fmt: skip
def test_default_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str, names: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (".duct/logs/b_info.json", ".duct/logs/a_info.json", ".duct/logs/a_usage.jsonl", "runs/2/info.json",
                 "runs/1/info.json", "top_info.json", ".hidden_info.json"):  # fmt: skip
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert prefixes.found(prefix) == names
