"""A run record goes into a commit message as DataLad writes it, and comes back from whatever became of one."""

from __future__ import annotations

import gzip
import importlib
import json
import lzma
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vestige.errors import RecordError
from vestige.git import datalad, placeholders
from vestige.git.datalad import LARGEST, RunMessage, RunRecord, compose, json_text, parse, sidecar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BEGIN = "=== Do not change lines below ==="
END = "^^^ Do not change lines above ^^^"
UNTIMED = settings(deadline=None)  # other tests keep the machine busy
SIMPLE = RunRecord("true", exit=0)
FULL = RunRecord(
    'cat {inputs} > {outputs[0]} # \u00e9 \u2028 "quoted" \\',
    pwd="sub/dir",  # noqa: S106 - a folder
    inputs=("*.csv", "b\nc"),
    outputs=("sum",),
    extra_inputs=("image.sif",),
    chain=("0" * 40,),
    exit=3,
    dsid="2e9e8d44-2b42-4f1f-8e9c-000000000000",
    vestige={"id": "7f3a91", "cpu": 1.5, "nested": [None, True, {"a": -1}]},
    others={"versions": ["x"], "a key": None},
)


def nothing(name: str) -> bytes | None:
    raise AssertionError(f"asked for {name}")


def written(body: str, *, subject: str = "[DATALAD RUNCMD] text", after: str = "") -> bytes:
    return f"{subject}\n\n{BEGIN}\n{body}\n{END}\n{after}".encode("utf-8", "surrogateescape")


def read(message: bytes) -> RunMessage:
    found = parse(message, nothing)
    assert found is not None
    return found


def read_json(value: object) -> RunRecord:
    return read(written(json.dumps(value))).record


class TestWriting:
    def test_to_the_byte(self) -> None:
        assert compose("Count \u00e9", RunRecord("wc a > b", inputs=("a",), exit=0, vestige={"id": "1"})).decode() == (
            "[DATALAD RUNCMD] Count \u00e9\n"
            "\n"
            "=== Do not change lines below ===\n"
            "{\n"
            ' "chain": [],\n'
            ' "cmd": "wc a > b",\n'
            ' "exit": 0,\n'
            ' "extra_inputs": [],\n'
            ' "inputs": [\n'
            '  "a"\n'
            " ],\n"
            ' "outputs": [],\n'
            ' "pwd": ".",\n'
            ' "vestige": {\n'
            '  "id": "1"\n'
            " }\n"
            "}\n"
            "^^^ Do not change lines above ^^^\n"
        )

    def test_with_a_sidecar_its_name_stands_for_the_record(self) -> None:
        assert compose("x", FULL, sidecar="abc").decode() == f'[DATALAD RUNCMD] x\n\n{BEGIN}\n"abc"\n{END}\n'

    def test_what_is_not_known_is_left_out(self) -> None:
        assert set(json.loads(json_text(RunRecord("true")))) == {
            "chain", "cmd", "extra_inputs", "inputs", "outputs", "pwd"
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("a\r\nb\rc", "a\nb\nc"),
            ("a\0b", "a\\x00b"),
            ("\x1b]0;title\x07\x9b31m", "\\x1b]0;title\\x07\\x9b31m"),
            ("caf\udce9 \ud800", "caf\\xe9 \\ud800"),
            (f"a\n{BEGIN}\n{END}\n[DATALAD RUNCMD] b", f"a\n {BEGIN}\n {END}\n [DATALAD RUNCMD] b"),
            ("a\r" + BEGIN, f"a\n {BEGIN}"),
            ("# a\n# b\n\ttab", "# a\n# b\n\ttab"),
            ("nb\u00a0sp \u202f: \u4e2d", "nb\u00a0sp \u202f: \u4e2d"),
        ],
    )
    def test_a_text_can_be_taken_for_nothing_else(self, text: str, shown: str) -> None:
        message = compose(text, FULL)
        assert message.decode().startswith(f"[DATALAD RUNCMD] {shown}\n\n{BEGIN}\n")
        assert parse(message, nothing) == RunMessage(shown, FULL, "RUNCMD", None)

    @pytest.mark.parametrize("value", [float("nan"), {1, 2}, b"bytes", 10**5000], ids=["NaN", "set", "bytes", "huge"])
    def test_what_is_no_json_is_refused(self, value: object) -> None:
        with pytest.raises(RecordError, match="can't be written as JSON"):
            compose("x", RunRecord("true", vestige={"id": value}))

    def test_a_record_without_end_is_refused(self) -> None:
        endless: dict[str, Any] = {}
        endless["again"] = endless
        with pytest.raises(RecordError, match="can't be written as JSON"):
            json_text(RunRecord("true", vestige=endless))

    def test_odd_bytes_are_written_as_git_does_and_come_back(self) -> None:
        record = RunRecord("true", "d\udcff", ('"\udcfe"', "\udce9t\u00e9"), others={"\udcff": ["\ud800"]})
        message = compose("x", record)
        assert ' "pwd": "\\"d\\\\377\\""\n' in message.decode()
        found = read(message).record
        assert (found.pwd, found.inputs) == (record.pwd, record.inputs)
        assert found.others == {'"\\377"': ['"\\355\\240\\200"']}

    @pytest.mark.parametrize("name", ['"a"', '"', '"\\"', '"a b\\\\c"', '"\\000\\377"'])
    def test_a_name_with_quotes_of_its_own_is_that_name(self, name: str) -> None:
        assert read(compose("x", RunRecord("true", outputs=(name,)))).record.outputs == (name,)


