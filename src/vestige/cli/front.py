"""The first code of every command: it decides between the short way of `run` and `duct`, and the rest.

Between `vestige run CMD` and CMD stands only what is imported on this way, so it keeps to modules that the interpreter
has loaded already; `tests/cli/test_light.py` holds the list.
"""

from __future__ import annotations

import sys


def main(argv: list[str]) -> int:
    """Run the command line `argv` (the program's name first) and return the exit code."""
    keep_bytecode_whole()
    if argv[1:2] == ["run"]:
        from vestige.cli import run  # noqa: PLC0415 - the short way

        return run.main(argv[2:])
    if argv[1:2] == ["duct"]:
        from vestige.cli import duct  # noqa: PLC0415 - as short, for the same reason

        return duct.main(argv[2:])
    if argv[1:2] == ["span"]:
        from vestige.cli import span  # noqa: PLC0415 - scripts call it again and again

        return span.main(argv[2:])
    from vestige.cli import dispatch  # noqa: PLC0415 - the long way: argparse and what each command needs

    return dispatch.main(argv[1:])


def duct_script(argv: list[str]) -> int:
    """Take the command line of the installed `vestige-duct`, which stands for the name that it is called by.

    As `con-duct` it has subcommands, as anything else it is `duct`: it runs a command.
    """
    keep_bytecode_whole()
    from vestige.cli import duct  # noqa: PLC0415 - the short way

    if argv[0].rpartition("/")[2] == "con-duct":
        return duct.main(argv[1:] or ["--help"])
    return duct.run(argv[1:])


def keep_bytecode_whole() -> None:
    """Write no `.pyc` files where a limit on the size of files might cut them.

    CPython before 3.14 takes a short write for a whole one (python/cpython#126606), and then nobody can import that
    module any more.
    """
    try:
        with open("/proc/self/limits", "rb") as file:
            unlimited = b"Max file size             unlimited" in file.read()
    except OSError:  # no Linux
        return
    if not unlimited:
        sys.dont_write_bytecode = True
