"""Which changes of a module no test notices.

    python tests/mutation.py finalising/points.py tests/finalising/test_points.py

Every change is tried in a process of its own; no file is written. The tests named are run once to see which of them
reach which line; those that ask for the installed command are left out: it would import the module as it is. A change
in a function is made where the tests have been imported already, since that takes longer than most of them. What is
printed was changed without any test failing: it means the same, or nobody needs it, or no test holds it.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import gc
import importlib.util
import itertools
import json
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import FrameType

_SOURCES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src", "vestige")
_WORDS = ("-x", "-n0", "-pxdist", "-ppytest_timeout", "-pno:cacheprovider", "--timeout=30")  # a loop may be endless
_LARGEST = 4 << 30  # B: or eat memory
_PAIRS = (
    "Lt LtE, Gt GtE, Eq NotEq, In NotIn, Is IsNot, Add Sub, Mult Div, FloorDiv Mod, LShift RShift, BitAnd BitOr, "
    "min max, any all"
)
_OTHER = dict(pair.split() for pair in _PAIRS.split(", "))
_LEFT_OUT = ("annotation", "returns", "decorator_list")
_OTHER |= {other: one for one, other in _OTHER.items()}


class Mutant(NamedTuple):
    """One change of a module."""

    lines: range  # of the statement, its body aside; of one outside of functions: all
    what: str
    change: Callable[[], None]  # of the tree, in place

    @property
    def is_inner(self) -> bool:
        """Say whether it is in a function."""
        return self.lines.start > 0


@dataclass
class Trial:
    """All changes of one module; as a pytest plugin, it tries those in functions as soon as the tests are collected."""

    module: str  # below src/vestige
    tests: list[str]  # files, folders or ids
    notes: TextIO  # what one process finds out for another
    out: TextIO
    tree: ast.Module = field(init=False)
    reached: dict[str, list[int]] = field(default_factory=dict)  # lines by test, quick ones first
    wanted: list[str] = field(default_factory=list)  # the tests to run; empty: nothing was tried yet
    unnoticed: int = 0

    def __post_init__(self) -> None:
        with open(self.path, encoding="utf-8") as file:
            self.tree = ast.parse(file.read())

    @property
    def path(self) -> str:
        """Return the path of the module."""
        return os.path.join(_SOURCES, self.module)

    def run(self) -> None:
        """Try every change, and print those that no test noticed."""
        if not _passes(self._fresh):
            sys.exit("some tests fail before anything is changed")
        self.reached, self.unnoticed = self._read()
        everything = list(mutants(self.tree))
        for mutant in everything:
            if not mutant.is_inner:
                self._try(mutant, self._fresh)
        self._say(f"{self.module}: {len(everything)} changes, {self.unnoticed} unnoticed")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if "tools" not in getattr(item, "fixturenames", ())]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if not self.wanted:
            self._try_inner(session)
        else:
            self._failures(session)
        return True

    def _try_inner(self, session: pytest.Session) -> None:
        if not _passes(lambda: self._note(session)):
            os._exit(1)
        self.reached = self._read()
        for mutant in mutants(self.tree):
            if mutant.is_inner:
                self._try(mutant, lambda: self._here(session))
        self._write((self.reached, self.unnoticed))

    def _note(self, session: pytest.Session) -> int:
        """Run all tests and write down which lines each reaches."""
        self.wanted = [item.nodeid for item in session.items]
        watch = _Watch(self.path)
        session.config.pluginmanager.register(watch)
        failures = self._failures(session)
        self._write({name: watch.lines[name] for name in sorted(watch.lines, key=watch.seconds.__getitem__)})
        return failures

    def _failures(self, session: pytest.Session) -> int:
        """Run the wanted tests, up to the first that fails."""
        by_id = {item.nodeid: item for item in session.items}
        for item, following in itertools.pairwise([*(by_id[name] for name in self.wanted), None]):
            assert item
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.testsfailed:
                break
        return session.testsfailed

    def _try(self, mutant: Mutant, run: Callable[[], int]) -> None:
        wanted = [test for test, lines in self.reached.items() if any(at in mutant.lines for at in lines)]

        def changed() -> int:
            mutant.change()
            self.wanted = wanted
            return run()

        if not wanted or _passes(changed):
            self.unnoticed += 1
            self._say(f"{self.module}:{mutant.what}{'' if wanted else ', where no test comes'}")

    def _here(self, session: pytest.Session) -> int:
        """Run the wanted tests with the functions of the module as they are in the tree."""
        swap(self.path, self.tree)
        return self._failures(session)

    def _fresh(self) -> int:
        """Run tests after an import of the module as it is in the tree."""
        resource.setrlimit(resource.RLIMIT_AS, (_LARGEST, _LARGEST))
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # which takes three seconds
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        _import(self.path, self.tree)
        return int(pytest.main([*_WORDS, *(self.tests if not self.wanted else _files(self.wanted))], plugins=[self]))

    def _say(self, line: str) -> None:
        self.out.write(f"{line}\n")
        self.out.flush()

    def _write(self, found: object) -> None:
        self.notes.seek(0)
        self.notes.truncate()
        json.dump(found, self.notes)
        self.notes.flush()

    def _read(self) -> Any:
        self.notes.seek(0)
        return json.load(self.notes)


@dataclass(slots=True)
class _Watch:
    """A pytest plugin that notes which lines of a module each test reaches, and how long it takes."""

    path: str
    lines: dict[str, list[int]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        lines: set[int] = set()

        def within(frame: FrameType, _: str, __: object) -> Any:
            lines.add(frame.f_lineno)
            return within

        def entered(frame: FrameType, _: str, __: object) -> Any:
            return within if frame.f_code.co_filename == self.path else None

        begun = time.monotonic()
        sys.settrace(entered)
        done = yield
        sys.settrace(None)
        self.seconds[item.nodeid] = time.monotonic() - begun
        self.lines[item.nodeid] = sorted(lines)
        return done


def mutants(tree: ast.Module) -> Iterator[Mutant]:
    """Yield every change, none of them made."""
    for node, statement in _nodes(tree, None):
        lines = range(sys.maxsize) if statement is None else _lines(statement)
        for what, change in _changes(node):
            said = f"{getattr(node, 'lineno', lines[0])}: {what} in `{ast.unparse(node)[:90]}`"
            yield Mutant(lines, said.replace("\n", " "), change)


def _lines(statement: ast.stmt) -> range:
    inner = [each.lineno for each in ast.iter_child_nodes(statement) if isinstance(each, ast.stmt)]
    return range(statement.lineno, max(min([*inner, (statement.end_lineno or 0) + 1]), statement.lineno + 1))


def _nodes(node: ast.AST, inside: ast.stmt | None) -> Iterator[tuple[ast.AST, ast.stmt | None]]:
    """Yield what may be changed, each with its statement if that is in a function."""
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and name not in _LEFT_OUT and not _is_idle(child):
                is_function = isinstance(node, ast.FunctionDef) and name == "body"
                of = child if isinstance(child, ast.stmt) and (inside or is_function) else inside
                yield child, of
                yield from _nodes(child, of)


def _is_idle(node: ast.AST) -> bool:
    """Say whether it is text for people, a table of words, a type or an import."""
    if isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Set):
        return True
    return ast.unparse(node).startswith(("if TYPE_CHECKING:", "Literal[", '"""'))


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[], None]]]:  # noqa: C901, PLR0912 - a table of nodes
    def put(name: str, value: object) -> Callable[[], None]:
        return lambda: setattr(node, name, value)

    match node:
        case ast.Compare(ops=[operator]):
            yield (other := _OTHER[type(operator).__name__]), put("ops", [getattr(ast, other)()])
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator) if type(operator).__name__ in _OTHER:
            yield (other := _OTHER[type(operator).__name__]), put("op", getattr(ast, other)())
        case ast.BoolOp(values=values):
            for index, value in enumerate(values):
                yield f"no `{ast.unparse(value)[:40]}`", put("values", values[:index] + values[index + 1 :])
        case ast.UnaryOp(op=ast.Not()):
            yield "no not", put("op", ast.UAdd())  # +bool is its number
        case ast.Constant(value=bool() as flag):
            yield "flipped", put("value", not flag)
        case ast.Constant(value=int() | float() as number):
            yield "one more", put("value", number + 1)
        case ast.Constant(value=str() as word) if word and " " not in word:
            yield "another word", put("value", f"{word}~")
        case ast.Call(func=ast.Name(id=name)) if name in _OTHER:
            yield _OTHER[name], put("func", ast.Name(_OTHER[name], ast.Load()))
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) != "None":
            yield "None returned", put("value", ast.Constant(None))
        case ast.Expr(value=ast.Call()):
            yield "left out", put("value", ast.Constant(None))
        case ast.comprehension(ifs=[_, *_]):
            yield "all of them", put("ifs", [])
        case ast.If() | ast.IfExp():
            yield "always", put("test", ast.Constant(value=True))
            yield "never", put("test", ast.Constant(value=False))