class TestReading:
    @pytest.mark.parametrize(
        "message",
        [
            b"",
            b"Add data",
            b"[DATALAD] saved changes",
            b"[DATALAD RUNCMD] only the first line was kept",
            f"About\n\n{BEGIN}\n{{}}\n{END}\n".encode(),
            f"{BEGIN}\n{{}}\n{END}\n\n[DATALAD RUNCMD] too late".encode(),
            f"[DATALAD RUNCMD] the line is quoted: {BEGIN}\n{{}}\n{END}".encode(),
            f"Say what it looks like\n\n    [DATALAD RUNCMD] x\n\n    {BEGIN}\n    {{}}\n    {END}\n".encode(),
            f"[DATALAD runcmd] x\n\n{BEGIN}\n{{}}\n{END}".encode(),
        ],
    )
    def test_there_is_no_record(self, message: bytes) -> None:
        assert parse(message, nothing) is None

    @pytest.mark.parametrize(
        ("message", "text"),
        [
            (compose("text", FULL), "text"),
            (compose("text", FULL).replace(b"\n", b"\r\n"), "text"),
            (b"\n" + b"\n".join(b"    " + line for line in compose("text", FULL).split(b"\n")), "text"),
            (b"\t" + compose("text", FULL).replace(b"\n", b"\n\t"), "text"),
            (b"feat: " + compose("text", FULL), "text"),
            (b"\xef\xbb\xbf" + compose("text", FULL), "text"),
            (b"# two commits\n\n* " + compose("text", FULL), "text"),
            (compose("text", FULL) + b"\nSigned-off-by: A <a@b>\n", "text"),
            (compose("text", FULL).rstrip(b"\n") + b" and more", "text"),
            (compose("text", FULL).rstrip(b"\n"), "text"),
            (compose("text", FULL).replace(b"\n\n", b"\n"), "text"),
            (compose("text", FULL).replace(b"below ===", b"below ===  "), "text"),
            (compose("", FULL), ""),
            (compose("", FULL).replace(b"] ", b"]"), ""),
            (compose("one\n\ntwo\n", FULL), "one\n\ntwo"),
            (compose("\n  body", FULL), "\n  body"),
            (compose("of a [DATALAD RUNCMD] line", FULL), "of a [DATALAD RUNCMD] line"),
            (compose("text", FULL).replace(b'{\n "chain"', b'\n\n\t{\n\n "chain"'), "text"),
        ],
    )
    def test_what_may_happen_to_a_message(self, message: bytes, text: str) -> None:
        assert parse(message, nothing) == RunMessage(text, FULL, "RUNCMD", None)

    def test_the_marker_of_slurm(self) -> None:
        body = {"cmd": "sbatch x", "pwd": "", "slurm_job_id": 7, "dsid": 0xDA7A1AD, "slurm_outputs": ["log"]}
        found = read(written(json.dumps(body), subject="[DATALAD SLURM RUN] job 7"))
        assert (found.marker, found.text, found.record.dsid) == ("SLURM RUN", "job 7", None)
        assert found.record == RunRecord("sbatch x", others={"slurm_job_id": 7, "slurm_outputs": ["log"]})

    def test_the_last_of_several(self) -> None:
        message = compose("one", FULL) + b"\n" + compose("two\n\nbody", SIMPLE)
        assert read(message) == RunMessage("two\n\nbody", SIMPLE, "RUNCMD", None)

    def test_a_record_without_marker_of_its_own(self) -> None:
        message = compose("one", FULL) + f"\nand\n{BEGIN}\n{json_text(SIMPLE)}\n{END}\n".encode()
        assert read(message).record == SIMPLE
        assert read(message).text.startswith("one")

    def test_the_least_that_there_can_be(self) -> None:
        assert read_json({"cmd": "true"}) == RunRecord("true")
        nulls = dict.fromkeys(["pwd", "inputs", "outputs", "extra_inputs", "chain", "exit", "dsid", "vestige"])
        assert read_json({"cmd": "true", **nulls}) == RunRecord("true")

    def test_what_lost_its_list(self) -> None:
        record = read_json({"cmd": "true", "inputs": "a b", "outputs": "c", "chain": "d"})
        assert (record.inputs, record.outputs, record.chain) == (("a b",), ("c",), ("d",))

    @pytest.mark.parametrize(
        ("given", "command"),
        [
            (["touch", "a b", "{c}"], "touch 'a b' '{c}'"),
            (["echo $HOME"], "echo $HOME"),
            (["--", "echo $HOME"], "'echo $HOME'"),
            ("--", "--"),
        ],
    )
    def test_a_command_that_is_a_list(self, given: list[str] | str, command: str) -> None:
        assert read_json({"cmd": given}).cmd == command

    def test_keys_of_others_are_kept_as_they_are(self) -> None:
        others = {"slurm": {"a": [1, 2.5, None]}, "": "x", "Cmd": "y"}
        assert read_json({"cmd": "true", **others}).others == others

    def test_raw_bytes_are_as_the_os_gives_them(self) -> None:
        found = read(
            written('{"cmd": "cat a\udcff", "inputs": ["a\udcff", "\\"\udcff\\""]}', subject="[DATALAD RUNCMD] \udcff")
        )
        assert (found.text, found.record.cmd) == ("\udcff", "cat a\udcff")
        assert found.record.inputs == ("a\udcff", '"\udcff"')


