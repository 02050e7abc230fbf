"""`.env` files: variables for con-duct (and the command), kept in files of the site, the user and the project.

Only where there is a file is anything imported that costs.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

PATHS_VARIABLE = "DUCT_CONFIG_PATHS"
PATHS = os.pathsep.join(("/etc/duct/.env", "${XDG_CONFIG_HOME:-~/.config}/duct/.env", ".duct/.env"))
_LONGEST = 1 << 20  # B: somebody's settings, not their data

Words = list[tuple[str, str]]


def load(environ: MutableMapping[str, str]) -> Words:
    """Set what the files say and `environ` does not; later files win. Return what is to be said, with its level."""
    said: Words = []
    for path in reversed(_places(environ)):
        if not os.path.exists(path):
            said.append(("DEBUG", f".env file not found (skipping): {path}"))
            continue
        said.append(("INFO", f"Loading .env file: {path}"))
        said += _load_one(path, environ)
    return said


def _places(environ: MutableMapping[str, str]) -> list[str]:
    text = environ.get(PATHS_VARIABLE, PATHS)
    expanded = "".join(_expanded_braces(text, environ)).split(os.pathsep)
    return [os.path.expanduser(path.strip()) for path in expanded if path.strip()]


def _expanded_braces(text: str, environ: MutableMapping[str, str]) -> Iterator[str]:
    """Yield a text with `${NAME}` and `${NAME:-default}` replaced."""
    before, opened, rest = text.partition("${")
    yield before
    if not opened:
        return
    inside, closed, rest = rest.partition("}")
    if not closed or not inside:
        yield opened + inside + closed
    else:
        name, _, default = inside.partition(":-")
        yield environ.get(name, default)
    yield from _expanded_braces(rest, environ)


def _load_one(path: str, environ: MutableMapping[str, str]) -> Words:
    try:
        text = _read(path)
    except PermissionError as error:
        return [("WARNING", f"Cannot read .env file {path}: {error}")]
    except ValueError as error:
        return [("WARNING", f"Skipping malformed .env file {path}: {error}")]
    except OSError:
        return []
    from vestige.con_duct import dotenv_text  # noqa: PLC0415 - `re`: only where there is a file

    found, bad = dotenv_text.parse(text, environ)
    for name, value in found.items():
        if name not in environ and "\0" not in name + value:
            environ[name] = value
    return [("WARNING", f"could not parse statement starting at line {line} of {path}") for line in bad]


def _read(path: str) -> str:
    if not os.path.isfile(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read(_LONGEST)
