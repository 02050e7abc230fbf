"""The expressions of `vestige duct ls -e`: the part of Python that asks something about values, and no more.

con-duct evaluates any Python at all. Here the syntax tree is looked through first: of functions, methods and attributes
only those of the lists below may stand in it, so that nothing can be reached but the log's values and `re`.
"""

from __future__ import annotations

import ast
import re

from vestige.errors import UsageError

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any

_FUNCTIONS: dict[str, Any] = {
    function.__name__: function
    for function in (
        abs, all, any, bool, dict, float, int, isinstance, len, list, max, min, round, set, sorted, str, sum, tuple,
    )
}  # fmt: skip
_METHODS = frozenset(
    (
        "casefold", "count", "endswith", "find", "get", "group", "groups", "index", "isalpha", "isdigit", "isnumeric",
        "isspace", "items", "join", "keys", "lower", "lstrip", "partition", "removeprefix", "removesuffix", "replace",
        "rfind", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper",
        "values",
    )
)  # fmt: skip
_OF_RE = frozenset(
    (
        "A", "ASCII", "DOTALL", "I", "IGNORECASE", "M", "MULTILINE", "S", "VERBOSE", "X", "compile", "escape",
        "findall", "fullmatch", "match", "search", "split", "sub",
    )
)  # fmt: skip
_SYNTAX = (
    ast.Expression, ast.Constant, ast.Name, ast.Attribute, ast.Call, ast.keyword, ast.Subscript, ast.Slice,
    ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.IfExp, ast.List, ast.Tuple, ast.Set, ast.Dict,
    ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.comprehension,
    ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip
_MOST = 10_000  # characters
ALLOWED = "comparisons, `and`, `or`, `not`, `in`, arithmetic, `[]`, `re`, methods of strings, `len`, `int`, `any`, …"


def compiled(expression: str) -> Callable[[dict[str, Any]], object]:
    """Return a function that evaluates an expression with the values of a log. Raises UsageError."""
    code = _code(expression)
    names = {**_FUNCTIONS, "re": re, "__builtins__": {}}
    return lambda values: eval(code, {**values, **names})  # noqa: S307 - nothing but what `_refusal` lets through


def _code(expression: str) -> CodeType:
    start = f"Invalid --eval-filter expression {expression[:200]!r}"
    if len(expression) > _MOST:
        raise UsageError(f"{start}: it is longer than {_MOST} characters")
    try:
        tree = ast.parse(expression, "<eval-filter>", "eval")
        refused = next(filter(None, map(_refusal, ast.walk(tree))), None)
        code = compile(tree, "<eval-filter>", "eval")
    except SyntaxError as error:
        raise UsageError(f"{start}: {error}; characters that can't be seen, as U+00A0, may be in it") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"{start}: {error or 'it is nested too deeply'}") from error
    if refused:
        raise UsageError(f"{start}: {refused} is not allowed; there are {ALLOWED}")
    return code


def _refusal(node: ast.AST) -> str | None:
    """Return what is not allowed about a node of the tree, None if nothing is."""
    if not isinstance(node, _SYNTAX):
        return _named(node)
    if isinstance(node, ast.Attribute):
        known = _OF_RE if isinstance(node.value, ast.Name) and node.value.id == "re" else _METHODS
        return None if node.attr in known else f"`.{node.attr}`"
    if isinstance(node, ast.Name) and node.id.startswith("__"):
        return f"`{node.id}`"
    if isinstance(node, ast.Call):
        return _refused_call(node.func)
    return None


def _refused_call(function: ast.expr) -> str | None:
    if isinstance(function, ast.Attribute):
        return None
    if isinstance(function, ast.Name):
        return None if function.id in _FUNCTIONS else f"the function `{function.id}`"
    return "a call of what is no function or method by name"


def _named(node: ast.AST) -> str:
    """Return what a person calls a piece of syntax."""
    names = {"Lambda": "`lambda`", "NamedExpr": "`:=`", "JoinedStr": "an f-string", "Await": "`await`"}
    return names.get(type(node).__name__, type(node).__name__)