class TestRefusing:
    @pytest.mark.parametrize(
        ("body", "complaint"),
        [
            ("", "not valid JSON"),
            ("{", "not valid JSON"),
            ("{} {}", "something follows"),
            ('{"cmd": NaN}', "NaN is no number"),
            ('{"cmd": "a", "x": -Infinity}', "-Infinity is no number"),
            ('{"cmd": "a", "x": 1e999}', "a number is too large"),
            ('{"cmd": "a", "x": ' + "9" * 101 + "}", "101 digits"),
            ('{"cmd": "a", "x": ' + "[" * 101 + "]" * 101 + "}", "more than 100 deep"),
            ('{"cmd": "a", "x": ' + '{"a":' * 101 + "1" + "}" * 102, "more than 100 deep"),
            ("[]", "no JSON object"),
            ("7", "no JSON object"),
            ("null", "no JSON object"),
            ("{}", "no command"),
            ('{"cmd": ""}', "no command"),
            ('{"cmd": []}', "no command"),
            ('{"cmd": ["--"]}', "no command"),
            ('{"cmd": {}}', "`cmd` of the run record holds something other than text"),
            ('{"cmd": ["a", 1]}', "`cmd` of the run record holds something other than text"),
            ('{"cmd": "a\\u0000"}', "`cmd` of the run record holds a NUL"),
            ('{"cmd": "\\ud800"}', "half a character"),
            ('{"cmd": "a", "pwd": ["b"]}', "`pwd`"),
            ('{"cmd": "a", "pwd": 0}', "`pwd`"),
            ('{"cmd": "a", "inputs": [["b"]]}', "`inputs`"),
            ('{"cmd": "a", "outputs": {"b": 1}}', "`outputs`"),
            ('{"cmd": "a", "exit": true}', "`exit`"),
            ('{"cmd": "a", "exit": "0"}', "`exit`"),
            ('{"cmd": "a", "exit": 99999999999999999999}', "`exit`"),
            ('{"cmd": "a", "dsid": []}', "`dsid`"),
            ('{"cmd": "a", "vestige": [1]}', "`vestige`"),
            (f'{{"cmd": "a"}}\n{END}\n{{"cmd": "b"}}', "something follows"),
        ],
    )
    def test_what_is_no_record(self, body: str, complaint: str) -> None:
        with pytest.raises(RecordError, match=complaint) as caught:
            parse(written(body), nothing)
        assert len(str(caught.value)) < 200

    def test_a_record_that_is_cut(self) -> None:
        with pytest.raises(RecordError, match="is cut"):
            parse(compose("x", FULL).replace(END.encode(), b""), nothing)

    @pytest.mark.parametrize("piece", ["[", '{"a":'], ids=["lists", "objects"])
    def test_a_bottomless_record(self, piece: str) -> None:
        with pytest.raises(RecordError, match="too deeply"):
            parse(written(piece * 500_000), nothing)

    def test_a_record_that_takes_twenty_times_its_length(self) -> None:
        with pytest.raises(RecordError, match="too many parts"):
            parse(written(f"[{'[],' * 2_000_000}1]"), nothing)

    def test_numbers_that_take_time_by_the_square(self) -> None:
        with pytest.raises(RecordError, match="8000000 digits"):
            parse(written('{"cmd": "a", "x": ' + "9" * 8_000_000 + "}"), nothing)

    def test_more_than_anybody_needs(self) -> None:
        with pytest.raises(RecordError, match="larger than 32 MiB"):
            parse(written('{"cmd": "a"}', after="x" * LARGEST), nothing)

    @pytest.mark.parametrize(
        "piece",
        ["[DATALAD RUNCMD] ", "[DATALAD ", "\n" + BEGIN, "\n" + END, f"\n{BEGIN}\n{END}", "\n ", " ", "{", "\n"],
    )
    def test_time_grows_with_the_length_only(self, piece: str) -> None:
        many = piece * (2_000_000 // len(piece))  # a minute and more where it goes by the square
        for message in (written(many), written("{}", subject=f"[DATALAD RUNCMD] {many}"), written("{}", subject=many)):
            with suppress(RecordError):
                parse(message, nothing)


XZ, GZIP = lzma.compress(b'{"cmd": "x"}'), gzip.compress(b'{"cmd": "x"}')
PACKED = {
    "ours": sidecar(FULL).content,
    "xz": lzma.compress(json_text(FULL).encode()),
    "gzip": gzip.compress(json_text(FULL).encode()),
    "plain": json_text(FULL).encode(),
    "several": lzma.compress(f"\n{json_text(FULL)}\n{json_text(SIMPLE)}\n".encode()),
}
UNREADABLE = {
    "missing": (None, "which this commit does not have"),
    "empty": (b"", "not valid JSON"),
    "pointer": (b"/annex/objects/SHA256E-s1--1\n", "git-annex has no content here"),
    "link": (b"../../.git/annex/objects/aa/bb/SHA256E-s1--1/SHA256E-s1--1", "git-annex has no content here"),
    "list": (lzma.compress(b"[]"), "no JSON object"),
    "another name": (lzma.compress(b'"abc"'), "no JSON object"),
    "cut xz": (XZ[:-20], "is cut"),
    "damaged xz": (XZ[:-8] + b"12345678", "can't be unpacked"),
    "cut gzip": (GZIP[:-4], "is cut"),
    "damaged gzip": (GZIP[:-4] + b"1234", "can't be unpacked"),
    "bytes": (b"\xff\xfe", "not valid JSON"),
}


class TestSidecar:
    def found(self, content: bytes | None, name: str = "abc") -> RunMessage | None:
        asked: list[str] = []

        def read_sidecar(name: str) -> bytes | None:
            asked.append(name)
            return content

        found = parse(compose("x", FULL, sidecar=name), read_sidecar)
        assert asked == [name]
        return found

    @pytest.mark.parametrize("form", PACKED)
    def test_a_record_in_a_file(self, form: str) -> None:
        assert self.found(PACKED[form]) == RunMessage("x", FULL, "RUNCMD", "abc")

    def test_its_name_goes_by_its_content(self) -> None:
        assert sidecar(FULL) == sidecar(FULL)
        assert sidecar(FULL).id != sidecar(SIMPLE).id
        assert len(sidecar(FULL).id) == 32

    @pytest.mark.parametrize("form", UNREADABLE)
    def test_what_is_no_record(self, form: str) -> None:
        content, complaint = UNREADABLE[form]
        with pytest.raises(RecordError, match=complaint):
            self.found(content)

    @pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda content: lzma.compress(content, preset=0)])
    def test_what_grows_beyond_measure(self, pack: Callable[[bytes], bytes]) -> None:
        with pytest.raises(RecordError, match="larger than 32 MiB"):
            self.found(pack(b" " * (LARGEST + 1)))

    def test_what_needs_more_memory_than_there_should_be(self) -> None:
        filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 256 << 20}]
        with pytest.raises(RecordError, match="can't be unpacked: Memory usage limit exceeded"):
            self.found(lzma.compress(b'{"cmd": "x"}', filters=filters))

    @pytest.mark.parametrize("name", ["", ".", "..", "/etc/passwd", "../a", "a/b", "x" * 256, "\u00e9" * 128, "a\0b"])
    def test_a_name_that_leads_elsewhere_is_never_looked_for(self, name: str) -> None:
        with pytest.raises(RecordError, match="which is no name of a sidecar"):
            parse(written(json.dumps(name)), nothing)


