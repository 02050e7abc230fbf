r"""DataLad's placeholders and globs, and the shell command of a run record.

A record's `cmd` goes through Python's `str.format` and then through `/bin/sh -c` (`datalad/core/local/run.py`,
`format_command`). A command line that a user gives vestige goes through neither: it is a list of words, of which only
the known placeholders mean anything. `command` and `script` write such a line so that DataLad gets back the same words.

Where vestige differs from DataLad on purpose:

- `awk '{print $1}'` is a command line like any other. DataLad takes every brace for a placeholder.
- A word that is exactly `{inputs}` is one word per input. DataLad quotes it, and makes one word of all.
- A list inside a longer word stays in that word, whatever the names of the files are. DataLad puts quoted names into a
  quoted word, so that a name with a blank ends the quotes, and a name like `; rm -r x;` is run.
- Of `str.format` only names and indexes are known: the record is somebody else's.
- A glob that matches nothing stays as it is. DataLad takes off its last parts until something matches, which turns an
  output that is not there yet into the folder that it goes to.
- Placeholders within a record's inputs and outputs are not expanded once more by a rerun: DataLad's records have them
  expanded already, and DataLad fails at names with braces.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vestige.errors import UsageError
from vestige.quantity import number

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from typing import TypeGuard

_LISTS = ("inputs", "outputs")
_SINGLE = ("dspath", "pwd", "tmpdir")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")  # of a substitution; the rest of the names `str.format` takes apart
_FIELD = re.compile(r"([^.\[\]{}]+)(?:\[([0-9]+)\])?")
_LONG_NUMBER = re.compile("[0-9]{5}")
_LONGEST_INDEX = 9  # digits
_LONGEST_COMMAND = 32 << 20  # bytes; the kernel takes 128 KiB as one argument
_MOST_MATCHES = 1_000_000
_ODD_BYTES = re.compile("([\udc80-\udcff]+)")
_SYNTAX = re.compile(r"\A[A-Za-z_][A-Za-z0-9_]*(?:\+?=|\Z)")  # of the shell, at the beginning of a command: `A=b`, `if`
# POSIX.1-2017 XCU 2.4, and bash's own.
_RESERVED = {
    "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in", "select", "then",
    "time", "until", "while",
}  # fmt: skip
# Of dash and bash; `true` and `false` are the same there.
_BUILT_IN = {
    ".", ":", "[", "alias", "bg", "break", "builtin", "caller", "cd", "chdir", "command", "compgen", "complete",
    "compopt", "continue", "declare", "dirs", "disown", "echo", "enable", "eval", "exec", "exit", "export", "fc",
    "fg", "getopts", "hash", "help", "history", "jobs", "kill", "let", "local", "logout", "mapfile", "popd",
    "printf", "pushd", "pwd", "read", "readarray", "readonly", "return", "set", "shift", "shopt", "source",
    "suspend", "test", "times", "trap", "type", "typeset", "ulimit", "umask", "unalias", "unset", "wait",
}  # fmt: skip
_OPEN, _CLOSE = "[!\x01-z|-\U0010fffd]", "[!\x01-|~-\U0010fffd]"  # globs of `{` and `}` without a brace


@dataclass(frozen=True, slots=True)
class Values:
    """What the placeholders of one run stand for."""

    inputs: tuple[str, ...]  # expanded; `.` is none of `{inputs}`, as for DataLad
    outputs: tuple[str, ...]
    pwd: str  # absolute
    dspath: str  # absolute: the top of the repository
    config: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    """`<name>` of every `datalad.run.substitutions.<name>`; other names count in `formatted` only."""
    _made: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def tmpdir(self) -> str:
        """A new folder, made when it is first asked for; nobody removes it, as with DataLad."""
        if not self._made:
            import tempfile  # noqa: PLC0415 - 7 ms, for a rare placeholder

            self._made.append(tempfile.mkdtemp(prefix="datalad-run-"))
        return self._made[0]

    def listed(self, name: str) -> tuple[str, ...]:
        """Return what `{inputs}` or `{outputs}` lists."""
        items = self.inputs if name == "inputs" else self.outputs
        return tuple(item for item in items if item != ".")

    def single(self, name: str) -> str | tuple[str, ...]:
        """Return what any other placeholder stands for. Raises KeyError for one that there is not."""
        if name in _SINGLE:
            return str(getattr(self, name))
        return self.config[name]


@dataclass(frozen=True, slots=True)
class Expansion:
    """What some patterns match."""

    paths: tuple[str, ...]  # relative to the folder, in the order of the patterns; a pattern without match as it is
    found: tuple[str, ...]  # those of them that are there
    unmatched: tuple[str, ...]  # patterns that match nothing


@dataclass(frozen=True, slots=True)
class _Placeholder:
    """A placeholder within a word."""

    name: str
    index: str | None
    written: str


def expand(patterns: Sequence[str], folder: str) -> Expansion:
    """Return what glob patterns match in `folder`, as DataLad's `GlobbedPaths` does.

    Each pattern's matches are sorted, the order of the patterns is kept. `.` is not looked for and comes first. `./x`
    keeps its beginning, absolute paths become relative ones.

    Raises:
        UsageError: a pattern matches more than a million files.
    """
    globs = [os.path.relpath(item, folder) if os.path.isabs(item) else item for item in patterns if not _is_dot(item)]
    dots = (".",) if len(globs) < len(patterns) else ()
    matches = [_matches(pattern, folder) for pattern in globs]
    literal = [found or [pattern] for pattern, found in zip(globs, matches, strict=True)]
    return Expansion(
        paths=(*dots, *(path for paths in literal for path in paths)),
        found=(*dots, *(path for found in matches for path in found)),
        unmatched=tuple(pattern for pattern, found in zip(globs, matches, strict=True) if not found),
    )


def pattern(path: str) -> str:
    """Return a glob that matches exactly this file, for the inputs and outputs of a record.

    It holds no brace, since DataLad formats the inputs and outputs of a record at each rerun, and nothing that is not
    Unicode: such a byte becomes `?`, which matches any.
    """
    import glob  # noqa: PLC0415 - with fnmatch more than 1 ms

    if path != "." and _is_dot(path):
        path = f"./{path}"
    braces = str.maketrans({"{": _OPEN, "}": _CLOSE})
    return _ODD_BYTES.sub(lambda odd: "?" * len(odd.group()), glob.escape(path).translate(braces))


def uses(argv: Sequence[str], names: Collection[str] = ()) -> bool:
    """Say whether a placeholder is in there; `names` are those of the configured substitutions."""
    with_brace = [word for word in argv if "{" in word]
    return any(isinstance(piece, _Placeholder) for word in with_brace for piece in _pieces(word, names))


def substitute(argv: Sequence[str], values: Values, *, quoted: bool = False) -> list[str]:
    """Return the words with their placeholders replaced, all other braces as they are.

    `{{inputs}}` stands for `{inputs}` itself. A word that is exactly `{inputs}` becomes one word for each of them.

    Args:
        argv: as the user gave it.
        values: what the placeholders stand for.
        quoted: the words are shell scripts: inputs and outputs are quoted for the shell, and stay in the word.

    Raises:
        UsageError: an index is out of range.
    """
    return [word for given in argv for word in _substituted(given, values, quoted=quoted)]


def command(argv: Sequence[str], *, literal: bool = True, names: Collection[str] = ()) -> str:
    """Return a command line as `cmd` of a record: DataLad's `str.format` and `/bin/sh` give back exactly its words.

    A name that the shell would take for a command of its own is run by `exec`, which does not know them: the `echo` of
    a command line is /bin/echo.

    Args:
        argv: the words; with placeholders as the user wrote them unless `literal`.
        literal: braces are nothing but braces.
        names: of the configured substitutions, which are placeholders as well.
    """
    pieces = [[word] if literal else list(_pieces(word, names)) for word in argv]
    words = [_shell_word(word) for word in pieces]
    if argv and argv[0] in _BUILT_IN:
        return " ".join(["exec", *words])
    if argv and (argv[0] in _RESERVED or "=" in words[0]):
        words[0] = _SYNTAX.sub(r"'\g<0>'", words[0], count=1)  # where shlex.quote sees nothing to quote
    return " ".join(words)


def script(text: str, names: Collection[str] = ()) -> str:
    """Return a shell script as `cmd` of a record: as it is, but for braces that are no placeholders.

    Raises:
        UsageError: there are both placeholders and bytes that are not UTF-8, which no record can hold.
    """
    pieces = list(_pieces(text, names))
    if _ODD_BYTES.search(text) is None:
        return "".join(_doubled(piece) if isinstance(piece, str) else piece.written for piece in pieces)
    if any(isinstance(piece, _Placeholder) for piece in pieces):
        raise UsageError("a script with placeholders must be UTF-8 to be kept in a run record")
    return "eval " + _shell_word(pieces)


def formatted(cmd: str, values: Values) -> str:
    """Return the `cmd` of any record with its placeholders replaced as DataLad's `format_command` does, for the shell.

    Raises:
        UsageError: a placeholder is unknown, its index out of range, its format bad, or the command grows too large.
    """
    return _Format(values).of(cmd)


def _is_dot(item: str) -> bool:
    return item.strip() == "."


def _matches(item: str, folder: str) -> list[str]:
    import glob  # noqa: PLC0415 - with fnmatch more than 1 ms
    from itertools import islice  # noqa: PLC0415

    try:
        found = list(islice(glob.iglob(item, root_dir=folder, recursive=True), _MOST_MATCHES + 1))
    except (ValueError, re.error):  # a NUL; a range that Python 3.10 can't compile
        return []
    if len(found) > _MOST_MATCHES:
        raise UsageError(f"the pattern `{item}` matches more than {number(_MOST_MATCHES)} files")
    return sorted(_normal(hit, folder) for hit in found)


def _normal(hit: str, folder: str) -> str:
    """Return a match without detours, but with its slash at the end and its `./` in front."""
    normal = os.path.normpath(hit)
    if normal.startswith(".."):
        normal = os.path.relpath(os.path.join(folder, hit), folder)
    normal += "" if os.path.basename(hit) else "/"
    return hit if hit == f"./{normal}" else normal


@functools.lru_cache(maxsize=16)
def _grammar(names: frozenset[str]) -> re.Pattern[str]:
    single = "|".join(sorted({*_SINGLE, *(name for name in names if _NAME.fullmatch(name))} - {*_LISTS}))
    known = rf"(?:inputs|outputs)(?:\[[0-9]+\])?|(?:{single})"
    parts = rf"(?P<list>inputs|outputs)(?:\[(?P<index>[0-9]+)\])?|(?P<single>{single})"
    return re.compile(rf"\{{(?P<escaped>\{{(?:{known})\}})\}}|\{{(?:{parts})\}}")


def _pieces(word: str, names: Collection[str]) -> Iterator[str | _Placeholder]:
    """Yield a word's placeholders, and in one piece what is between them."""
    literal, at = "", 0
    for found in _grammar(frozenset(names)).finditer(word):
        literal += word[at : found.start()] + (found["escaped"] or "")
        at = found.end()
        if found["escaped"] is None:
            yield from (literal,) if literal else ()
            literal = ""
            yield _Placeholder(found["list"] or found["single"], found["index"], found.group())
    literal += word[at:]
    yield from (literal,) if literal else ()


