"""Placeholders mean what they mean to DataLad, and a command line comes back from a record word by word."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vestige.errors import UsageError
from vestige.git.placeholders import Expansion, Values, command, expand, formatted, pattern, script, substitute, uses

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

VALUES = Values(
    inputs=("a.csv", "b c.csv", "."),
    outputs=("it's",),
    pwd="/top/sub dir",  # noqa: S106 - a folder
    dspath="/top",
    config={"python": "python3", "many": ("x", "y"), "datalad.run.substitutions.far": "away", "inputs": "hidden"},
)
UNTIMED = settings(deadline=None)  # other tests keep the machine busy
LITERAL = [
    "", "a", "{}", "{ print $1 }", '{"a": {"b": [1]}}', "${HOME}", "{x}", "{inputs", "inputs}", "{inputs[]}",
    "{inputs[-1]}", "{inputs[0:1]}", "{inputs[a]}", "{inputs!r}", "{inputs:>9}", "{pwd.real}", "{pwd[0]}", "{{x}}",
    "{{ inputs }}", "{Inputs}", "{datalad.run.substitutions.far}",
]  # fmt: skip


class TestSubstitute:
    @pytest.mark.parametrize(
        ("word", "words"),
        [
            ("{inputs}", ["a.csv", "b c.csv"]),
            ("{outputs}", ["it's"]),
            ("{inputs[1]}", ["b c.csv"]),
            ("{inputs[00]}", ["a.csv"]),
            ("--in={inputs},{outputs[0]}", ["--in=a.csv b c.csv,it's"]),
            ("{pwd}:{dspath}", ["/top/sub dir:/top"]),
            ("{python}", ["python3"]),
            ("{many}", ["x y"]),
            ("{{inputs}}", ["{inputs}"]),
            ("{{inputs[1]}} {{pwd}}", ["{inputs[1]} {pwd}"]),
            ("{{{inputs}}}", ["{{inputs}}"]),
            ('{"files": "{inputs[0]}"}', ['{"files": "a.csv"}']),
            ("{{inputs}", ["{a.csv b c.csv"]),
            *((word, [word]) for word in LITERAL),
        ],
    )
    def test_a_word(self, word: str, words: list[str]) -> None:
        assert substitute(["before", word, "after"], VALUES) == ["before", *words, "after"]

    @pytest.mark.parametrize(
        ("text", "whole"),
        [
            ("cat {inputs} > {outputs[0]}", "cat a.csv 'b c.csv' > 'it'\"'\"'s'"),
            ("{inputs}", "a.csv 'b c.csv'"),
            ("cd \"{pwd}\"; awk '{print $1}' {{inputs}} ${x}", "cd \"/top/sub dir\"; awk '{print $1}' {inputs} ${x}"),
        ],
    )
    def test_a_script(self, text: str, whole: str) -> None:
        assert substitute([text], VALUES, quoted=True) == [whole]

    def test_a_list_may_be_empty(self) -> None:
        none = Values((".",), (), "/", "/")
        assert substitute(["cat", "{inputs}", "-{outputs}"], none) == ["cat", "-"]

    @pytest.mark.parametrize(
        ("word", "complaint"),
        [
            ("{inputs[2]}", r"no `\{inputs\[2\]\}`, there are 2 of inputs, counted from 0"),
            ("{outputs[1]}", "there is 1 of outputs"),
            ("x{outputs[" + "9" * 5000 + "]}", "there is 1 of outputs"),
        ],
        ids=["inputs", "outputs", "endless"],
    )
    def test_an_index_too_far(self, word: str, complaint: str) -> None:
        with pytest.raises(UsageError, match=complaint):
            substitute([word], VALUES)
        with pytest.raises(UsageError, match=complaint):
            formatted(word, VALUES)

    def test_of_nothing_there_is_no_first(self) -> None:
        with pytest.raises(UsageError, match="there are none of inputs"):
            substitute(["{inputs[0]}"], Values((), (), "/", "/"))

    def test_a_temporary_folder_is_made_once_and_only_if_asked_for(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        values = Values((), (), "/", "/")
        substitute(["{pwd}", "{{tmpdir}}"], values)
        assert list(tmp_path.iterdir()) == []
        (word,) = substitute(["{tmpdir}/a"], values)
        (made,) = tmp_path.iterdir()
        assert made.name.startswith("datalad-run-")
        assert (word, formatted("{tmpdir}", values)) == (f"{made}/a", str(made))
        assert list(tmp_path.iterdir()) == [made]

    @pytest.mark.parametrize("word", ["{inputs}", "x{outputs[3]}x", "{pwd}", "{dspath}", "{tmpdir}", "{python}"])
    def test_it_is_known_beforehand(self, word: str) -> None:
        assert uses(["a", word], VALUES.config)
        assert uses(["a", word]) == (word != "{python}")

    @pytest.mark.parametrize("word", [*LITERAL, "{{inputs}}", "{{pwd}}"])
    def test_also_that_there_is_none(self, word: str) -> None:
        assert not uses([word, "b"], VALUES.config)


def words_of(shell: str, cmd: str) -> list[str]:
    """Return the words that a shell makes of a command, which is to be one of PRINT."""
    done = subprocess.run([shell, "-c", cmd], check=True, capture_output=True, timeout=60)
    assert done.stderr == b""
    return [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]]


PRINT = ["/usr/bin/env", "printf", "%s\\0"]
SHELLS = [shell for shell in ("/bin/sh", shutil.which("bash")) if shell]
WORD = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
    st.binary(max_size=8).map(lambda raw: os.fsdecode(raw.replace(b"\0", b""))),
    st.text("{}'\"\\$`\n ~*#!\udcff\udc81=%-", max_size=8),
    st.sampled_from([*LITERAL, "{inputs}", "{{inputs}}", "{pwd}"]),
)
ODD_NAMES = ("plain", "a b", "it's", '"', "$(touch x)", "; exit 3;", "\\", "-n", "{inputs}", "new\nline", "\udcff")
NAMES = st.lists(st.sampled_from(ODD_NAMES), max_size=3).map(tuple)
PIECE = st.sampled_from(
    [
        "{inputs}",
        "{outputs}",
        "{inputs[0]}",
        "{pwd}",
        "{python}",
        "{{inputs}}",
        "{x}",
        "{",
        "}",
        "-",
        " ",
        "'",
        "\n",
        "a\udcff",
    ]
)


class TestCommand:
    @pytest.mark.parametrize(
        ("argv", "cmd"),
        [
            (["python", "a.py", "b c"], "python a.py 'b c'"),
            (["awk", "{print $1}"], "awk '{{print $1}}'"),
            (["cat", "{inputs}"], "cat '{{inputs}}'"),
            (["cat", "", "a\udcff\udc80\n"], "cat '' a\"$(printf '\\377\\200')\"'\n'"),
            (["A=b", "C=d"], "'A='b C=d"),
            (["if"], "'if'"),
            (["iffy"], "iffy"),
            (["echo", "a"], "exec echo a"),
            ([], ""),
        ],
    )
    def test_as_it_was_run(self, argv: list[str], cmd: str) -> None:
        assert command(argv) == cmd

    @pytest.mark.parametrize(
        ("argv", "cmd"),
        [
            (["cat", "{inputs}", "{outputs[0]}"], "cat {inputs} {outputs[0]}"),
            (["cat", "{{inputs}}", "{x}"], "cat '{{inputs}}' '{{x}}'"),
            (["{python}", "--in={inputs[0]}.b", "{pwd}/c"], "'{python}' --in={inputs[0]}.b '{pwd}'/c"),
            (["{other}", "--in={inputs}"], '\'{{other}}\' --in="$(set -- {inputs}; printf %s "$*")"'),
            (["A={inputs[0]}"], "'A='{inputs[0]}"),
        ],
    )
    def test_with_placeholders(self, argv: list[str], cmd: str) -> None:
        assert command(argv, literal=False, names=["python"]) == cmd

    @pytest.mark.parametrize("shell", SHELLS)
    @settings(deadline=None, max_examples=150)
    @given(argv=st.lists(WORD, min_size=1, max_size=5))
    @example(argv=[os.fsdecode(bytes(range(1, 256)))])
    @example(argv=[os.fsdecode(bytes([byte, 0x0A])) for byte in range(1, 256)])
    def test_the_words_come_back(self, shell: str, argv: list[str]) -> None:
        assert words_of(shell, command([*PRINT, *argv]).format()) == argv

    @pytest.mark.parametrize("shell", SHELLS)
    @settings(deadline=None, max_examples=150)
    @given(argv=st.lists(st.lists(PIECE, max_size=4).map("".join), max_size=3), inputs=NAMES, outputs=NAMES)
    @example(argv=["--in={inputs}", "{inputs}"], inputs=ODD_NAMES, outputs=())
    def test_the_words_that_were_run_come_back(
        self, shell: str, argv: list[str], inputs: tuple[str, ...], outputs: tuple[str, ...]
    ) -> None:
        values = Values(("first", *inputs), outputs, '/a "b" $c', "/", {"python": "p q"})
        cmd = formatted(command([*PRINT, *argv, "end"], literal=False, names=values.config), values)
        assert words_of(shell, cmd) == substitute([*argv, "end"], values)

    @pytest.mark.parametrize("shell", SHELLS)
    @pytest.mark.parametrize("name", ["echo", "A=b", "if", "time", "[", "kill", "a b", "{inputs}", "{x}", "printf"])
    def test_a_program_is_run_whatever_its_name_means_to_the_shell(self, tmp_path: Path, shell: str, name: str) -> None:
        program = tmp_path / name
        program.write_text("#!/bin/sh\nprintf '%s\\0' mine \"$@\"\n")
        program.chmod(0o755)
        path = f"PATH={tmp_path}:$PATH; "
        assert words_of(shell, path + command([name, "-x", "a\\tb"]).format()) == ["mine", "-x", "a\\tb"]


class TestScript:
    @pytest.mark.parametrize(
        ("text", "cmd"),
        [
            ("cat {inputs} | awk '{print $1}' > {outputs[0]}", "cat {inputs} | awk '{{print $1}}' > {outputs[0]}"),
            ('echo "${HOME}" {{inputs}} {python}', 'echo "${{HOME}}" {{inputs}} {python}'),
        ],
    )
    def test_only_braces_change(self, text: str, cmd: str) -> None:
        assert script(text, ["python"]) == cmd

    @UNTIMED
    @given(st.lists(PIECE.filter(str.isascii) | st.text("{}ab ", max_size=4), max_size=6).map("".join))
    def test_it_comes_back(self, text: str) -> None:
        assert formatted(script(text, VALUES.config), VALUES) == substitute([text], VALUES, quoted=True)[0]

    @pytest.mark.parametrize("shell", SHELLS)
    def test_with_bytes_that_no_record_can_hold(self, shell: str) -> None:
        cmd = script("x={y}\nfor i in 'a\udcff' \udc81{\ndo /usr/bin/env printf '%s\\0' $i; done\n")
        assert cmd.isascii()
        assert words_of(shell, cmd.format()) == ["a\udcff", "\udc81{"]

    def test_but_not_with_placeholders_as_well(self) -> None:
        with pytest.raises(UsageError, match="must be UTF-8"):
            script("cat {inputs} > \udcff")


HOSTILE = {
    "{}": "unknown placeholder `{}`",
    "{0}": "unknown placeholder `{0}`",
    "{x}": "unknown placeholder `{x}`",
    "awk '{print $1}'": "unknown placeholder `{print $1}`",
    "{inputs.__class__}": "unknown placeholder `{inputs.__class__}`",
    "{pwd.__class__.__mro__}": "unknown placeholder",
    "{inputs[0].__class__}": "unknown placeholder",
    "{inputs[__class__]}": "unknown placeholder",
    "{inputs[-1]}": "unknown placeholder",
    "{inputs[0][0]}": "unknown placeholder",
    "{config}": "unknown placeholder",
    "{single}": "unknown placeholder",
    "{_made}": "unknown placeholder",
    "{": "bad placeholder",
    "}": "bad placeholder",
    "{inputs": "bad placeholder",
    "{inputs[}": "bad placeholder",
    "{inputs!x}": "bad placeholder",
    "{inputs!}": "bad placeholder",
    "{inputs:d}": "bad placeholder",
    "{pwd:>99999999999}": "bad placeholder",
    "{pwd:.{wide}}": "bad placeholder",
    "{pwd:{pwd:{pwd}}}": "nested too deeply",
    "{pwd:{}}": "unknown placeholder `{}`",
    "{pwd:>9999}" * 9999: "more than 32 MiB",
}


class TestFormatted:
    @pytest.mark.parametrize(
        ("cmd", "whole"),
        [
            ("cat {inputs} > {outputs[0]}", "cat a.csv 'b c.csv' > 'it'\"'\"'s'"),
            ("awk '{{print $1}}' {inputs[0]}", "awk '{print $1}' a.csv"),
            ("{pwd} {dspath} {python} {many} {many[1]}", "/top/sub dir /top python3 x y y"),
            ("{dspath:>8}|{inputs:<8}|", "    /top|a.csv    'b c.csv'|"),
            ("{inputs!r}", "['a.csv', \"'b c.csv'\"]"),
            ("{datalad.run.substitutions.far}", "away"),
            ("\udcff{{}}", "\udcff{}"),
            ("", ""),
        ],
    )
    def test_as_datalad_does(self, cmd: str, whole: str) -> None:
        assert formatted(cmd, VALUES) == whole

    @pytest.mark.parametrize("cmd", HOSTILE, ids=lambda cmd: cmd[:20])
    def test_a_record_can_ask_for_nothing_else(self, cmd: str) -> None:
        values = Values(VALUES.inputs, VALUES.outputs, "/top", "/top", {"wide": "99999999"})
        with pytest.raises(UsageError) as caught:
            formatted(cmd, values)
        assert HOSTILE[cmd] in str(caught.value)

    def test_many_placeholders_of_many_files(self) -> None:
        values = Values(tuple(f"file {number}" for number in range(10_000)), (), "/", "/")
        assert formatted("{inputs[9999]} " * 10_000, values) == "'file 9999' " * 10_000
        with pytest.raises(UsageError, match="more than 32 MiB"):
            formatted("{inputs}" * 10_000, values)

    @UNTIMED
    @given(st.text())
    def test_of_any_text_a_command_or_one_error(self, cmd: str) -> None:
        try:
            whole = formatted(cmd, VALUES)
        except UsageError:
            assert "{" in cmd or "}" in cmd
        else:
            assert "{" in cmd or "}" in cmd or whole == cmd


def planted(folder: Path) -> str:
    """Return a folder deep within `folder`, with some files."""
    top = folder / "1" / "2" / "3" / "tree"
    for path in ("a.csv", "b.csv", "sub/a.csv", "sub/deep/c.csv", ".hidden", "../aside/a.csv", "name with blanks"):
        file = top / path
        os.makedirs(os.path.normpath(file.parent), exist_ok=True)
        file.touch()
    (top / "empty").mkdir()
    return str(top)


@pytest.fixture
def tree(tmp_path: Path) -> str:
    return planted(tmp_path)


@pytest.fixture(scope="module")
def shared_tree(tmp_path_factory: pytest.TempPathFactory) -> str:
    return planted(tmp_path_factory.mktemp("shared"))


class TestExpand:
    @pytest.mark.parametrize(
        ("patterns", "paths"),
        [
            (["*.csv"], ["a.csv", "b.csv"]),
            (["b*", "a*"], ["b.csv", "a.csv"]),
            (["a*", "*.csv"], ["a.csv", "a.csv", "b.csv"]),
            (["**/*.csv"], ["a.csv", "b.csv", "sub/a.csv", "sub/deep/c.csv"]),
            (["./a*"], ["./a.csv"]),
            (["./sub/../a.csv"], ["a.csv"]),
            (["sub/", "s*/"], ["sub/", "sub/"]),
            (["../aside/*", "../tree/a.csv"], ["../aside/a.csv", "a.csv"]),
            (["a.csv", "."], [".", "a.csv"]),
            ([" . "], ["."]),
            ([".*"], [".hidden"]),
            (["name with*"], ["name with blanks"]),
            ([], []),
        ],
    )
    def test_what_matches(self, tree: str, patterns: list[str], paths: list[str]) -> None:
        assert expand(patterns, tree) == Expansion(tuple(paths), tuple(paths), ())

    @pytest.mark.parametrize(
        "given", ["none", "sub/none", "sub/*.txt", "none/*", "[z-a]", "a\0", "a\0/*", "", "x" * 5000]
    )
    def test_what_does_not_match_stays_as_it_is(self, tree: str, given: str) -> None:
        assert expand(["a.csv", given, "b.csv"], tree) == Expansion(
            paths=("a.csv", given, "b.csv"), found=("a.csv", "b.csv"), unmatched=(given,)
        )

    def test_an_absolute_pattern(self, tree: str) -> None:
        assert expand([f"{tree}/sub/*.csv"], tree).paths == ("sub/a.csv",)
        assert expand([f"{tree}/*.csv"], f"{tree}/sub").paths == ("../a.csv", "../b.csv")

    def test_wherever_we_are(self, tree: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir("/")
        assert expand(["sub/*"], tree).paths == ("sub/a.csv", "sub/deep")

    def test_ten_thousand_files(self, tmp_path: Path) -> None:
        names = [f"{number:05}" for number in range(10_000)]
        for name in names:
            (tmp_path / name).touch()
        assert list(expand(["*"], str(tmp_path)).paths) == names
        assert list(expand(names, str(tmp_path)).paths) == names

    def test_more_than_anybody_needs(self, tree: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("vestige.git.placeholders._MOST_MATCHES", 3)
        assert len(expand(["*.csv"], tree).paths) == 2
        with pytest.raises(UsageError, match=r"`\*\*` matches more than 3 files"):
            expand(["**"], tree)


class TestPattern:
    @pytest.mark.parametrize(
        ("path", "given"),
        [
            ("a/b c.csv", "a/b c.csv"),
            (".", "."),
            ("a*?[b]", "a[*][?][[]b]"),
            ("caf\udce9", "caf?"),
            (" .", "./ ."),
        ],
    )
    def test_how_it_looks(self, path: str, given: str) -> None:
        assert pattern(path) == given

    def test_a_twin_does_not_match(self, tmp_path: Path) -> None:
        for name in ("{a}", "za}", "{a|", "|a~", "\u00e9a}", "{a\udcff", "\x01a\t", "[a]", "*a*", "xax", "a"):
            (tmp_path / name).touch()
        for name in ("{a}", "[a]", "*a*", "a"):
            assert "{" not in pattern(name)
            assert expand([pattern(name)], str(tmp_path)).found == (name,)

    @UNTIMED
    @given(
        st.one_of(
            st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=12),
            st.text("{}[]*?!.- \\\udcff\n", min_size=1, max_size=8),
        ).filter(lambda name: name not in (".", ".."))
    )
    def test_it_finds_the_file(self, tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
        folder = tmp_path_factory.mktemp("pattern")
        (folder / name).touch()
        (found,) = expand([pattern(name)], str(folder)).found
        assert os.path.normpath(found) == name
        assert pattern(name).format() == pattern(name)
        assert pattern(name).encode()


class DataLad:
    """DataLad's own functions."""

    def __init__(self) -> None:
        self.run = importlib.import_module("datalad.core.local.run")
        self.globbing = importlib.import_module("datalad.support.globbedpaths")

    def formatted(self, cmd: str, values: Values) -> str:
        items = [(f"datalad.run.substitutions.{name}", value) for name, value in values.config.items()]
        dataset = SimpleNamespace(config=SimpleNamespace(items=lambda _: items))
        own = {
            "pwd": values.pwd,
            "dspath": values.dspath,
            "tmpdir": "",
            "inputs": values.inputs,
            "outputs": values.outputs,
        }
        return str(self.run.format_command(dataset, cmd, **own))

    def globbed(self, patterns: Sequence[str], folder: str) -> tuple[list[str], list[str]]:
        """Return what is there, and what DataLad has for its `{inputs}` where it takes off no parts of a pattern."""
        paths = self.globbing.GlobbedPaths(patterns, pwd=folder)
        paths._get_sub_patterns = lambda _: []  # noqa: SLF001 - where we differ on purpose
        return paths.expand_strict(), paths.expand()


