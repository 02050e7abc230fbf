"""Config files and environment: what is found, what wins, what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vestige import settings
from vestige.errors import ConfigError

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


def test_a_folder_that_is_gone_has_no_project(tmp_path: Path) -> None:
    del tmp_path
    assert settings.load({}, None).capture == "auto"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('captur = "all"\n', ["unknown key `captur`", "`capture`"]),
        ('capture = "most"\n', ["`capture` can't be `most`", "`auto`, `all`"]),
        ("capture = 3\n", ["`capture` can't be `3`"]),
        ('wait = "yes"\n', ["`wait` can't be `yes`", "true or false"]),
        ("tags = 'x'\n", ["`tags` can't be `x`", "a list of text"]),
        ("tags = [1]\n", ["`tags`", "a list of text"]),
        ("store = ''\n", ["`store`", "a path"]),
        ("capture = \n", ["no valid TOML"]),
    ],
)
def test_what_cannot_be_used_names_file_key_and_what_is_allowed(tmp_path: Path, text: str, words: list[str]) -> None:
    path = write(tmp_path / "vestige.toml", text)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert all(word in str(caught.value) for word in [str(path), *words])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"tool.vestige = 3\n[tool]\nvestige = 3\n"])
def test_hostile_files(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "vestige.toml").write_bytes(raw)
    with pytest.raises(ConfigError):
        load(tmp_path)


def test_a_table_that_is_none(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", '# tool.vestige\n[tool]\nvestige = "x"\n')
    with pytest.raises(ConfigError, match="must be a table"):
        load(tmp_path)


def test_a_folder_where_a_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "vestige.toml").mkdir()
    with pytest.raises(ConfigError, match="can't read"):
        load(tmp_path)


def test_a_bad_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="VESTIGE_TRACE can't be `on`; allowed is `auto`, `off`"):
        load(tmp_path, VESTIGE_TRACE="on")