def swap(path: str, tree: ast.Module) -> None:
    """Give the functions of a module that was imported the code that they have in `tree`."""
    pieces = [compile(ast.fix_missing_locations(tree), path, "exec")]
    for piece in pieces:
        pieces.extend(inner for inner in piece.co_consts if isinstance(inner, CodeType))
    count = Counter(map(_place, pieces))
    codes = {_place(piece): piece for piece in pieces if count[_place(piece)] == 1}  # of lambdas in one line: none
    for found in gc.get_objects():
        if isinstance(found, FunctionType) and found.__code__.co_filename == path:
            with contextlib.suppress(ValueError):  # a closure over other names: whoever makes it has new code
                found.__code__ = codes.get(_place(found.__code__), found.__code__)


def _place(code: CodeType) -> tuple[int, str]:
    return code.co_firstlineno, code.co_name


def _files(tests: list[str]) -> list[str]:
    return sorted({test.partition("::")[0] for test in tests})


def _passes(run: Callable[[], int]) -> bool:
    """Say whether what runs in a child comes to no failures."""
    pid = os.fork()
    if not pid:
        try:
            os._exit(int(run() != 0))
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def _import(path: str, tree: ast.Module) -> None:
    name = os.path.relpath(path, os.path.dirname(_SOURCES))[:-3].replace("/", ".")
    package, _, last = name.rpartition(".")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    setattr(importlib.import_module(package), last, module)
    exec(compile(ast.fix_missing_locations(tree), path, "exec"), module.__dict__)  # noqa: S102 - our own, changed


def main() -> None:
    """Try every change of a module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", help="below src/vestige")
    parser.add_argument("tests", nargs="+", help="files, folders or ids")
    asked = parser.parse_args()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as notes, open(os.dup(1), "w", encoding="utf-8") as out:
        Trial(asked.module, asked.tests, notes, out).run()


if __name__ == "__main__":
    main()