TEXT = st.text(max_size=40)
NAME = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
PATH = st.one_of(
    NAME, st.binary(max_size=12).map(lambda raw: raw.replace(b"\0", b"").decode("utf-8", "surrogateescape"))
)
PATHS = st.lists(PATH, max_size=3).map(tuple)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), NAME),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAME, inner, max_size=3)),
    max_leaves=8,
)
RECORDS = st.builds(
    RunRecord,
    cmd=NAME.filter(bool),
    pwd=PATH.filter(bool),
    inputs=PATHS,
    outputs=PATHS,
    extra_inputs=PATHS,
    chain=st.lists(NAME, max_size=2).map(tuple),
    exit=st.none() | st.integers(-(1 << 31), 1 << 32),
    dsid=st.none() | NAME,
    vestige=st.none() | st.dictionaries(NAME, JSON, max_size=3),
    others=st.dictionaries(NAME.filter(lambda key: key not in datalad._KEYS), JSON, max_size=3),  # noqa: SLF001
)
LINES = st.one_of(
    st.sampled_from([BEGIN, END, "[DATALAD RUNCMD] x", "[DATALAD SLURM RUN]", '{"cmd": "a"}', '"abc"', "", "{", "}"]),
    st.text(max_size=8),
    JSON.map(json.dumps),
)