def _substituted(word: str, values: Values, *, quoted: bool) -> list[str]:
    if "{" not in word:
        return [word]
    pieces = list(_pieces(word, values.config))
    if len(pieces) == 1 and not quoted and _is_whole_list(pieces[0]):
        return list(values.listed(pieces[0].name))
    return ["".join(piece if isinstance(piece, str) else _value(piece, values, quoted=quoted) for piece in pieces)]


def _value(placeholder: _Placeholder, values: Values, *, quoted: bool) -> str:
    if placeholder.name not in _LISTS:
        value = values.single(placeholder.name)
        return value if isinstance(value, str) else " ".join(value)
    items: Sequence[str] = values.listed(placeholder.name)
    if placeholder.index is not None:
        items = [_item(items, placeholder.name, placeholder.index)]
    return " ".join(map(shlex.quote, items) if quoted else items)


def _item(items: Sequence[str], name: str, index: str) -> str:
    if len(index) > _LONGEST_INDEX or int(index) >= len(items):
        count = f"there is 1 of {name}" if len(items) == 1 else f"there are {len(items) or 'none'} of {name}"
        raise UsageError(f"no `{{{name}[{index[:20]}]}}`, {count}, counted from 0")
    return items[int(index)]


def _is_whole_list(piece: str | _Placeholder) -> TypeGuard[_Placeholder]:
    return isinstance(piece, _Placeholder) and piece.name in _LISTS and piece.index is None


