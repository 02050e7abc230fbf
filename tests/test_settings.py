"""Config files and environment: what is found, what wins, what is refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestige import settings
from vestige.errors import ConfigError
from vestige.record import model

if TYPE_CHECKING:
    from pathlib import Path


def load(folder: Path, **environ: str) -> settings.Settings:
    return settings.load(environ, str(folder))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_defaults_are_those_of_the_register(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert {key.name: getattr(found, key.name) for key in settings.KEYS} == {
        key.name: key.default for key in settings.KEYS
    }
    assert found.origins == {}


def test_every_key_is_a_setting() -> None:
    assert {key.name for key in settings.KEYS} == set(settings.Settings.__slots__) - {"origins"}


def test_a_file_is_found_upward_to_the_git_top_level(tmp_path: Path) -> None:
    write(tmp_path / "vestige.toml", 'capture = "all"\n')
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    deep = tmp_path / "repo" / "a" / "b"
    deep.mkdir(parents=True)
    assert load(deep).capture == "auto"
    write(tmp_path / "repo" / "pyproject.toml", '[tool.vestige]\ncapture = "none"\n')
    assert load(deep).capture == "none"
    write(tmp_path / "repo" / "a" / "vestige.toml", 'trace = "off"\n')
    nearest = load(deep)
    assert (nearest.capture, nearest.trace) == ("auto", "off")


def test_outside_of_git_only_the_current_folder_counts(tmp_path: Path) -> None:
    write(tmp_path / "vestige.toml", 'capture = "all"\n')
    (tmp_path / "below").mkdir()
    assert load(tmp_path).capture == "all"
    assert load(tmp_path / "below").capture == "auto"


def test_vestige_toml_goes_before_pyproject_in_one_folder(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", '[tool.vestige]\ncapture = "none"\n')
    write(tmp_path / "vestige.toml", 'capture = "all"\n')
    assert load(tmp_path).capture == "all"


def test_a_pyproject_without_a_table_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    write(tmp_path / "pyproject.toml", '[tool.vestige]\ncapture = "none"\n')
    write(tmp_path / "a" / "pyproject.toml", "this is no toml but says nothing of us either")
    assert load(tmp_path / "a").capture == "none"


def test_user_file_project_file_environment(tmp_path: Path) -> None:
    user = write(tmp_path / "config" / "vestige" / "config.toml", 'capture = "all"\ntrace = "off"\ntags = ["u"]\n')
    project = write(tmp_path / "work" / "vestige.toml", 'capture = "none"\nsummary = "line"\ntags = ["p"]\n')
    found = load(tmp_path / "work", XDG_CONFIG_HOME=str(tmp_path / "config"), VESTIGE_SUMMARY="none")
    assert (found.capture, found.trace, found.summary, found.tags) == ("none", "off", "none", ("u", "p"))
    assert found.origins["capture"] == f"`{project}`"
    assert found.origins["trace"] == f"`{user}`"
    assert found.origins["summary"] == "VESTIGE_SUMMARY"


def test_the_user_file_without_xdg(tmp_path: Path) -> None:
    write(tmp_path / ".config" / "vestige" / "config.toml", "wait = true\n")
    work = tmp_path / "work"
    work.mkdir()
    assert load(work, HOME=str(tmp_path)).wait is True
    assert load(work, HOME=str(tmp_path), XDG_CONFIG_HOME="relative/is/ignored").wait is True


def test_a_store_in_a_file_starts_at_that_file(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    write(tmp_path / "vestige.toml", 'store = "runs/here"\n')
    (tmp_path / "below").mkdir()
    assert load(tmp_path / "below").store == str(tmp_path / "runs" / "here")


def test_an_empty_variable_is_as_good_as_none(tmp_path: Path) -> None:
    assert load(tmp_path, VESTIGE_CAPTURE="").capture == "auto"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0), ("1", 1), ("500", 500), ("2k", 2000), ("2kB", 2000), ("500M", 500_000_000), ("1.5 G", 1_500_000_000),
        (" 1 TB ", 1_000_000_000_000), (".5k", 500), ("7B", 7),
    ],
)  # fmt: skip
def test_sizes(text: str, count: int) -> None:
    assert settings.size(text) == count


@given(st.text() | st.from_regex(r"[0-9]{1,400}\.?[0-9]*[kKMGTEi]?B?", fullmatch=True))
def test_anything_as_a_size(text: str) -> None:
    try:
        assert 0 <= settings.size(text) < 1 << 63
    except ValueError as error:
        assert text in str(error)  # noqa: PT017 - only some texts raise


@pytest.mark.parametrize("text", ["", "x", "G", "-1", "1e9", "1GiB", "0x10", "1,5G", "\u0661", "9" * 20, "9" * 400])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is "):
        settings.size(text)


def test_a_size_in_file_and_environment(tmp_path: Path) -> None:
    write(tmp_path / "vestige.toml", 'hash_limit = "2 GB"\ndeny_network = true\nhash = "fast"\nio_uring = "deny"\n')
    found = load(tmp_path)
    assert (found.hash_limit, found.deny_network, found.hash, found.io_uring) == (2_000_000_000, True, "fast", "deny")
    found = load(tmp_path, VESTIGE_HASH_LIMIT="3k", VESTIGE_DENY_NETWORK="false", VESTIGE_HASH="none")
    assert (found.hash_limit, found.deny_network, found.hash) == (3000, False, "none")
    write(tmp_path / "vestige.toml", "hash_limit = 4000\n")
    assert load(tmp_path).hash_limit == 4000


def test_classes_of_both_files_add_up_the_projects_first(tmp_path: Path) -> None:
    write(tmp_path / "config" / "vestige" / "config.toml", '[classes]\ninput = ["*.u"]\nconfig = ["/etc/u/*"]\n')
    write(tmp_path / "work" / "vestige.toml", '[classes]\noutput = ["*.p"]\ninput = ["*.p", "a/**"]\n')
    found = load(tmp_path / "work", XDG_CONFIG_HOME=str(tmp_path / "config"))
    anchored = str(tmp_path / "work" / "a" / "**")
    assert found.classes == {"output": ("*.p",), "input": ("*.p", anchored, "*.u"), "config": ("/etc/u/*",)}
    assert list(found.classes) == ["output", "input", "config"]


def test_a_glob_with_a_slash_starts_at_its_file(tmp_path: Path) -> None:
    odd = tmp_path / "a[1]*"
    write(odd / "vestige.toml", '[classes]\ninput = ["x", "./y", "z/", "/w", "**/v", "~/u", "t/*"]\n')
    start = str(tmp_path / "a[[]1][*]")
    home = os.path.expanduser("~")
    assert load(odd).classes["input"] == ("x", f"{start}/y", "z/", "/w", "**/v", f"{home}/u", f"{start}/t/*")


def test_the_classes_are_those_of_the_model() -> None:
    assert get_args(model.FileClass) == settings.CLASSES
    assert get_args(model.HashMode) == settings.HASHES


def test_a_folder_that_is_gone_has_no_project(tmp_path: Path) -> None:
    del tmp_path
    assert settings.load({}, None).capture == "auto"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('captur = "all"\n', ["unknown key `captur`", "did you mean `capture`?"]),
        ('xyzzy = "all"\n', ["unknown key `xyzzy`", "allowed are `store`, `capture`"]),
        ('capture = "most"\n', ["`capture` can't be `most`", "`auto`, `all`"]),
        ("capture = 3\n", ["`capture` can't be `3`"]),
        ('wait = "yes"\n', ["`wait` can't be `yes`", "true or false"]),
        ("tags = 'x'\n", ["`tags` can't be `x`", "a list of text"]),
        ("tags = [1]\n", ["`tags`", "a list of text"]),
        ("store = ''\n", ["`store`", "a path"]),
        ('hash = "md5"\n', ["`hash` can't be `md5`", "`full`, `fast`, `none`"]),
        ('hash_limit = "1 GiB"\n', ["`hash_limit` can't be `1 GiB`", "a size as `500M`"]),
        ("hash_limit = -1\n", ["`hash_limit` can't be `-1`"]),
        ("hash_limit = true\n", ["`hash_limit` can't be `True`"]),
        ('deny_network = "on"\n', ["`deny_network` can't be `on`", "true or false"]),
        ("classes = 3\n", ["`classes` must be a table"]),
        ('[classes]\ninputs = ["*"]\n', ["no class `inputs`", "input"]),
        ('[classes]\ninput = "*"\n', ["`classes.input` must be a list of globs"]),
        ("[classes]\ninput = ['']\n", ["`classes.input` must be a list of globs"]),
        ("capture = \n", ["no valid TOML"]),
    ],
)
def test_what_cannot_be_used_names_file_key_and_what_is_allowed(tmp_path: Path, text: str, words: list[str]) -> None:
    path = write(tmp_path / "vestige.toml", text)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert all(word in str(caught.value) for word in [str(path), *words])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"tool.vestige = 3\n[tool]\nvestige = 3\n", b"x = " + b"[" * 3000])
def test_hostile_files(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "vestige.toml").write_bytes(raw)
    with pytest.raises(ConfigError):
        load(tmp_path)


def test_a_table_that_is_none(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", '# tool.vestige\n[tool]\nvestige = "x"\n')
    with pytest.raises(ConfigError, match="must be a table"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["vestige.toml", "pyproject.toml"])
def test_a_link_to_a_file_without_end(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match="it is no config"):
        load(tmp_path)


def test_a_folder_where_a_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "vestige.toml").mkdir()
    with pytest.raises(ConfigError, match="can't read"):
        load(tmp_path)


def test_a_bad_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="VESTIGE_TRACE can't be `on`; allowed are `auto`, `off`"):
        load(tmp_path, VESTIGE_TRACE="on")
