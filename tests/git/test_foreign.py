"""Records of others: what no honest run has seen is refused in words, or passed over."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from harness.kept import Store, used

from vestige.errors import RecordError
from vestige.git.datasets import links
from vestige.git.reruns.again import Wish, kept_again
from vestige.git.verifying import originals
from vestige.record.model import Code, CommitOptions

if TYPE_CHECKING:
    from pathlib import Path

    from vestige.record.model import Record
    from vestige.store.runs import RunFolder

FORMS = ["{}\0b", '"{}\\000b"']


def kept(tmp_path: Path, *, path: str = "/out", **keys: Any) -> tuple[RunFolder, Record]:
    """Give a run of somebody else, in a folder that is there."""
    store = Store(tmp_path / "store")
    store.run(used("output", path, b"x"), **{"cwd": str(tmp_path), "argv": ("true",), **keys})
    (run,) = store.runs.newest_first()
    return run, run.load()


@pytest.mark.parametrize("form", FORMS)
class TestNullBytes:
    def test_in_the_command(self, tmp_path: Path, form: str) -> None:
        _, record = kept(tmp_path, argv=("touch", form.format("a")))
        with pytest.raises(RecordError, match="no program can be given a null byte") as raised:
            kept_again(record, Wish())
        assert str(raised.value).isprintable()
        assert not os.path.exists(tmp_path / "a")

    @pytest.mark.parametrize("name", ["inputs", "outputs", "command"])
    def test_in_what_was_declared(self, tmp_path: Path, form: str, name: str) -> None:
        _, record = kept(tmp_path)
        text = form.format("a")
        declared: Any = {name: text if name == "command" else (text,)}
        options = dataclasses.replace(record.options, commit=CommitOptions(**declared))
        with pytest.raises(RecordError, match="null byte"):
            kept_again(dataclasses.replace(record, options=options), Wish())

    @pytest.mark.parametrize("name", ["cwd", "message"])
    def test_in_folder_and_message(self, tmp_path: Path, form: str, name: str) -> None:
        _, record = kept(tmp_path, **{name: form.format(tmp_path)})
        with pytest.raises(RecordError, match="null byte"):
            kept_again(record, Wish())

    def test_in_the_work_tree_that_is_to_be_verified(self, tmp_path: Path, form: str) -> None:
        run, record = kept(tmp_path)
        code = Code(form.format(tmp_path), None, None)
        with pytest.raises(RecordError, match="null byte"):
            originals.of_run(run, dataclasses.replace(record, code=code))

    def test_in_a_file_of_a_run_that_is_to_be_verified(self, tmp_path: Path, form: str) -> None:
        subprocess.run(["git", "init", "-q", tmp_path], check=True)
        run, record = kept(tmp_path, path=form.format(tmp_path / "out"))
        with pytest.raises(RecordError, match="null byte"):
            originals.of_run(run, dataclasses.replace(record, code=Code(str(tmp_path), None, None)))

    def test_in_names_of_annexed_objects(self, tmp_path: Path, form: str) -> None:
        content = str(tmp_path / ".git/annex/objects/Xy/Zz/KEY/KEY")
        use = used("output", content, b"x", names=(form.format(tmp_path / "name"),))
        assert links.through([use]) == [use]