def _shell_word(pieces: Sequence[str | _Placeholder]) -> str:
    """Return one word for `str.format` and the shell."""
    if len(pieces) == 1 and not isinstance(pieces[0], str) and pieces[0].name in _LISTS:
        return pieces[0].written
    return "".join(_quoted(piece) if isinstance(piece, str) else _placed(piece) for piece in pieces) or "''"


def _quoted(text: str) -> str:
    """Return text for the shell. Bytes that are not UTF-8, which no JSON can hold, are for `printf` to make.

    The shell takes off line feeds at the end of what a command prints; here, these are never printed.
    """
    parts = _ODD_BYTES.split(text)
    return "".join(_printed(part) if odd % 2 else _doubled(shlex.quote(part)) for odd, part in enumerate(parts) if part)


def _printed(odd: str) -> str:
    return "\"$(printf '" + "".join(f"\\{ord(char) & 0xFF:03o}" for char in odd) + "')\""


def _placed(placeholder: _Placeholder) -> str:
    """Return a placeholder as part of a longer word: DataLad quotes each item of its lists, and nothing else.

    That leaves two things unkept: a single quote in the path of the repository, and line feeds at the end of the last
    item of a list inside a word.
    """
    if placeholder.name not in _LISTS:
        return f"'{placeholder.written}'"
    if placeholder.index is not None:
        return placeholder.written
    return f'"$(set -- {placeholder.written}; printf %s "$*")"'


