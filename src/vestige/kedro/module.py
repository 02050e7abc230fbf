"""A source file of a project, parsed once: its functions, its classes, and what gives each of its names a value."""

from __future__ import annotations

import ast
import functools
import hashlib
import threading
import warnings
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import CodeType

_LARGEST = 4 << 20  # B, of a source file
_PARSED_AS = "<vestige>"
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_lock = threading.Lock()


class Import(NamedTuple):
    """`from ..module import name` as it is written; `name` is None for `import module`."""

    level: int
    module: str
    name: str | None

    def absolute(self, package: str) -> str:
        """Return the module's full name, for an import within `package`."""
        if not self.level:
            return self.module
        above = package.rsplit(".", self.level - 1)[0] if self.level > 1 else package
        return f"{above}.{self.module}" if self.module else above


class Module:
    """A parsed file."""

    def __init__(self, path: str, tree: ast.Module) -> None:
        """Index it; docstrings are taken out."""
        self.path = path
        self._tree = tree
        self._functions: defaultdict[tuple[int, str], list[ast.AST]] = defaultdict(list)
        self.classes: dict[str, ast.AST] = {}  # by qualified name
        self.bindings: defaultdict[str, list[ast.AST]] = defaultdict(list)  # statements of the module by name
        self.imports: dict[str, Import] = {}  # by the name that they bind in the module
        self.stars: list[Import] = []
        self._index(tree, "")
        for statement in tree.body:
            self._bind(statement)

    @classmethod
    def read(cls, path: str) -> Module | None:
        """Read a file; None where it can't be read or parsed."""
        try:
            with open(path, "rb") as file:
                content = file.read(_LARGEST + 1)
            return cls(path, _parsed(content)) if len(content) <= _LARGEST else None
        except (OSError, SyntaxError, ValueError, RecursionError):
            return None

    @functools.cached_property
    def whole(self) -> str:
        """The hash of all of it."""
        return digest([self._tree])

    def functions(self, code: CodeType) -> list[ast.AST]:
        """Return the function that was compiled to `code`: more than one where lambdas share a line."""
        return self._functions.get((code.co_firstlineno, code.co_name), [])

    def _index(self, node: ast.AST, above: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner = above
            if isinstance(child, _FUNCTIONS):
                first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
                self._functions[first, child.name].append(child)
                inner = f"{above}{child.name}.<locals>."
            elif isinstance(child, ast.Lambda):
                self._functions[child.lineno, "<lambda>"].append(child)
                inner = f"{above}<lambda>.<locals>."
            elif isinstance(child, ast.ClassDef):
                self.classes[f"{above}{child.name}"] = child
                inner = f"{above}{child.name}."
            self._index(child, inner)

    def _bind(self, statement: ast.stmt) -> None:
        """Note which names a statement of the module gives a value, or changes."""
        for found in imports_in(statement):
            if found.name == "*":
                self.stars.append(found)
        for name, found in _imported_names(statement):
            self.imports[name] = found
        for name in set(_bound(statement)):
            self.bindings[name].append(statement)


def digest(nodes: Iterable[ast.AST]) -> str:
    """Return the hash of code as Python writes it: one way for all ways of laying it out."""
    return hashlib.sha256("\n".join(map(ast.unparse, nodes)).encode("utf-8", "surrogatepass")).hexdigest()


def names_in(node: ast.AST) -> set[str]:
    """Return all names in a piece of code, attributes among them."""
    names = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            names.add(inner.id)
        elif isinstance(inner, ast.Attribute):
            names.add(inner.attr)
    return names


def names_around(node: ast.AST) -> set[str]:
    """Return the names that a function or class uses when it is defined: decorators, defaults, bases, constants."""
    parts: list[ast.AST] = list(getattr(node, "decorator_list", []))
    names: set[str] = set()
    if isinstance(node, ast.ClassDef):
        parts += [*node.bases, *node.keywords]
        for statement in node.body:
            names |= names_around(statement) if isinstance(statement, _FUNCTIONS) else names_in(statement)
    elif isinstance(node, (*_FUNCTIONS, ast.Lambda)):
        parts += [*node.args.defaults, *filter(None, node.args.kw_defaults)]
    return names.union(*map(names_in, parts))


def imports_in(node: ast.AST) -> Iterator[Import]:
    """Yield the imports in a piece of code."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            yield from (Import(0, alias.name, None) for alias in inner.names)
        elif isinstance(inner, ast.ImportFrom):
            yield from (Import(inner.level, inner.module or "", alias.name) for alias in inner.names)


def _imported_names(statement: ast.stmt) -> Iterator[tuple[str, Import]]:
    """Yield the names that `from … import` binds in a module."""
    for inner in _outside_functions(statement):
        if isinstance(inner, ast.ImportFrom):
            for alias in inner.names:
                yield alias.asname or alias.name, Import(inner.level, inner.module or "", alias.name)


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module gives a value, or changes: `TABLE[…] = …`, `names.append(…)`."""
    for inner in _outside_functions(statement):
        if isinstance(inner, (*_FUNCTIONS, ast.ClassDef)):
            yield inner.name
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store | ast.Del):
            yield inner.id
        elif isinstance(inner, ast.Subscript | ast.Attribute) and isinstance(inner.ctx, ast.Store | ast.Del):
            yield from _root(inner)
        elif isinstance(inner, ast.Expr):
            yield from (name.id for name in ast.walk(inner) if isinstance(name, ast.Name))


def _root(node: ast.AST) -> Iterator[str]:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id


def _outside_functions(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yield the nodes of a statement, functions and classes themselves but not what is in them."""
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.Lambda)):
            todo += ast.iter_child_nodes(node)


def _parsed(content: bytes) -> ast.Module:
    """Return the tree of a file, without docstrings. Raises SyntaxError, ValueError, RecursionError.

    The parser may warn of what it reads, and Python may have done so already when it compiled the file. No filter is
    changed for that by `catch_warnings`, since Python then forgets which warnings it has shown and shows them again:
    one filter that fits nothing else stands before the others while the parser runs.
    """
    with _lock:
        before = warnings.filters
        ours = [("ignore", None, Warning, _This(), 0), *before]
        warnings.filters = ours  # type: ignore[assignment]
        try:
            tree = ast.parse(content, _PARSED_AS)
        finally:
            if warnings.filters is ours:
                warnings.filters = before
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and node.body and _is_text(node.body[0]):
            node.body[:1] = [] if len(node.body) > 1 or isinstance(node, ast.Module) else [ast.Pass()]
    return tree


class _This:
    """What a filter of warnings asks for the name of a module: whether it is the one that is being parsed."""

    def match(self, module: str) -> bool:
        """Say so."""
        return module == _PARSED_AS


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
