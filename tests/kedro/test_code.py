"""The hash of a node's code: what changes it, and what does not."""

from __future__ import annotations

import functools
import importlib
import os
import sys
import textwrap
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from vestige.kedro.code import Sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HELPERS = '''
"""Helpers."""
import functools
from .numbers import LIMIT as MOST
from . import numbers
from .tables import *

TABLE = {"a": 1}
TABLE["b"] = MOST
UNUSED = 1

def help(x):
    """Help."""
    return min(x, MOST)

def unused():
    return 1

def logged(function):
    @functools.wraps(function)
    def whole(*args):
        return function(*args)
    return whole

class Base:
    scale = MOST
    def grow(self, x):
        return x * self.scale

class Model(Base):
    """A model."""
    def __call__(self, x):
        return self.grow(x)
    @staticmethod
    def fit(x):
        return help(x)
    @property
    def size(self):
        return unused()
'''
NODES = """
import json
import sys
from project import helpers
from project.helpers import Model, logged, help as assist
from project.helpers import TABLE

def direct(x):
    # a comment
    return assist(x) + 1

def by_module(x):
    return helpers.help(x)

def by_constant(x):
    return TABLE[x]

def by_default(x, most=helpers.MOST):
    return x

def by_class(x):
    return Model().fit(x)

def by_star(x):
    return STARRED[x]

from project.tables import *

@logged
def decorated(x):
    return x

def within(x):
    from .later import never_loaded
    return never_loaded(x)

def made(factor):
    def inner(x):
        return assist(x) * factor
    return inner

def plain(x):
    return json.dumps(x)

one = lambda x: x + 1
model = Model()
"""