def _doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


class _Format:
    """`str.format` as DataLad calls it (`SequenceFormatter`), without attributes, and bounded."""

    def __init__(self, values: Values) -> None:
        from string import Formatter  # noqa: PLC0415 - a rerun's

        self.values = values
        self.parsed = Formatter().parse
        self.lists = {name: [shlex.quote(item) for item in values.listed(name)] for name in _LISTS}

    def of(self, text: str, *, depth: int = 2) -> str:
        """Return `text` formatted; its formats may hold placeholders, but theirs may not, as in Python."""
        if not depth:
            raise UsageError("the placeholders of the command are nested too deeply")
        return _joined("", self._parts(text, depth))

    def _parts(self, text: str, depth: int) -> Iterator[str]:
        try:
            for literal, name, spec, conversion in self.parsed(text):
                yield literal
                if name is not None:
                    yield self._field(name, self.of(spec, depth=depth - 1) if spec else "", conversion)
        except ValueError as error:
            raise UsageError(f"bad placeholder in the command: {error}; a brace that is none is doubled") from error

    def _field(self, name: str, spec: str, conversion: str | None) -> str:
        if _LONG_NUMBER.search(spec):
            raise ValueError(f"the format of {name} is too wide")
        value: object = self._value(name)
        if conversion is not None:
            value = _converted(value, conversion)
        if isinstance(value, list | tuple):
            return _joined(" ", (format(item, spec) for item in value))
        return format(str(value), spec)

    def _value(self, name: str) -> str | Sequence[str]:
        base, index = name, None
        known = _FIELD.fullmatch(name)
        if name not in self.values.config and known is not None:
            base, index = known.groups()
        try:
            value = self.lists[base] if base in self.lists else self.values.single(base)
        except KeyError:
            raise UsageError(
                f"unknown placeholder `{{{name}}}` in the command; a brace that is none is doubled"
            ) from None
        return value if index is None else _item(value, base, index)


def _converted(value: object, conversion: str) -> str:
    converters: dict[str, Callable[[object], str]] = {"a": ascii, "r": repr, "s": str}
    if conversion not in converters:
        raise ValueError(f"unknown conversion !{conversion}")
    return converters[conversion](value)


def _joined(separator: str, parts: Iterable[str]) -> str:
    """Join parts as far as memory is worth it: a record of a few bytes can ask for gigabytes."""
    whole, size = [], 0
    for part in parts:
        whole.append(part)
        size += len(part) + len(separator)
        if size > _LONGEST_COMMAND:
            raise UsageError(f"the command has more than {_LONGEST_COMMAND >> 20} MiB with its placeholders replaced")
    return separator.join(whole)
