"""The code of a node: where it is, and a hash of all of the project's own code that it reaches by name.

What a function reaches is found in what is loaded: the names in its compiled code, looked up where the function would
look them up, and in the project's modules among them. What goes into the hash is the source of each piece as Python's
parser reads it: without comments, docstrings, blank space. Other packages are no part of it: they have versions.

Not seen: names that are made up at run time (`getattr`, `importlib`), the state of objects, data files.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import json
import os
import sys
import sysconfig
from dataclasses import dataclass, field
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from vestige.kedro.module import Module, digest, imports_in, names_around, names_in

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Iterator, Mapping

    from vestige.kedro.module import Import

_FOREIGN = ("site-packages", "dist-packages")
_DEEPEST = 50  # wrappers around a function, imports of imports


class _Key(NamedTuple):
    """What a piece of code is found by."""

    kind: str  # "function", "class"; "name" of a module, whose value is neither; "file"
    subject: Any  # the function or class itself; the name of the module; the path
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of the project's code."""

    name: str  # dotted
    digest: str
    reached: frozenset[_Key] = frozenset()


@dataclass(slots=True)
class _Called:
    """What a node calls, out of all that is wrapped around it."""

    function: Any
    around: list[Any] = field(default_factory=list)  # wrappers, classes, callables that are bound to it
    bound: list[object] = field(default_factory=list)  # arguments that are


class Sources:
    """The source files of a project, each parsed once, and the pieces in them."""

    def __init__(self, top: str) -> None:
        """Take all for the project's own that lies in its folder and is not installed there."""
        self._top = os.path.realpath(top) + os.sep
        installed = {os.path.realpath(path) + os.sep for path in (sys.prefix, *sysconfig.get_paths().values())}
        self._installed = tuple(path for path in installed if path.startswith(self._top))
        self._files: dict[str, Module | None] = {}
        self._modules: dict[str, Module | None] = {}
        self._pieces: dict[_Key, _Piece | None] = {}

    def told(self, function: Any) -> dict[str, object]:  # noqa: ANN401 - whatever a node may call
        """Return what the plan says of a node's function."""
        called = _called(function)
        code, kind = _code(called.function), called.function
        pieces = self._all(key for value in (called.function, *called.around) if (key := self._key(value)))
        told: dict[str, object] = {"function": _name(called.function)}
        if code is not None:
            told |= {"file": os.path.abspath(code.co_filename), "line": code.co_firstlineno}
        elif isinstance(kind, type) and (module := self._module(kind.__module__)) is not None:
            told |= {"file": module.path, "line": getattr(module.classes.get(kind.__qualname__), "lineno", None)}
        return told | {"hash": _hash(pieces, called.bound), "parts": [piece.name for piece in pieces]}

    def _all(self, keys: Iterable[_Key]) -> list[_Piece]:
        """Return pieces and all that they reach, in the order of their names."""
        todo, found = list(keys), {}
        while todo:
            key = todo.pop()
            if key not in found:
                found[key] = piece = self._piece(key)
                todo += [] if piece is None else piece.reached
        return sorted({piece for piece in found.values() if piece}, key=lambda piece: (piece.name, piece.digest))

    def _key(self, value: Any) -> _Key | None:  # noqa: ANN401
        """Return what the code of a value is found by; None where it is not the project's, or none."""
        code = _code(value)
        if code is not None:
            return _Key("function", value) if self._file(code.co_filename) else None
        return _Key("class", value) if isinstance(value, type) and self._module(value.__module__) else None

    def _piece(self, key: _Key) -> _Piece | None:
        if key not in self._pieces:
            make = {"function": self._function, "class": self._class, "name": self._named, "file": self._whole}
            self._pieces[key] = make[key.kind](key)
        return self._pieces[key]

    def _function(self, key: _Key) -> _Piece | None:
        function: FunctionType = key.subject
        module = self._file(function.__code__.co_filename)
        nodes = module.functions(function.__code__) if module else []
        if module is None or not nodes:
            return _of_file(module, _name(function))
        names = set(_names_of(function.__code__)).union(*map(names_around, nodes))
        reached = self._reached(names, nodes, function.__globals__)
        held = (each for value in _held(function) if (each := self._key(value)))
        return _Piece(_name(function), digest(nodes), frozenset((*reached, *held)))

    def _class(self, key: _Key) -> _Piece | None:
        module = self._module(key.subject.__module__)
        node = module.classes.get(key.subject.__qualname__) if module else None
        if module is None or node is None:
            return _of_file(module, _name(key.subject))
        methods = [method for value in vars(key.subject).values() for method in _methods(value)]
        names = names_around(node).union(*(_names_of(method.__code__) for method in methods))
        reached = self._reached(names, [node], vars(sys.modules[key.subject.__module__]))
        held = (each for value in key.subject.__bases__ if (each := self._key(value)))
        return _Piece(_name(key.subject), digest([node]), frozenset((*reached, *held)))

    def _named(self, key: _Key) -> _Piece | None:
        """Return the statements that give a name of a module its value."""
        module = self._module(key.subject)
        nodes = module.bindings.get(key.name) if module else None
        if module is None or not nodes:
            return _of_file(module, f"{key.subject}.{key.name}")
        names = set().union(*map(names_in, nodes)) - {key.name}
        reached = self._reached(names, nodes, vars(sys.modules[key.subject]))
        return _Piece(f"{key.subject}.{key.name}", digest(nodes), frozenset(reached))

    def _whole(self, key: _Key) -> _Piece | None:
        return _of_file(self._file(key.subject), key.name)

    def _reached(self, names: set[str], nodes: Iterable[ast.AST], namespace: Mapping[str, Any]) -> Iterator[_Key]:
        """Yield what names stand for: in a module, and in the project's modules among them."""
        spaces = [namespace]
        for found in (each for node in nodes for each in imports_in(node)):
            yield from self._imported(found, namespace, spaces)
        for space in spaces:
            for name in names & space.keys():
                value = space[name]
                if isinstance(value, ModuleType):
                    self._enter(value, spaces)
                elif key := self._key(value) or self._origin(str(space.get("__name__")), name):
                    yield key

    def _enter(self, module: ModuleType, spaces: list[Mapping[str, Any]]) -> None:
        if self._module(module.__name__) and not any(space is vars(module) for space in spaces):
            spaces.append(vars(module))

    def _imported(self, found: Import, namespace: Mapping[str, Any], spaces: list[Mapping[str, Any]]) -> Iterator[_Key]:
        """Take in what is imported within a piece of code: the whole file where it is not loaded yet."""
        name = found.absolute(str(namespace.get("__package__") or ""))
        for candidate in (name, f"{name}.{found.name}") if found.name else (name,):
            if candidate in sys.modules:
                self._enter(sys.modules[candidate], spaces)
            elif path := self._unloaded(candidate):
                yield _Key("file", path, candidate)

    def _unloaded(self, name: str) -> str | None:
        """Return the file of a module of the project that is not loaded yet."""
        above, _, last = name.rpartition(".")
        for folder in getattr(sys.modules.get(above), "__path__", ()):
            for path in (os.path.join(folder, f"{last}.py"), os.path.join(folder, last, "__init__.py")):
                if self._is_own(path) and os.path.isfile(path):
                    return path
        return None

    def _origin(self, module_name: str, name: str) -> _Key | None:
        """Return the key of a value that is neither function nor class, in the module that makes it."""
        for _ in range(_DEEPEST):
            module = self._module(module_name)
            if module is None:
                return None
            if name in module.bindings:
                return _Key("name", module_name, name)
            package = str(getattr(sys.modules[module_name], "__package__", "") or "")
            if name not in module.imports:
                stars = [star.absolute(package) for star in module.stars]
                module_name = next((star for star in stars if hasattr(sys.modules.get(star), name)), "")
                continue
            found = module.imports[name]
            module_name, name = found.absolute(package), found.name or ""
        return None

    def _module(self, name: str) -> Module | None:
        """Return a module that is loaded, if it is the project's."""
        if name not in self._modules:
            file = getattr(sys.modules.get(name), "__file__", None)
            self._modules[name] = self._file(file) if isinstance(file, str) else None
        return self._modules[name]

    def _file(self, path: str) -> Module | None:
        """Return a source file, if it is the project's."""
        if path not in self._files:
            self._files[path] = Module.read(path) if self._is_own(path) else None
        return self._files[path]

    def _is_own(self, path: str) -> bool:
        real = os.path.realpath(path)
        return real.startswith(self._top) and not real.startswith(self._installed) and not _is_foreign(real)