class Written:
    """A small project, whose modules can be changed and loaded again."""

    def __init__(self, top: Path) -> None:
        self.package = top / "src" / "project"
        self.package.mkdir(parents=True)
        self.top = top
        self.write("__init__", "")
        self.write("numbers", "LIMIT = 5\nOTHER = 6\n")
        self.write("tables", "STARRED = {1: 2}\n")
        self.write("later", "def never_loaded(x):\n    return x\n")
        self.write("helpers", HELPERS)
        self.write("nodes", NODES)

    def write(self, name: str, text: str) -> None:
        """Write a module."""
        (self.package / f"{name}.py").write_text(textwrap.dedent(text))

    def change(self, name: str, before: str, after: str) -> None:
        """Change a module."""
        text = (self.package / f"{name}.py").read_text()
        assert before in text
        (self.package / f"{name}.py").write_text(text.replace(before, after))

    def told(self, choose: Callable[[Any], object]) -> dict[str, Any]:
        """Load the project anew and return what is told of what `choose` takes from `nodes`."""
        for name in [name for name in sys.modules if name.partition(".")[0] == "project"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        return Sources(str(self.top)).told(choose(importlib.import_module("project.nodes")))


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Written]:
    made = Written(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield made
    for name in [name for name in sys.modules if name.partition(".")[0] == "project"]:
        del sys.modules[name]


def bound(nodes: Any) -> Callable[..., object]:
    """Return a bound method."""
    method: Callable[..., object] = nodes.model.grow
    return method


REACHED: dict[str, tuple[Callable[[Any], object], tuple[str, str, str]]] = {
    "itself": (lambda nodes: nodes.direct, ("nodes", "assist(x) + 1", "assist(x) + 2")),
    "a function": (lambda nodes: nodes.direct, ("helpers", "min(x, MOST)", "max(x, MOST)")),
    "a constant of another module": (lambda nodes: nodes.direct, ("numbers", "LIMIT = 5", "LIMIT = 7")),
    "through a module": (lambda nodes: nodes.by_module, ("numbers", "LIMIT = 5", "LIMIT = 7")),
    "a table": (lambda nodes: nodes.by_constant, ("helpers", '"a": 1', '"a": 2')),
    "a table that is changed later": (lambda nodes: nodes.by_constant, ("helpers", 'TABLE["b"]', 'TABLE["c"]')),
    "a default": (lambda nodes: nodes.by_default, ("numbers", "LIMIT = 5", "LIMIT = 7")),
    "a class": (lambda nodes: nodes.by_class, ("helpers", "return help(x)", "return help(x) + 1")),
    "a base": (lambda nodes: nodes.by_class, ("helpers", "x * self.scale", "x + self.scale")),
    "what a method reaches": (lambda nodes: nodes.by_class, ("helpers", "min(x, MOST)", "max(x, MOST)")),
    "what a class holds": (lambda nodes: nodes.by_class, ("numbers", "LIMIT = 5", "LIMIT = 7")),
    "by `import *`": (lambda nodes: nodes.by_star, ("tables", "{1: 2}", "{1: 3}")),
    "a decorator": (lambda nodes: nodes.decorated, ("helpers", "return function(*args)", "return function(args)")),
    "what is decorated": (lambda nodes: nodes.decorated, ("nodes", "return x\n\ndef within", "pass\n\ndef within")),
    "what is imported later": (lambda nodes: nodes.within, ("later", "return x", "return -x")),
    "through a closure": (lambda nodes: nodes.made(3), ("helpers", "min(x, MOST)", "max(x, MOST)")),
    "a lambda": (lambda nodes: nodes.one, ("nodes", "x + 1\nmodel", "x + 2\nmodel")),
    "a method": (bound, ("helpers", "x * self.scale", "x + self.scale")),
    "a callable": (lambda nodes: nodes.model, ("helpers", "self.grow(x)", "self.grow(x + 1)")),
    "a class as a node": (lambda nodes: nodes.Model, ("helpers", "return help(x)", "return help(x) + 1")),
    "a partial": (lambda nodes: functools.partial(nodes.direct, 3), ("helpers", "min(x, MOST)", "max(x, MOST)")),
    "what is bound to a partial": (
        lambda nodes: functools.partial(nodes.plain, nodes.assist),
        ("helpers", "min(x, MOST)", "max(x, MOST)"),
    ),
}  # fmt: skip
FUNCTIONS = ["direct", "by_module", "by_constant", "by_default", "by_class", "by_star", "decorated", "within", "plain"]


@pytest.mark.parametrize("what", REACHED)
def test_what_a_node_reaches_changes_its_hash(written: Written, what: str) -> None:
    choose, change = REACHED[what]
    before = written.told(choose)
    assert before["hash"].startswith("sha256:")
    assert written.told(choose) == before
    written.change(*change)
    assert written.told(choose)["hash"] != before["hash"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_it_does_not_reach_changes_nothing(written: Written, name: str) -> None:
    def choose(nodes: Any) -> object:
        return getattr(nodes, name)

    before = written.told(choose)["hash"]
    written.change("nodes", "    # a comment\n", "\n\n    # another\n")
    written.change("helpers", '    """Help."""\n', '    """Help, and\n    more."""\n')
    written.change("helpers", "return min(x, MOST)", "return min(x,\n        (MOST))")
    written.change("helpers", "UNUSED = 1", "UNUSED = 2")
    written.change("numbers", "OTHER = 6", "OTHER = 7")
    written.change("nodes", "return x\n\ndef within", "return x\n\ndef another():\n    pass\n\ndef within")
    assert written.told(choose)["hash"] == before


def test_where_it_is_and_what_went_in(written: Written) -> None:
    told = written.told(lambda nodes: nodes.decorated)
    assert told["function"] == "project.nodes.decorated"
    assert told["file"] == str(written.package / "nodes.py")
    lines = (written.package / "nodes.py").read_text().splitlines()
    assert lines[told["line"] - 1 :][:2] == ["@logged", "def decorated(x):"]
    assert told["parts"] == [
        "project.helpers.logged",
        "project.helpers.logged.<locals>.whole",
        "project.nodes.decorated",
    ]
    assert written.told(lambda nodes: nodes.by_class)["parts"] == [
        "project.helpers.Base",
        "project.helpers.Model",
        "project.helpers.help",
        "project.helpers.unused",
        "project.nodes.by_class",
        "project.numbers.LIMIT",
    ]


def test_other_packages_have_versions_and_no_hash(written: Written) -> None:
    told = written.told(lambda _: os.path.join)
    assert (told["function"], told["hash"], told["parts"]) == ("posixpath.join", None, [])
    told = written.told(lambda _: len)
    assert (told["function"], told["hash"]) == ("builtins.len", None)


def test_what_is_bound_counts(written: Written) -> None:
    three = written.told(lambda nodes: functools.partial(nodes.plain, 3))
    four = written.told(lambda nodes: functools.partial(nodes.plain, 4))
    assert three["function"] == four["function"] == "project.nodes.plain"
    assert three["hash"] != four["hash"]


def test_what_can_t_be_found_is_the_whole_file(written: Written) -> None:
    """The file was changed after it was loaded."""
    choose = [importlib.import_module("project.nodes").direct]
    written.change("nodes", "import json\n", "import json\n\n\n")
    told = Sources(str(written.top)).told(choose[0])
    assert told["parts"] == ["project.nodes.direct (nodes.py)"]
    written.change("nodes", "def plain(x):", "def plain(x, y):")
    assert Sources(str(written.top)).told(choose[0])["hash"] != told["hash"]


@pytest.mark.parametrize("content", ["def broken(:", "\0", "x = '\\d'\n", "1if 1 else 2\n"])
def test_reading_source_says_nothing(written: Written, content: str) -> None:
    """Python may warn of a file when it compiles it; it is not warned of again, nor are other warnings."""
    nodes = importlib.import_module("project.nodes")
    written.write("helpers", content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = warnings.filters
        Sources(str(written.top)).told(nodes.by_class)
        assert warnings.filters is before


def test_installed_packages_in_the_project_s_folder_are_not_the_project_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ".venv" / "lib" / "site-packages"
    folder.mkdir(parents=True)
    (folder / "project.py").write_text("def nothing(): pass\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = importlib.import_module("project")
    assert Sources(str(tmp_path)).told(module.nothing)["hash"] is None
    del sys.modules["project"]