class TestAnything:
    @UNTIMED
    @given(TEXT, RECORDS)
    def test_what_is_written_is_read(self, text: str, record: RunRecord) -> None:
        found = read(compose(text, record))
        assert (found.record, found.marker, found.sidecar) == (record, "RUNCMD", None)

    @UNTIMED
    @given(TEXT, RECORDS)
    def test_also_from_a_sidecar(self, text: str, record: RunRecord) -> None:
        packed = sidecar(record)
        assert parse(compose(text, record, sidecar=packed.id), lambda _: packed.content) == RunMessage(
            read(compose(text, record)).text, record, "RUNCMD", packed.id
        )

    @UNTIMED
    @given(st.text(), RECORDS)
    def test_the_text_is_what_was_said(self, text: str, record: RunRecord) -> None:
        shown = compose(text, record).decode().partition("] ")[2][: -len(f"\n\n{BEGIN}\n{json_text(record)}\n{END}\n")]
        assert read(compose(text, record)).text == shown.rstrip()

    @UNTIMED
    @given(st.binary())
    def test_of_any_bytes_something_is_made(self, message: bytes) -> None:
        assert parse(message, nothing) is None

    @UNTIMED
    @given(st.lists(LINES, max_size=12), st.sampled_from(["\n", "\r\n", "\n  "]), st.binary(max_size=20))
    def test_of_any_lines_a_record_nothing_or_one_error(self, lines: list[str], end: str, content: bytes) -> None:
        with suppress(RecordError):
            found = parse(end.join(lines).encode("utf-8", "surrogatepass"), lambda _: content)
            assert found is None or parse(compose(found.text, found.record), nothing) is not None

    @UNTIMED
    @given(st.binary(max_size=60), st.sampled_from([b"", b"\xfd7zXZ\0", b"\x1f\x8b\x08"]))
    def test_of_any_sidecar_too(self, content: bytes, magic: bytes) -> None:
        with pytest.raises(RecordError):
            parse(compose("x", SIMPLE, sidecar="abc"), lambda _: magic + content)