@pytest.fixture(scope="module")
def theirs() -> DataLad:
    return DataLad()


TOKEN = st.sampled_from(
    [
        "{inputs}", "{outputs}", "{inputs[0]}", "{inputs[1]}", "{inputs[9]}", "{outputs[0]}", "{inputs[x]}", "{pwd}",
        "{dspath:>9}", "{inputs:<9}", "{inputs!r}", "{pwd!s:.3}", "{outputs!a}", "{many}", "{many[1]}", "{python}",
        "{inputs:{python}}", "{x}", "{}", "{0}", "{{", "}}", "{", "}", "{{inputs}}", "a ", "'", ":", "!", "[0]",
    ]
)  # fmt: skip
GLOB = st.lists(
    st.sampled_from(["a", "b", "sub", ".csv", "*", "?", "**", "/", "..", ".", "./", "[ab]", "none", " "]), max_size=6
).map("".join)


@pytest.mark.needs("datalad")
class TestBesideDataLad:
    @UNTIMED
    @given(tokens=st.lists(TOKEN, max_size=6))
    def test_a_command_is_formatted_alike(self, theirs: DataLad, tokens: list[str]) -> None:
        cmd = "".join(tokens)
        values = Values(VALUES.inputs, VALUES.outputs, "/usr", "/", {"python": ">3", "many": ("x", "y")})
        try:
            expected = theirs.formatted(cmd, values)
        except (KeyError, ValueError, IndexError, TypeError):
            with pytest.raises(UsageError):
                formatted(cmd, values)
        else:
            assert formatted(cmd, values) == expected

    @settings(deadline=None, max_examples=300)
    @given(patterns=st.lists(GLOB.filter(lambda glob: not glob.startswith("/")), max_size=3))
    def test_files_are_found_alike(self, theirs: DataLad, shared_tree: str, patterns: list[str]) -> None:
        found, paths = theirs.globbed(patterns, shared_tree)
        ours = expand(patterns, shared_tree)
        assert (list(ours.found), list(ours.paths)) == (found, paths)
