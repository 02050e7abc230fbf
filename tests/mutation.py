"""Which changes of a module no test notices.

    python tests/mutation.py finalising/points.py tests/record/test_points.py

Every change is tried in a process of its own; no file is written. The tests named are run once to see which of them
reach which line; those that ask for the installed command are left out: it would import the module as it is. What is
printed was changed without any test failing: it means the same, or nobody needs it, or no test holds it.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import os
import resource
import sys
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_SOURCES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src", "vestige")
_WORDS = ("-x", "-n0", "-pxdist", "-ppytest_timeout", "-pno:cacheprovider", "--timeout=20")  # a loop may be endless
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


@dataclass(slots=True)
class Watch:
    """A pytest plugin that runs some tests, or all that may be run and then notes which lines each reaches."""

    path: str  # of the module
    tests: list[str]  # files and folders
    wanted: set[str] = field(default_factory=set)  # ids; empty: all
    reached: dict[str, list[int]] = field(default_factory=dict)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        kept = [item for item in items if not self.wanted or item.nodeid in self.wanted]
        items[:] = [item for item in kept if "tools" not in getattr(item, "fixturenames", ())]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        lines: set[int] = set()

        def within(frame: FrameType, _: str, __: object) -> Any:
            lines.add(frame.f_lineno)
            return within

        def entered(frame: FrameType, _: str, __: object) -> Any:
            return within if frame.f_code.co_filename == self.path else None

        sys.settrace(None if self.wanted else entered)
        yield
        sys.settrace(None)
        self.reached[item.nodeid] = sorted(lines)


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


def passes(watch: Watch, tree: ast.Module, change: Callable[[], None]) -> bool:
    """Say whether all tests pass after a change; what they reached is then in `watch`."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as notes:
        pid = os.fork()
        if not pid:
            try:
                change()
                os._exit(_run(watch, tree, notes))
            finally:
                os._exit(1)
        if os.waitpid(pid, 0)[1]:
            return False
        notes.seek(0)
        watch.reached = json.load(notes)
        return True


def _run(watch: Watch, tree: ast.Module, notes: TextIO) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (_LARGEST, _LARGEST))
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # which takes three seconds
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    _import(watch.path, tree)
    code = pytest.main([*_WORDS, *watch.tests], plugins=[watch])
    json.dump(watch.reached, notes)
    notes.flush()
    return int(code)


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
    parser.add_argument("tests", nargs="+", help="files or folders")
    asked = parser.parse_args()
    path = os.path.join(_SOURCES, asked.module)
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    whole = Watch(path, asked.tests)
    if not passes(whole, tree, lambda: None):
        sys.exit("some tests fail before anything is changed")
    everything, unnoticed = list(mutants(tree)), 0
    for mutant in everything:
        wanted = {test for test, lines in whole.reached.items() if any(at in mutant.lines for at in lines)}
        files = sorted({test.partition("::")[0] for test in wanted})
        if not wanted or passes(Watch(path, files, wanted), tree, mutant.change):
            unnoticed += 1
            sys.stdout.write(f"{asked.module}:{mutant.what}{'' if wanted else ', where no test comes'}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{asked.module}: {len(everything)} changes, {unnoticed} unnoticed\n")


if __name__ == "__main__":
    main()