def in_folder(folder: Path, *argv: str) -> bytes:
    """Run a tool of this Python's environment or of the system, and return what it printed."""
    fixed = {
        "HOME": os.fspath(folder.parent),
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
        "LANG": "C.UTF-8",
        **{f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    return subprocess.run(argv, cwd=folder, env=fixed, check=True, stdout=subprocess.PIPE, timeout=60).stdout


def message_of(repository: Path) -> bytes:
    """Return the message of HEAD as it is in the commit."""
    return in_folder(repository, "git", "cat-file", "commit", "HEAD").partition(b"\n\n")[2]


def committed(repository: Path, message: bytes, **files: str) -> str:
    """Commit all there is under `message`, unchanged, and return the commit."""
    for name, content in files.items():
        (repository / name).write_text(content)
    (repository / ".git" / "message").write_bytes(message)
    in_folder(repository, "git", "add", ".")
    in_folder(repository, "git", "commit", "--quiet", "--cleanup=verbatim", "--file", ".git/message")
    return in_folder(repository, "git", "rev-parse", "HEAD").decode().strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    in_folder(folder, "git", "init", "--quiet")
    committed(folder, b"first", **{"a \u00e9": "a"})
    return folder


@pytest.fixture(scope="module")
def read_by_datalad() -> Callable[[bytes], tuple[str, dict[str, Any]]]:
    """Give DataLad's own reader."""
    rerun = importlib.import_module("datalad.local.rerun")
    dataset = SimpleNamespace(path="/nonexistent", config={})
    return lambda message: rerun.get_run_info(dataset, message.decode())


@pytest.mark.needs("datalad")
class TestBesideDataLad:
    def test_its_message_is_ours_to_the_byte(self, repository: Path) -> None:
        words = ["-i", "a*", "-o", "out", "-m", "text \u00e9", "cat {inputs} > out"]
        in_folder(repository, "datalad", "run", *words)
        record = RunRecord("cat {inputs} > out", inputs=("a*",), outputs=("out",), exit=0)
        assert message_of(repository) == compose("text \u00e9", record)
        assert parse(message_of(repository), nothing) == RunMessage("text \u00e9", record, "RUNCMD", None)

    def test_its_sidecar_too(self, repository: Path) -> None:
        in_folder(repository, "datalad", "run", "--sidecar", "yes", "-m", "x", "echo \u00e9 > out")
        packed = sidecar(RunRecord("echo \u00e9 > out", exit=0))
        assert message_of(repository) == compose("x", SIMPLE, sidecar=packed.id)
        assert (repository / ".datalad" / "runinfo" / packed.id).read_bytes() == packed.content

    def test_it_runs_ours_again(self, repository: Path) -> None:
        record = RunRecord("cat {inputs} > {outputs}", inputs=("a*",), outputs=("out",), exit=0)
        message = compose(f"text\n{BEGIN}\n{{}}\n{END}\n", replace(record, vestige={"id": "1"}))
        origin = committed(repository, message, out="other")
        in_folder(repository, "datalad", "rerun")
        assert (repository / "out").read_text() == "a"
        again = replace(record, chain=(origin,))
        assert read(message_of(repository)) == RunMessage(read(message).text, again, "RUNCMD", None)

    def test_it_runs_a_command_line_of_ours_again_and_again(self, repository: Path) -> None:
        names = ["{{cookie}} b.txt", "it's [a]*.txt", "; touch hacked #"]
        for name in names:
            (repository / name).touch()
        show = "import sys; open(sys.argv[1], 'w').write(ascii(sys.argv[2:]) + '{inputs.x} {} {0}')"
        argv = [
            "python",
            "-c",
            show,
            "{outputs}",
            "--in={inputs}",
            "{inputs[1]}!",
            "{inputs}",
            "{{inputs}}",
            "\udcff\n",
        ]
        record = RunRecord(
            placeholders.command(argv, literal=False),
            inputs=tuple(placeholders.pattern(name) for name in names),
            outputs=(placeholders.pattern("out {x}"),),
            exit=0,
        )
        committed(repository, compose("text", record), **{"out {x}": "other"})
        words = ["--in=" + " ".join(names), f"{names[1]}!", *names, "{inputs}", "\udcff\n"]
        for _ in range(2):
            in_folder(repository, "datalad", "rerun")
            assert (repository / "out {x}").read_text() == f"{words!a}{{inputs.x}} {{}} {{0}}"
            found = read(message_of(repository)).record
            assert replace(found, chain=()) == record
            committed(repository, message_of(repository), **{"out {x}": "other"})
        assert not (repository / "hacked").exists()

    @UNTIMED
    @given(text=TEXT | st.lists(LINES, max_size=5).map("\n".join), record=RECORDS)
    def test_it_reads_what_we_write(
        self, read_by_datalad: Callable[[bytes], tuple[str, dict[str, Any]]], text: str, record: RunRecord
    ) -> None:
        message = compose(text, record)
        assert read_by_datalad(message) == (read(message).text, json.loads(json_text(record)))
