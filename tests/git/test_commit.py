"""`vestige run --commit`: one commit that holds what the run changed and how, and nothing else is touched."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.repositories import Repository

pytestmark = pytest.mark.needs("recorder", "git")

CHANGES = {  # what a command does: what the commit holds of it
    "a new file": ("echo new > out", {"out": "A"}),
    "one in new folders": ("mkdir -p a/b; echo new > a/b/out", {"a/b/out": "A"}),
    "one moved into place": ("echo new > .out.tmp; mv .out.tmp out", {"out": "A"}),
    "a longer file": ("echo more >> in", {"in": "M"}),
    "a file rewritten": ("sort -r folder/one in > out; cp out in", {"in": "M", "out": "A"}),
    "a file that is gone": ("rm in", {"in": "D"}),
    "a folder that is gone": ("rm -r folder", {"folder/one": "D", "folder/two": "D"}),
    "another name": ("mv in out", {"in": "D", "out": "A"}),
    "another folder": ("mkdir new; mv in new", {"in": "D", "new/in": "A"}),
    "a folder with another name": (
        "mv folder new",
        {"folder/one": "D", "folder/two": "D", "new/one": "A", "new/two": "A"},
    ),
    "a new folder with another name": ("mkdir a; echo new > a/out; mv a b", {"b/out": "A"}),
    "a file in the place of another": ("mv folder/one in", {"folder/one": "D", "in": "M"}),
    "two that change places": ("mv in x; mv folder/one in; mv x folder/one", {"in": "M", "folder/one": "M"}),
    "two folders that change places": (
        "mkdir b; echo b > b/one; mv b x; mv folder b; mv x folder",
        {"folder/one": "M", "folder/two": "D", "b/one": "A", "b/two": "A"},
    ),
    "a link": ("ln -s in link", {"link": "A"}),
    "a link to nowhere": ("ln -s nowhere link", {"link": "A"}),
    "a link to a folder": ("ln -s folder link", {"link": "A"}),
    "a link in the place of a file": ("ln -sf folder/one in", {"in": "T"}),
    "a hard link": ("ln in out", {"out": "A"}),
    "a program": ("echo new > out; chmod +x out", {"out": "A"}),
    "a file made a program": ("chmod +x in", {"in": "M"}),
    "a folder in the place of a file": ("rm in; mkdir in; echo new > in/out", {"in": "D", "in/out": "A"}),
    "a file in the place of a folder": (
        "rm -r folder; echo new > folder",
        {"folder": "A", "folder/one": "D", "folder/two": "D"},
    ),
    "a copied folder": ("cp -r folder new", {"new/one": "A", "new/two": "A"}),
    "one through a linked folder": ("ln -s folder link; echo new > link/out", {"link": "A", "folder/out": "A"}),
    "one written by a process in the background": ("{ sleep .1; echo new > out; } & wait", {"out": "A"}),
    "one that is there only meanwhile": ("echo x > tmp; rm tmp; echo new > out", {"out": "A"}),
    "one that git was told of": ("echo new > out; git add out", {"out": "A"}),
    "one that git has removed": ("git rm -q in", {"in": "D"}),
    "one that git has moved": ("git mv in out", {"in": "D", "out": "A"}),
    "an empty file": (": > out", {"out": "A"}),
    "an emptied file": (": > in", {"in": "M"}),
    "an empty folder beside": ("mkdir empty; echo new > out", {"out": "A"}),
}


class TestWhatItHolds:
    @pytest.mark.parametrize("what", CHANGES)
    def test_each_way_to_change_a_file(self, repository: Repository, what: str) -> None:
        script, files = CHANGES[what]
        made = repository.committed(script)
        assert made.files == files
        assert repository.state().status == ()
        assert repository.outcome["files"] == len(files)
        repository.assert_whole()