def _is_foreign(path: str) -> bool:
    return any(f"{os.sep}{name}{os.sep}" in path for name in _FOREIGN)


def _called(function: Any) -> _Called:  # noqa: ANN401
    """Return what is called in the end, and what is around it."""
    called = _Called(function)
    for _ in range(_DEEPEST):
        outer = called.function
        if isinstance(outer, functools.partial):
            called.function = outer.func
            given = [*outer.args, *outer.keywords.values()]
            called.around += [value for value in given if callable(value)]
            called.bound.append([[_plain(value) for value in outer.args], _plain(outer.keywords)])
        elif isinstance(outer, MethodType):
            called.function = outer.__func__
            called.around.append(outer.__self__ if isinstance(outer.__self__, type) else type(outer.__self__))
        elif callable(getattr(outer, "__wrapped__", None)):
            called.function = outer.__wrapped__
            called.around.append(outer)
        elif not isinstance(outer, type) and _code(outer) is None and hasattr(type(outer), "__call__"):  # noqa: B004
            called.around.append(type(outer))
            call = type(outer).__call__
            called.function = call if _code(call) is not None else outer
            break
        else:
            break
    return called


def _of_file(module: Module | None, name: str) -> _Piece | None:
    """Return a file in place of a piece that can't be found in it."""
    return None if module is None else _Piece(f"{name} ({os.path.basename(module.path)})", module.whole)


def _code(value: object) -> CodeType | None:
    code = getattr(value, "__code__", None) if isinstance(value, FunctionType) else None
    return code if isinstance(code, CodeType) else None


def _name(value: Any) -> str:  # noqa: ANN401
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{getattr(named, '__module__', None) or '?'}.{named.__qualname__}"


def _names_of(code: CodeType) -> Iterator[str]:
    """Yield the names that compiled code looks up: globals and attributes, in inner functions too."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_of(constant)


def _held(function: FunctionType) -> Iterator[object]:
    """Yield what a function keeps: its closure, defaults, and what it is wrapped around."""
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # nothing in it yet
            yield cell.cell_contents
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    yield getattr(function, "__wrapped__", None)


def _methods(value: Any) -> Iterator[FunctionType]:  # noqa: ANN401
    """Yield the functions in an attribute of a class."""
    inner = [value, *(getattr(value, name, None) for name in ("__func__", "fget", "fset", "fdel", "func"))]
    yield from (each for each in inner if isinstance(each, FunctionType))


def _plain(value: object) -> str:
    """Return the JSON of an argument; of what JSON does not have only its class."""
    return json.dumps(value, sort_keys=True, default=lambda other: inspect.getattr_static(type(other), "__qualname__"))


def _hash(pieces: list[_Piece], bound: list[object]) -> str | None:
    if not pieces:
        return None
    whole = [[piece.name, piece.digest] for piece in pieces]
    return f"sha256:{hashlib.sha256(json.dumps([whole, bound]).encode()).hexdigest()}"
